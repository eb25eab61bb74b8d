// The jobs of maint, and what has run.

import { act, watch } from "./act.js";
import { button, chip, look, make, plain, said, sign, table, time, took, when } from "./show.js";
import { mayDo } from "./role.js";
import { role, state, words } from "./words.js";

/** Runs that are shown for each job. */
const MARKS = 20;

/** The jobs: their state, schedule and last runs, and what can be done with them. */
export function jobs(list) {
  if (!list.length) {
    return [make("p", { class: "quiet" }, words.no_jobs)];
  }
  const columns = [words.job, words.state, words.schedule, words.next, words.last, words.do];
  return [table(words.jobs_caption, columns, list.map(row))];
}

function row(one) {
  const about = one.description || one.runs;
  const name = [said(one.job, 80), about && make("div", { class: "quiet small" }, said(about))];
  return [name, condition(one), schedule(one), one.next ? time(one.next) : words.none, strip(one), buttons(one)];
}

function condition(one) {
  const more = (text) => make("div", { class: "quiet small" }, text);
  const overdue = one.overdue && [more(words.overdue_since(when(one.overdue.since))), one.overdue.missed > 0 && more(words.missed(one.overdue.missed))];
  const kind = one.state === "running" ? "busy" : look(one.state);
  return [chip(one.state, state(one.state), kind), one.paused && more(said(one.paused)), overdue];
}

function schedule(one) {
  return one.schedule ? make("code", {}, plain(one.schedule, 60)) : make("span", { class: "quiet" }, words.by_hand);
}

/** The last runs as marks, the newest at the end: one stop of the tab key, then the arrows. */
function strip(one) {
  const runs = (one.recent ?? []).slice(0, MARKS).reverse();
  if (!runs.length) {
    return words.none;
  }
  const marks = runs.map((run, index) => mark(run, one.job, index === runs.length - 1));
  return make("div", { class: "strip", role: "group", "aria-label": words.last_of(plain(one.job, 80)), onkeydown: walk }, marks);
}

function mark(run, job, isNewest) {
  const kind = run.status === "running" ? "busy" : look(run.status);
  const text = words.run_mark(when(run.started), state(run.status), took(run));
  const label = { "aria-label": text, title: text, id: `mark-${run.run}`, tabindex: isNewest ? "0" : "-1" };
  const shown = make("span", { "aria-hidden": "true" }, run.status === "running" ? "▸" : sign(run.status));
  return button(shown, () => watch(run.run, words.run_of(job)), { class: `mark ${kind}`, ...label });
}

function walk(event) {
  const marks = [...event.currentTarget.children];
  const at = marks.indexOf(document.activeElement);
  const next = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: marks.length - 1 }[event.key];
  if (at < 0 || !marks[next]) {
    return;
  }
  event.preventDefault();
  marks[at].tabIndex = -1;
  marks[next].tabIndex = 0;
  marks[next].focus();
}

function buttons(one) {
  if (!mayDo(one.role)) {
    return make("span", { class: "quiet small" }, words.needs_role(role(one.role)));
  }
  const name = plain(one.job, 80);
  const deed = { path: `/api/v1/jobs/${encodeURIComponent(one.job)}` };
  const plan = () => act({ ...deed, title: words.plan_of(name), isOnlyPlan: true });
  const run = () => act({ ...deed, title: words.run_now_of(name) });
  return make(
    "div", { class: "buttons" },
    button(words.plan, plan, { id: `plan-${one.job}`, "aria-label": words.plan_of(name) }),
    button(words.run_now, run, { id: `run-${one.job}`, "aria-label": words.run_now_of(name) }),
  );
}

/** How many jobs somebody should look at. */
export function jobsToLookAt(list) {
  return list.filter((one) => ["overdue", "failing", "found"].includes(one.state)).length;
}

/** What has run, newest first; `more` asks for longer lists. */
export function runs(list, more) {
  if (!list.length) {
    return [make("p", { class: "quiet" }, words.no_runs)];
  }
  const columns = [words.job, words.state, words.started_at, [words.took, "figure"], [words.by, "who"], words.summary, words.do];
  return [table(words.runs_caption, columns, list.map(run)), more && button(words.more_runs, more, { id: "more-runs" })];
}

function run(one) {
  const isRunning = one.status === "running";
  const summary = make("span", { lang: "en" }, said(one.summary ?? ""));
  return [
    said(one.job, 80), chip(one.status, state(one.status), isRunning ? "busy" : look(one.status)), time(one.started),
    took(one) || words.none, one.by ? said(one.by, 60) : words.none, summary, runButtons(one, isRunning),
  ];
}

/** The plan of ending a run: there is nothing else that it could do. */
function ending({ run, job }) {
  const text = `would end the run ${run} of ${job}`;
  return { counts: { planned: 1 }, steps: [{ action: "end-run", run, job, text }] };
}

function runButtons(one, isRunning) {
  const [job, begin] = [plain(one.job, 80), when(one.started)];
  const cancel = () => act({
    title: words.cancel_run_of(job, begin), report: ending(one),
    runs: `/api/v1/runs/${encodeURIComponent(one.run)}/cancel`, isGrave: true,
  });
  return make(
    "div", { class: "buttons" },
    button(words.open_log, () => watch(one.run, words.run_of(job)), { id: `log-${one.run}`, "aria-label": words.open_log_of(job, begin) }),
    isRunning && mayDo("operate")
      && button(words.cancel, cancel, { id: `cancel-${one.run}`, "aria-label": words.cancel_run_of(job, begin) }),
  );
}
