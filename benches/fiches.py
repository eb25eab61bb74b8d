"""The part of `make bench` that refreshes job sheets: update-fiches beside the way of the original.

A server on this machine stands for Claude; each of its answers takes two seconds. The original asks for one sheet after the
other, in batches of ten with two seconds of sleep after each: it is measured on its first batches, and what all would take is
worked out from that. No faster way can ask for N sheets with C at a time than N / C answers one after another: that is the limit.
"""

import http.server
import json
import math
import os
import shutil
import socketserver
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request

SHEETS, CONNECTIONS, DELAY = 1_584, 16, 2.0
# The original's sleep after each batch, and how many of its batches are measured.
BATCH, PAUSE, MEASURED = 10, 2.0, 2
MODEL = "claude-sonnet-5-5"
# USD for a million tokens of it: input, output, kept for an hour, read again.
PRICES = {"input": 2, "output": 10, "write": 4, "read": 0.10}
# What a sheet of the guide's example takes: its own part of the request, the part that all share, the answer.
OWN, SHARED, ANSWER = 200, 1_200, 1_300
GUIDE = 0.08

TABLES = """
CREATE TABLE fiches_metiers (id INTEGER PRIMARY KEY, code_rome VARCHAR(10) NOT NULL, nom_masculin VARCHAR(255) NOT NULL,
    nom_feminin VARCHAR(255) NOT NULL, nom_epicene VARCHAR(255) NOT NULL, description TEXT, description_courte VARCHAR(500),
    competences JSON, competences_transversales JSON, formations JSON, certifications JSON, conditions_travail JSON,
    environnements JSON, secteurs_activite JSON, salaires JSON, perspectives JSON, statut VARCHAR(20), version INTEGER,
    date_maj DATETIME, auteur VARCHAR(100));
CREATE UNIQUE INDEX code ON fiches_metiers (code_rome);
CREATE TABLE audit_log (id INTEGER PRIMARY KEY, timestamp DATETIME, type_evenement VARCHAR(30) NOT NULL,
    code_rome VARCHAR(10), agent VARCHAR(50) NOT NULL, description TEXT NOT NULL, donnees_avant TEXT, donnees_apres TEXT,
    validateur VARCHAR(100));
"""

ORIGINAL = """
import json, sqlite3, sys, time, urllib.request
url, database, batches = sys.argv[1], sys.argv[2], int(sys.argv[3])
connection = sqlite3.connect(database)
codes = [row[0] for row in connection.execute("SELECT code_rome FROM fiches_metiers ORDER BY code_rome")]
for start in range(0, batches * %(BATCH)d, %(BATCH)d):
    for code in codes[start:start + %(BATCH)d]:
        body = {"model": "%(MODEL)s", "max_tokens": 2048, "messages": [{"role": "user", "content": f"Code ROME : {code}"}]}
        request = urllib.request.Request(url + "/v1/messages", json.dumps(body).encode(), {"content-type": "application/json"})
        with urllib.request.urlopen(request) as answer:
            text = json.load(answer)["content"][0]["text"]
        sheet = json.loads(text)
        with connection:
            connection.execute("UPDATE fiches_metiers SET description = ?, version = version + 1 WHERE code_rome = ?",
                               (sheet["description"], code))
    time.sleep(%(PAUSE)s)
"""


def sheet(code):
    """What is written about a job: whole, and within all limits."""
    def some(what, count):
        return [f"{what} {number} du métier {code}" for number in range(1, count + 1)]

    def salary(low):
        return {"min": low, "max": low + 9_000, "median": low + 4_000}

    return {
        "description": f"Le métier {code} demande de la rigueur et le sens du contact. " * 5,
        "description_courte": f"Le métier {code} en une phrase.", "competences": some("Compétence", 8),
        "competences_transversales": some("Qualité", 4), "formations": some("Formation", 4),
        "certifications": some("Certificat", 2), "conditions_travail": some("Condition", 4),
        "environnements": some("Lieu", 3),
        "salaires": {"junior": salary(22_000), "confirme": salary(28_000), "senior": salary(36_000)},
        "perspectives": {"tension": 0.4, "tendance": "stable", "evolution_5ans": "Les effectifs devraient rester stables."},
    }


