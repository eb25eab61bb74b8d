// The log of a run: its lines as they come, and how it ended.

import { chip, make, plain, said, took } from "./show.js";
import { state as stateWord, words } from "./words.js";

/** Lines that are shown; earlier ones are taken away. */
const SHOWN = 2_000;
/** The longest line. */
const LONGEST = 10_000;

/** Shows the log and the state of a run until it has ended, or the signal says that nobody looks any more. */
export function follow(id, { log, state, signal }, { onRunning, onEnd }) {
  const source = new EventSource(`/api/v1/runs/${encodeURIComponent(id)}/events`);
  const lines = waitingLines(log);
  signal.addEventListener("abort", () => source.close());
  source.addEventListener("open", () => {
    // A connection that was lost begins with the first line again.
    lines.clear();
    state.replaceChildren(chip("running", stateWord("running"), "busy"), " ", words.running_now);
    onRunning();
  });
  source.addEventListener("line", (event) => lines.add(JSON.parse(event.data)));
  source.addEventListener("end", (event) => {
    source.close();
    lines.end();
    state.replaceChildren(...result(JSON.parse(event.data)));
    onEnd();
  });
  source.addEventListener("error", () => {
    const isGone = source.readyState === EventSource.CLOSED;
    state.replaceChildren(make("p", { class: "trouble" }, isGone ? words.log_gone : words.log_lost));
  });
}

/** How a run ended, and what it says of itself. */
function result(run) {
  const ended = words.ended(stateWord(run.status), took(run));
  return [
    make("p", { class: "result", id: "result" }, chip(run.status, ended)),
    run.summary ? make("p", { lang: "en" }, said(run.summary, 1_000)) : "",
  ];
}

/** Lines are put into the page once for each frame, however many come. */
function waitingLines(log) {
  let waiting = [];
  const flush = () => {
    const isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
    log.append(...waiting.slice(-SHOWN).map(line));
    const isCut = waiting.length > SHOWN || log.childElementCount > SHOWN;
    waiting = [];
    while (log.childElementCount > SHOWN) {
      log.firstElementChild.remove();
    }
    if (isCut) {
      log.prepend(make("p", { class: "quiet" }, words.log_cut));
    }
    if (isAtEnd) {
      log.scrollTop = log.scrollHeight;
    }
  };
  return {
    add(text) {
      if (waiting.push(text) === 1) {
        requestAnimationFrame(flush);
      }
    },
    clear() {
      waiting = [];
      log.replaceChildren();
    },
    end() {
      flush();
      if (!log.childElementCount) {
        log.append(make("p", { class: "quiet" }, words.log_empty));
      }
    },
  };
}

function line(text) {
  const level = /^\S+ (error|warn) /.exec(text)?.[1];
  return make("div", { class: level, lang: "en" }, plain(text, LONGEST) || "\u00a0");
}
