// keep.js: a page keeps a bounded number of lines, however much a push says: the oldest lines of steps that went well are
// left to the raw output, and a row says so. It must never drop an error, nor move what the reader looks at. Loaded when there
// are too many for the first time.
import { limits } from './log.js';

/** @param {import('./log.js').LogView} view @param {(step: number) => boolean} good whether a step went well */
export function trim(view, good) {
  const { lines } = view;
  const held = lines.length - view.dropped;
  if (held <= limits.lines) return;
  let over = held - Math.floor(limits.lines * 0.9); // some at once, so that it is seldom done
  const before = view.dropped;
  for (const may of [good, () => true]) {
    for (let i = 0; i < lines.length && over > 0; i++) {
      const line = lines[i];
      if (!line || line.kind === 'err' || !may(line.step)) continue;
      lines[i] = null;
      view.dropped++;
      over--;
    }
  }
  if (view.dropped > before) leave(view);
}

/** Takes out of the window what is no longer kept. @param {import('./log.js').LogView} view */
function leave(view) {
  const { blocks, lines, scroller, search } = view;
  const there = (/** @type {number} */ i) => !!lines[i];
  const left = (/** @type {import('./blocks.js').Block} */ block) => block.idx.some(there);
  const anchor = view.following ? undefined : blocks.all.find((block) => blocks.y(block.el) + block.el.offsetHeight > 0 && left(block));
  const bottom = anchor && blocks.y(anchor.el) + anchor.el.offsetHeight;
  view.done = view.shown.slice(0, view.done).filter(there).length;
  view.shown = view.shown.filter(there);
  view.errors = view.errors.filter(there);
  const now = search.hits[search.at];
  search.hits = search.hits.filter(there);
  search.at = search.hits.indexOf(now);
  for (const block of blocks.all) {
    if (block.idx.every(there)) continue;
    block.idx = block.idx.filter(there);
    if (block.idx.length) blocks.rebuild(block);
    else drop(blocks, block);
  }
  blocks.all = blocks.all.filter((block) => block.idx.length);
  if (anchor) view.moveTo(scroller.scrollTop + blocks.y(anchor.el) + anchor.el.offsetHeight - (bottom ?? 0));
  view.hooks.left?.(view.dropped);
  view.rail.draw();
}

/** @param {import('./blocks.js').Blocks} blocks @param {import('./blocks.js').Block} block */
function drop(blocks, block) {
  const { section } = block;
  for (const set of [blocks.warm, blocks.turned, blocks.aside]) set.delete(block);
  block.el.remove();
  if (blocks.end === block) blocks.end = undefined;
  section.blocks = section.blocks.filter((other) => other !== block);
  if (section.blocks.length) return;
  section.el.remove();
  blocks.sections = blocks.sections.filter((other) => other !== section);
}
