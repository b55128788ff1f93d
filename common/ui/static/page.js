// @ts-check
/** The script of every page that is live and has forms: `<html data-live="/live?…">`, scan box `#scan`. */
import { takeOverForms } from './forms.js';
import { startLive } from './live.js';
import { startWedge } from './wedge.js';

takeOverForms();
const box = document.getElementById('scan');
if (box instanceof HTMLInputElement) startWedge(box);

const edited = () =>
  [...document.querySelectorAll('input:not([type=hidden]), textarea')].some(
    (field) => /** @type {HTMLInputElement} */ (field).value !== /** @type {HTMLInputElement} */ (field).defaultValue,
  );
const url = document.documentElement.dataset.live;
if (url) startLive({ url, mayReload: () => !edited() });
