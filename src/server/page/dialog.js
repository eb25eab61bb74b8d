// The one dialog of the page. Whoever opens it gets a signal that it has been closed.

import { button, make, plain } from "./show.js";
import { words } from "./words.js";

const dialog = document.getElementById("dialog");
const form = document.getElementById("dialog-form");
const title = document.getElementById("dialog-title");
const content = document.getElementById("dialog-content");
const buttons = document.getElementById("dialog-buttons");

let closing = new AbortController();
/** The id of what had the focus: the page may have been drawn anew meanwhile. */
let opener = "";
let onSubmit = () => {};
/** The id of the button that was pressed last: not every browser gives it the focus. */
let pressed = "";

/** Opens the dialog; the signal tells when it is closed. */
export function open(text) {
  closing.abort();
  if (!dialog.open) {
    opener = document.activeElement?.id || pressed;
    dialog.showModal();
  }
  closing = new AbortController();
  title.textContent = plain(text);
  title.focus();
  return closing.signal;
}

export function close() {
  if (dialog.open) {
    dialog.close();
  }
}

/** Fills it; `submit` is what its main button does. A button to close it is always there. */
export function fill(children, { actions = [], submit = () => {}, leave = words.close } = {}) {
  onSubmit = submit;
  content.replaceChildren(...children.flat(Infinity).filter(Boolean));
  setButtons(actions, leave);
}

/** Other buttons below the same content. */
export function setButtons(actions, leave = words.close) {
  const had = buttons.contains(document.activeElement);
  buttons.replaceChildren(button(leave, close, { id: "dialog-close" }), ...actions);
  if (had) {
    title.focus();
  }
}

/** The button that submits. */
export function submitButton(text, attributes = {}) {
  return make("button", { class: "main", id: "confirm", ...attributes }, text);
}

document.addEventListener("click", (event) => { pressed = event.target.closest?.("button")?.id ?? ""; }, true);

form.addEventListener("submit", (event) => {
  event.preventDefault();
  onSubmit();
});

dialog.addEventListener("close", () => {
  // The browser tells it a little later: it may have been opened anew.
  if (dialog.open) {
    return;
  }
  closing.abort();
  content.replaceChildren();
  document.getElementById(opener)?.focus();
});
