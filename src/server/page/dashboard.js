// The dashboard: who looks at it, and what is shown anew every ten seconds.

import { actions, offerServices } from "./actions.js";
import { get, post, remove, whenSignedOut } from "./ask.js";
import { close } from "./dialog.js";
import { jobs, jobsToLookAt, runs } from "./jobs.js";
import { clock } from "./language.js";
import { queue, services, servicesToLookAt } from "./looks.js";
import { setRole } from "./role.js";
import { chip, make, plain, renew, said } from "./show.js";
import { role, translate, words } from "./words.js";

/** Milliseconds between two looks. */
const PAUSE = 10_000;

const at = (id) => document.getElementById(id);

/** What is shown anew, each part by itself: where it comes from, and what is made of it. */
const parts = [
  { id: "services", path: "/api/v1/queries/services", show: services, then: offerServices, count: servicesToLookAt },
  { id: "queue", path: "/api/v1/queries/queue-list", show: (data) => queue(data, () => draw(find("queue"))) },
  { id: "jobs", path: "/api/v1/jobs", show: jobs, count: jobsToLookAt },
  { id: "runs", path: "/api/v1/runs?limit=10", show: (data) => runs(data, data.length === 10 && showMoreRuns) },
];
const find = (id) => parts.find((part) => part.id === id);

let timer = 0;

function showMoreRuns() {
  find("runs").path = "/api/v1/runs?limit=50";
  refresh();
}

/** Looks who is there, and shows either the dashboard or the form to sign in. */
async function begin() {
  try {
    open(await get("/api/v1/site"));
  } catch (refusal) {
    showLogin(refusal.status === 401 ? "" : refusal.message);
  }
}

function open(site) {
  setRole(site.role);
  document.title = `${plain(site.site, 60)} · maint`;
  at("site").replaceChildren(said(site.site, 60));
  at("version").textContent = words.version(plain(site.version, 40), plain(site.key, 60), role(site.role));
  at("actions").querySelector(".content").replaceChildren(...actions(site.parts));
  at("actions").hidden = !at("actions").querySelector(".card");
  forget();
  for (const part of parts) {
    part.isOffered = site.parts[part.id] ?? true;
    at(part.id).hidden = !part.isOffered;
  }
  at("login").hidden = true;
  at("dashboard").hidden = false;
  refresh();
}

/** Takes away whatever was shown to somebody else, and what is still on its way to them. */
function forget() {
  for (const part of parts) {
    Object.assign(part, { data: null, seen: null, trouble: "", asked: (part.asked ?? 0) + 1 });
    draw(part);
  }
  at("health").replaceChildren();
}

/** Looks at everything, and does so again in ten seconds. */
async function refresh() {
  clearTimeout(timer);
  if (document.hidden || at("dashboard").hidden) {
    return;
  }
  at("refresh").setAttribute("aria-busy", "true");
  await Promise.all(parts.filter((part) => part.isOffered).map(renewPart));
  at("refresh").removeAttribute("aria-busy");
  at("updated").textContent = words.updated(clock(new Date()));
  clearTimeout(timer);
  timer = setTimeout(refresh, PAUSE);
}

async function renewPart(part) {
  part.asked = (part.asked ?? 0) + 1;
  const turn = part.asked;
  try {
    const data = await get(part.path);
    const isSame = !part.trouble && JSON.stringify(data) === JSON.stringify(part.data);
    if (turn === part.asked) {
      Object.assign(part, { data, seen: new Date(), trouble: "" });
    }
    if (isSame) {
      return;
    }
  } catch (refusal) {
    part.trouble = turn === part.asked ? refusal.message : part.trouble;
  }
  if (turn === part.asked) {
    draw(part);
    summarise();
  }
}

/** Shows a part, unless it is the same as before; what is old says so. */
function draw(part) {
  const place = at(part.id).querySelector(".content");
  const shown = content(part);
  place.classList.toggle("stale", Boolean(part.trouble && part.data));
  renew(place, ...[part.trouble && trouble(part), shown].flat(Infinity).filter(Boolean));
  if (part.data) {
    part.then?.(part.data);
  }
}

/** What a part shows; an answer that makes no sense is the trouble of this part alone. */
function content(part) {
  try {
    return part.data ? part.show(part.data) : !part.trouble && loading();
  } catch (fault) {
    Object.assign(part, { data: null, trouble: fault.message });
    return null;
  }
}

function trouble(part) {
  const why = plain(part.trouble, 1_000);
  const text = part.data ? words.stale(clock(part.seen), why) : words.unavailable(why);
  return make("p", { class: "trouble", role: "status" }, text);
}

function loading() {
  return make("p", { class: "quiet busy" }, words.loading);
}

/** In one glance: whether anything must be looked at. */
function summarise() {
  const counting = parts.filter((part) => part.isOffered && part.data && part.count);
  const count = counting.reduce((sum, part) => sum + part.count(part.data), 0);
  const isUnknown = parts.some((part) => part.isOffered && part.trouble);
  const [kind, text] = count > 0 ? ["bad", words.to_look_at(count)] : isUnknown ? ["wary", words.not_known] : ["good", words.all_well];
  const place = at("health");
  if (place.textContent.trim() !== `${chip("", text, kind).textContent.trim()}`) {
    place.replaceChildren(chip("", text, kind));
  }
}

function showLogin(why) {
  clearTimeout(timer);
  close();
  forget();
  at("actions").querySelector(".content").replaceChildren();
  at("dashboard").hidden = true;
  at("login").hidden = false;
  at("login-trouble").textContent = plain(why, 300);
  at("login-trouble").hidden = !why;
  at("key").focus();
}

async function signIn(event) {
  event.preventDefault();
  const submit = event.target.querySelector("button");
  submit.disabled = true;
  submit.textContent = words.signing_in;
  try {
    await post("/api/v1/session", { key: at("key").value });
    at("key").value = "";
    await begin();
  } catch (refusal) {
    showLogin(whyNot(refusal));
  }
  submit.disabled = false;
  submit.textContent = words.sign_in;
}

function whyNot(refusal) {
  if (refusal.status === 429) {
    return words.too_many_keys(Math.max(1, Math.ceil(refusal.wait / 60)));
  }
  return refusal.status === 401 ? words.wrong_key : refusal.message;
}

async function signOut() {
  await remove("/api/v1/session").catch(() => {});
  showLogin("");
}

translate();
at("login-form").addEventListener("submit", signIn);
at("sign-out").addEventListener("click", signOut);
at("refresh").addEventListener("click", refresh);
document.addEventListener("visibilitychange", refresh);
document.addEventListener("changed", refresh);
whenSignedOut(() => !at("dashboard").hidden && showLogin(words.signed_out));
begin();
