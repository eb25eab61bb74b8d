"""The part of `make bench` about `maint serve`: requests beside the original's way, FastAPI with uvicorn, redis-py and rq,
which answers the same; its time to answer at a steady rate, its memory while a page looks for an hour, and that page."""

import http.client
import json
import os
import shutil
import socket
import subprocess
import threading
import time

PACKAGES = ["fastapi", "uvicorn[standard]", "redis", "rq>=2.12,<3"]
KEY = "bench-4d2Pq8vXr1LmZc7KwYh5TjNs9BfGe3Ua"
JOBS = "/deployment/jobs"
CONNECTIONS = 16
RATE = 1_000  # requests in a second, at even distances
SECONDS = 10
POLLS = 360  # an hour of a page that looks every ten seconds
PAGE_LOOKS = [JOBS, "/deployment/services/status", "/api/v1/site", "/api/v1/jobs", "/api/v1/queries/services", "/api/v1/queries/queue-list"]

# What the original does for a request: rq reads the ids, and fetches each job.
ORIGINAL = """
import hmac, os
from datetime import datetime
from fastapi import Depends, FastAPI, Header, HTTPException
from redis import Redis
from rq import Queue
from rq.job import Job
app = FastAPI()
redis = Redis(unix_socket_path=os.environ["SOCKET"])
queue = Queue("bot", connection=redis)

def key(x_api_key: str = Header(None)):
    if not x_api_key or not hmac.compare_digest(x_api_key, os.environ["KEY"]):
        raise HTTPException(403, "Invalid API Key")

def tell(id):
    job = Job.fetch(id, connection=redis)
    iso = lambda time: time.isoformat() if time else None
    return {"job_id": job.id, "status": job.get_status(), "created_at": iso(job.created_at), "started_at": iso(job.started_at),
            "ended_at": iso(job.ended_at), "result": str(job.result) if job.result else None, "exc_info": job.exc_info, "meta": job.meta}

@app.get("/health")
async def health():
    return {"status": "healthy", "timestamp": datetime.now().isoformat(), "version": "1"}

@app.get("/deployment/jobs", dependencies=[Depends(key)])
async def jobs():
    lists = {"queued": queue.get_job_ids()[:10], "started": queue.started_job_registry.get_job_ids(),
             "finished": queue.finished_job_registry.get_job_ids()[-10:], "failed": queue.failed_job_registry.get_job_ids()[-10:]}
    told = {name: [tell(id) for id in ids] for name, ids in lists.items()}
    return {**told, "total": sum(len(one) for one in told.values())}
"""

FILL = """
import sys
from redis import Redis
from rq import Queue
from rq.job import Job
redis = Redis(unix_socket_path=sys.argv[1])
queue = Queue("bot", connection=redis)
for number in range(30):
    job = queue.enqueue("tasks.run_bot_task", number, job_id="job-%02d" % number, meta={"n": number})
    if number >= 10:
        redis.lrem("rq:queue:bot", 0, job.id)
        status = "finished" if number < 20 else "failed"
        redis.hset("rq:job:" + job.id, mapping={"status": status, "started_at": "2026-11-20T10:00:00.000000Z", "ended_at": "2026-11-20T10:00:01.000000Z"})
        redis.zadd("rq:%s:bot" % status, {job.id: 4102444800})
"""


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def run(maint, base, python, environment):
    if not shutil.which("wrk") or not shutil.which("redis-server"):
        print("| serve | (install wrk and redis-server) | | | |")
        return
    folder = os.path.join(base, "serve")
    os.makedirs(folder)
    venv = os.path.join(folder, "venv", "bin", "python")
    subprocess.run([python, "-m", "venv", os.path.join(folder, "venv")], check=True)
    if subprocess.run([venv, "-m", "pip", "install", "--quiet", *PACKAGES]).returncode != 0:
        print("| serve | FastAPI (pip cannot get it) | | | |")
        return
    path = os.path.join(folder, "r.sock")
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    started = [subprocess.Popen(["redis-server", "--port", "0", "--unixsocket", path, "--save", "", "--dir", folder], **quiet)]
    try:
        wait_until(lambda: os.path.exists(path))
        subprocess.run([venv, "-c", FILL, path], check=True)
        ours, theirs = start_maint(maint, folder, path, environment, started), start_original(venv, folder, path, started)
        compare(ours, theirs)
        steady(ours)
        memory(started[1].pid, ours)
        page(ours)
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait()
        shutil.rmtree(folder)


def start_maint(maint, folder, path, environment, started):
    with open(os.path.join(folder, "maint.toml"), "w") as file:
        file.write('[site]\nname = "bench"\n[state]\ndir = "state"\n[jobs.empty]\nshell = ":"\nschedule = "0 3 * * *"\n')
        file.write(f'[redis]\nurl = "unix://{path}"\nqueue = "bot"\n')
        file.write('[serve.keys.bench]\nkey = "env:MAINT_API_KEY"\nrole = "read"\n')
    port = free_port()
    command = [maint, "-c", os.path.join(folder, "maint.toml"), "serve", "--listen", f"127.0.0.1:{port}"]
    return start(command, port, {**environment, "MAINT_API_KEY": KEY}, started)


