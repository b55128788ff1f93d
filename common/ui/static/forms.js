// @ts-check
/**
 * Posts forms without leaving the page and swaps the answer into the region the form names:
 * `<form method="post" action="/again" data-swap="stage">`. Without script the same form still works.
 */
import { setLink, swap } from './live.js';

const LATE_MS = 5000;

/**
 * Posts fields to `action` and swaps the answered fragment into `target`.
 * Late answers are marked on `<html data-late>`; the live stream brings the state anyway.
 * @param {string} action
 * @param {URLSearchParams} fields
 * @param {string} target id of the region
 */
export async function post(action, fields, target) {
  const root = document.documentElement;
  const late = setTimeout(() => (root.dataset.late = ''), LATE_MS);
  root.dataset.wait = '';
  try {
    const answer = await fetch(action, {
      method: 'POST',
      body: fields,
      headers: { 'Linli-Fragment': target },
      redirect: 'follow',
    });
    if (answer.ok) swap(target, await answer.text());
    else location.reload();
  } catch {
    setLink('down');
  } finally {
    clearTimeout(late);
    delete root.dataset.wait;
    delete root.dataset.late;
  }
}

/** Takes over every submit of a form with `data-swap`; other forms submit once and no more. */
export function takeOverForms() {
  document.addEventListener('submit', (event) => {
    const form = /** @type {HTMLFormElement} */ (event.target);
    if (form.dataset.sent !== undefined) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = '';
    const target = form.dataset.swap;
    if (!target) return;
    event.preventDefault();
    const fields = new URLSearchParams();
    const submitter = /** @type {SubmitEvent} */ (event).submitter;
    new FormData(form).forEach((value, name) => fields.append(name, String(value)));
    if (submitter instanceof HTMLButtonElement && submitter.name) {
      fields.append(submitter.name, submitter.value);
    }
    for (const button of form.querySelectorAll('button')) button.disabled = true;
    post(form.getAttribute('action') || location.pathname, fields, target).finally(() => {
      delete form.dataset.sent;
      for (const button of form.querySelectorAll('button')) button.disabled = false;
    });
  });
  addEventListener('pageshow', () => {
    for (const form of document.querySelectorAll('form[data-sent]')) {
      form.removeAttribute('data-sent');
    }
  });
}

const GAP_MS = 60;
const SHORTEST = 4;

/**
 * Tells the scans of a barcode scanner that types from typing by the pauses between keys. Pure, so that it can be tried without a page.
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
