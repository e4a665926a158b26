// chat.js - the chat's page. Its rooms are behind the #, the name is kept by the browser. What was said is shown when the
// server says it, also what this page has sent; lines that the page has already are left out by their id.
'use strict';

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const calendar = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' });

let me = '';
let room = '';
let last = null; // the line that was shown last
let sent = [];   // texts that the server has not said yet
let following = true; // the end of the log is to be seen

const link = new Link(
  () => socketUrl(`/talk?${new URLSearchParams({ room, name: me, since: last ? last.id : 0 })}`),
  { message: hear, opened: mayI, lost: takeBack });

// ---- what was said -----------------------------------------------------------

function make(tag, className, text) {
  const node = document.createElement(tag);
  node.className = className;
  node.textContent = text;
  return node;
}

function face(name) {
  const node = make('span', 'face', [...name][0].toUpperCase());
  let hue = 0;
  for (const c of name)
    hue = (hue * 31 + c.codePointAt(0)) % 360;
  node.style.setProperty('--hue', hue);
  node.setAttribute('aria-hidden', 'true');
  return node;
}

function line(said) {
  const node = make('article', 'said', '');
  const head = make('div', 'head', '');
  const time = make('time', '', clock.format(said.id));
  time.dateTime = new Date(said.id).toISOString();
  head.append(make('span', 'who', said.who === me ? 'You' : said.who), time);
  node.classList.toggle('mine', said.who === me);
  // One after the other by the same person: the name once.
  node.classList.toggle('more', Boolean(last) && last.who === said.who && said.id - last.id < 180000);
  node.append(face(said.who), head, make('p', '', said.text));
  return node;
}

function show(said) {
  if (last && said.id <= last.id)
    return;
  $('log').querySelector('.empty')?.remove();
  const day = calendar.format(said.id);
  if (!last || calendar.format(last.id) !== day)
    $('log').append(make('p', 'day', day));
  $('log').append(line(said));
  last = said;
  if (said.who === me && sent.includes(said.text))
    sent.splice(sent.indexOf(said.text), 1);
}

function toEnd() {
  $('log').scrollTop = $('log').scrollHeight;
  $('newer').hidden = true;
}

function showAll(lines) {
  const before = last;
  lines.forEach(show);
  if (following || lines.some((said) => said.who === me))
    toEnd();
  else if (last !== before)
    $('newer').hidden = false;
}

// ---- the server -----------------------------------------------------------------

function hear(news) {
  switch (news.type) {
  case 'welcome':
    room = news.room;
    showRooms(news.rooms);
    // What was there before is not read out; what was missed is.
    $('log').setAttribute('aria-live', last ? 'polite' : 'off');
    showAll(news.lines);
    if (!last && !$('log').firstChild)
      $('log').append(make('p', 'empty', 'Nothing was said here yet. Begin!'));
    setTimeout(() => $('log').setAttribute('aria-live', 'polite'), 500);
    break;
  case 'said':
    showAll([news]);
    break;
  case 'people':
    showPeople(news);
    break;
  }
}

function showRooms(names) {
  $('rooms').replaceChildren(...names.map((name) => {
    const a = make('a', '', name);
    a.href = `#${name}`;
    return a;
  }));
  markRoom();
}

function markRoom() {
  for (const a of $('rooms').children) {
    if (a.hash === `#${room}`)
      a.setAttribute('aria-current', 'page');
    else
      a.removeAttribute('aria-current');
  }
}

function showPeople({ names, count }) {
  const once = [...new Set(names)];
  $('people-title').textContent = `Here now: ${once.length < names.length ? once.length : count}`;
  $('people').replaceChildren(...once.map((name) => {
    const li = document.createElement('li');
    li.append(face(name), make('span', '', name === me ? `${name} (you)` : name));
    return li;
  }));
}

// ---- the connection ---------------------------------------------------------------

function mayI() {
  $('send').setAttribute('aria-disabled', 'false');
}

// What was sent into a connection that broke may be lost: it goes back to where it was written.
function takeBack() {
  $('send').setAttribute('aria-disabled', 'true');
  if (sent.length && !$('text').value)
    $('text').value = sent.join('\n');
  sent = [];
  grow();
}

// ---- what a person does --------------------------------------------------------------

function grow() {
  const text = $('text');
  text.style.height = 'auto';
  text.style.height = `${text.scrollHeight + 2}px`;
}

$('say').addEventListener('submit', (event) => {
  const text = $('text').value.trim();
  event.preventDefault();
  $('text').focus();
  if (!text || !link.send(text))
    return;
  sent.push(text);
  $('text').value = '';
  grow();
});

$('text').addEventListener('input', grow);
$('text').addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    $('say').requestSubmit();
  }
});
$('log').addEventListener('scroll', () => {
  const log = $('log');
  following = log.scrollHeight - log.scrollTop - log.clientHeight < 60;
  if (following)
    $('newer').hidden = true;
});
// A keyboard, a banner or a turned phone leave less room.
new ResizeObserver(() => following && toEnd()).observe($('log'));
$('newer').addEventListener('click', toEnd);
$('retry').addEventListener('click', () => $('text').focus());
$('me').addEventListener('click', leave);
addEventListener('hashchange', enter);

function enter() {
  room = location.hash.slice(1) || 'garden';
  document.title = `${room} - Chat`;
  last = null;
  following = true;
  sent = [];
  $('log').replaceChildren();
  $('people').replaceChildren();
  $('me').textContent = me;
  $('me').setAttribute('aria-label', `You are ${me}. Change your name`);
  $('door').hidden = true;
  $('chat').hidden = false;
  markRoom();
  link.open();
  $('text').focus();
}

function leave() {
  link.close();
  $('chat').hidden = true;
  $('door').hidden = false;
  $('name').value = me;
  $('name').focus();
}

$('door').addEventListener('submit', (event) => {
  event.preventDefault();
  me = $('name').value.trim();
  if (!me)
    return;
  localStorage.setItem('name', me);
  enter();
});

me = localStorage.getItem('name') || '';
if (me)
  enter();
else
  leave();
