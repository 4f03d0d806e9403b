// stream.js: one push as records, each exactly once and in order, whatever happens to the connection.
//
// What is past is fetched, as it lies in the journal; what comes then is heard on the one stream of the browser
// (shared.js), in batches: a record a line, and the byte offset behind the last one. Records are numbered without gaps: a
// number that was seen is dropped, a hole is fetched. A push that has ended needs no stream at all, and a long one not even
// its records: an outline, and then what is asked for.
import { retry, unwatch, watch } from '../page/shared.js';
import { measured } from './measured.js';
import { firstOf, recordsOf } from './records.js';
import { visible } from './visible.js';

/** No banner before a connection has been gone for so long. */
const LOST = 30000;
/** A hidden tab only asks now and then. */
const HIDDEN = 30000;

/** @typedef {'connecting'|'live'|'waiting'|'lost'|'signedout'|'parked'|'done'} Connection */

export class PushStream {
  /**
   * @param {number} push its number
   * @param {boolean} live whether it ran when the page was drawn
   * @param {boolean} far whether its lines stay on the server
   * @param {object} on
   * @param {(records: import('./records.js').Record[]) => void} on.records
   * @param {(outline: import('../log/lines.js').Outline) => Promise<void>} on.outline what a long push is
   * @param {() => void} on.reset forget everything: the journal begins anew
   * @param {(name: Connection, since: number) => void} on.state
   */
  constructor(push, live, far, on) {
    this.push = push;
    this.live = live;
    this.far = far;
    this.address = `/api/v1/pushes/${push}`;
    this.on = on;
    /** Byte offset behind the last record. */
    this.cursor = 0;
    /** Number of the last record. */
    this.seen = 0;
    this.tries = 0;
    this.lostAt = 0;
    /** Whether the stream is gone, whatever can be fetched. */
    this.broken = false;
    this.ended = false;
    this.parked = false;
    this.parkedAt = 0;
    /** @type {Promise<boolean>|null} */
    this.filling = null;
    /** @type {AbortController|null} */
    this.past = null;
    /** How the connection is, as was said last. @type {Connection|''} */
    this.state = '';
    this.timer = this.lostTimer = this.park = this.poller = 0;
    document.addEventListener('visibilitychange', () => this.visibility());
    addEventListener('online', () => this.retryNow());
    addEventListener('pageshow', (e) => e.persisted && !this.ended && this.open());
    this.open();
  }

  /** Fetches what is past, then listens. */
  async open() {
    clearTimeout(this.timer);
    this.say(this.lostAt ? 'waiting' : 'connecting');
    if (this.far) return this.outline();
    if (!(await this.fill()) || this.ended || this.parked) return;
    if (!this.live) return this.finish();
    watch(this.push, { cursor: () => this.cursor, told: (name, offset, data) => this.hear(name, offset, data) });
  }

  async outline() {
    try {
      await this.on.outline(await this.ask('outline'));
      this.finish();
    } catch {
      if (this.state !== 'signedout') this.again();
    }
  }

  /**
   * Asks for something of a push that has ended; whoever asks comes again.
   * @template {keyof import('../log/lines.js').Answers} What
   * @param {What} what @param {string} [query] @param {AbortSignal} [signal]
   * @returns {Promise<import('../log/lines.js').Answers[What]>}
   */
  async ask(what, query, signal) {
    try {
      const answer = await fetch(`${this.address}/${what}${query ? `?${query}` : ''}`, { cache: 'no-store', redirect: 'manual', signal });
      if (answer.status === 401 || answer.type === 'opaqueredirect') this.say('signedout');
      if (!answer.ok) throw new Error(`answered ${answer.status}`);
      const told = JSON.parse(visible(await answer.text()));
      if (this.ended) this.say('done');
      return told;
    } catch (problem) {
      if (this.ended && !signal?.aborted && this.state !== 'signedout') this.say('waiting');
      throw problem;
    }
  }

  /** @param {string} name @param {number} offset @param {string} data */
  hear(name, offset, data) {
    if (this.ended || this.parked) return;
    if (name === 'records') this.batch(data, offset);
    else if (name === 'at') offset > this.cursor && this.fill();
    else if (name === 'reset') this.reset();
    else if (name === 'end') this.last();
    else if (name === 'open' || name === 'up') {
      this.broken = false;
      this.found();
    } else if (name === 'broken' || name === 'refused') {
      this.broken = true;
      this.lost();
      this.say('waiting');
      if (name === 'refused') this.fill(); // it says whether we are signed out, and brings what it can
    }
  }

  /** @param {string} data records, a line each @param {number} offset behind the last */
  batch(data, offset) {
    if (offset <= this.cursor) return;
    if (firstOf(data) > this.seen + 1) this.fill();
    else this.take(data, offset);
  }

