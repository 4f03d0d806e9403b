// logbar.js: the bar above the command window: filters as chips, find, errors, wrap, times, follow; and its keys.
import { $, el, keysAreOurs, say } from './dom.js';

const count = (/** @type {number} */ n) => n.toLocaleString('en');

export class LogBar {
  /**
   * @param {HTMLElement} root the `.log`
   * @param {{pickHost: (host: string) => void, filtered: (hosts: Set<string>|null) => void, tell: (text: string) => void}} page
   */
  constructor(root, page) {
    this.root = root;
    this.page = page;
    this.running = true;
    this.steps = /** @type {HTMLSelectElement} */ ($('#f-step', root));
    this.find = /** @type {HTMLInputElement} */ ($('.log-find input', root));
  }

  /** What the window calls back. @returns {import('./log.js').Hooks} */
  hooks() {
    const pill = $('.log-pill', this.root);
    const found = $('.log-find output', this.root);
    return {
      host: (host) => this.page.pickHost(host),
      follow: (on, unseen) => {
        $('#b-follow', this.root).setAttribute('aria-pressed', String(on));
        pill.hidden = on || !(unseen || this.running);
        say($('span', pill), unseen ? `${count(unseen)} new line${unseen > 1 ? 's' : ''}` : 'Follow the end');
      },
      search: ({ query, count: hits, at, busy }) => {
        const words = busy ? `${hits}…` : hits ? `${at >= 0 ? `${at + 1}/` : ''}${count(hits)}` : 'none';
        say(found, query ? words : '');
      },
      filter: (want) => this.showFilter(want),
    };
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
    button('#b-prev', () => log.search.next(-1));
    button('#b-next', () => log.search.next(1));
    let wait = 0;
    find.addEventListener('input', () => {
      clearTimeout(wait);
      wait = setTimeout(() => log.search.find(find.value), 150);
    });
    find.addEventListener('keydown', (e) => {
      if (e.key === 'Enter') {
        e.preventDefault();
        log.search.next(e.shiftKey ? -1 : 1);
      }
      if (e.key === 'Escape') {
        find.value = '';
        log.search.find('');
        log.scroller.focus();
      }
    });
    this.toggle('#b-wrap', (on) => {
      root.classList.toggle('log--wrap', on);
      log.settle();
    });
    this.toggle('#b-times', (on) => log.showTimes(on));
    this.rememberWrap();
    this.listenToKeys(log);
  }

  /** @param {string} id @param {(on: boolean) => void} set */
  toggle(id, set) {
    const button = $(id, this.root);
    button.addEventListener('click', () => {
      const on = button.getAttribute('aria-pressed') !== 'true';
      button.setAttribute('aria-pressed', String(on));
      set(on);
    });
  }

  /** Wrap is on where the screen is narrow, unless the reader chose otherwise. */
  rememberWrap() {
    const wrap = $('#b-wrap', this.root);
    let chosen = null;
    try {
      chosen = localStorage.getItem('pushbutton-wrap');
      wrap.addEventListener('click', (/** @type {Event} */ e) => {
        if (e.isTrusted) localStorage.setItem('pushbutton-wrap', wrap.getAttribute('aria-pressed') === 'true' ? 'on' : 'off');
      });
    } catch {
      // no storage: chosen anew on each page
    }
    if (chosen ? chosen === 'on' : innerWidth < 720) wrap.click();
  }

  /** @param {import('./log.js').LogView} log */
  listenToKeys(log) {
    /** @type {Record<string, () => void>} */
    const keys = {
      f: () => log.follow(true),
      '/': () => this.find.focus(),
      n: () => log.search.next(1),
      N: () => log.search.next(-1),
      e: () => log.error(1),
      E: () => log.error(-1),
      w: () => $('#b-wrap', this.root).click(),
      t: () => $('#b-times', this.root).click(),
      y: () => this.copyLine(log),
      '[': () => this.hop(log, -1),
      ']': () => this.hop(log, 1),
      Escape: () => log.filter({ steps: null, hosts: null, errors: false }),
    };
    addEventListener('keydown', (e) => {
      const press = keysAreOurs(e) ? keys[e.key] : undefined;
      if (!press) return;
      e.preventDefault();
      press();
    });
  }

  /** Copies a link to the marked line, else to the current match, else to the first on screen. @param {import('./log.js').LogView} log */
  copyLine(log) {
    const { search } = log;
    const seen = search.at >= 0 ? search.hits[search.at] : log.blocks.firstSeen();
    const n = log.marked?.[0] ?? seen + 1;
    if (!n) return;
    log.link(n, false);
    navigator.clipboard?.writeText(location.href);
    this.page.tell(`Link to line ${n} copied`);
  }

  /** To the beginning of a neighbouring step. @param {import('./log.js').LogView} log @param {1|-1} by */
  hop(log, by) {
    const at = log.blocks.firstSeen();
    const step = Math.max(0, (at >= 0 ? log.stepAt(at) : 0) + by);
    const n = log.firstOf(step);
    if (n) log.goTo(n, { mark: false });
  }
}
