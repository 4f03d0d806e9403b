// stream.js: one push, one stream of records, each exactly once and in order, whatever happens to the connection.
//
// The server sends batches: `event: records`, a record a line, `id` the byte offset behind the last one. A browser hands
// over whole events only, so a batch that was cut is never half seen. Records are numbered without gaps: a number that
// was seen is dropped, a hole means that nothing is applied and the stream is opened again at the cursor.

/** Without a byte for so long, although pings come each 15 s, a connection is dead. */
const SILENCE = 40000;
/** No banner before a connection has been gone for so long. */
const LOST = 30000;
/** A hidden tab gives its connection back: over HTTP/1.1 a browser has six for a site. */
const HIDDEN = 30000;

export class PushStream {
  /**
   * @param {number} push its number
   * @param {object} on
   * @param {(records: import('./fold.js').Record[]) => void} on.records
   * @param {() => void} on.reset forget everything: the journal begins anew
   * @param {(name: 'connecting'|'live'|'waiting'|'lost'|'signedout'|'parked'|'done', since: number) => void} on.state
   */
  constructor(push, on) {
    this.address = `/api/v1/pushes/${push}`;
    this.on = on;
    /** Byte offset behind the last record. */
    this.cursor = 0;
    /** Number of the last record. */
    this.seen = 0;
    this.tries = 0;
    this.lostAt = 0;
    this.ended = false;
    this.parked = false;
    /** @type {EventSource|null} */
    this.source = null;
    document.addEventListener('visibilitychange', () => this.visibility());
    addEventListener('online', () => this.retryNow());
    addEventListener('pagehide', () => this.close());
    addEventListener('pageshow', (e) => e.persisted && !this.ended && this.open());
    this.open();
  }

  open() {
    this.close();
    this.say(this.lostAt ? 'waiting' : 'connecting');
    const source = (this.source = new EventSource(`${this.address}/events?after=${this.cursor}`));
    this.watch();
    source.onopen = () => {
      this.tries = 0;
      this.lostAt = 0;
      clearTimeout(this.lostTimer);
      this.say('live');
      this.watch();
    };
    source.addEventListener('records', (e) => {
      if (source !== this.source) return;
      this.watch();
      this.take(e.data, Number(e.lastEventId));
    });
    source.addEventListener('ping', () => this.watch());
    source.addEventListener('reset', () => {
      this.cursor = this.seen = 0;
      this.on.reset();
      this.open();
    });
    source.addEventListener('end', () => this.finish());
    source.onerror = () => {
      if (this.ended || source !== this.source) return;
      this.lost();
      if (source.readyState === EventSource.CLOSED) this.again(); // not 200: the browser gives up, we do not
      else this.say('waiting'); // the browser tries again by itself, with Last-Event-ID
    };
  }

  /** @param {string} data @param {number} offset */
  take(data, offset) {
    /** @type {import('./fold.js').Record[]} */
    const records = data.split('\n').map((line) => JSON.parse(line));
    if (records[0].n > this.seen + 1) return this.open();
    const fresh = records.filter((record) => record.n > this.seen);
    this.cursor = offset;
    if (!fresh.length) return;
    this.seen = fresh[fresh.length - 1].n;
    this.on.records(fresh);
  }

  finish() {
    this.ended = true;
    this.close();
    this.say('done');
  }

  /** 1, 2, 4, 8, 15, 15 … seconds, give or take a fifth. EventSource hides the status, so a plain request asks first. */
  again() {
    this.close();
    this.say('waiting');
    const seconds = this.tries === 0 ? 0.3 : Math.min(15, 2 ** (this.tries - 1)) * (0.8 + 0.4 * Math.random());
    this.tries++;
    this.timer = setTimeout(() => this.ask(), seconds * 1000);
  }

  async ask() {
    const answer = await fetch(this.address, { cache: 'no-store', redirect: 'manual' }).catch(() => null);
    if (this.ended || this.source) return;
    if (answer?.status === 401 || answer?.type === 'opaqueredirect') return this.say('signedout');
    if (!answer?.ok) return this.again();
    const state = await answer.json().then((push) => push.state ?? push.push?.state).catch(() => undefined);
    // Asked at its end, a stream answers 204, which a browser takes for an error: then everything is here.
    if (state && state !== 'running' && this.seen && this.tries > 1) return this.finish();
    this.open();
  }

  retryNow() {
    if (this.ended || this.parked || this.source?.readyState === EventSource.OPEN) return;
    this.tries = 0;
    this.open();
  }

  lost() {
    if (this.lostAt) return;
    this.lostAt = Date.now();
    this.lostTimer = setTimeout(() => this.lostAt && this.say('lost'), LOST);
  }

  /** A connection that died without a word. */
  watch() {
    clearTimeout(this.dog);
    this.dog = setTimeout(() => {
      if (this.ended || this.parked) return;
      this.lost();
      this.open();
    }, SILENCE);
  }

  visibility() {
    clearTimeout(this.park);
    if (this.ended) return;
    if (document.hidden) {
      this.park = setTimeout(() => {
        this.parked = true;
        this.close();
        this.say('parked');
        this.poll();
      }, HIDDEN);
    } else if (this.parked) {
      this.parked = false;
      clearTimeout(this.poller);
      this.open();
    }
  }

  /** Hidden, the page only asks now and then whether the push has ended; then it looks once more. */
  async poll() {
    if (!this.parked) return;
    const answer = await fetch(this.address, { cache: 'no-store' }).catch(() => null);
    const push = answer?.ok ? await answer.json().catch(() => null) : null;
    const state = push?.state ?? push?.push?.state;
    if (!this.parked) return;
    if (state && state !== 'running') {
      this.parked = false;
      this.open();
    } else this.poller = setTimeout(() => this.poll(), 20000);
  }

  close() {
    clearTimeout(this.dog);
    clearTimeout(this.timer);
    this.source?.close();
    this.source = null;
  }

  /** @param {'connecting'|'live'|'waiting'|'lost'|'signedout'|'parked'|'done'} name */
  say(name) {
    const long = this.lostAt && Date.now() - this.lostAt > LOST;
    if (name === 'waiting' && long) name = 'lost';
    if (name === this.state) return;
    this.state = name;
    this.on.state(name, this.lostAt);
  }
}
