// copy.js: copying lines of a long push, of which the page holds few: the server gives their text, so that what is copied
// is what was selected, or the lines that a link marks. Never a part of it in silence: what is too much is said, with
// where to find it. Text alone; the gutter is never part of it.
import { $$, at, button, el, say, the } from '../page/dom.js';
import { count } from '../page/times.js';

/** Lines that are copied at most, as the server has it (`src/web/output/find.rs`). */
const MOST = 100000;

/** @typedef {{spans: number[][], cut: number, keep: number, most?: number}} Part numbers of lines; characters of the first
 *    line that are not wanted, and of the last one that are; about how many lines there are */

export class FarCopy {
  /** @param {HTMLElement} root the `.log` @param {import('./lines.js').FarLines} far @param {import('./blocks.js').Blocks} blocks */
  constructor(root, far, blocks) {
    this.root = root;
    this.far = far;
    this.blocks = blocks;
    this.raw = the('a[href$="/log"]', root, HTMLAnchorElement).href;
    this.button = button('lb log-pill');
    this.timer = 0;
    const told = el('div', '', this.button);
    told.setAttribute('role', 'status');
    the('.log-box', root).append(told);
    document.addEventListener('copy', (e) => this.copy(e));
  }

  /** Offers to copy what a link marks, if that is more than a line. @param {[number, number]|null} lines */
  offer(lines) {
    const [from, to] = lines ?? [0, 0];
    const marked = () => this.take({ spans: [[from, to]], cut: 0, keep: Infinity });
    this.show(from < to ? `Copy lines ${count(from)}–${count(to)}` : '', marked);
  }

  /** @param {string} words none hides it @param {(() => void)|null} [press] @param {number} [seconds] until it goes by itself */
  show(words, press = null, seconds = 0) {
    clearTimeout(this.timer);
    say(this.button, words);
    this.button.style.display = words ? 'inline-flex' : '';
    this.button.onclick = press;
    if (seconds) this.timer = setTimeout(() => this.show(''), seconds * 1000);
  }

  /** @param {ClipboardEvent} e */
  copy(e) {
    const selection = getSelection();
    if (at(e)?.matches('input, textarea') || !selection?.rangeCount) return;
    const range = selection.getRangeAt(0);
    const folded = this.root.classList.contains('log--same');
    const part = folded ? null : this.part(range);
    const hollow = folded && $$('.same .lc:empty', this.root).some((body) => range.intersectsNode(body));
    if (!part && !hollow) return;
    e.preventDefault();
    if (part) this.take(part);
    else this.show('Nothing was copied: some lines are not loaded yet', null, 15);
  }

  tooMuch() {
    this.show('Too much to copy: use Raw instead', () => location.assign(this.raw), 15);
  }

  /** What is selected, if some of it is not here. @param {Range} range @returns {Part|null} */
  part(range) {
    const { all, folded } = this.blocks;
    const spans = /** @type {number[][]} */ ([]);
    let [open, here, most] = [false, true, 0];
    for (const { el, idx, drawn, section } of all) {
      const within = range.intersectsNode(el) && !folded.has(section.step);
      if (within) {
        here &&= drawn > 0;
        most += idx.length;
        const last = idx[idx.length - 1] + 1;
        if (open) spans[spans.length - 1][1] = last;
        else spans.push([idx[0] + 1, last]);
      }
      open = within;
    }
    if (here) return null;
    const begin = edge(range.startContainer, range.startOffset);
    const end = edge(range.endContainer, range.endOffset);
    if (begin) spans[0][0] = begin[0];
    if (end) spans[spans.length - 1][1] = end[0];
    return { spans, cut: begin?.[1] ?? 0, keep: end?.[1] ?? Infinity, most };
  }

  /** @param {Part} part */
  async take({ spans, cut, keep, most = 0 }) {
    if (most > MOST) return this.tooMuch();
    this.show('Copying…');
    let text = '';
    for (const [from, to] of spans) {
      const answer = await this.far.text(from, to).catch(() => null);
      if (answer?.status === 400) return this.tooMuch();
      if (!answer?.ok) return this.show('Nothing was copied: no answer. Try again', () => this.take({ spans, cut, keep }));
      text += await answer.text();
    }
    text = text.slice(0, text.lastIndexOf('\n', text.length - 2) + 1 + keep).slice(cut);
    const lines = text.trimEnd().split('\n').length;
    const done = () => this.show(`${count(lines)} line${lines > 1 ? 's' : ''} copied`, null, 5);
    // A browser may want another press by now, or a page that came over HTTPS.
    const again = () => this.show(`Copy ${count(lines)} lines`, () => (put(text), done()));
    const write = navigator.clipboard?.writeText(text) ?? Promise.reject();
    write.then(done, again);
  }
}

/** The line in which a selection begins or ends, and how many of its characters lie before. @param {Node} node @param {number} offset */
function edge(node, offset) {
  const row = (node instanceof Element ? node : node.parentElement)?.closest('.ln');
  if (!row) return null;
  const before = new Range();
  before.setStart(/** @type {Node} */ (row.lastChild), 0);
  before.setEnd(node, offset); // in the gutter, nothing lies before
  return [Number(row.firstChild?.textContent), before.toString().length];
}

/** Copies in the old way, which any page may while a button is pressed. @param {string} text */
function put(text) {
  const field = el('textarea');
  field.value = text;
  document.body.append(field);
  field.select();
  document.execCommand('copy');
  field.remove();
}
