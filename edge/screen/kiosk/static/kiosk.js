// @ts-check
/**
 * The resident's screen: keypad with as many digits as the page has places, countdowns, idle timer. The code lives here only until
 * it is sent, and is wiped 20 s after the last key. Everything else is the daemon's state.
 */
import { post, scanBuffer, takeOverForms } from './forms.js';
import { startLive } from './live.js';

const WIPE_MS = 20_000;
const root = document.documentElement;

let code = '';
let sending = false;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let wipeTimer;

/** Shows the digits typed so far; the stage may have been replaced meanwhile, with its old notice. */
function paint() {
  if (code && !sending) document.getElementById('refused')?.remove();
  const boxes = document.querySelectorAll('#code span');
  boxes.forEach((box, at) => {
    box.textContent = code[at] ?? '';
    box.classList.toggle('cur', at === code.length);
  });
}

/** @param {string} next */
function setCode(next) {
  code = next;
  clearTimeout(wipeTimer);
  if (code) wipeTimer = setTimeout(() => setCode(''), WIPE_MS);
  paint();
}

/** Takes a key while the keypad is there and usable. @param {string} key */
function press(key) {
  const box = document.getElementById('code');
  const places = document.querySelectorAll('#code span').length;
  if (!box || sending || root.dataset.link === 'down') return;
  if (document.querySelector('.pad button:disabled')) return;
  if (key === 'clear') setCode('');
  else if (key === 'back') setCode(code.slice(0, -1));
  else if (code.length < places) setCode(code + key);
  if (code.length === places) send(box.dataset.key ?? '');
}

/** @param {string} key */
async function send(key) {
  sending = true;
  await post('/code', new URLSearchParams({ code, key }), 'stage');
  sending = false;
  setCode('');
}

/** @param {Event} event */
function keyOf(event) {
  const button = event.target instanceof Element ? event.target.closest('.pad button') : null;
  return button instanceof HTMLButtonElement ? (button.dataset.digit ?? button.dataset.edit) : undefined;
}

document.addEventListener('pointerdown', (event) => {
  const key = keyOf(event);
  if (key) press(key);
});
// A click without a pointer comes from a keyboard or a screen reader.
document.addEventListener('click', (event) => {
  const key = event.detail === 0 ? keyOf(event) : undefined;
  if (key) press(key);
});
// A scanner types the QR code of an order: it begins with a letter, which no keypad has, and ends with Enter.
const SCAN_PAUSE_MS = 200;
const feed = scanBuffer();
let scanKeyMs = -Infinity;
/** Takes the keys of a scan, so that its digits are not typed. @param {KeyboardEvent} event */
function scanned(event) {
  const scan = feed(event.key, event.timeStamp);
  const inScan = event.timeStamp - scanKeyMs < SCAN_PAUSE_MS;
  if (/^[A-Za-z]$/.test(event.key) || inScan) scanKeyMs = event.timeStamp;
  else return false;
  if (event.key !== 'Enter') return true;
  scanKeyMs = -Infinity;
  if (scan) sendScan(scan);
  return true;
}

/** @param {string} qr */
async function sendScan(qr) {
  const box = document.getElementById('code');
  if (!box || sending || root.dataset.link === 'down') return;
  sending = true;
  setCode('');
  await post('/qr', new URLSearchParams({ qr, key: box.dataset.key ?? '' }), 'stage');
  sending = false;
  paint();
}

document.addEventListener('keydown', (event) => {
  if (event.repeat || event.ctrlKey || event.altKey || event.metaKey) return;
  if (scanned(event)) event.preventDefault();
  else if (/^[0-9]$/.test(event.key)) press(event.key);
  else if (event.key === 'Backspace') press('back');
  else if (event.key === 'Escape') press('clear');
});
document.addEventListener('contextmenu', (event) => event.preventDefault());

// Countdowns: <b data-left="46"> shows 46 and falls by the second.
/** @param {number} seconds */
const clock = (seconds) =>
  seconds < 60 ? `${seconds}` : `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
/** @type {WeakMap<Element, number>} */
const ends = new WeakMap();
function countDown() {
  for (const element of document.querySelectorAll('[data-left]')) {
    const end = ends.get(element) ?? performance.now() + Number(element.getAttribute('data-left')) * 1000;
    ends.set(element, end);
    element.textContent = clock(Math.max(0, Math.ceil((end - performance.now()) / 1000)));
  }
}
setInterval(countDown, 500);

// Language and text size are the last resident's choice: nobody here for a while, back to the start.
const idleMs = Number(root.dataset.idleS) * 1000;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let idleTimer;
function touched() {
  clearTimeout(idleTimer);
  idleTimer = setTimeout(() => {
    if (root.dataset.own === 'yes' && document.getElementById('code')) {
      post('/settings', new URLSearchParams({ reset: '1' }), 'none').then(() => location.reload());
    } else touched();
  }, idleMs);
}
for (const kind of ['pointerdown', 'keydown']) document.addEventListener(kind, touched);
touched();

document.addEventListener('linli:region', () => {
  // a code scanned meanwhile has opened a door: what was typed before it must not wait for the next person
  if (code && !sending && !document.getElementById('code')) setCode('');
  paint();
  countDown();
});
takeOverForms();
startLive({ url: '/live', mayReload: () => document.getElementById('code') !== null && code === '' && !sending });
paint();
countDown();
