// shared.js: one stream for a whole browser, however many tabs: over HTTP/1.1 a browser has six connections for a site,
// and a seventh stream would leave Cancel unanswered. One tab leads: it holds the connection and passes on what comes.
// Who leads is decided by a lock of the browser; where there is none (plain HTTP from afar), each tab leads itself.
// It never keeps a record: a tab that missed some fetches them (stream.js).

/** A tab that said nothing for so long is gone; a connection too, although pings come each 10 s. */
const GONE = 40000;
/** Tabs repeat what they watch this often. */
const BEAT = 15000;
/** A hidden tab gives the lead back after so long. */
const HIDDEN = 30000;

/** @typedef {{cursor: () => number, told: (name: string, offset: number, data: string) => void}} Watcher */

const many = 'locks' in navigator && 'BroadcastChannel' in window;
const channel = many ? new BroadcastChannel('pushbutton') : null;
const tab = `${Date.now()}-${Math.random()}`;
/** What this tab watches, by push. @type {Map<number, Watcher>} */
const mine = new Map();
/** Who wants to know of changes. @type {((name: string) => void)[]} */
const pages = [];
/** What other tabs watch. @type {Map<string, {at: number, pushes: [number, number][]}>} */
const others = new Map();
/** Offsets that the stream has told up to, by push. @type {Map<number, number>} */
let reached = new Map();
/** @type {EventSource|null} */
let source = null;
/** @type {(() => void)|null} gives the lead back */
let release = null;
/** @type {AbortController|null} */
let queue = null;
let tries = 0;
let timer = 0;
let dog = 0;

/** Tells this tab, and as the leader all others. @param {string} name @param {number} push @param {number} offset @param {string} data */
function tell(name, push = 0, offset = 0, data = '') {
  channel?.postMessage({ name, push, offset, data });
  hear(name, push, offset, data);
}

/** @param {string} name @param {number} push @param {number} offset @param {string} data */
function hear(name, push, offset, data) {
  if (name !== 'at' && name !== 'up') guard(); // those two are the leader's words, not the server's
  if (push) mine.get(push)?.told(name, offset, data);
  else for (const on of [...mine.values()]) on.told(name, 0, '');
  for (const on of pages) on(push ? 'heard' : name);
}

/** A connection that died without a word; whoever leads notices first. */
function guard() {
  clearTimeout(dog);
  dog = setTimeout(
    () => {
      hear('broken', 0, 0, '');
      retry();
    },
    release ? GONE : GONE + 5000,
  );
}

/** Everything that any tab watches, each from where the stream stands, or from where the tab does. */
function wanted() {
  const all = new Map([...mine].map(([push, on]) => [push, on.cursor()]));
  for (const [other, { at, pushes }] of others) {
    if (Date.now() - at > GONE) others.delete(other);
    else for (const [push, cursor] of pushes) if (!all.has(push)) all.set(push, cursor);
  }
  for (const [push, cursor] of reached) if (all.has(push)) all.set(push, cursor);
  return all;
}

/** Opens the stream, when this tab leads. */
function open() {
  if (!release) return;
  clearTimeout(timer);
  source?.close();
  reached = wanted();
  const names = [...reached].map(([push, cursor]) => `${push}:${cursor}`).join(',');
  guard();
  const now = (source = new EventSource(names ? `/api/v1/events?push=${names}` : '/api/v1/events'));
  now.onopen = () => {
    tries = 0;
    tell('open');
  };
  now.onerror = () => {
    if (now !== source) return;
    const closed = now.readyState === EventSource.CLOSED; // not 200: the browser gives up, we do not
    tell(closed ? 'refused' : 'broken');
    if (closed) timer = setTimeout(open, Math.min(15, 2 ** tries++) * (800 + 400 * Math.random()));
  };
  now.addEventListener('ping', () => tell('ping'));
  now.addEventListener('changed', () => tell('changed'));
  now.addEventListener('push', (e) => {
    const cut = e.data.indexOf('\n');
    const [push, offset] = e.data.slice(0, cut).split(' ').map(Number);
    reached.set(push, offset);
    tell('records', push, offset, e.data.slice(cut + 1));
  });
  for (const name of ['end', 'reset']) {
    now.addEventListener(name, (e) => {
      if (name === 'reset') reached.set(Number(e.data), 0);
      tell(name, Number(e.data));
    });
  }
}

