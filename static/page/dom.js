// dom.js: finds and makes elements. Text only ever goes into text nodes; no markup is parsed from text anywhere.

/**
 * The first match of a kind, or null.
 * @overload
 * @param {string} selector
 * @param {ParentNode} [root]
 * @returns {HTMLElement|null}
 */
/**
 * @template {Element} T
 * @overload
 * @param {string} selector
 * @param {ParentNode} root
 * @param {new () => T} kind
 * @returns {T|null}
 */
/**
 * @param {string} selector
 * @param {ParentNode} [root]
 * @param {new () => Element} [kind]
 */
export function $(selector, root = document, kind = HTMLElement) {
  const found = root.querySelector(selector);
  return found instanceof kind ? found : null;
}

/**
 * The first match of a kind, which the server always draws.
 * @overload
 * @param {string} selector
 * @param {ParentNode} [root]
 * @returns {HTMLElement}
 */
/**
 * @template {Element} T
 * @overload
 * @param {string} selector
 * @param {ParentNode} root
 * @param {new () => T} kind
 * @returns {T}
 */
/**
 * @param {string} selector
 * @param {ParentNode} [root]
 * @param {new () => Element} [kind]
 */
export function the(selector, root = document, kind = HTMLElement) {
  const found = root.querySelector(selector);
  if (!(found instanceof kind)) throw new Error(`${selector} is not on this page`);
  return found;
}

/**
 * All matches of a kind.
 * @overload
 * @param {string} selector
 * @param {ParentNode} [root]
 * @returns {HTMLElement[]}
 */
/**
 * @template {Element} T
 * @overload
 * @param {string} selector
 * @param {ParentNode} root
 * @param {new () => T} kind
 * @returns {T[]}
 */
/**
 * @param {string} selector
 * @param {ParentNode} [root]
 * @param {new () => Element} [kind]
 */
export function $$(selector, root = document, kind = HTMLElement) {
  return [...root.querySelectorAll(selector)].filter((found) => found instanceof kind);
}

/** What an event happened to, where that is an element. @param {Event} e */
export const at = (e) => (e.target instanceof Element ? e.target : null);

/** The nearest element around what an event happened to. @param {Event} e @param {string} selector */
export function around(e, selector) {
  const found = at(e)?.closest(selector);
  return found instanceof HTMLElement ? found : null;
}

/**
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name the element's name
 * @param {string} [className]
 * @param {...(Node|string)} children
 */
export function el(name, className, ...children) {
  const element = document.createElement(name);
  if (className) element.className = className;
  element.append(...children);
  return element;
}

/** A button that sends no form. @param {string} className @param {...(Node|string)} children */
export function button(className, ...children) {
  const made = el('button', className, ...children);
  made.type = 'button';
  return made;
}

/**
 * Puts text where it differs, so that nothing is laid out again for nothing.
 * @param {Element|null|undefined} element
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
 * @param {SVGElement|null} svg an `.st` made by the server
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

/** Whether keys mean something to the page now, and not to a field, a menu or a dialog. @param {KeyboardEvent} e */
export function keysAreOurs(e) {
  if (e.ctrlKey || e.metaKey || e.altKey || at(e)?.matches('input:not([type=checkbox], [type=radio]), select, textarea')) return false;
  return !$(':popover-open') && keysAreOn();
}

/** Single keys can be turned off (WCAG 2.1.4). */
export const keysAreOn = () => kept('pushbutton-keys') !== 'off';

/** What this browser keeps for its reader; nothing where it has no storage. @param {string} key */
export function kept(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

/** Keeps something for the next page. @param {string} key @param {string} value */
export function keep(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // no storage: it holds for this page
  }
}
