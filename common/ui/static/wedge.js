// @ts-check
/**
 * A barcode scanner that types: keys less than GAP_MS apart ended by Enter are one scan, wherever the
 * focus was; they land in the scan box, which also takes slow typing and gets the focus back.
 */
import { scanBuffer } from './forms.js';

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
