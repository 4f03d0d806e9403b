// dom.js: finds and makes elements. Text only ever goes into text nodes; no markup is parsed from text anywhere.

/**
 * @param {string} selector
 * @param {ParentNode} [root]
 * @returns {any} the first match, or null
 */
export const $ = (selector, root = document) => root.querySelector(selector);

/**
 * @param {string} selector
 * @param {ParentNode} [root]
 * @returns {any[]}
 */
export const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

/**
 * @param {string} name the element's name
 * @param {string} [className]
 * @param {...(Node|string)} children
 */
export function el(name, className, ...children) {
  const element = document.createElement(name);
  if (className) element.className = className;
  element.append(...children);
  return element;
}

/**
 * Puts text where it differs, so that nothing is laid out again for nothing.
 * @param {Element|null} element
 * @param {string} text
 */
export function say(element, text) {
  if (element && element.textContent !== text) element.textContent = text;
}

/** @param {string} shape as in `#s-ok` @returns {SVGElement} a state mark */
export function stateMark(shape) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  const use = document.createElementNS('http://www.w3.org/2000/svg', 'use');
  svg.setAttribute('class', `st st--${shape}`);
  svg.setAttribute('role', 'img');
  use.setAttribute('href', `#s-${shape}`);
  svg.append(use);
  return svg;
}

/**
 * Turns a state mark into another one.
 * @param {Element|null} svg an `.st` made by the server
 * @param {string} shape as in `#s-ok`
 * @param {string} [word]
 */
export function mark(svg, shape, word) {
  if (!svg || svg.dataset.shape === shape) return;
  svg.dataset.shape = shape;
  for (const name of [...svg.classList]) if (name.startsWith('st--') && name !== 'st--lg') svg.classList.remove(name);
  svg.classList.add(`st--${shape}`);
  svg.querySelector('use')?.setAttribute('href', `#s-${shape}`);
  if (word) svg.setAttribute('aria-label', word);
}

/** Whether keys mean something to the page now, and not to a field, a menu or a dialog. */
export function keysAreOurs(/** @type {KeyboardEvent} */ e) {
  const at = /** @type {Element} */ (e.target);
  if (e.ctrlKey || e.metaKey || e.altKey || at.matches?.('input:not([type=checkbox], [type=radio]), select, textarea')) return false;
  return !$(':popover-open') && keysAreOn();
}

/** Single keys can be turned off (WCAG 2.1.4). */
export function keysAreOn() {
  try {
    return localStorage.getItem('pushbutton-keys') !== 'off';
  } catch {
    return true;
  }
}
