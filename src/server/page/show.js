// Pieces of the page. What the server says is only ever text.

import { duration, moment } from "./language.js";
import { state, words } from "./words.js";

/** The longest text of the server in a cell. */
const LONGEST = 300;
/** Characters that nobody sees, or that turn the text around them. */
const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** A text of the server: hidden characters are named, and its length is limited. */
export function plain(value, longest = LONGEST) {
  const text = String(value ?? "");
  const short = text.length > longest ? `${text.slice(0, longest)}…` : text;
  return short.replace(HIDDEN, (hidden) => `\\u{${hidden.codePointAt(0).toString(16)}}`);
}

/** An element. Attributes that are false or missing are left out; `on…` listens; children are elements or texts. */
export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) {
      element.addEventListener(key.slice(2), value);
    } else if (value !== false && value !== null && value !== undefined) {
      element.setAttribute(key, value === true ? "" : value);
    }
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** A text of the server as an element, kept apart from the text around it. */
export function said(value, longest = LONGEST) {
  return make("bdi", {}, plain(value, longest));
}

/** A button that does something. */
export function button(text, onclick, attributes = {}) {
  return make("button", { type: "button", onclick, ...attributes }, text);
}

/**
 * A table; a column is its title, or [title, class of its cells]. The first cell of a row names the row.
 * The roles are said, because a table that is shown as blocks on a phone would lose them.
 */
export function table(caption, columns, rows) {
  const titles = columns.map((column) => [column].flat());
  const cell = (content, index) => {
    const [title, kind] = titles[index];
    const [name, role] = index === 0 ? ["th", { scope: "row", role: "rowheader" }] : ["td", { role: "cell" }];
    const classes = [kind, content === words.none && "none"].filter(Boolean).join(" ") || null;
    return make(name, { ...role, "data-title": title, class: classes }, index === 0 ? content : make("div", {}, content));
  };
  const title = ([text, kind]) => make("th", { scope: "col", role: "columnheader", class: kind }, text);
  return make(
    "table", { role: "table" },
    make("caption", { class: "hidden" }, caption),
    make("thead", { role: "rowgroup" }, make("tr", { role: "row" }, titles.map(title))),
    make("tbody", { role: "rowgroup" }, rows.map((row) => make("tr", { role: "row" }, row.map(cell)))),
  );
}

/** Which states are good, which want somebody to look, which are bad. */
const LOOKS = {
  good: ["ok", "done", "running", "healthy", "finished"],
  busy: ["starting", "started", "restarting", "now"],
  wary: ["paused", "overdue", "found", "skipped", "interrupted", "timed-out", "lost"],
  bad: ["failing", "failed", "error", "unhealthy", "stopped"],
};
const SIGNS = { good: "✓", busy: "▸", wary: "!", bad: "✕", calm: "–" };

/** How a state looks. */
export function look(name) {
  return Object.keys(LOOKS).find((kind) => LOOKS[kind].includes(name)) ?? "calm";
}

/** The sign of a state, for those who see no colours. */
export function sign(name) {
  return SIGNS[look(name)];
}

/** A state as a sign and a word. */
export function chip(name, text = state(name), kind = look(name)) {
  return make("span", { class: `chip ${kind}` }, make("span", { "aria-hidden": "true" }, SIGNS[kind]), " ", text);
}

/** A moment that the server has told; RQ leaves out that it is UTC. */
export function date(text) {
  const told = /(Z|[+-]\d\d:?\d\d)$/.test(text ?? "") ? text : `${text}Z`;
  const found = new Date(told);
  return Number.isNaN(found.getTime()) ? null : found;
}

/** A moment in words. */
export function when(text) {
  const found = date(text);
  return found ? moment(found) : plain(text);
}

/** A moment as an element that holds the machine's time, too. */
export function time(text) {
  return text ? make("time", { datetime: plain(text), title: plain(text) }, when(text)) : words.none;
}

/** How long a run took. */
export function took(run) {
  const [begin, end] = [date(run.started), date(run.finished)];
  return begin && end ? duration((end - begin) / 1000) : "";
}

/** Puts new content in the place of the old; who has the focus keeps it. */
export function renew(place, ...content) {
  const focused = document.activeElement?.id;
  const had = focused && place.contains(document.activeElement);
  place.replaceChildren(...content);
  if (had) {
    (document.getElementById(focused) ?? document.getElementById("content")).focus({ preventScroll: true });
  }
}
