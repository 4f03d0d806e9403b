// lines.js: the lines of a long push that has ended. They stay on the server: an outline says how many there are and
// where the steps begin, the server finds and filters, and a block's text comes when the block is looked at. At most
// KEPT blocks that are out of sight keep theirs.
import { lower, places } from './blocks.js';
import { kindOf } from './fold.js';

/** @typedef {import('./blocks.js').Block} Block
 *  @typedef {import('./log.js').Wanted} Wanted
 *  @typedef {(path: string, signal?: AbortSignal) => Promise<any>} Ask */

const KEPT = 16;

export class FarLines {
  /** @param {any} outline @param {Ask} ask asks for something of this push @param {import('./log.js').LogView} view */
  constructor(outline, ask, view) {
    this.view = view;
    this.ask = ask;
    this.count = outline.lines;
    this.started = Date.parse(outline.records[0]?.at);
    /** Where each run of lines of one step begins, and which step. @type {number[]} */
    this.begins = outline.steps.map((/** @type {number[]} */ step) => step[0] - 1);
    this.steps = outline.steps.map((/** @type {number[]} */ step) => step[1] - 1);
    this.errors = places(outline.errors.ranges);
    this.errorCount = outline.errors.count;
    this.filters = '';
    this.filtering = new AbortController();
    /** Blocks out of sight that still have their text, the newest last. @type {Block[]} */
    this.kept = [];
  }

  /** Which step a line belongs to, -1 where several go side by side. @param {number} i */
  step(i) {
    const only = this.view.want.steps;
    return only ? [...only][0] : this.steps[lower(this.begins, i + 1) - 1];
  }

  /** The place behind the last line of the same run. @param {number} i */
  behind(i) {
    return (this.view.want.steps ? undefined : this.begins[lower(this.begins, i + 1)]) ?? this.count;
  }

  /** The place of a step's first line, or -1. @param {number} step */
  first(step) {
    return this.begins[this.steps.indexOf(step)] ?? -1;
  }

  /** Gives the places of all lines that pass: at once when all do, else when the server has said so.
   *  @param {Wanted} want @param {(shown: ArrayLike<number>) => void} then */
  passing(want, then) {
    const query = [...(want.hosts ?? [])].map((host) => `&host=${encodeURIComponent(host || '-')}`);
    for (const step of want.steps ?? []) query.push(`&command=${step + 1}`);
    if (want.errors) query.push('&errors=yes');
    this.filtering.abort();
    const { signal } = (this.filtering = new AbortController());
    const filters = query.join('');
    const give = (/** @type {ArrayLike<number>} */ shown) => {
      this.filters = filters;
      this.kept = [];
      then(shown);
    };
    if (!filters) {
      const all = new Int32Array(this.count);
      for (let i = 0; i < all.length; i++) all[i] = i;
      return give(all);
    }
    const ranges = /** @type {number[][]} */ ([]);
    this.find(filters, signal, (some) => ranges.push(...some)).then(() => give(Int32Array.from(places(ranges))), () => {});
  }

  /** Looks for lines, answer by answer. @param {string} query @param {AbortSignal} signal
   *  @param {(ranges: number[][]) => void} take */
  async find(query, signal, take) {
    for (let from = 1; from; ) {
      const { ranges, next } = await this.told(`find?from=${from}${query}`, signal);
      take(ranges);
      from = next;
    }
  }

  /** Fetches the text of a block; the view is told when it is there. @param {Block} block */
  need(block) {
    if (block.lines || block.coming) return;
    block.coming = new AbortController();
    const { signal } = block.coming;
    this.fetch(block, signal).then(
      (lines) => {
        block.lines = lines;
        this.view.arrived(block);
      },
      () => {},
    );
  }

  /** @param {Block} block @param {AbortSignal} signal */
  async fetch(block, signal) {
    const lines = /** @type {import('./fold.js').Line[]} */ ([]);
    const to = block.idx[block.idx.length - 1] + 1;
    for (let from = block.idx[0] + 1; from; ) {
      const part = await this.told(`lines?from=${from}&to=${to}${this.filters}`, signal);
      for (const r of part.lines) {
        const t = Math.max(0, Date.parse(r.at) - this.started);
        const kind = r.error ? 'err' : kindOf(r);
        lines.push({ n: r.line, t, step: r.command - 1, host: r.host ?? '', kind, text: r.text });
      }
      from = part.next;
    }
    return lines;
  }

  /** A block is out of sight: the oldest ones lose their text. @param {Block} block */
  rest(block) {
    if (!block.lines) {
      block.coming?.abort();
      block.coming = undefined;
      return;
    }
    this.kept = this.kept.filter((other) => other !== block && !other.warm);
    this.kept.push(block);
    for (const old of this.kept.splice(0, this.kept.length - KEPT)) old.lines = old.coming = undefined;
  }

  /** Asks until it is answered, or nobody wants to know any more. @param {string} path @param {AbortSignal} signal */
  async told(path, signal) {
    for (let pause = 500; ; pause = Math.min(15000, pause * 2)) {
      try {
        return await this.ask(path, signal);
      } catch (problem) {
        if (signal.aborted) throw problem;
        await new Promise((go) => setTimeout(go, pause));
      }
    }
  }
}
