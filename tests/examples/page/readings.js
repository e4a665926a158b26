// readings.js - the readings' page: draws what comes as a curve. What is drawn stays when the connection is lost, and
// the curve goes on when it is back.
'use strict';

const SHOWN = 120;
const WIDTH = 720, HEIGHT = 300, LEFT = 52, PAD = 16;

let values = []; // the last ones
let count = 0, least = Infinity, most = -Infinity;
let paused = false;

const link = new Link(() => socketUrl('/readings'), { message: read, opened: ask });

// ---- the chart -----------------------------------------------------------------------

function svg(tag, attributes, text) {
  const node = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes))
    node.setAttribute(name, value);
  node.textContent = text || '';
  return node;
}

// A step between two lines that leaves four to eight of them.
function stepFor(range) {
  const rough = range / 4, power = 10 ** Math.floor(Math.log10(rough));
  return power * [1, 2, 5, 10].find((n) => n * power >= rough);
}

function draw() {
  const low = Math.min(...values), high = Math.max(...values), step = stepFor(Math.max(high - low, 1));
  const bottom = Math.floor(low / step) * step, top = Math.max(bottom + step, Math.ceil(high / step) * step);
  const y = (v) => HEIGHT - PAD - ((v - bottom) / (top - bottom)) * (HEIGHT - 2 * PAD);
  const x = (i) => LEFT + ((SHOWN - values.length + i) / (SHOWN - 1)) * (WIDTH - LEFT - PAD);
  const lines = [];

  for (let v = bottom; v <= top + step / 2; v += step) {
    lines.push(svg('line', { x1: LEFT, x2: WIDTH - PAD, y1: y(v), y2: y(v) }),
      svg('text', { x: LEFT - 8, y: y(v), dy: '0.35em', 'text-anchor': 'end' }, String(Math.round(v * 100) / 100)));
  }
  $('lines').replaceChildren(...lines);
  $('curve').setAttribute('points', values.map((v, i) => `${x(i).toFixed(1)},${y(v).toFixed(1)}`).join(' '));
  $('point').setAttribute('cx', x(values.length - 1));
  $('point').setAttribute('cy', y(values.at(-1)));
  $('chart-text').textContent = `A curve of ${values.length} readings, now ${values.at(-1)}, between ${low} and ${high}`;
}

function read({ y }) {
  count++;
  least = Math.min(least, y);
  most = Math.max(most, y);
  values = [...values, y].slice(-SHOWN);
  $('now').textContent = y.toFixed(2);
  $('least').textContent = least.toFixed(2);
  $('most').textContent = most.toFixed(2);
  $('count').textContent = count;
  $('rows').replaceChildren(...values.slice(-10).reverse().map((v, i) => {
    const row = document.createElement('tr');
    row.insertCell().textContent = count - i;
    row.insertCell().textContent = v.toFixed(2);
    return row;
  }));
  draw();
}

// ---- the controls --------------------------------------------------------------------------

function ask() {
  link.send(paused ? '0' : $('every').value);
}

$('every').addEventListener('change', ask);
$('controls').addEventListener('submit', (event) => event.preventDefault());
$('pause').addEventListener('click', () => {
  paused = !paused;
  $('pause').textContent = paused ? 'Go on' : 'Pause';
  ask();
});

link.open();
