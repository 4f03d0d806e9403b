// lines.js: the lines of a long push that has ended. They stay on the server: an outline says how many there are and
// where the steps begin, the server finds and filters, and a block's text comes when the block is looked at. At most
// KEPT blocks that are out of sight keep theirs.
import { lower, places } from './blocks.js';
import { FarCopy } from './copy.js';
import { $ } from '../page/dom.js';
import { kindOf } from '../live/fold.js';

/** @typedef {import('./blocks.js').Block} Block
 *  @typedef {import('./log.js').Wanted} Wanted
 *  @typedef {(path: string, signal?: AbortSignal) => Promise<any>} Ask */

const KEPT = 16;
/** Ends of a command on a host as shapes. @type {{[end: string]: string}} */
const ENDS = { failed: 'fail', unknown: 'lost', cancelled: 'cancel', skipped: 'skip', ok: 'ok' };

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
    this.looking = new AbortController();
    /** Blocks out of sight that still have their text, the newest last. @type {Block[]} */
    this.kept = [];
    this.copy = new FarCopy(this, view);
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

  /** Finds what somebody searches, instead of them. @param {import('./search.js').Search} search */
  look(search) {
    this.looking.abort();
    const { signal } = (this.looking = new AbortController());
    const done = (/** @type {boolean} */ busy) => {
      search.tell(busy);
      search.mark();
      this.view.rail.draw();
    };
    if (!search.query) return done(false);
    search.tell(true);
    const take = (/** @type {number[][]} */ ranges) => {
      search.hits = search.hits.concat(places(ranges));
      done(true);
    };
    const query = `${this.filters}&q=${encodeURIComponent(search.query.slice(0, 200))}`;
    this.find(query, signal, take).then(() => done(false), () => {});
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
    const lines = /** @type {import('../live/fold.js').Line[]} */ ([]);
    const to = block.idx[block.idx.length - 1] + 1;
    for (let from = block.idx[0] + 1; from; ) {
      const part = await this.told(`lines?from=${from}&to=${to}${this.filters}`, signal);
      lines.push(...part.lines.map((/** @type {any} */ r) => this.line(r)));
      from = part.next;
    }
    return lines;
  }

  /** @param {any} r a line as the server gives it @returns {import('../live/fold.js').Line} */
  line(r) {
    const t = Math.max(0, Date.parse(r.at) - this.started);
    return { n: r.line, t, step: r.command - 1, host: r.host ?? '', kind: r.error ? 'err' : kindOf(r), text: r.text };
  }

  /** Lines that pass the filters as text, as the server answers. @param {number} from @param {number} to */
  text(from, to) {
    const { push } = $('[data-push]').dataset;
    return fetch(`/api/v1/pushes/${push}/lines?format=text&from=${from}&to=${to}${this.filters}`, { cache: 'no-store' });
  }

  /** Which hosts said the same, step by step, as far as it passes the filters. @param {AbortSignal} signal */
  async same(signal) {
    const steps = /** @type {import('../same/sameview.js').Group[][]} */ ([]);
    for (let from = 1; from; ) {
      const part = await this.told(`same?from=${from}${this.filters}`, signal);
      for (const { command, groups } of part.steps) {
        steps[command - 1] = groups.map((/** @type {any} */ { end, lines, hosts }) => {
          return { hosts: end ? hosts : [''], state: end ? ENDS[end] : '', count: lines, rows: lines ? null : [] };
        });
      }
      from = part.next;
    }
    return steps;
  }

  /** The first lines of a host in a step. @param {number} step @param {string} host @param {number} most @param {AbortSignal} signal */
  async voice(step, host, most, signal) {
    const errors = this.view.want.errors ? '&errors=yes' : '';
    const query = `command=${step + 1}&host=${encodeURIComponent(host || '-')}&most=${most}${errors}`;
    const { lines } = await this.told(`lines?${query}`, signal);
    return lines.map((/** @type {any} */ r) => this.line(r));
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
