// The buttons that are no jobs of maint.toml: maintenance, deployment, a job sheet, the emergency stop.

import { act } from "./act.js";
import { mayDo } from "./role.js";
import { button, make, plain } from "./show.js";
import { role, words } from "./words.js";

const MAINTENANCE = [
  ["trim_logs", "logs"], ["queue_clear", "queue"], ["queue_clean_finished", "queue"], ["vacuum_db", "database"],
];
const DEPLOYS = ["pull", "rebuild", "restart", "full"];

/** The cards for what maint.toml describes. */
export function actions(parts) {
  return [maintenance(parts), parts.deploy && deploy(), parts.fiches && fiche(), parts.queue && stop()].filter(Boolean);
}

/** A card; without the role it says which one is needed. */
function card(id, title, needed, content, kind = "") {
  const titled = { class: `card ${kind}`, id, "aria-labelledby": `${id}-title` };
  const shown = mayDo(needed) ? content() : make("p", { class: "quiet" }, words.only_looks(role(needed)));
  return make("section", titled, make("h3", { id: `${id}-title` }, title), shown);
}

function command(name) {
  return `/api/v1/commands/${name}`;
}

function maintenance(parts) {
  const offered = MAINTENANCE.filter(([, part]) => parts[part]);
  const item = ([name]) => {
    const id = name.replaceAll("_", "-");
    const about = make("span", { class: "quiet small", id: `${id}-about` }, words[`${name}_about`]);
    const run = () => act({ title: words[name], path: command(id) });
    return make("li", {}, button(words[name], run, { id, "aria-describedby": `${id}-about` }), about);
  };
  return offered.length && card("maintenance", words.maintenance, "operate", () => make("ul", { class: "offers" }, offered.map(item)));
}

function deploy() {
  return card("deploy", words.deploy, "deploy", () => {
    const select = make("select", { id: "deploy-service" }, make("option", { value: "" }, words.deploy_all));
    const run = (what) => {
      const service = what !== "pull" && select.value;
      const title = words[`deploy_${what}`] + (service ? ` – ${plain(service, 80)}` : "");
      act({ title, path: command("deploy"), body: { what, ...(service ? { service: [service] } : {}) } });
    };
    return [
      make("p", { class: "field" }, make("label", { for: "deploy-service" }, words.deploy_service), select),
      make("div", { class: "buttons" }, DEPLOYS.map((what) => button(words[`deploy_${what}`], () => run(what), { id: `deploy-${what}` }))),
    ];
  });
}

/** The services that can be deployed alone; who has chosen one keeps it. */
export function offerServices({ services }) {
  const select = document.getElementById("deploy-service");
  const names = services.filter((one) => one.kind === "container" && one.service !== "compose").map((one) => one.service);
  const known = select && [...select.options].slice(1).map((option) => option.value);
  if (!select || JSON.stringify(known) === JSON.stringify(names)) {
    return;
  }
  const before = select.value;
  const all = make("option", { value: "" }, words.deploy_all);
  select.replaceChildren(all, ...names.map((name) => make("option", { value: name }, plain(name, 80))));
  select.value = names.includes(before) ? before : "";
}

function fiche() {
  return card("fiche", words.fiche, "operate", () => {
    const trouble = make("p", { class: "trouble", role: "alert", id: "fiche-trouble", hidden: true }, words.fiche_wrong);
    const input = make("input", { id: "fiche-code", autocomplete: "off", spellcheck: "false", maxlength: "20", "aria-describedby": "fiche-trouble" });
    const onsubmit = (event) => {
      event.preventDefault();
      const code = input.value.trim().toUpperCase();
      trouble.hidden = /^[A-Z]\d{4}$/.test(code);
      input.setAttribute("aria-invalid", String(!trouble.hidden));
      if (trouble.hidden) {
        act({ title: words.fiche_update_of(code), path: command("update-fiches"), body: { code: [code] } });
      }
    };
    const submit = make("button", { id: "fiche-update" }, words.fiche_update);
    return [
      make("p", { class: "quiet small" }, words.fiche_about),
      make("form", { onsubmit, novalidate: true }, make("p", { class: "field" }, make("label", { for: "fiche-code" }, words.fiche_code), input), trouble, submit),
    ];
  });
}

function stop() {
  return card("stop", words.stop, "operate", () => [
    make("p", { class: "quiet small" }, words.stop_about),
    button(words.stop, () => act({ title: words.stop, path: command("queue-stop"), typed: words.stop_word, isGrave: true }), { id: "queue-stop", class: "main grave" }),
  ], "danger");
}