class Claude(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    delay = DELAY
    batches = {}
    lock = threading.Lock()
    count = 0

    def log_message(self, *_):
        pass

    def answer(self, body, kind="application/json"):
        lines = ["HTTP/1.1 200 OK", f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
        self.wfile.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    def message(self, params):
        """The first request of a hundred has the shared part kept, the others read it again."""
        text = params["messages"][0]["content"]
        text = text if isinstance(text, str) else text[0]["text"]
        code = text.split("ROME :", 1)[1].split()[0]
        with Claude.lock:
            written = 0 if Claude.count % 100 else SHARED
            Claude.count += 1
        usage = {
            "input_tokens": OWN, "cache_creation_input_tokens": written, "cache_read_input_tokens": SHARED - written,
            "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": written}, "output_tokens": ANSWER,
        }
        return {
            "id": f"msg_{Claude.count}", "type": "message", "role": "assistant", "model": MODEL, "stop_reason": "end_turn",
            "stop_sequence": None, "content": [{"type": "text", "text": json.dumps(sheet(code))}], "usage": usage,
        }

    def batch(self, name):
        host = self.headers["Host"]
        requests, count = Claude.batches[name], len(Claude.batches[name])
        return {
            "id": name, "type": "message_batch", "processing_status": "ended", "created_at": "2026-11-20T02:00:00Z",
            "request_counts": {"processing": 0, "succeeded": count, "errored": 0, "canceled": 0, "expired": 0},
            "ended_at": "2026-11-20T02:40:00Z", "expires_at": "2026-11-21T02:00:00Z", "cancel_initiated_at": None,
            "archived_at": None, "results_url": f"http://{host}/v1/messages/batches/{name}/results" if requests else None,
        }

    def do_GET(self):
        parts = self.path.split("?")[0].split("/")
        if parts[-1] == "results":
            lines = [
                json.dumps({"custom_id": one["custom_id"], "result": {"type": "succeeded", "message": self.message(one["params"])}})
                for one in Claude.batches[parts[-2]]
            ]
            self.answer("\n".join(lines).encode(), "application/x-jsonl")
        elif parts[-1] in Claude.batches:
            self.answer(json.dumps(self.batch(parts[-1])).encode())
        elif parts[-1] == "batches":
            data = [self.batch(name) for name in reversed(Claude.batches)]
            self.answer(json.dumps({"data": data, "has_more": False, "first_id": None, "last_id": None}).encode())
        elif parts[-2] == "models":
            self.answer(json.dumps({"type": "model", "id": parts[-1], "lifecycle": "active"}).encode())
        else:
            # The bench's own: other answers take other times from now on.
            Claude.delay = float(parts[-1])
            self.answer(b"")

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path.endswith("/count_tokens"):
            self.answer(json.dumps({"input_tokens": OWN + SHARED}).encode())
        elif self.path.endswith("/batches"):
            name = f"msgbatch_{len(Claude.batches) + 1}"
            Claude.batches[name] = asked["requests"]
            self.answer(json.dumps(self.batch(name)).encode())
        else:
            time.sleep(Claude.delay)
            self.answer(json.dumps(self.message(asked)).encode())


class Threads(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 128


def serve():
    server = Threads(("127.0.0.1", 0), Claude)
    print(server.server_port, flush=True)
    server.serve_forever()


def site(base, name, url, count):
    """A site with so many published sheets."""
    folder = os.path.join(base, name)
    os.makedirs(folder)
    with open(os.path.join(folder, "maint.toml"), "w") as file:
        file.write(
            f'[site]\nname = "{name}"\n[state]\ndir = "state"\n[databases.app]\nurl = "sqlite:fiches.db"\n'
            f'[update-fiches]\nbase_url = "{url}"\nconnections = {CONNECTIONS}\n'
        )
    with sqlite3.connect(os.path.join(folder, "fiches.db")) as connection:
        connection.executescript(TABLES)
        connection.executemany(
            "INSERT INTO fiches_metiers (code_rome, nom_masculin, nom_feminin, nom_epicene, description, secteurs_activite,"
            " statut, version) VALUES (?, ?, ?, ?, 'Fiche métier ROME', '[]', 'publiee', 1)",
            [(f"{chr(65 + number // 150)}{1101 + number % 150}", *[f"Métier {number}"] * 3) for number in range(count)],
        )
    connection.close()
    return folder


def refreshed(folder):
    connection = sqlite3.connect(os.path.join(folder, "fiches.db"))
    count = connection.execute("SELECT count(*) FROM fiches_metiers WHERE version = 2").fetchone()[0]
    connection.close()
    return count


def run(maint, base, python, peak_memory, environment):
    """Measures in a folder of its own, once: this takes minutes."""
    base = os.path.join(base, "fiches")
    os.makedirs(base)
    server = subprocess.Popen([sys.executable, os.path.abspath(__file__)], stdout=subprocess.PIPE)
    environment = {key: value for key, value in environment.items() if key != "STATE_DIRECTORY"}
    environment["ANTHROPIC_API_KEY"] = "sk-ant-of-the-bench"
    try:
        url = f"http://127.0.0.1:{int(server.stdout.readline())}"
        speed(maint, base, url, python, peak_memory, environment)
        money(maint, base, url, environment)
    finally:
        server.kill()
        server.wait()
        shutil.rmtree(base)


def command(maint, folder, *arguments):
    return [maint, "-c", os.path.join(folder, "maint.toml"), "update-fiches", *arguments]


def speed(maint, base, url, python, peak_memory, environment):
    title = f"fiches: {SHEETS:,} sheets, {DELAY:.0f} s an answer"
    limit = math.ceil(SHEETS / CONNECTIONS) * DELAY
    folder = site(base, "direct", url, SHEETS)
    start = time.perf_counter()
    memory = peak_memory(command(maint, folder), environment)
    seconds = time.perf_counter() - start
    if refreshed(folder) != SHEETS:
        sys.exit(f"only {refreshed(folder)} of {SHEETS} sheets were refreshed")
    folder = site(base, "original", url, BATCH * MEASURED)
    original = [python, "-c", ORIGINAL % globals(), url, os.path.join(folder, "fiches.db"), str(MEASURED)]
    start = time.perf_counter()
    subprocess.run(original, check=True, env=environment)
    whole = (time.perf_counter() - start) / (BATCH * MEASURED) * SHEETS
    rows = [
        (f"maint update-fiches, {CONNECTIONS} at once", seconds, memory),
        (f"the limit: {SHEETS / CONNECTIONS:.0f} answers one after another", limit, ""),
        (f"one after the other with pauses, worked out from {BATCH * MEASURED} sheets", whole, ""),
    ]
    for who, time_, memory in rows:
        print(f"| {title} | {who} | {time_:.1f} s | {time_ / limit:.3f} | {memory} |")
    sys.stdout.flush()


def money(maint, base, url, environment):
    """What a sheet costs in each mode, as maint's own report has it."""
    count = 100
    urllib.request.urlopen(f"{url}/delay/0").close()
    title = f"fiches: cost of a sheet, {OWN} + {SHARED} tokens of request, {ANSWER} of answer, {MODEL}"
    for mode, runs in [("direct", 1), ("batch", 2)]:
        folder = site(base, f"cost-{mode}", url, count)
        cost = 0
        for _ in range(runs):
            done = subprocess.run(command(maint, folder, "--mode", mode, "--json"), env=environment, stdout=subprocess.PIPE)
            if done.returncode != 0:
                sys.exit(f"update-fiches --mode {mode} failed: {done.stdout.decode()}")
            cost += json.loads(done.stdout)["cost_usd"]
        once, often = OWN * PRICES["input"] + ANSWER * PRICES["output"], SHARED * ((count - 1) * PRICES["read"] + PRICES["write"])
        expected = (count * once + often) / 1e6 * (0.5 if mode == "batch" else 1)
        if refreshed(folder) != count or abs(cost - expected) > 1e-6:
            sys.exit(f"{mode}: {refreshed(folder)} sheets for ${cost}, which should be {count} for ${expected}")
        print(f"| {title} | maint, {mode} | ${cost / count:.4f} | {cost / count / GUIDE:.3f} | |")
    print(f"| {title} | the guide | ${GUIDE:.4f} | 1.000 | |")
    sys.stdout.flush()


if __name__ == "__main__":
    serve()
