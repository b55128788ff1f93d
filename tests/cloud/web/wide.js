// What does not fit across the page or is cut off; pages of the desk may scroll down.
() => {
  const out = [], root = document.documentElement;
  if (root.scrollWidth > innerWidth) out.push(`page ${root.scrollWidth} > ${innerWidth}`);
  for (const e of document.body.querySelectorAll('*')) {
    if (e.closest('svg, .sr, .skip') || !e.getClientRects().length) continue;
    const r = e.getBoundingClientRect();
    const name = `${e.tagName} ${e.className} "${e.textContent.trim().slice(0, 30)}"`;
    if (r.right > innerWidth + 1 || r.left < -1) out.push('outside: ' + name);
    const clips = getComputedStyle(e).overflowX !== 'visible' && e.scrollWidth > e.clientWidth + 1;
    if (clips && !e.matches('input, select, .ell')) out.push('cut: ' + name);
  }
  return out;
}
