// follow.js: what the reader does in the command window: scrolls, selects, presses a line's number. Tells the reader's
// own moves from those that the page made, so that following never stops by itself.

/** @param {import('./log.js').LogView} view */
export function listenToReader(view) {
  const { scroller } = view;
  const input = () => {
    view.inputAt = performance.now();
    if (!view.found && !view.blocks.aside.size) return;
    view.found = false;
    for (const block of view.blocks.aside) view.blocks.turned.add(block);
    view.blocks.aside.clear();
    view.draw();
  };
  for (const type of ['wheel', 'pointerdown', 'pointermove', 'touchstart', 'keydown', 'resize']) {
    addEventListener(type, input, { passive: true, capture: true });
  }
  scroller.addEventListener('scroll', () => scrolled(view), { passive: true });
  scroller.addEventListener(
    'wheel',
    (e) => {
      if (e.deltaY < 0 && scroller.scrollTop > 0) view.follow(false);
    },
    { passive: true },
  );
  scroller.addEventListener('keydown', (e) => {
    if (['ArrowUp', 'PageUp', 'Home'].includes(e.key) && scroller.scrollTop > 0) view.follow(false);
    if (e.key === 'End') view.follow(true);
  });
  document.addEventListener('selectionchange', () => {
    if (view.selecting()) view.follow(false);
  });
  // A pressed button or finger holds the text still; nobody can select text that moves.
  scroller.addEventListener('pointerdown', () => (view.held = true));
  for (const type of ['pointerup', 'pointercancel']) {
    addEventListener(type, () => {
      if (!view.held) return;
      view.held = false;
      if (view.following && !view.selecting()) view.toEnd();
    });
  }
  scroller.addEventListener('click', (e) => {
    const at = /** @type {Element} */ (e.target);
    const number = at.closest('.ln-n');
    const host = /** @type {HTMLElement|null} */ (at.closest('.ln-h'));
    if (number) view.link(Number(number.textContent), e.shiftKey);
    else if (host?.title) view.hooks.host?.(host.title);
  });
  document.addEventListener('visibilitychange', () => view.draw());
  new ResizeObserver(() => view.settle()).observe(scroller);
  addEventListener('hashchange', () => view.openHash());
}

/** @param {import('./log.js').LogView} view */
function scrolled(view) {
  const { scroller } = view;
  const top = scroller.scrollTop;
  if (Math.abs(top - view.ours) > 1) {
    // not a move that the page made; to come back to the very place where it was is none either
    view.ours = -9;
    view.aim = null;
    const end = scroller.scrollHeight - scroller.clientHeight;
    const far = Math.abs(top - view.lastTop) / scroller.clientHeight;
    const at = performance.now();
    if (far > 3) view.fastUntil = at + 100;
    // A jump without any key, wheel or pointer is the browser's own find: its text is left alone until the next input.
    if (far > 0.4 && at - view.inputAt > 400) view.found = !view.far;
    const row = view.blocks.rowHeight * 1.5;
    // Up, and not merely pushed up because the window grew: the reader wants to stay here.
    if (top < view.lastTop - 1 && end - top > row) view.follow(false);
    // Down to the end as it was a moment ago: it may have moved on while they scrolled.
    else if (top > view.lastTop && top > Math.min(end, view.endWas) - row) view.follow(true);
    view.endWas = end;
  }
  view.lastTop = top;
  view.rail.draw();
}
