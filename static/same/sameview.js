// sameview.js: the command window with equal output folded: a heading for each group of hosts that said the same, and
// their lines once. It lies over the window, which goes on beneath it. What it draws is bounded, however much was said. Of a
// long push that has ended the server says who said the same, and a group's lines come when it is looked at.
import { makeRow } from '../log/rows.js';
import { $, $$, around, button, el, the } from '../page/dom.js';
import { count } from '../page/times.js';
import { Same } from './same.js';

/** Lines that are drawn of one group, of all groups; names in a heading. */
const GROUP = 200;
const ALL = 2000;
const NAMES = 4;
/** Milliseconds between two drawings, and of taking lines in at once. */
const PAUSE = 500;
const SLICE = 8;
/** Groups of failed hosts whose lines come at once, for who goes from error to error. */
const SOON = 8;

/** @typedef {import('../log/line.js').Line} Line
 *  @typedef {{hosts: string[], state: string, count: number, rows: Line[]|null}} Group `rows` are its first lines, if they
 *    are here
 *  @typedef {{group: Group, step: number, name: string}} Drawn what an element shows of a group
 *  @typedef {{done: string, drawn: number, looks: string}} Section what an element shows of a step: how it ended, how many lines
 *  @typedef {{title: string, state: string, host: Map<string, unknown>}} Step
 *  @typedef {{steps: () => Step[], state: (step: number, host: string) => string, shapeOf: (end: string) => string,
 *    pick: (hosts: string[]) => void, leave: () => void}} Page */

export class SameView {
  /** @param {HTMLElement} root the `.log` @param {import('../log/log.js').LogView} log @param {Page} page */
  constructor(root, log, page) {
    this.root = root;
    this.log = log;
    this.list = log.list;
    this.page = page;
    this.on = false;
    this.same = new Same();
    this.view = the('.log-same', root);
    /** Groups that the reader opened or shut, by their names. @type {Map<string, boolean>} */
    this.chosen = new Map();
    /** The rows that are drawn, and the line of each. @type {HTMLElement[]} */
    this.rows = [];
    /** @type {WeakMap<HTMLElement, Line>} */
    this.lines = new WeakMap();
    /** @type {WeakMap<HTMLElement, Drawn>} */
    this.groupOf = new WeakMap();
    /** @type {WeakMap<HTMLElement, Section>} */
    this.sectionOf = new WeakMap();
    /** What the server said of a long push, by step. @type {Group[][]|null} */
    this.told = null;
    /** @type {AbortController|null} */
    this.asking = null;
    this.soon = SOON;
    const seen = (/** @type {IntersectionObserverEntry[]} */ es) => es.forEach((e) => e.isIntersecting && e.target instanceof HTMLElement && this.load(e.target));
    this.near = new IntersectionObserver(seen, { root: this.view, rootMargin: '100% 0px' });
    this.at = -1;
    this.query = '';
    /** Which of the rows match. @type {number[]} */
    this.hits = [];
    this.left = this.timer = 0;
    this.view.addEventListener('click', (e) => this.click(e));
  }

  /** @param {boolean} on */
  set(on) {
    if (this.on === on) return;
    this.on = on;
    this.root.classList.toggle('log--same', on);
    this.view.hidden = !on;
    if (on) this.paint();
    else {
      this.clear(); // its memory is given back; it is quickly made anew
      this.log.draw();
    }
  }

  /** The journal begins anew, or nobody looks. */
  clear() {
    this.same.clear();
    this.forget();
  }

  /** Draws all anew: filters or times have changed. */
  forget() {
    this.asking?.abort();
    this.asking = this.told = null;
    this.soon = SOON;
    this.near.disconnect();
    this.rows = [];
    this.at = -1;
    this.view.replaceChildren();
    this.draw();
  }

  /** Draws it soon. */
  draw(pause = PAUSE) {
    if (!this.on || this.timer || document.hidden) return;
    this.timer = setTimeout(() => {
      this.timer = 0;
      this.paint();
    }, pause);
  }