/** A push that the stream does not carry yet is added; one that it carries is told how far it is. @param {[number, number][]} pushes */
function serve(pushes) {
  if (!release) return;
  if (pushes.some(([push]) => !reached.has(push))) open();
  else for (const [push] of pushes) tell('at', push, reached.get(push) ?? 0);
  if (source?.readyState === EventSource.OPEN) tell('up');
}

/** Says what this tab watches, to whoever leads. */
function want() {
  const pushes = [...mine].map(([push, on]) => /** @type {[number, number]} */ ([push, on.cursor()]));
  channel?.postMessage({ name: 'want', tab, pushes });
  serve(pushes);
}

/** Waits for the lead, or takes it from a tab that has fallen silent. @param {boolean} [steal] */
function queueUp(steal = false) {
  if (release || (queue && !steal)) return;
  if (!many) {
    release = () => {};
    return open();
  }
  queue?.abort();
  const own = (queue = new AbortController());
  const lead = () =>
    new Promise((/** @type {(value?: unknown) => void} */ done) => {
      release = done;
      reached = new Map();
      channel?.postMessage({ name: 'who' });
      setTimeout(open, 50); // the others have answered by then
    });
  const lost = () => {
    if (queue !== own) return;
    stop();
    if (!document.hidden) queueUp();
  };
  navigator.locks.request('pushbutton stream', steal ? { steal } : { signal: own.signal }, lead).catch(lost);
}

/** Gives the lead back, or leaves the queue for it. */
function stop() {
  clearTimeout(timer);
  clearTimeout(dog);
  queue?.abort();
  queue = null;
  source?.close();
  source = null;
  release?.();
  release = null;
}

function start() {
  queueUp();
  want();
}

/**
 * Watches a push: `told` hears `records` (with the offset behind them), `at` (how far the stream is), `reset`, `end`, and
 * how the connection is: `open`, `up` (it is open already), `broken`, `refused`, `ping`.
 * @param {number} push
 * @param {Watcher} on
 */
export function watch(push, on) {
  mine.set(push, on);
  want();
}

/** @param {number} push */
export function unwatch(push) {
  mine.delete(push);
}

/** Opens the stream anew: now, since the network is back, or since nothing was heard for too long. */
export function retry() {
  tries = 0;
  if (document.hidden && !release) return; // a tab that nobody sees leads no more
  if (release) open();
  else queueUp(true);
}

/** Calls back with `changed` whenever something changed on the server, with `open` whenever the stream is open again, and
 * with some other name for whatever else was heard. @param {(name: string) => void} on */
export function onChange(on) {
  pages.push(on);
}

/** What tabs say to each other: `who` is there, `want` (what a tab watches), `bye`, and whatever the leader passes on.
 *  @typedef {{name: string, push?: number, offset?: number, data?: string, tab?: string, pushes?: [number, number][]}} Said */

channel?.addEventListener('message', (e) => {
  const { name, push = 0, offset = 0, data = '', tab: from = '', pushes = [] } = /** @type {Said} */ (e.data);
  if (name === 'who') want();
  else if (name === 'bye') others.delete(from);
  else if (name === 'want') {
    others.set(from, { at: Date.now(), pushes });
    serve(pushes);
  } else if (!release) hear(name, push, offset, data);
});
setInterval(() => document.hidden || want(), BEAT);
let hiding = 0;
document.addEventListener('visibilitychange', () => {
  clearTimeout(hiding);
  if (document.hidden) hiding = setTimeout(stop, HIDDEN);
  else start();
});
addEventListener('pagehide', () => {
  channel?.postMessage({ name: 'bye', tab });
  stop();
});
addEventListener('pageshow', (e) => e.persisted && start());
if (!document.hidden) start();
