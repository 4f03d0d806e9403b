// send.js: the forms of a running push: cancel, pause, go on, an answer. They are sent without leaving the page, so that
// one that does not reach the server says so beside its button instead of taking the page away. What is refused is sent
// once more as a plain form: the server's own page then says why. It must never say that something was done.
import { $, $$, el, say } from './dom.js';

const UNREACHED = 'Pushbutton cannot be reached: this was not done. The push goes on.';

/** @param {ParentNode} root */
export function sendForms(root) {
  for (const form of $$('form[method=post]', root)) form.addEventListener('submit', (/** @type {SubmitEvent} */ e) => send(e, form));
}

/** @param {SubmitEvent} e @param {HTMLFormElement} form */
async function send(e, form) {
  if (form.dataset.plain) return;
  e.preventDefault();
  if (form.dataset.sent) return; // app.js sets it
  const body = new URLSearchParams(/** @type {any} */ (new FormData(form, e.submitter)));
  const answer = await fetch(form.action, { method: 'post', body }).catch(() => null);
  delete form.dataset.sent; // it may be pressed again
  let words = $('.unreached', form);
  if (!answer) {
    if (!words) ($('.dlg-b', form) ?? form).append((words = el('p', 'err-msg unreached')));
    say(words, UNREACHED);
    say($('#say'), UNREACHED);
  } else if (answer.ok && new URL(answer.url).pathname === location.pathname) {
    words?.remove();
    form.closest('[popover]')?.hidePopover();
  } else {
    form.dataset.plain = 'yes';
    form.requestSubmit(e.submitter);
  }
}