def start_original(venv, folder, path, started):
    with open(os.path.join(folder, "original.py"), "w") as file:
        file.write(ORIGINAL)
    port = free_port()
    command = [venv, "-m", "uvicorn", "original:app", "--app-dir", folder, "--port", str(port), "--log-level", "warning", "--no-access-log"]
    return start(command, port, {**os.environ, "SOCKET": path, "KEY": KEY}, started)


def start(command, port, environment, started):
    started.append(subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
    wait_until(lambda: answers(port))
    return port


def wait_until(is_so):
    end = time.monotonic() + 20
    while not is_so():
        if time.monotonic() > end:
            raise SystemExit("a server does not start")
        time.sleep(0.05)


def answers(port):
    try:
        return ask(port, "/health")[0] == 200
    except OSError:
        return False


def ask(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path, headers={"X-API-Key": KEY})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def compare(ours, theirs):
    """Requests in a second, in turn."""
    told = [json.loads(ask(port, JOBS)[1]) for port in (ours, theirs)]
    first = [[[job[key] for key in ("job_id", "status", "meta")] for job in one["queued"] + one["finished"] + one["failed"]] for one in told]
    if first[0] != first[1] or told[0]["total"] != told[1]["total"] or told[0]["total"] != 30:
        raise SystemExit(f"the answers differ: {told}")
    for path in ("/health", JOBS):
        rates = {ours: [], theirs: []}
        for _ in range(3):
            for port in (ours, theirs):
                rates[port].append(requests_per_second(port, path))
        best = {port: max(all_rates) for port, all_rates in rates.items()}
        for name, port in (("maint serve", ours), ("FastAPI, uvicorn, rq", theirs)):
            print(f"| serve: {path}, {CONNECTIONS} connections | {name} | {best[port]:,.0f} requests/s | {best[port] / best[theirs]:.1f} | |")


def requests_per_second(port, path):
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", "-d5s", "-H", f"X-API-Key: {KEY}", f"http://127.0.0.1:{port}{path}"]
    told = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    if "Non-2xx" in told:
        raise SystemExit(told)
    return float(next(line.split()[1] for line in told.splitlines() if line.startswith("Requests/sec:")))


def steady(port):
    """Time to answer when requests come at even distances, whether the one before has been answered or not: it counts from
    when each is due."""
    for path in ("/health", JOBS):
        slots = sorted(seconds for slots in together(CONNECTIONS, lambda number: at_a_rate(port, path, number)) for seconds in slots)
        p50, p99 = (slots[int(len(slots) * share)] * 1000 for share in (0.5, 0.99))
        print(f"| serve: {path}, {RATE:,} requests/s | maint serve | p50 {p50:.2f} ms, p99 {p99:.2f} ms | | |")


def together(count, work):
    results = [None] * count

    def one(number):
        results[number] = work(number)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def at_a_rate(port, path, number):
    """Each connection has its share of the requests, between those of the others."""
    line = socket.create_connection(("127.0.0.1", port))
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nX-API-Key: {KEY}\r\n\r\n".encode()
    step, taken = CONNECTIONS / RATE, []
    begin = time.perf_counter() + 0.2 + number / RATE
    for turn in range(int(SECONDS / step)):
        due = begin + turn * step
        time.sleep(max(due - time.perf_counter(), 0))
        line.sendall(request)
        receive(line)
        taken.append(time.perf_counter() - due)
    line.close()
    return taken


def receive(line):
    data = b""
    while b"\r\n\r\n" not in data:
        data += line.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise SystemExit(head.decode())
    length = next(int(row.split(b":")[1]) for row in head.lower().split(b"\r\n") if row.startswith(b"content-length:"))
    while len(body) < length:
        body += line.recv(65536)


def memory(pid, port):
    """Everything that the page looks at, as often as in an hour."""
    for _ in range(POLLS):
        for path in PAGE_LOOKS:
            ask(port, path)
        time.sleep(0.05)
    with open(f"/proc/{pid}/status") as file:
        sizes = {row.split(":")[0]: int(row.split()[1]) / 1024 for row in file if row.startswith(("VmRSS", "VmHWM", "RssAnon"))}
    print(f"| serve: an hour of a page | maint serve | {POLLS} times {len(PAGE_LOOKS)} looks | | {sizes['VmRSS']:.1f} MB, of which {sizes['RssAnon']:.1f} are not the program itself; at most {sizes['VmHWM']:.1f} MB |")


def page(port):
    """The page and all that belongs to it."""
    times = []
    for _ in range(20):
        start = time.perf_counter()
        files = {"/": ask(port, "/")[1]}
        waiting = ["/"]
        while waiting:
            text = files[waiting.pop()].decode(errors="replace")
            for name in {part.split('"')[0] for part in text.split('"/assets/')[1:]} | {part.split('"')[0] for part in text.split('"./')[1:]}:
                path = "/assets/" + name
                if path not in files:
                    status, files[path] = ask(port, path)
                    if status != 200:
                        raise SystemExit(f"{path}: {status}")
                    waiting.append(path)
        times.append(time.perf_counter() - start)
    size = sum(map(len, files.values())) / 1024
    print(f"| serve: the page, {len(files)} files | maint serve | {min(times) * 1000:.1f} ms, one after the other | | {size:.0f} KB |")