  paint() {
    if (!this.on) return;
    const { far } = this.list;
    if (far && !this.told) return this.ask(far);
    if (!this.same.take(this.list.lines, performance.now() + SLICE)) return this.draw(0);
    if (this.selecting()) return this.draw(); // never pull text from under a selection
    const { steps } = this.list.want;
    this.left = ALL;
    const sections = this.page.steps().flatMap((step, i) => {
      const said = (!steps || steps.has(i)) && (step.state !== 'wait' || this.same.steps[i]);
      const section = said && this.section(i, step);
      return section ? [section] : [];
    });
    if (!sections.length) sections.push(el('p', 'log-none', 'No host has printed anything yet.'));
    const old = this.view.children;
    sections.forEach((section, k) => old[k] === section || this.view.insertBefore(section, old[k] ?? null));
    while (old.length > sections.length) old[old.length - 1].remove();
    this.rows = $$('.ln', this.view);
    this.find(this.log.search.query);
  }

  /** Has the server say who said the same. @param {import('../log/lines.js').FarLines} far */
  ask(far) {
    if (this.asking) return;
    const { signal } = (this.asking = new AbortController());
    const take = (/** @type {import('../log/lines.js').Group[][]} */ told) => {
      const group = (/** @type {import('../log/lines.js').Group} */ { hosts, end, count: lines }) => {
        return { hosts, state: end && this.page.shapeOf(end), count: lines, rows: lines ? null : [] };
      };
      this.told = told.map((groups) => groups.map(group));
      this.paint();
    };
    far.same(signal).then(take, () => {});
  }

  /** The groups of a step of which a line passes the filters. @param {number} i @param {Step} step @returns {Group[]} */
  groups(i, step) {
    if (this.told) return this.told[i] ?? [];
    const { lines, want } = this.list;
    const part = [...step.host.keys()].filter((host) => !want.hosts || want.hosts.has(host));
    const found = this.same.groups(i, part, (host) => this.page.state(i, host));
    const groups = found.map(({ hosts, state, lines: all }) => {
      if (want.hosts) hosts = hosts.filter((host) => want.hosts?.has(host));
      const passing = all.flatMap((k) => lines[k] ?? []).filter((line) => !want.errors || line.kind === 'err');
      return { hosts, state, count: passing.length, rows: passing.slice(0, GROUP + 1) };
    });
    return groups.filter((group) => group.hosts.length && (group.count || !want.errors));
  }

  /** One step, drawn anew only when it differs. @param {number} i @param {Step} step */
  section(i, step) {
    const old = $(`[data-step="${i}"]`, this.view);
    const was = old && this.sectionOf.get(old);
    if (was?.done && was.done === step.state) {
      this.left -= was.drawn;
      return old; // nothing is said in a step that has ended
    }
    const groups = this.groups(i, step);
    if (!groups.length) return null;
    const before = this.left;
    const open = groups.map((group) => {
      const draw = this.chosen.get(name(i, group)) ?? (this.left > 0 || group.state === 'fail');
      if (draw) this.left -= Math.min(GROUP, group.count);
      return draw;
    });
    const looks = groups.map((group, k) => `${name(i, group)} ${group.count} ${kinds(group)} ${open[k]}`).join('\n');
    const made = old ?? el('section', 'log-step');
    this.sectionOf.set(made, { done: step.state === 'run' ? '' : step.state, drawn: before - this.left, looks });
    if (was?.looks === looks) return made;
    made.dataset.step = String(i);
    const ways = groups.filter((group) => group.hosts[0]).length;
    const note = ways > 1 ? `${count(ways)} groups` : '';
    const heading = el('h3', '', el('span', 'trunc', `${i + 1}. ${step.title || 'Output'}`), el('span', 'd', note));
    made.replaceChildren(heading, ...groups.map((group, k) => this.group(i, group, open[k], ways)));
    return made;
  }

