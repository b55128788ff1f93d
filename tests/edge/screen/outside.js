// What does not fit on the screen, is cut off or covers something else.
() => {
  const root = document.documentElement, out = [];
  if (root.scrollWidth > innerWidth) out.push(`page ${root.scrollWidth} > ${innerWidth} wide`);
  if (root.scrollHeight > innerHeight) out.push(`page ${root.scrollHeight} > ${innerHeight} high`);
  const name = (e) => `${e.tagName.toLowerCase()}.${[...e.classList].join('.')} "${(e.textContent || '').trim().slice(0, 24)}"`;
  const shown = [...document.body.querySelectorAll('*')].filter((e) =>
    !e.closest('svg, .list, .sr, .skip, script') && e.getClientRects().length);
  for (const e of shown) {
    const r = e.getBoundingClientRect();
    if (r.right > innerWidth + 1 || r.left < -1 || r.bottom > innerHeight + 1 || r.top < -1) out.push('outside: ' + name(e));
    const cut = getComputedStyle(e).overflowX === 'hidden' && e.scrollWidth > e.clientWidth + 1;
    if (cut && !e.closest('.ell')) out.push('cut: ' + name(e));
  }
  const foot = document.querySelector('footer'), main = document.querySelector('main');
  if (foot && main) {
    const top = foot.getBoundingClientRect().top;
    for (const e of main.querySelectorAll('button, p, h1, svg')) {
      if (e.getClientRects().length && e.getBoundingClientRect().bottom > top + 1) out.push('over the footer: ' + name(e));
    }
  }
  const head = document.querySelector('header');
  if (head && main && scrollY === 0) {
    const bottom = head.getBoundingClientRect().bottom;
    for (const e of main.querySelectorAll('button, p, h1, li, svg')) {
      if (e.getClientRects().length && e.getBoundingClientRect().top < bottom - 1) out.push('over the header: ' + name(e));
    }
  }
  const box = (e) => e.getBoundingClientRect();
  const leaves = [...document.querySelectorAll('main h1, main .say, main .notice, main .acts, main .steps, main .code, main .big')];
  for (let a = 0; a < leaves.length; a++) for (let b = a + 1; b < leaves.length; b++) {
    const [x, y] = [leaves[a], leaves[b]];
    if (x.contains(y) || y.contains(x) || !x.getClientRects().length || !y.getClientRects().length) continue;
    const [r, s] = [box(x), box(y)];
    if (r.left < s.right - 1 && s.left < r.right - 1 && r.top < s.bottom - 1 && s.top < r.bottom - 1) out.push(`${name(x)} covers ${name(y)}`);
  }
  return out;
}
