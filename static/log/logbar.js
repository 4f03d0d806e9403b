// logbar.js: the bar above the command window: filters as chips, find, errors, wrap, times, follow; and its keys.
import { $, button, el, keep, kept, keysAreOurs, say, the } from '../page/dom.js';
import { count } from '../page/times.js';

/**
 * @typedef {object} Folded what the bar does with the window in which equal output is folded
 * @property {boolean} on
 * @property {number[]} hits
 * @property {string} query
 * @property {HTMLElement} view
 * @property {(query: string) => number} find
 * @property {(by: 1|-1) => number} next
 * @property {(by: 1|-1) => void} error
 * @property {(by: 1|-1) => void} hop
 * @property {() => void} forget
 * @property {() => void} forgetMatch
 * @property {() => void} leave
 * @property {() => void} remark
 * @property {() => number|undefined} firstSeen
 */

export class LogBar {
  /**
   * @param {HTMLElement} root the `.log`
   * @param {{pickHost: (host: string) => void, filtered: (hosts: Set<string>|null) => void,
   *   same: (on: boolean) => void, tell: (text: string) => void}} page
   * @param {boolean} running whether the push runs
   */
  constructor(root, page, running) {
    this.root = root;
    this.page = page;
    this.running = running;
    this.steps = the('#f-step', root, HTMLSelectElement);
    /** The window with equal output folded, once it was asked for. @type {Folded|undefined} */
    this.same = undefined;
    this.find = the('.log-find input', root, HTMLInputElement);
    /** @type {import('./log.js').LogView|undefined} */
    this.log = undefined;
  }

  /** What the window calls back. @returns {import('./log.js').Hooks} */
  hooks() {
    const pill = the('.log-pill', this.root);
    return {
      host: (host) => this.page.pickHost(host),
      left: (lines) => {
        const row = the('.log-left', this.root);
        row.hidden = !lines;
        say($('b', row), count(lines));
      },
      follow: (on, unseen) => {
        the('#b-follow', this.root).setAttribute('aria-pressed', String(on));
        pill.hidden = on || !(unseen || this.running);
        say($('span', pill), unseen ? `${count(unseen)} new line${unseen > 1 ? 's' : ''}` : 'Follow the end');
      },
      link: () => this.page.same(false), // a line of one host: it is shown where it stands
      search: ({ query, count: hits, at, busy }) => {
        if (this.same?.on) return this.sayFound(0, this.same.find(query) || hits, query);
        if (busy) say($('.log-find output', this.root), query ? `${hits}…` : '');
        else this.sayFound(at + 1, hits, query);
      },
      filter: (want) => this.showFilter(want),
    };
  }

  /** @param {number} at from 1; 0 is none yet @param {number} hits @param {string} query */
  sayFound(at, hits, query) {
    const words = hits ? `${at ? `${at}/` : ''}${count(hits)}` : 'none';
    say($('.log-find output', this.root), query ? words : '');
  }

  /** To the next match, or the one before. @param {1|-1} by */
  next(by) {
    const { same, log } = this;
    if (same?.on && same.hits.length) return this.sayFound(same.next(by), same.hits.length, same.query);
    if (log?.search.hits.length) this.page.same(false); // it stands where the fold draws nothing
    log?.search.next(by);
  }

  /** @param {import('./list.js').Wanted & {shown: number, all: number}} want */
  showFilter(want) {
    const chips = the('.log-chips', this.root);
    /** @type {[string, Partial<import('./list.js').Wanted>][]} */
    const list = [];
    if (want.steps) list.push([`step ${[...want.steps][0] + 1}`, { steps: null }]);
    if (want.hosts) list.push([want.hosts.size > 3 ? `${want.hosts.size} hosts` : [...want.hosts].join(', '), { hosts: null }]);
    if (want.errors) list.push(['errors only', { errors: false }]);
    chips.hidden = !list.length;
    chips.replaceChildren(
      ...list.map(([label, undo]) => {
        const x = button('', '×');
        x.setAttribute('aria-label', `Stop filtering by ${label}`);
        x.addEventListener('click', () => this.log?.filter(undo));
        return el('span', 'chip', label, x);
      }),
      ` ${count(want.shown)} of ${count(want.all)} lines`,
    );
    this.steps.value = want.steps ? String([...want.steps][0]) : '';
    the('#b-err', this.root).setAttribute('aria-pressed', String(want.errors));
    the('.log-empty', this.root).hidden = want.shown > 0 || want.all === 0;
    this.page.filtered(want.hosts);
  }

  /** The push has ended: there is no end to follow. */
  ended() {
    this.running = false;
  }

  /** @param {Folded} same */
  setFolded(same) {
    this.same = same;
  }

  /** @param {string[]} titles */
  setSteps(titles) {
    if (this.steps.options.length === titles.length + 1) return;
    this.steps.replaceChildren(new Option('All steps', ''), ...titles.map((t, i) => new Option(`${i + 1}. ${t}`.slice(0, 60), String(i))));
  }

