// Services and the queue of RQ.

import { duration, number, size } from "./language.js";
import { button, chip, date, look, make, plain, said, table, time } from "./show.js";
import { state, words } from "./words.js";

/** The services, how they are and what they use. */
export function services({ services }) {
  if (!services.length) {
    return [make("p", { class: "quiet" }, words.no_services)];
  }
  const columns = [words.service, words.state, words.health, [words.uptime, "figure"], [words.cpu, "figure"], [words.memory, "figure"]];
  return [table(words.services_caption, columns, services.map(service))];
}

function service(one) {
  const detail = one.detail && make("div", { class: "quiet small", lang: "en" }, said(one.detail));
  const uptime = Number.isFinite(one.uptime_seconds) ? duration(one.uptime_seconds) : latency(one);
  const cpu = Number.isFinite(one.cpu_percent) ? `${number(one.cpu_percent, 1)} %` : words.none;
  return [[said(one.name), detail], chip(one.status, one.status === "running" ? words.is_up : state(one.status)), one.health ? chip(one.health, words.healths[one.health] ?? plain(one.health, 40)) : words.none, uptime, cpu, memory(one)];
}

/** What answers a question has no uptime, but a time in which it answers. */
function latency(one) {
  return Number.isFinite(one.latency_seconds) ? words.answers_in(duration(one.latency_seconds)) : words.none;
}

function memory(one) {
  if (!Number.isFinite(one.memory_bytes)) {
    return words.none;
  }
  const used = size(one.memory_bytes);
  return [used, one.memory_limit_bytes && make("div", { class: "quiet small" }, words.of_limit(size(one.memory_limit_bytes)))];
}

/** How many services somebody should look at. */
export function servicesToLookAt({ services }) {
  return services.filter((one) => ["bad", "wary"].includes(look(one.status))).length;
}

const STATES = ["queued", "started", "finished", "failed", "scheduled", "deferred"];
/** The state whose jobs are shown, once somebody has chosen one. */
let chosen = null;

/** The jobs of the queue by their state, and its workers. */
export function queue(listing, redraw) {
  const shown = chosen ?? ["started", "queued", "failed", "finished"].find((name) => listing[name].length) ?? "queued";
  const choose = (name) => {
    chosen = name;
    redraw();
  };
  return [
    make("div", { class: "states", role: "group", "aria-label": words.queue_states }, STATES.map((name) => tile(listing, name, shown, choose))),
    listing[shown].length ? jobs(listing[shown], shown) : make("p", { class: "quiet" }, words.queue_empty),
    workers(listing),
  ];
}

function stateTitle(name) {
  return words[name === "failed" ? "failed_jobs" : name];
}

function tile(listing, name, shown, choose) {
  const count = listing.counts?.[name] ?? listing[name].length;
  const pressed = { "aria-pressed": String(name === shown), id: `state-${name}` };
  const kind = name === "failed" && count > 0 ? "state bad" : "state";
  const content = [make("b", {}, number(count)), make("span", {}, stateTitle(name))];
  return button(content, () => choose(name), { class: kind, ...pressed });
}

function jobs(list, name) {
  const columns = [words.queue_job, words.since, [words.took, "figure"]];
  return table(words.queue_caption(stateTitle(name)), columns, list.map(job));
}

function job(one) {
  const what = one.description || one.job_id;
  const rest = [one.description && one.job_id, one.worker_name].filter(Boolean).map((text) => plain(text, 80)).join(" · ");
  const why = one.exc_info && make("div", { class: "why small", lang: "en" }, said(lastLine(one.exc_info)));
  const since = one.ended_at ?? one.started_at ?? one.scheduled_for ?? one.created_at;
  const took = Number.isFinite(one.duration_seconds) ? duration(one.duration_seconds) : words.none;
  return [[said(what), rest && make("div", { class: "quiet small" }, said(rest)), why], since && date(since) ? time(since) : words.none, took];
}

/** What a traceback of Python ends with. */
function lastLine(text) {
  return text.trim().split("\n").pop();
}

function workers(listing) {
  const all = listing.workers ?? [];
  const lines = all.slice(0, 20).map((worker) => {
    const busy = worker.state === "busy" ? words.worker_busy : worker.state === "idle" ? words.worker_idle : state(worker.state);
    const since = Number.isFinite(worker.uptime_seconds) && ` · ${duration(worker.uptime_seconds)}`;
    return make("li", {}, said(worker.name, 60), ` · ${plain(busy)}`, worker.current_job && [" · ", said(worker.current_job, 60)], since);
  });
  return [
    listing.is_suspended && make("p", { class: "notice" }, words.suspended),
    listing.ghosts > 0 && make("p", { class: "quiet small" }, words.ghosts(listing.ghosts)),
    make("p", { class: "small" }, all.length ? words.workers(all.length) : words.no_workers),
    lines.length > 0 && make("ul", { class: "plain small" }, lines),
  ];
}
