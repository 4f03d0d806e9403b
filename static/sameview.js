// sameview.js: the command window with equal output folded: a heading for each group of hosts that said the same, and
// their lines once. It lies over the window, which goes on beneath it. What it draws is bounded, however much was said.
import { $, el } from './dom.js';
import { makeRow } from './rows.js';
import { Same } from './same.js';

/** Lines that are drawn of one group, of all groups; names in a heading. */
const GROUP = 200;
const ALL = 2000;
const NAMES = 4;
/** Milliseconds between two drawings, and of taking lines in at once. */
const PAUSE = 500;
const SLICE = 8;

/** @typedef {import('./same.js').Group} Group
 *  @typedef {{steps: () => import('./fold.js').Step[], state: (step: number, host: string) => string,
 *    pick: (hosts: string[]) => void, leave: () => void}} Page */

const count = (/** @type {number} */ n) => n.toLocaleString('en');

export class SameView {
  /** @param {HTMLElement} root the `.log` @param {import('./log.js').LogView} log @param {Page} page */
  constructor(root, log, page) {
    this.root = root;
    this.log = log;
    this.page = page;
    this.on = false;
    this.same = new Same();
    this.view = /** @type {HTMLElement} */ ($('.log-same', root));
    /** Groups that the reader opened or shut, by their names. @type {Map<string, boolean>} */
    this.chosen = new Map();
    /** @type {[HTMLElement, import('./fold.js').Line][]} */
    this.rows = [];
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
    if (!this.same.take(this.log.lines, performance.now() + SLICE)) return this.draw(0);
    if (this.selecting()) return this.draw(); // never pull text from under a selection
    const { steps } = this.log.want;
    this.left = ALL;
    const sections = this.page.steps().flatMap((step, i) => {
      const said = (!steps || steps.has(i)) && (step.state !== 'wait' || this.same.steps[i]);
      const section = said && this.section(i, step);
      return section ? [section] : [];
    });
    if (!sections.length) sections.push(el('p', 'log-none', 'No host has said anything yet.'));
    const old = this.view.children;
    sections.forEach((section, k) => old[k] === section || this.view.insertBefore(section, old[k] ?? null));
    while (old.length > sections.length) old[old.length - 1].remove();
    this.rows = sections.flatMap((section) => section.rows ?? []);
    this.find(this.log.search.query);
  }

  /** The groups of a step of which a line passes the filters. @param {number} i @param {import('./fold.js').Step} step */
  groups(i, step) {
    const { lines, want } = this.log;
    const part = [...step.host.keys()].filter((host) => !want.hosts || want.hosts.has(host));
    const found = this.same.groups(i, part, (host) => this.page.state(i, host));
    for (const group of found) {
      if (want.hosts) group.hosts = group.hosts.filter((host) => want.hosts?.has(host));
      group.lines = group.lines.filter((k) => lines[k] && (!want.errors || lines[k].kind === 'err'));
    }
    return found.filter((group) => group.hosts.length && (group.lines.length || !want.errors));
  }

  /** One step, drawn anew only when it differs. @param {number} i @param {import('./fold.js').Step} step */
  section(i, step) {
    const old = /** @type {any} */ ($(`[data-step="${i}"]`, this.view));
    if (old?.done && old.done === step.state) {
      this.left -= old.rows.length;
      return old; // nothing is said in a step that has ended
    }
    const groups = this.groups(i, step);
    if (!groups.length) return null;
    const open = groups.map((group) => {
      const draw = this.chosen.get(name(i, group)) ?? (this.left > 0 || group.state === 'fail');
      if (draw) this.left -= Math.min(GROUP, group.lines.length);
      return draw;
    });
    const looks = groups.map((group, k) => `${name(i, group)} ${group.lines.length} ${this.kinds(group)} ${open[k]}`).join('\n');
    const made = /** @type {any} */ (old ?? el('section', 'log-step'));
    made.done = step.state === 'run' ? '' : step.state;
    if (made.looks === looks) return made;
    made.dataset.step = String(i);
    Object.assign(made, { looks, rows: [] });
    const ways = groups.filter((group) => group.hosts[0]).length;
    const note = ways > 1 ? `${count(ways)} groups` : '';
    const heading = el('h3', '', el('span', 'trunc', `${i + 1}. ${step.title || 'Output'}`), el('span', 'd', note));
    made.replaceChildren(heading, ...groups.map((group, k) => this.group(i, group, open[k], ways, made.rows)));
    return made;
  }

  /** How many of the drawn lines are errors: they turn red late. @param {Group} group */
  kinds(group) {
    return group.lines.slice(0, GROUP).filter((k) => this.log.lines[k].kind === 'err').length;
  }

