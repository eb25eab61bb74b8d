// Questions to the server.

import { words } from "./words.js";

/** A question that takes longer is given up, in milliseconds. */
const PATIENCE = 60_000;

/** An answer that is no, in words that can be shown. */
export class Refusal extends Error {
  constructor(status, detail, answer) {
    super(detail);
    this.status = status;
    this.answer = answer;
  }
}

/** Told when the session has ended. */
let onSignedOut = () => {};

export function whenSignedOut(listener) {
  onSignedOut = listener;
}

/** Reads something. */
export function get(path) {
  return send("GET", path);
}

/** Asks for something to be done. */
export function post(path, body = {}) {
  return send("POST", path, body);
}

/** Ends something. */
export function remove(path) {
  return send("DELETE", path);
}

async function send(method, path, body) {
  const response = await reach(method, path, body);
  const answer = await read(response);
  if (response.ok) {
    return answer;
  }
  const detail = typeof answer?.detail === "string" ? answer.detail : words.no_sense(response.status);
  const refusal = new Refusal(response.status, detail, answer);
  refusal.wait = Number(response.headers.get("Retry-After")) || 0;
  if (response.status === 401 && path !== "/api/v1/session") {
    onSignedOut();
  }
  throw refusal;
}

async function reach(method, path, body) {
  const request = { method, credentials: "same-origin", signal: AbortSignal.timeout(PATIENCE), cache: "no-store" };
  if (body !== undefined) {
    request.headers = { "Content-Type": "application/json" };
    request.body = JSON.stringify(body);
  }
  try {
    return await fetch(path, request);
  } catch {
    throw new Refusal(0, words.no_answer);
  }
}

async function read(response) {
  try {
    const text = await response.text();
    return text ? JSON.parse(text) : null;
  } catch {
    return null;
  }
}
