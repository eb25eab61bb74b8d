// A plan as it is shown before it is confirmed.

import { dollars } from "./language.js";
import { make, said } from "./show.js";
import { words } from "./words.js";

/** Steps that are shown; of the others it is told how many they are. */
const SHOWN = 200;
/** The longest text of a step or a note. */
const LONGEST = 2_000;

/** True when running it would do nothing. A job that only looks has findings instead of steps. */
export function isNothing(report) {
  return !report.counts?.planned && !report.findings?.length;
}

/** The plan, as elements. */
export function plan(report) {
  return [
    isNothing(report) && make("p", { class: "notice", id: "nothing" }, words.nothing),
    cost(report),
    steps(report),
    list(words.findings, (report.findings ?? []).map(finding)),
    list(words.failures, (report.failures ?? []).map(text), "trouble"),
    list(words.notes, (report.notes ?? []).map(text)),
  ];
}

function cost(report) {
  const amount = report.estimate_usd;
  return Number.isFinite(amount) && make("p", { class: "notice cost" }, words.cost(dollars(amount)));
}

function steps(report) {
  const all = report.steps ?? [];
  if (!all.length) {
    return null;
  }
  const left = Math.max(0, all.length - SHOWN) + (report.steps_left_out ?? 0);
  const items = all.slice(0, SHOWN).map((step) => make("li", {}, stepText(step)));
  return [
    make("h3", {}, words.plan_title, " ", make("span", { class: "quiet" }, words.steps_planned(report.counts?.planned ?? all.length))),
    make("ol", { class: "steps", tabindex: "0", "aria-label": words.plan_title }, items),
    left > 0 && make("p", { class: "quiet" }, words.more(left)),
  ];
}

/** A step in the reader's words where the page has them, else in those of the server. */
function stepText(step) {
  try {
    return said(words.steps[step.action](step), LONGEST);
  } catch {
    return text(step.text ?? step.action);
  }
}

function text(value) {
  return make("span", { lang: "en" }, said(value, LONGEST));
}

function finding(one) {
  return typeof one === "string" ? text(one) : text([one.name, one.words ?? one.text].filter(Boolean).join(": "));
}

function list(title, items, kind) {
  if (!items.length) {
    return null;
  }
  const shown = items.slice(0, SHOWN).map((item) => make("li", {}, item));
  const left = items.length - shown.length;
  return [
    make("h3", {}, title),
    make("ul", { class: kind }, shown),
    left > 0 && make("p", { class: "quiet" }, words.more(left)),
  ];
}