  /** @param {string} data @param {number} offset */
  take(data, offset) {
    const fresh = recordsOf(data).filter((record) => record.n > this.seen);
    if (offset <= this.cursor) return; // the stream was faster than what was fetched
    this.cursor = offset;
    if (!fresh.length) return;
    this.seen = fresh[fresh.length - 1].n;
    measured(fresh);
    this.on.records(fresh);
  }

  /** Fetches what lies in the journal behind the cursor; whether all of it came. */
  fill() {
    const filling = (this.filling ??= this.fetchPast());
    filling.finally(() => this.filling === filling && (this.filling = null));
    return filling;
  }

  async fetchPast() {
    const { signal } = (this.past = new AbortController());
    const options = /** @type {RequestInit} */ ({ cache: 'no-store', redirect: 'manual', signal });
    const after = this.cursor;
    try {
      const answer = await fetch(`${this.address}/log?format=journal&after=${after}`, options);
      if (answer.status === 401 || answer.type === 'opaqueredirect') {
        this.say('signedout');
        return false;
      }
      if (answer.status === 400 && after) {
        this.reset(); // a restored backup, or a torn tail: our place is none of this journal
        return false;
      }
      if (!answer.ok || !answer.body) throw new Error(`answered ${answer.status}`);
      await this.read(answer.body.getReader(), after);
      if (!this.broken) this.found();
      return true;
    } catch {
      if (!signal.aborted) this.again();
      return false;
    }
  }

  /** Takes whole lines as they arrive. @param {ReadableStreamDefaultReader<Uint8Array>} reader @param {number} at where they begin */
  async read(reader, at) {
    const text = new TextDecoder();
    let rest = new Uint8Array(0);
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const bytes = new Uint8Array(rest.length + value.length);
      bytes.set(rest);
      bytes.set(value, rest.length);
      const cut = bytes.lastIndexOf(10) + 1;
      rest = bytes.subarray(cut);
      at += cut;
      if (cut) this.take(text.decode(bytes.subarray(0, cut - 1)), at);
    }
  }

  /** Fetches once more: a fetch that is under way may have begun before the end was written. */
  async last() {
    await this.filling;
    if (await this.fill()) this.finish();
  }

  reset() {
    this.past?.abort(); // what it brings is of the journal that was
    this.filling = null;
    this.cursor = this.seen = 0;
    this.on.reset();
    this.timer = setTimeout(() => this.open());
  }

  finish() {
    if (this.ended) return;
    this.ended = true;
    unwatch(this.push);
    clearTimeout(this.timer);
    this.say('done');
  }

  /** 1, 2, 4, 8, 15, 15 … seconds, give or take a fifth. */
  again() {
    if (this.ended || this.parked) return;
    this.lost();
    this.say('waiting');
    clearTimeout(this.timer);
    const seconds = this.tries === 0 ? 0.3 : Math.min(15, 2 ** (this.tries - 1)) * (0.8 + 0.4 * Math.random());
    this.tries++;
    this.timer = setTimeout(() => this.open(), seconds * 1000);
  }

  retryNow() {
    if (this.ended || this.parked) return;
    this.tries = 0;
    retry();
    this.open();
  }

  lost() {
    if (this.lostAt) return;
    this.lostAt = Date.now();
    this.lostTimer = setTimeout(() => this.lostAt && this.say('lost'), LOST);
  }

  found() {
    this.tries = 0;
    this.lostAt = 0;
    clearTimeout(this.lostTimer);
    this.say('live');
  }

  visibility() {
    clearTimeout(this.park);
    if (this.ended) return;
    if (document.hidden) {
      this.park = setTimeout(() => {
        this.parked = true;
        this.parkedAt = Date.now();
        unwatch(this.push);
        clearTimeout(this.timer);
        this.say('parked');
        this.poll();
      }, HIDDEN);
    } else if (this.parked) {
      this.parked = false;
      clearTimeout(this.poller);
      this.open();
    }
  }

  /** Hidden, the page only asks whether the push has ended, each 20 s, and ever more seldom up to 5 minutes; then it looks once more. */
  async poll() {
    if (!this.parked) return;
    const answer = await fetch(this.address, { cache: 'no-store' }).catch(() => null);
    const push = answer?.ok ? await answer.json().catch(() => null) : null;
    const state = push?.state ?? push?.push?.state;
    if (!this.parked) return;
    if (state && state !== 'running') {
      this.parked = false;
      this.open();
    } else {
      const slept = Date.now() - this.parkedAt;
      this.poller = setTimeout(() => this.poll(), Math.min(300000, Math.max(20000, slept / 20)));
    }
  }

  /** @param {Connection} name */
  say(name) {
    const long = this.lostAt && Date.now() - this.lostAt > LOST;
    if (name === 'waiting' && long) name = 'lost';
    if (name === this.state) return;
    this.state = name;
    this.on.state(name, this.lostAt);
  }
}
