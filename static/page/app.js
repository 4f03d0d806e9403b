// app.js: small things on every page: themes, menus, dialogs, keys, copying, finding a stack; fresh parts where a page
// wants them. All pages work without it.
import { $, $$, around, keep, keysAreOn, keysAreOurs, say, the } from './dom.js';
import { startClocks } from './times.js';

/** Where `g` and a second key go. */
const PLACES = new Map([
  ['s', '/'],
  ['p', '/pushes'],
  ['t', '/stats'],
]);

function startThemes() {
  const root = document.documentElement;
  const show = () => {
    for (const b of $$('[data-set-theme]')) b.setAttribute('aria-pressed', String(b.dataset.setTheme === (root.dataset.theme ?? 'auto')));
  };
  for (const b of $$('[data-set-theme]')) {
    b.addEventListener('click', () => {
      if (b.dataset.setTheme === 'auto') delete root.dataset.theme;
      else root.dataset.theme = b.dataset.setTheme;
      keep('pushbutton-theme', b.dataset.setTheme ?? 'auto');
      show();
    });
  }
  show();
}

/** One setting for all pictures: the Princess, her castle, the dragon. */
function startPictures() {
  const { dataset } = document.documentElement;
  const b = the('[data-pictures-off]');
  const show = () => b.setAttribute('aria-pressed', String(dataset.pictures === 'off'));
  b.addEventListener('click', () => {
    dataset.pictures = dataset.pictures === 'off' ? 'on' : 'off';
    keep('pushbutton-pictures', dataset.pictures);
    show();
  });
  show();
}

/** Menus are native popovers; this only puts them under their button. */
function placeMenus() {
  addEventListener(
    'beforetoggle',
    (e) => {
      const menu = e.target;
      if (!(menu instanceof HTMLElement) || !(e instanceof ToggleEvent) || e.newState !== 'open' || !menu.classList.contains('menu')) return;
      const button = the(`[popovertarget="${menu.id}"]`).getBoundingClientRect();
      requestAnimationFrame(() => {
        const own = menu.getBoundingClientRect();
        menu.style.top = `${Math.min(button.bottom + 6, innerHeight - own.height - 8)}px`;
        menu.style.left = `${Math.max(8, Math.min(button.right - own.width, innerWidth - own.width - 8))}px`;
      });
    },
    true,
  );
}

/** A button that cannot be pressed now points to its reason, instead of being dead; a link is copied; a form is sent once. */
function answerClicks() {
  addEventListener('click', (e) => {
    const shut = around(e, '.push[aria-disabled="true"]');
    if (shut) {
      const why = document.getElementById(shut.getAttribute('aria-describedby') ?? '');
      why?.animate([{ opacity: 0.2 }, { opacity: 1 }], 300);
    }
    const copy = around(e, '[data-copy]');
    if (copy) {
      navigator.clipboard?.writeText(location.href);
      const words = $('span', copy);
      const was = words?.textContent;
      say(words, 'Copied');
      setTimeout(() => say(words, was ?? ''), 1500);
    }
  });
  // A form is sent once, however often its button is pressed; the server would answer a repeat with the same push.
  addEventListener('submit', (e) => {
    const form = e.target;
    if (!(form instanceof HTMLFormElement) || form.method !== 'post') return;
    const zone = $('[name="zone"]', form, HTMLInputElement);
    if (zone) zone.value = String(minutesFromUtc(form));
    if (form.dataset.sent) e.preventDefault();
    form.dataset.sent = 'yes';
    $('.push', form)?.classList.add('is-down');
  });
  addEventListener('pageshow', () => $$('form[data-sent]').forEach((form) => delete form.dataset.sent));
}

/** How far the times of a form are from UTC, as that will be then; 33 is 9:00 of tomorrow. @param {HTMLFormElement} form */
function minutesFromUtc(form) {
  const at = the('[name="at"]', form, HTMLInputElement).value;
  const chosen = the('[name="until"]', form, HTMLSelectElement).value === 'at';
  return -new Date(chosen ? at : new Date().setHours(33)).getTimezoneOffset() || 0;
}

/** No key ever starts a push. */
function listenToKeys() {
  let after = -Infinity; // when `g` was pressed
  const press = (/** @type {KeyboardEvent} */ e) => {
    if (!keysAreOurs(e)) return;
    if (e.key === '?') the('#keys').showPopover();
    if (e.key === '/' && !$('.log-find')) {
      const find = $('[data-find]');
      if (find) {
        e.preventDefault();
        find.focus();
      }
    }
    const to = e.timeStamp - after < 2000 ? PLACES.get(e.key) : undefined;
    after = e.key === 'g' ? e.timeStamp : -Infinity;
    if (!to) return;
    e.stopImmediatePropagation(); // alone, the second key means something else to a command window
    location.href = to;
  };
  addEventListener('keydown', press, true);
  const box = $('[data-keys]', document, HTMLInputElement);
  if (!box) return;
  box.checked = keysAreOn();
  box.addEventListener('change', () => keep('pushbutton-keys', box.checked ? 'on' : 'off'));
}

function findStacks() {
  // The field may be drawn anew, so it is not it that listens.
  addEventListener('input', ({ target: find }) => {
    if (!(find instanceof HTMLInputElement) || !find.matches('[data-find="stacks"]')) return;
    const word = find.value.trim().toLowerCase();
    for (const row of $$('.brow[data-name]')) row.hidden = !row.dataset.name?.includes(word);
    the('#no-stack').hidden = !!$('.brow[data-name]:not([hidden])');
  });
}

startThemes();
startPictures();
startClocks();
placeMenus();
answerClicks();
listenToKeys();
findStacks();
if (document.documentElement.dataset.page === 'fresh') import('./fresh.js').then((fresh) => fresh.keepFresh());
