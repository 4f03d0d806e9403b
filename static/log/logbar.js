// logbar.js: the bar above the command window: filters as chips, find, errors, wrap, times, follow; and its keys.
import { $, el, keysAreOurs, say } from '../page/dom.js';

const count = (/** @type {number} */ n) => n.toLocaleString('en');

export class LogBar {
  /**
   * @param {HTMLElement} root the `.log`
   * @param {{pickHost: (host: string) => void, filtered: (hosts: Set<string>|null) => void,
   *   same: (on: boolean) => void, tell: (text: string) => void}} page
   */
  constructor(root, page) {
    this.root = root;
    this.page = page;
    this.running = true;
    this.steps = /** @type {HTMLSelectElement} */ ($('#f-step', root));
    /** The window with equal output folded, once it was asked for. @type {import('../same/sameview.js').SameView|undefined} */
    this.same = undefined;
    this.find = /** @type {HTMLInputElement} */ ($('.log-find input', root));
  }

  /** What the window calls back. @returns {import('./log.js').Hooks} */
  hooks() {
    const pill = $('.log-pill', this.root);
    const found = $('.log-find output', this.root);
    return {
      host: (host) => this.page.pickHost(host),
      left: (lines) => {
        const row = $('.log-left', this.root);
        row.hidden = !lines;
        say($('b', row), count(lines));
      },
      follow: (on, unseen) => {
        $('#b-follow', this.root).setAttribute('aria-pressed', String(on));
        pill.hidden = on || !(unseen || this.running);
        say($('span', pill), unseen ? `${count(unseen)} new line${unseen > 1 ? 's' : ''}` : 'Follow the end');
      },
      link: () => this.page.same(false), // a line of one host: it is shown where it stands
      search: ({ query, count: hits, at, busy }) => {
        if (this.same?.on) return this.sayFound(0, this.same.find(query) || hits, query);
        if (busy) say(found, query ? `${hits}…` : '');
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

  /** @param {import('./log.js').Wanted & {shown: number, all: number}} want */
  showFilter(want) {
    const chips = $('.log-chips', this.root);
    /** @type {[string, object][]} */
    const list = [];
    if (want.steps) list.push([`step ${[...want.steps][0] + 1}`, { steps: null }]);
    if (want.hosts) list.push([want.hosts.size > 3 ? `${want.hosts.size} hosts` : [...want.hosts].join(', '), { hosts: null }]);
    if (want.errors) list.push(['errors only', { errors: false }]);
    chips.hidden = !list.length;
    chips.replaceChildren(
      ...list.map(([label, undo]) => {
        const x = el('button', '', '×');
        x.setAttribute('type', 'button');
        x.setAttribute('aria-label', `Stop filtering by ${label}`);
        x.addEventListener('click', () => this.log?.filter(undo));
        return el('span', 'chip', label, x);
      }),
      ` ${count(want.shown)} of ${count(want.all)} lines`,
    );
    this.steps.value = want.steps ? String([...want.steps][0]) : '';
    $('#b-err', this.root).setAttribute('aria-pressed', String(want.errors));
    $('.log-empty', this.root).hidden = want.shown > 0 || want.all === 0;
    this.page.filtered(want.hosts);
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
    const button = (/** @type {string} */ id, /** @type {() => void} */ press) => $(id, root).addEventListener('click', press);
    steps.addEventListener('change', () => log.filter({ steps: steps.value === '' ? null : new Set([Number(steps.value)]) }));
    button('#b-err', () => log.filter({ errors: !log.want.errors }));
    button('#b-follow', () => log.follow(!log.following));
    button('.log-pill', () => log.follow(true));
    button('#b-prev', () => this.next(-1));
    button('#b-next', () => this.next(1));
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
    this.toggle('#b-wrap', innerWidth < 720, (on) => {
      const { blocks, scroller } = log;
      const row = blocks.rowOf(blocks.firstSeen());
      const was = row ? blocks.y(row) : 0;
      root.classList.toggle('log--wrap', on);
      if (row) log.moveTo(scroller.scrollTop + blocks.y(row) - was); // the place is kept
      log.settle();
    });
    this.toggle('#b-times', false, (on) => {
      log.showTimes(on);
      this.same?.forget();
    });
    this.toggle('#b-same', false, (on) => this.page.same(on));
    this.listenToKeys(log);
  }

  /** A switch that a browser remembers once the reader chose. @param {string} id @param {boolean} otherwise @param {(on: boolean) => void} set */
  toggle(id, otherwise, set) {
    const button = $(id, this.root);
    const key = `pushbutton-${id.slice(3)}`;
    const turn = (/** @type {boolean} */ on) => {
      button.setAttribute('aria-pressed', String(on));
      set(on);
    };
    let chosen = null;
    try {
      chosen = localStorage.getItem(key);
    } catch {
      // no storage: chosen anew on each page
    }
    button.addEventListener('click', () => {
      const on = button.getAttribute('aria-pressed') !== 'true';
      turn(on);
      try {
        localStorage.setItem(key, on ? 'on' : 'off');
      } catch {
        // it holds for this page
      }
    });
    if (chosen ? chosen === 'on' : otherwise) turn(true);
  }

  /** @param {import('./log.js').LogView} log */
  listenToKeys(log) {
    const view = () => (this.same?.on ? this.same : log);
    const press = (/** @type {string} */ id) => () => $(id, this.root).click();
    /** @type {Record<string, () => void>} */
    const keys = {
      f: () => {
        this.page.same(false);
        log.follow(true);
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
    if (log.match) {
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
    const match = log.match && log.passesAt(log.match - 1) ? log.match : 0;
    const n = match || log.marked?.[0] || (same?.on ? same.firstSeen() : log.blocks.firstSeen() + 1);
    if (!n) return;
    log.link(n, false);
    same?.remark();
    const row = match && log.blocks.rowOf(match - 1);
    const y = row ? log.blocks.y(row) : -1;
    if (match && !same?.on && (y < 0 || y > log.scroller.clientHeight - log.blocks.rowHeight)) log.goTo(match);
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