  /**
   * @param {number} i @param {Group} group @param {boolean} open @param {number} ways
   * @param {[HTMLElement, import('./fold.js').Line][]} rows
   */
  group(i, group, open, ways, rows) {
    const { hosts, state, lines } = group;
    const made = el('div', 'same');
    if (state) made.dataset.s = state;
    const toggle = button('same-t', '', 'toggle', state ? cell(state) : '', el('b', '', words(group, ways)));
    toggle.setAttribute('aria-expanded', String(open));
    const head = el('h4', 'same-h', toggle);
    if (hosts[0]) {
      const more = hosts.length - NAMES;
      const who = hosts.slice(0, NAMES).join(', ') + (more > 0 ? ` and ${count(more)} more` : '');
      const pick = button('same-who', `Show only the output of ${hosts.length > 1 ? 'these hosts' : 'this host'}`, 'pick', who);
      head.append(pick);
    }
    if (hosts[0] || ways) made.append(head); // a step of the push host alone needs no name
    Object.assign(made, { group, step: i });
    made.dataset.name = name(i, group);
    if (!open) return made;
    const body = el('div', 'lc');
    body.style.containIntrinsicSize = `auto 1px auto ${Math.min(GROUP, lines.length) * this.log.blocks.rowHeight}px`;
    for (const k of lines.slice(0, GROUP)) {
      const line = this.log.lines[k];
      const row = makeRow(line, this.log.gutter);
      if (this.log.isMarked(line.n)) row.classList.add('is-on');
      rows.push([row, line]);
      body.append(row);
    }
    made.append(body);
    if (lines.length > GROUP) made.append(button('same-more', '', 'more', `and ${count(lines.length - GROUP)} more lines`));
    return made;
  }

  /** @param {Event} e */
  click(e) {
    const at = /** @type {HTMLElement} */ (e.target);
    const number = at.closest('.ln-n');
    if (number) return this.link(Number(number.textContent), /** @type {MouseEvent} */ (e).shiftKey);
    const host = /** @type {HTMLElement|null} */ (at.closest('.ln-h'));
    if (host?.title) return this.page.pick([host.title]);
    const does = /** @type {HTMLElement|null} */ (at.closest('[data-do]'))?.dataset.do;
    const made = /** @type {any} */ (at.closest('.same'));
    if (does === 'toggle') this.toggle(made);
    else if (does === 'more') {
      const line = this.log.lines[made.group.lines[GROUP]];
      this.page.leave();
      this.log.goTo(line.n, { mark: false });
    } else if (does) this.page.pick(made.group.hosts);
  }

  /** @param {any} made a group as drawn */
  toggle(made) {
    const { name } = made.dataset;
    this.chosen.set(name, $('.same-t', made).getAttribute('aria-expanded') !== 'true');
    made.parentElement.done = '';
    this.paint();
    $(`[data-name="${CSS.escape(name)}"] .same-t`, this.view)?.focus();
  }

  /** @param {number} n @param {boolean} extend */
  link(n, extend) {
    this.log.link(n, extend);
    this.remark();
  }

  remark() {
    for (const [row, line] of this.rows) row.classList.toggle('is-on', this.log.isMarked(line.n));
  }

  /** Marks the rows that hold a text. @param {string} query @returns {number} how many */
  find(query) {
    if (query !== this.query) this.at = -1;
    this.query = query;
    const has = (/** @type {HTMLElement} */ row) => !!query && ($('.ln-x', row).textContent ?? '').toLowerCase().includes(query);
    this.hits = this.rows.flatMap(([row], k) => (row.classList.toggle('is-hit', has(row)) ? [k] : []));
    return this.hits.length;
  }

  /** To the next row of a list, or the one before. @param {1|-1} by @param {number[]} list @returns {number} the how-manieth */
  next(by, list = this.hits) {
    if (!list.length) return 0;
    this.rows[this.at]?.[0].classList.remove('is-now');
    this.at = (by > 0 ? list.find((k) => k > this.at) : list.findLast((k) => k < this.at)) ?? list[by > 0 ? 0 : list.length - 1];
    const [row] = this.rows[this.at];
    row.classList.add('is-now');
    row.scrollIntoView({ block: 'center' });
    return list.indexOf(this.at) + 1;
  }

  /** @param {1|-1} by */
  error(by) {
    this.next(by, this.rows.flatMap(([, line], k) => (line.kind === 'err' ? [k] : [])));
  }

  /** The number of the first line on screen. */
  firstSeen() {
    const { top } = this.view.getBoundingClientRect();
    return this.rows.find(([row]) => row.getBoundingClientRect().top > top + 26)?.[1].n;
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

/** @param {string} state */
function cell(state) {
  const mark = el('span', 'hc hc-demo');
  mark.dataset.s = state;
  mark.setAttribute('aria-hidden', 'true');
  return mark;
}

/** @param {string} css @param {string} title @param {string} does @param {...(Node|string)} inside */
function button(css, title, does, ...inside) {
  const made = el('button', css, ...inside);
  made.setAttribute('type', 'button');
  made.dataset.do = does;
  if (title) made.title = title;
  return made;
}

/** @param {Group} group @param {number} ways how many groups of hosts the step has */
function words({ hosts, state, lines }, ways) {
  if (!hosts[0]) return 'The push host';
  const many = hosts.length > 1;
  const who = many ? `${ways > 1 ? '' : 'All '}${count(hosts.length)} hosts` : '1 host';
  const was = many ? 'were' : 'was';
  const end = { fail: 'failed and', lost: `${was} lost sight of and`, cancel: `${was} cancelled and`, skip: `${was} skipped and` }[state];
  const said = lines.length ? 'said this' : 'said nothing';
  return `${who} ${end ? `${end} ` : ''}${said}${state === 'run' ? ' so far' : ''}`;
}
