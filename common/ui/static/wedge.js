// @ts-check
/**
 * A barcode scanner that types: keys less than GAP_MS apart ended by Enter are one scan, wherever the
 * focus was; they land in the scan box, which also takes slow typing and gets the focus back.
 */

const GAP_MS = 60;
const SHORTEST = 4;

/**
 * Tells scans from typing by the pauses between keys. Pure, so that it can be tried without a page.
 * @returns {(key: string, atMs: number) => string | null} the scan at its Enter, else null
 */
export function scanBuffer() {
  let text = '';
  let last = -Infinity;
  return (key, atMs) => {
    if (atMs - last > GAP_MS) text = '';
    last = atMs;
    if (key === 'Enter') {
      const scan = text.length >= SHORTEST ? text : null;
      text = '';
      return scan;
    }
    if (key.length === 1) text += key;
    return null;
  };
}

/**
 * Sends scans made outside the box to `box` and submits its form; keeps the box focused.
 * @param {HTMLInputElement} box
 */
export function startWedge(box) {
  const feed = scanBuffer();
  document.addEventListener('keydown', (event) => {
    const target = event.target;
    const typing =
      target instanceof HTMLInputElement ||
      target instanceof HTMLTextAreaElement ||
      target instanceof HTMLSelectElement;
    if (typing) return;
    const scan = feed(event.key, event.timeStamp);
    if (scan !== null) {
      event.preventDefault();
      box.value = scan;
      box.form?.requestSubmit();
    }
  });
  const refocus = () => {
    const active = document.activeElement;
    if (!active || active === document.body) box.focus({ preventScroll: true });
  };
  document.addEventListener('linli:region', refocus);
  document.addEventListener('focusout', () => setTimeout(refocus, 0));
  addEventListener('focus', refocus);
  refocus();
}