  /** @param {import('./log.js').LogView} log */
  attach(log) {
    this.log = log;
    const { root, find, steps } = this;
    const on = (/** @type {string} */ id, /** @type {() => void} */ press) => the(id, root).addEventListener('click', press);
    steps.addEventListener('change', () => log.filter({ steps: steps.value === '' ? null : new Set([Number(steps.value)]) }));
    on('#b-err', () => log.filter({ errors: !log.list.want.errors }));
    on('#b-follow', () => log.reader.follow(!log.reader.following));
    on('.log-pill', () => log.reader.follow(true));
    on('#b-prev', () => this.next(-1));
    on('#b-next', () => this.next(1));
    let wait = 0;
    const look = () => {
      clearTimeout(wait);
      wait = 0;
      log.search.find(find.value);
    };
    find.addEventListener('input', () => {
      clearTimeout(wait);
      wait = setTimeout(look, 150);
    });
    find.addEventListener('keydown', (e) => {
      if (e.key === 'Enter') {
        e.preventDefault();
        if (wait) look(); // who types fast need not wait
        this.next(e.shiftKey ? -1 : 1);
      }
      if (e.key === 'Escape' && !$(':popover-open')) {
        e.preventDefault();
        if (wait) look();
        this.leaveFind(log);
      }
    });
    this.toggle('#b-wrap', innerWidth < 720, (on) => log.wrap(on));
    this.toggle('#b-times', false, (on) => {
      log.showTimes(on);
      this.same?.forget();
    });
    this.toggle('#b-same', false, (on) => this.page.same(on));
    this.listenToKeys(log);
  }

  /** A switch that a browser remembers once the reader chose. @param {string} id @param {boolean} otherwise @param {(on: boolean) => void} set */
  toggle(id, otherwise, set) {
    const toggle = the(id, this.root);
    const key = `pushbutton-${id.slice(3)}`;
    const turn = (/** @type {boolean} */ on) => {
      toggle.setAttribute('aria-pressed', String(on));
      set(on);
    };
    const chosen = kept(key);
    toggle.addEventListener('click', () => {
      const on = toggle.getAttribute('aria-pressed') !== 'true';
      turn(on);
      keep(key, on ? 'on' : 'off');
    });
    if (chosen ? chosen === 'on' : otherwise) turn(true);
  }

  /** @param {import('./log.js').LogView} log */
  listenToKeys(log) {
    const view = () => (this.same?.on ? this.same : log);
    const press = (/** @type {string} */ id) => () => the(id, this.root).click();
    /** @type {Record<string, () => void>} */
    const keys = {
      f: () => {
        this.page.same(false);
        log.reader.follow(true);
      },
      '/': () => this.find.focus(),
      n: () => this.next(1),
      N: () => this.next(-1),
      e: () => view().error(1),
      E: () => view().error(-1),
      w: press('#b-wrap'),
      t: press('#b-times'),
      '=': press('#b-same'),
      y: () => this.copyLine(log),
      '[': () => (this.same?.on ? this.same.hop(-1) : this.hop(log, -1)),
      ']': () => (this.same?.on ? this.same.hop(1) : this.hop(log, 1)),
      Escape: () => this.leave(log),
    };
    addEventListener('keydown', (e) => {
      const does = keysAreOurs(e) ? keys[e.key] : undefined;
      if (!does) return;
      e.preventDefault();
      does();
    });
  }

  /** Esc leaves one thing a press: what is looked for, then the match, then the filters. @param {import('./log.js').LogView} log */
  leave(log) {
    if (this.find.value || log.search.query) return this.leaveFind(log);
    if (log.marks.match) {
      log.search.forget();
      this.same?.forgetMatch();
    } else log.filter({ steps: null, hosts: null, errors: false });
    if (document.activeElement === document.body) this.focusLog(log);
  }

  /** Empties the field; the match stays, so that `y` links to it. @param {import('./log.js').LogView} log */
  leaveFind(log) {
    if (this.same?.on) this.same.leave();
    else log.search.leave();
    this.find.value = '';
    log.search.find('');
    this.focusLog(log);
  }

  /** @param {import('./log.js').LogView} log */
  focusLog(log) {
    (this.same?.on ? this.same.view : log.scroller).focus({ preventScroll: true });
  }

  /** Copies a link to the match or the marked line, whichever is newer, else to the first line on screen. @param {import('./log.js').LogView} log */
  copyLine(log) {
    const { same } = this;
    const n = log.toLink(same?.on ? (same.firstSeen() ?? 0) : undefined);
    if (!n) return;
    const found = n === log.marks.match;
    log.link(n, false);
    same?.remark();
    if (found && !same?.on && !log.sees(n)) log.goTo(n);
    const told = (/** @type {string} */ where) => () => this.page.tell(`Link to line ${n} ${where}`);
    // Over plain HTTP a page has no clipboard, and a browser may refuse it.
    const write = navigator.clipboard?.writeText(location.href) ?? Promise.reject();
    write.then(told('copied'), told('is in the address bar'));
  }

  /** To the beginning of a neighbouring step. @param {import('./log.js').LogView} log @param {1|-1} by */
  hop(log, by) {
    const { blocks, scroller } = log;
    const third = scroller.clientHeight / 3 + 2; // where the line is that one goes to
    const at = blocks.sections.findLastIndex((s) => blocks.y(s.el) < third);
    const block = blocks.sections[Math.max(0, at + by)]?.blocks[0];
    if (block) log.goTo(block.idx[0] + 1, { mark: false });
  }
}
