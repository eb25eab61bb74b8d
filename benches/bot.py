"""The part of `make bench` about a bot: trim-logs beside tail and mv, queue clean-finished beside python rq that deletes
each job, vacuum-db beside the sqlite3 command."""

import os
import shutil
import sqlite3
import subprocess
import sys
import time

LINE = b"2026-11-20 12:00:00,123 INFO linkedin_bot.worker: message to contact answered in 1.23 s, 15 left today\n"
SIZES = [("1 MB", 1 << 20), ("100 MB", 100 << 20), ("2 GB", 2 << 30)]
JOBS = 100_000
ROWS = 4_000_000  # about 1.1 GB with its index

# What a script with rq does: fetch each job, delete it.
DELETE_EACH = """
import sys
from redis import Redis
from rq.job import Job
from rq.registry import FailedJobRegistry, FinishedJobRegistry
connection = Redis(unix_socket_path=sys.argv[1])
for registry in (FinishedJobRegistry, FailedJobRegistry):
    for id in registry("bot", connection=connection).get_job_ids():
        Job.fetch(id, connection=connection).delete()
"""

FILL_QUEUE = """
import sys
from redis import Redis
from rq import Queue
from rq.job import Job
connection, count = Redis(unix_socket_path=sys.argv[1]), int(sys.argv[2])
connection.flushall()
queue = Queue("bot", connection=connection)
job = Job.create("tasks.ok", connection=connection, origin="bot", id="seed", result_ttl=86400)
job.save()
fields = connection.hgetall("rq:job:seed")
connection.delete("rq:job:seed")
connection.sadd("rq:queues", "rq:queue:bot")
fields.update({b"status": b"finished", b"ended_at": fields[b"created_at"], b"started_at": fields[b"created_at"]})
pipe = connection.pipeline(transaction=False)
for number in range(count):
    name = "job-%06d" % number
    failed = number % 5 == 0
    if failed:
        fields[b"status"] = b"failed"
    else:
        fields[b"status"] = b"finished"
    pipe.hset("rq:job:" + name, mapping=fields)
    pipe.xadd("rq:results:" + name, {"type": 2 if failed else 1, "created_at": 1795186946, "return_value": "gASVBQAAAAAAAABLAS4="})
    pipe.zadd("rq:failed:bot" if failed else "rq:finished:bot", {name: 4102444800})
    if number % 5000 == 4999:
        pipe.execute()
pipe.execute()
"""