  /** @param {number} i @param {Group} group @param {boolean} open @param {number} ways */
  group(i, group, open, ways) {
    const { hosts, state } = group;
    const made = el('div', 'same');
    if (state) made.dataset.s = state;
    const toggle = does('same-t', '', 'toggle', state ? cell(state) : '', el('b', '', words(group, ways)));
    toggle.setAttribute('aria-expanded', String(open));
    const head = el('h4', 'same-h', toggle);
    if (hosts[0]) {
      const more = hosts.length - NAMES;
      const who = hosts.slice(0, NAMES).join(', ') + (more > 0 ? ` and ${count(more)} more` : '');
      const pick = does('same-who', `Show only the output of ${hosts.length > 1 ? 'these hosts' : 'this host'}`, 'pick', who);
      head.append(pick);
    }
    if (hosts[0] || ways) made.append(head); // a step of the push host alone needs no name
    this.groupOf.set(made, { group, step: i, name: name(i, group) });
    made.dataset.name = name(i, group);
    if (!open) return made;
    const body = el('div', 'lc');
    const height = `${Math.min(GROUP, group.count) * this.log.blocks.rowHeight}px`;
    body.style.containIntrinsicSize = `auto 1px auto ${height}`;
    made.append(body);
    if (group.rows) this.fill(body, group);
    else {
      body.style.minHeight = height;
      if (state === 'fail' && this.soon-- > 0) this.load(body);
      else this.near.observe(body);
    }
    return made;
  }

  /** Draws the lines of a group. @param {HTMLElement} body @param {Group} group */
  fill(body, { rows, count: all }) {
    body.style.minHeight = '';
    for (const line of rows?.slice(0, GROUP) ?? []) {
      const row = makeRow(line, this.log.gutter);
      this.lines.set(row, line);
      row.classList.toggle('is-on', this.log.marks.has(line.n));
      body.append(row);
    }
    if (all > GROUP) body.after(does('same-more', '', 'more', `and ${count(all - GROUP)} more lines`));
  }

  /** Fetches the lines of a group. @param {HTMLElement} body */
  async load(body) {
    this.near.unobserve(body);
    const drawn = body.parentElement && this.groupOf.get(body.parentElement);
    const { far } = this.list;
    if (!drawn || !far || !this.asking) return;
    try {
      drawn.group.rows = await far.voice(drawn.step, drawn.group.hosts[0], GROUP + 1, this.asking.signal);
    } catch {
      return; // nobody wants to know any more
    }
    this.fill(body, drawn.group);
    this.rows = $$('.ln', this.view);
    this.log.search.tell(false); // some may be among them
  }

  /** @param {MouseEvent} e */
  click(e) {
    const number = around(e, '.ln-n');
    if (number) return this.link(Number(number.textContent), e.shiftKey);
    const host = around(e, '.ln-h')?.title;
    if (host) return this.page.pick([host]);
    const what = around(e, '[data-do]')?.dataset.do;
    const made = around(e, '.same');
    const drawn = made && this.groupOf.get(made);
    if (!drawn) return;
    if (what === 'toggle') this.toggle(made, drawn.name);
    else if (what === 'more') {
      const next = drawn.group.rows?.[GROUP];
      this.page.leave();
      if (next) this.log.goTo(next.n, { mark: false });
    } else if (what) this.page.pick(drawn.group.hosts);
  }

  /** @param {HTMLElement} made a group as drawn @param {string} name */
  toggle(made, name) {
    this.chosen.set(name, $('.same-t', made)?.getAttribute('aria-expanded') !== 'true');
    const section = made.parentElement && this.sectionOf.get(made.parentElement);
    if (section) section.done = '';
    this.paint();
    $(`[data-name="${CSS.escape(name)}"] .same-t`, this.view)?.focus();
  }

  /** @param {number} n @param {boolean} extend */
  link(n, extend) {
    this.log.link(n, extend);
    this.remark();
  }

  remark() {
    for (const row of this.rows) row.classList.toggle('is-on', this.log.marks.has(this.numberOf(row)));
  }

  /** Marks the rows that hold a text. @param {string} query @returns {number} how many */
  find(query) {
    if (query && query !== this.query) this.at = -1;
    this.query = query;
    const has = (/** @type {HTMLElement} */ row) => !!query && !!$('.ln-x', row)?.textContent?.toLowerCase().includes(query);
    this.hits = this.rows.flatMap((row, k) => (row.classList.toggle('is-hit', has(row)) ? [k] : []));
    return this.hits.length;
  }

