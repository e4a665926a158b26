// link.js - a WebSocket that comes back, and says so: tries again half a second after it was lost, then after twice as
// long, up to 15 s, and at once when the page is looked at again, the network returns or somebody presses #retry.
//
//   const link = new Link(() => url, { message(data), opened(), lost() });
//
// message gets what JSON.parse makes of a text; opened and lost may be left out. The state is shown in the page's
// elements #state, #lost (hidden while there is nothing to say), #again and #retry.
'use strict';

const $ = (id) => document.getElementById(id);

class Link {
  constructor(url, on) {
    this.url = url;
    this.on = on;
    this.failures = 0;
    addEventListener('online', () => this.retry());
    document.addEventListener('visibilitychange', () => document.hidden || this.retry());
    $('retry').addEventListener('click', () => this.retry());
  }

  open() {
    this.close();
    if ($('lost').hidden)
      this.show('connecting', 'Connecting');
    $('again').textContent = 'Trying again now.';
    const socket = new WebSocket(this.url());
    this.socket = socket;
    socket.onopen = () => {
      this.failures = 0;
      $('lost').hidden = true;
      this.show('open', 'Connected');
      this.on.opened?.();
    };
    socket.onmessage = (event) => this.on.message(JSON.parse(event.data));
    socket.onclose = () => {
      if (socket === this.socket)
        this.wait();
    };
  }

  // Not a moment that is the same for all who were thrown out together.
  wait() {
    const seconds = Math.min(15, 0.5 * 2 ** this.failures++) * (0.75 + Math.random() / 2);
    const until = Date.now() + seconds * 1000;
    const tick = () => {
      $('again').textContent = `Trying again in ${Math.max(1, Math.ceil((until - Date.now()) / 1000))} s.`;
    };
    this.socket = null;
    this.timer = setTimeout(() => this.open(), seconds * 1000);
    this.countdown = setInterval(tick, 1000);
    tick();
    $('lost').hidden = false;
    this.show('waiting', 'Not connected');
    this.on.lost?.();
  }

  // Read out when it changes; the countdown is not.
  show(state, words) {
    $('state').dataset.state = state;
    $('state').textContent = words;
  }

  retry() {
    if (this.timer)
      this.open();
  }

  send(text) {
    const open = this.socket?.readyState === WebSocket.OPEN;
    if (open)
      this.socket.send(text);
    return Boolean(open);
  }

  close() {
    const socket = this.socket;
    clearTimeout(this.timer);
    clearInterval(this.countdown);
    this.timer = this.socket = null;
    socket?.close();
  }
}

function socketUrl(path) {
  return `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}${path}`;
}