def run(part, maint, base, python, compare, runs, environment, peak_memory):
    if part == "trim":
        trim(maint, base, compare, runs, environment)
    elif part == "vacuum":
        vacuum(maint, base, compare, max(runs // 2, 2), environment)
    else:
        queue(maint, base, python, environment, peak_memory)


def trim(maint, base, compare, runs, environment):
    folder = os.path.join(base, "trim")
    os.makedirs(folder)
    log, rest = os.path.join(folder, "app.log"), os.path.join(folder, "t")
    for name, size in SIZES:
        if shutil.disk_usage(folder).free < 2 * size:
            print(f"| trim: {name} | (not enough room) | | | |")
            continue

        def prepare():
            with open(log, "wb") as file:
                chunk = LINE * 10_000
                for _ in range(size // len(chunk)):
                    file.write(chunk)
                file.write(LINE * ((size % len(chunk)) // len(LINE)))
                file.flush()
                os.fsync(file.fileno())

        tail = f"tail -n 1000 '{log}' > '{rest}' && mv '{rest}' '{log}'"
        contestants = [
            ("maint trim-logs", [maint, "trim-logs", "--lines=1000", log]),
            ("tail > t && mv t", ["sh", "-c", tail]),
        ]
        compare(f"trim: {name}, the last 1,000 lines stay", contestants, runs, environment, prepare)
    shutil.rmtree(folder)


def vacuum(maint, base, compare, runs, environment):
    """1.1 GB of which 40 % is free, in place and, where nothing else holds it, by exchange."""
    folder = os.path.join(base, "vacuum")
    os.makedirs(folder)
    original, path = os.path.join(folder, "original.db"), os.path.join(folder, "app.db")
    for name, exclusive in (("alone", "true"), ("shared", "false")):
        with open(os.path.join(folder, name + ".toml"), "w") as file:
            file.write('[site]\nname = "bench"\n[state]\ndir = "state"\n[databases.app]\nurl = "sqlite:app.db"\n')
            file.write(f"[vacuum-db]\nexclusive = {exclusive}\n")
    connection = sqlite3.connect(original)
    connection.executescript(
        f"""PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
        CREATE TABLE visits (id INTEGER PRIMARY KEY, name TEXT NOT NULL, visited_at TEXT NOT NULL, note TEXT NOT NULL);
        CREATE INDEX by_time ON visits (visited_at);
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS})
        INSERT INTO visits SELECT i, 'visitor ' || (i * 7919 % {ROWS}), '2026-01-01 12:' || (i % 60), hex(randomblob(90)) FROM n;
        DELETE FROM visits WHERE id % 100000 < 40000;"""
    )
    connection.close()

    def prepare():
        for end in ("", "-wal", "-shm", "-journal"):
            if os.path.exists(path + end):
                os.remove(path + end)
        shutil.copyfile(original, path)
        os.sync()

    size = os.path.getsize(original) / 1e9
    contestants = [
        ("maint vacuum-db, exclusive", [maint, "-c", os.path.join(folder, "alone.toml"), "vacuum-db"]),
        ("maint vacuum-db", [maint, "-c", os.path.join(folder, "shared.toml"), "vacuum-db"]),
        ("sqlite3 VACUUM", ["sqlite3", path, "VACUUM"]),
    ]
    compare(f"vacuum: {size:.1f} GB, 40 % free", contestants, runs, environment, prepare)
    shutil.rmtree(folder)


def queue(maint, base, python, environment, peak_memory):
    """A Redis of its own; each side once on the same jobs, because python takes minutes."""
    folder = os.path.join(base, "queue")
    os.makedirs(folder)
    venv = os.path.join(folder, "venv", "bin", "python")
    subprocess.run([python, "-m", "venv", os.path.join(folder, "venv")], check=True)
    if subprocess.run([venv, "-m", "pip", "install", "--quiet", "rq>=2.12,<3"]).returncode != 0:
        print("| queue | rq (pip cannot get it) | | | |")
        return
    socket = os.path.join(folder, "r.sock")
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    server = subprocess.Popen(["redis-server", "--port", "0", "--unixsocket", socket, "--save", "", "--dir", folder], **quiet)
    try:
        while not os.path.exists(socket):
            time.sleep(0.05)
        config = os.path.join(folder, "maint.toml")
        with open(config, "w") as file:
            file.write(f'[site]\nname = "bench"\n[state]\ndir = "state"\n[redis]\nurl = "unix://{socket}"\nqueue = "bot"\n')
        ours = [maint, "-c", config, "queue", "clean-finished", "--force"]
        theirs = [venv, "-c", DELETE_EACH, socket]
        seconds = {}
        for name, command in (("maint queue clean-finished", ours), ("python rq, each job", theirs)):
            subprocess.run([venv, "-c", FILL_QUEUE, socket, str(JOBS)], check=True)
            start = time.perf_counter()
            subprocess.run(command, check=True, env=environment, **quiet)
            seconds[name] = time.perf_counter() - start
            left = subprocess.run(["redis-cli", "-s", socket, "dbsize"], capture_output=True, check=True).stdout
            if name.startswith("maint") and int(left) > 2:
                sys.exit(f"{int(left)} keys are left")
        subprocess.run([venv, "-c", FILL_QUEUE, socket, str(JOBS)], check=True)
        memory = peak_memory(ours, environment)
        base_seconds = seconds["python rq, each job"]
        for name, taken in seconds.items():
            peak = memory if name.startswith("maint") else ""
            ratio = taken / base_seconds
            print(f"| queue: {JOBS:,} finished and failed jobs | {name} | {taken * 1000:.1f} ms | {ratio:.4f} | {peak} |")
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(folder)
