// grid.js: the hosts, one small cell each: state by shape, then colour, then word. One tab stop; arrows move inside.
import { $, $$, button, el, say, the } from '../page/dom.js';
import { duration } from '../page/times.js';

const HINT = 'Select a host to see only its output.';
const MANY = 300; // above that cells are small, and a host is found by its name

export class Grid {
  /**
   * @param {HTMLElement} root the `.hosts`
   * @param {{state: string, word: string}} waits what a host is that nothing has begun on
   * @param {{hostState: (host: string) => {state: string, word: string, took: number}|null, pick: (host: string) => void,
   *   pickMany: (hosts: string[]|null) => void}} page
   */
  constructor(root, waits, page) {
    this.root = root;
    this.waits = waits;
    this.page = page;
    this.grid = the('.hgrid', root);
    this.words = the('.hname', root);
    this.cells = new Map($$('.hc', this.grid).map((cell) => [cell.dataset.h ?? '', cell]));
    this.find = the('.hfind', root, HTMLInputElement);
    this.fit();
    this.listen();
  }

  fit() {
    const many = this.cells.size > MANY;
    this.grid.classList.toggle('hgrid--many', many);
    this.find.hidden = !many;
  }

  /** The hosts whose names hold what was typed; nothing typed finds none. */
  found() {
    const word = this.find.value.trim().toLowerCase();
    return word ? [...this.cells.keys()].filter((host) => host.toLowerCase().includes(word)) : [];
  }

  showFound() {
    const found = new Set(this.found());
    for (const [host, cell] of this.cells) cell.classList.toggle('is-far', !!this.find.value.trim() && !found.has(host));
    if (found.size === 1) this.describe([...found][0]);
    else say(this.words, this.find.value.trim() ? `${found.size} of ${this.cells.size} hosts` : HINT);
  }

  /** Cells that the server did not draw. @param {string[]} hosts */
  setHosts(hosts) {
    if (hosts.length === this.cells.size) return;
    this.cells.clear();
    this.grid.replaceChildren();
    let group = el('div');
    hosts.forEach((host, i) => {
      if (i % 10 === 0) {
        group = el('div', 'hgrp');
        group.setAttribute('role', 'row');
        this.grid.append(group);
      }
      const cell = button('hc');
      cell.setAttribute('role', 'gridcell');
      cell.tabIndex = i ? -1 : 0;
      cell.dataset.h = host;
      group.append(cell);
      this.cells.set(host, cell);
    });
    this.fit();
  }

  listen() {
    const host = (/** @type {Event} */ e) => (e.target instanceof HTMLElement && e.target.dataset.h) || '';
    const over = (/** @type {Event} */ e) => host(e) && this.describe(host(e));
    this.grid.addEventListener('pointerover', over);
    this.grid.addEventListener('focusin', over);
    this.grid.addEventListener('pointerleave', () => say(this.words, HINT));
    this.grid.addEventListener('click', (e) => host(e) && this.page.pick(host(e)));
    this.grid.addEventListener('keydown', (e) => this.move(e));
    this.find.addEventListener('input', () => this.showFound());
    this.find.addEventListener('keydown', (e) => {
      if (e.key !== 'Enter') return;
      const found = this.found();
      this.page.pickMany(found.length ? found : null);
    });
    for (const kind of $$('.leg', this.root)) kind.addEventListener('click', () => this.pickKind(kind));
  }

  /** @param {KeyboardEvent} e */
  move(e) {
    const list = [...this.cells.values()];
    const at = list.findIndex((cell) => cell === e.target);
    const first = list[0]?.offsetTop ?? 0;
    const below = list.findIndex((cell) => cell.offsetTop > first + 4);
    const columns = below > 0 ? below : list.length;
    const by = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns, Home: -at, End: list.length - 1 - at }[e.key];
    if (by === undefined || !list[at + by]) return;
    e.preventDefault();
    list[at].tabIndex = -1;
    list[at + by].tabIndex = 0;
    list[at + by].focus();
  }

  /** @param {string} host */
  describe(host) {
    const state = this.page.hostState(host);
    const took = state?.took ? `, ${duration(state.took)}` : '';
    this.words.replaceChildren(el('b', '', host), ` ${(state ?? this.waits).word}${took}`);
  }

  /** @param {HTMLElement} kind a `.leg` */
  pickKind(kind) {
    const on = kind.getAttribute('aria-pressed') !== 'true';
    for (const other of $$('.leg', this.root)) other.setAttribute('aria-pressed', String(on && other === kind));
    const shapes = (kind.dataset.s ?? '').split(' ');
    const hosts = [...this.cells].filter(([, cell]) => shapes.includes(cell.dataset.s ?? '')).map(([host]) => host);
    this.page.pickMany(on && hosts.length ? hosts : null);
  }

  /** @param {Set<string>|null} hosts */
  select(hosts) {
    for (const [host, cell] of this.cells) cell.setAttribute('aria-selected', String(!!hosts?.has(host)));
    if (!hosts) for (const kind of $$('.leg', this.root)) kind.setAttribute('aria-pressed', 'false');
  }

  /** Draws all cells. @param {string} title the step whose hosts are shown */
  draw(title) {
    /** @type {Record<string, number>} */
    const counts = {};
    for (const [host, cell] of this.cells) {
      const { state: shape, word } = this.page.hostState(host) ?? this.waits;
      counts[shape] = (counts[shape] ?? 0) + 1;
      const label = `${host}: ${word}`;
      if (cell.dataset.s !== shape) cell.dataset.s = shape;
      if (cell.getAttribute('aria-label') !== label) cell.setAttribute('aria-label', label);
    }
    say($('h2', this.root), title);
    for (const kind of $$('.leg', this.root)) {
      const n = (kind.dataset.s ?? '').split(' ').reduce((sum, s) => sum + (counts[s] ?? 0), 0);
      say($('b', kind), String(n));
      kind.dataset.n = String(n);
    }
  }
}