  /** To the next row of a list, or the one before. @param {1|-1} by @param {number[]} list @returns {number} the how-manieth */
  next(by, list = this.hits) {
    if (!list.length) return 0;
    this.rows[this.at]?.classList.remove('is-now');
    this.at = (by > 0 ? list.find((k) => k > this.at) : list.findLast((k) => k < this.at)) ?? list[by > 0 ? 0 : list.length - 1];
    const row = this.rows[this.at];
    row.classList.add('is-now');
    this.log.marks.found(this.numberOf(row));
    row.scrollIntoView({ block: 'center' });
    return list.indexOf(this.at) + 1;
  }

  /** The search is left: its line is the match, also when nobody went to it. */
  leave() {
    if (!this.log.marks.match && this.hits.length) this.log.marks.found(this.numberOf(this.rows[this.hits[0]]));
  }

  /** The match is left. */
  forgetMatch() {
    this.rows[this.at]?.classList.remove('is-now');
    this.at = -1;
  }

  /** @param {1|-1} by */
  error(by) {
    const list = this.rows.flatMap((row, k) => (this.lines.get(row)?.kind === 'err' ? [k] : []));
    if (list.length || !this.list.errors.length) {
      this.next(by, list);
      return;
    }
    this.page.leave(); // it stands further on in what someone said
    this.log.error(by);
  }

  /** @param {HTMLElement} row */
  numberOf(row) {
    return this.lines.get(row)?.n ?? 0;
  }

  /** The number of the first line on screen. */
  firstSeen() {
    const { top } = this.view.getBoundingClientRect();
    const row = this.rows.find((row) => row.getBoundingClientRect().top > top + 26);
    return row && this.numberOf(row);
  }

  /** To the beginning of a neighbouring step. @param {1|-1} by */
  hop(by) {
    const { top } = this.view.getBoundingClientRect();
    const list = [...this.view.children];
    const here = list.findLastIndex((section) => section.getBoundingClientRect().top < top + 2);
    list[Math.min(list.length - 1, Math.max(0, here + by))]?.scrollIntoView({ block: 'start' });
  }

  /** @param {number} step */
  openStep(step) {
    $(`[data-step="${step}"]`, this.view)?.scrollIntoView({ block: 'start' });
  }

  selecting() {
    const selection = getSelection();
    return !!selection && !selection.isCollapsed && this.view.contains(selection.anchorNode);
  }
}

/** @param {number} step @param {Group} group */
const name = (step, group) => `${step} ${group.state} ${group.hosts[0]} ${group.hosts.length}`;

/** How many of the drawn lines are errors: they turn red late. @param {Group} group */
const kinds = (group) => group.rows?.slice(0, GROUP).filter((line) => line.kind === 'err').length;

/** @param {string} state */
function cell(state) {
  const mark = el('span', 'hc hc-demo');
  mark.dataset.s = state;
  mark.setAttribute('aria-hidden', 'true');
  return mark;
}

/** A button, and what it does. @param {string} css @param {string} title @param {string} what @param {...(Node|string)} inside */
function does(css, title, what, ...inside) {
  const made = button(css, ...inside);
  made.dataset.do = what;
  if (title) made.title = title;
  return made;
}

/** @param {Group} group @param {number} ways how many groups of hosts the step has */
function words({ hosts, state, count: all }, ways) {
  if (!hosts[0]) return 'The push host';
  const many = hosts.length > 1;
  const who = many ? `${ways > 1 ? '' : 'All '}${count(hosts.length)} hosts` : '1 host';
  const was = many ? 'were' : 'was';
  const lost = `${many ? 'are' : 'is'} in an unknown state and`;
  const end = { fail: 'failed and', lost, cancel: `${was} cancelled and`, skip: `${was} skipped and` }[state];
  const said = all ? 'said this' : 'said nothing';
  return `${who} ${end ? `${end} ` : ''}${said}${state === 'run' ? ' so far' : ''}`;
}
