// The words of the reader's language.

import { english } from "./english.js";
import { french } from "./french.js";
import { language } from "./language.js";

export const words = language === "fr" ? french : english;

/** A state in words; what is not known stays as it is. */
export function state(name) {
  return words.states[name] ?? name ?? words.none;
}

/** A role in words. */
export function role(name) {
  return words.roles[name] ?? name;
}

/** Puts the words into the page as it came. */
export function translate() {
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll("[data-words]")) {
    element.textContent = words[element.dataset.words];
  }
}
