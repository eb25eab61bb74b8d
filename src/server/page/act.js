// What a button does: the plan, the confirmation, the run with its log, the result.

import { get, post } from "./ask.js";
import { fill, open, setButtons, submitButton } from "./dialog.js";
import { follow } from "./log.js";
import { isNothing, plan } from "./plan.js";
import { button, chip, make, said } from "./show.js";
import { words } from "./words.js";

/**
 * Shows the plan of a deed and runs it once it is confirmed.
 * A deed has a title, a path (of a job or a command) and a body; or the report of its plan, where that is known, and the path
 * of its runs. `isOnlyPlan`, `isGrave` and the word that must be `typed` say how it is asked for.
 */
export async function act(deed) {
  const signal = open(deed.title);
  fill([status(words.planning)], { leave: words.cancel });
  await attempt(signal, () => act(deed), async () => {
    const report = deed.report ?? (await post(`${deed.path}/plan`, deed.body));
    if (!signal.aborted) {
      showPlan(deed, report, signal);
    }
  });
}

/** Shows the log of a run, and follows it when it has not ended. */
export async function watch(id, title) {
  const signal = open(title);
  fill([status(words.loading)]);
  await attempt(signal, () => watch(id, title), async () => {
    const run = await get(`/api/v1/runs/${encodeURIComponent(id)}`);
    if (!signal.aborted) {
      followRun(run.run, signal);
    }
  });
}

/** Does something; why it cannot be done is said in the dialog. */
async function attempt(signal, again, deed) {
  try {
    await deed();
  } catch (refusal) {
    if (!signal.aborted) {
      showRefusal(refusal, again);
    }
  }
}

function showRefusal(refusal, again) {
  const isLocked = refusal.status === 409;
  const why = make("p", { class: "trouble", role: "alert" });
  const detail = make("span", { lang: "en" }, said(refusal.message, 1_000));
  why.append(...(isLocked ? [words.locked, " ", detail] : [detail]));
  fill([why], { submit: again, actions: [submitButton(words.try_again, { id: "again" })] });
}

function showPlan(deed, report, signal) {
  const shown = make("div", { id: "plan", role: "status" }, plan(report).flat(Infinity).filter(Boolean));
  if (deed.isOnlyPlan) {
    fill([shown]);
    return;
  }
  const confirm = submitButton(words.confirm, { disabled: isNothing(report), class: deed.isGrave ? "main grave" : "main" });
  const typed = deed.typed && !isNothing(report) && typing(deed.typed, confirm);
  const submit = () => !confirm.disabled && start(deed, signal);
  fill([shown, typed], { submit, actions: [confirm], leave: isNothing(report) ? words.close : words.cancel });
}

/** An input into which a word must be typed before anything can be confirmed. */
function typing(word, confirm) {
  confirm.disabled = true;
  const oninput = (event) => {
    confirm.disabled = bare(event.target.value) !== bare(word);
  };
  const input = make("input", { id: "typed", autocomplete: "off", autocapitalize: "characters", spellcheck: "false", oninput });
  return make("p", { class: "field" }, make("label", { for: "typed" }, words.stop_type), input);
}

/** Without accents, and in capitals. */
function bare(text) {
  return text.normalize("NFD").replace(/\p{M}/gu, "").trim().toUpperCase();
}

async function start(deed, signal) {
  fill([status(words.starting)]);
  await attempt(signal, () => start(deed, signal), async () => {
    const begun = await post(deed.runs ?? `${deed.path}/runs`, deed.body);
    changed();
    if (!signal.aborted) {
      begun.run ? followRun(begun.run, signal) : showReport(begun);
    }
  });
}

/** What was over before a run began has no log. */
function showReport(report) {
  const ended = make("p", { class: "result", id: "result" }, chip(report.status));
  const summary = make("p", { lang: "en" }, said(report.summary, 1_000));
  fill([make("div", { role: "status" }, ended, summary), plan(report)]);
}

function followRun(id, signal) {
  const state = make("div", { id: "state", role: "status" }, words.running_now);
  const log = make("div", { id: "log", class: "log", role: "log", "aria-label": words.log_of(id), tabindex: "0" });
  const cancel = button(words.cancel_run, () => cancelRun(id, cancel, signal), { id: "cancel-run", hidden: true });
  fill([state, make("h3", {}, words.log), log], { actions: [cancel] });
  log.focus();
  follow(id, { log, state, signal }, {
    onRunning: () => { cancel.hidden = false; },
    onEnd: () => { setButtons([]); changed(); },
  });
}

async function cancelRun(id, cancel, signal) {
  cancel.disabled = true;
  cancel.textContent = words.cancelling;
  try {
    await post(`/api/v1/runs/${encodeURIComponent(id)}/cancel`);
  } catch (refusal) {
    if (!signal.aborted) {
      cancel.textContent = words.cancel_run;
      cancel.disabled = false;
      document.getElementById("state").replaceChildren(make("p", { class: "trouble" }, said(refusal.message, 1_000)));
    }
  }
}

function status(text) {
  return make("p", { class: "quiet busy", role: "status" }, text);
}

/** Tells the page that there is something new to see. */
function changed() {
  document.dispatchEvent(new Event("changed"));
}
