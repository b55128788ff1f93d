// @ts-check
/**
 * Keeps a page alive by server-sent events: regions are replaced by fragments named after their id.
 * A heartbeat watchdog notices a frozen or dead server within DEAD_MS; a new build reloads the page,
 * but only when nobody is in the middle of something. Own code, no library.
 */

const DEAD_MS = 6000;
const RETRY_MS = 1500;

/**
 * @typedef {object} LiveOptions
 * @property {string} url stream of this page
 * @property {() => boolean} [mayReload] false while somebody is in the middle of something
 * @property {(id: string) => void} [onRegion] called after a region was replaced
 */

/**
 * Replaces the content of the element `id`; keeps the focus when the same id is there again.
 * @param {string} id
 * @param {string} html
 */
export function swap(id, html) {
  const region = document.getElementById(id);
  if (!region) return;
  const focused = region.contains(document.activeElement) ? document.activeElement?.id : '';
  region.innerHTML = html;
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  document.dispatchEvent(new CustomEvent('linli:region', { detail: id }));
}

/** @param {'up' | 'down'} state */
export function setLink(state) {
  document.documentElement.dataset.link = state;
}

/**
 * Opens the stream and keeps it open; closed while the page is hidden.
 * @param {LiveOptions} options
 */
export function startLive({ url, mayReload = () => true, onRegion = () => {} }) {
  /** @type {EventSource | undefined} */
  let source;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let watchdog;
  let build = document.documentElement.dataset.build || '';
  let stale = false;

  const reloadIfIdle = () => {
    if (stale && mayReload()) location.reload();
  };
  const alive = () => {
    setLink('up');
    clearTimeout(watchdog);
    watchdog = setTimeout(lost, DEAD_MS);
  };
  const lost = () => {
    setLink('down');
    open();
  };
  const close = () => {
    clearTimeout(watchdog);
    source?.close();
    source = undefined;
  };

  function open() {
    close();
    source = new EventSource(url);
    watchdog = setTimeout(lost, DEAD_MS);
    source.onerror = () => {
      setLink('down');
      if (source?.readyState === EventSource.CLOSED) {
        clearTimeout(watchdog);
        watchdog = setTimeout(open, RETRY_MS);
      }
    };
    source.addEventListener('hello', (event) => {
      alive();
      stale = build !== '' && build !== event.data;
      build = build || event.data;
      reloadIfIdle();
    });
    source.addEventListener('hb', () => {
      alive();
      reloadIfIdle();
    });
    source.addEventListener('region', (event) => {
      alive();
      const end = event.data.indexOf('\n');
      const id = event.data.slice(0, end);
      swap(id, event.data.slice(end + 1));
      onRegion(id);
    });
  }

  document.addEventListener('visibilitychange', () => (document.hidden ? close() : open()));
  addEventListener('pagehide', close);
  addEventListener('pageshow', (event) => event.persisted && open());
  if (!document.hidden) open();
}
