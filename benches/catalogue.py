"""The part of `make bench` that needs the network: ascl-refresh beside the way of the original.

A server on this machine stands for ASCL and GitHub; each of its answers takes 50 ms. The original asks for a page of HTML
for each repository, in four processes. It sleeps at random between two pages, which is left out here; and its pages have
300 KB, of which these have the one line that matters.
"""

import http.server
import json
import os
import random
import re
import shutil
import socketserver
import subprocess
import sys
import time
import urllib.request

DELAY = 0.05
RECORDS, REPOSITORIES, CANDIDATES = 4_100, 2_532, 342
DOCUMENT_BYTES = 5_000_000
ALIAS = re.compile(r"(\w+)\s*:\s*repository\s*\(\s*owner\s*:\s*\$(\w+)\s*,?\s*name\s*:\s*\$(\w+)")

ORIGINAL = """
import json, multiprocessing, re, sys
import requests
base, target = sys.argv[1:]
KEYWORDS = ["astro", "sky", "cosmo"]

def stars(name):
    try:
        answer = requests.get(f"{base}/{name}", headers={"User-Agent": "Mozilla/5.0"}, timeout=10)
        found = re.search(r"Star this repository \\((\\d+)\\)", answer.text)
        return name, int(found[1]) if answer.status_code == 200 and found else -1
    except requests.RequestException:
        return name, -1

if __name__ == "__main__":
    answer = requests.get(f"{base}/code/json", timeout=30)
    answer.raise_for_status()
    names = re.findall(r"github\\.com/([a-zA-Z0-9_.-]+/[a-zA-Z0-9_.-]+)", json.dumps(answer.json()), re.IGNORECASE)
    names = sorted({name.strip().removesuffix(".git").lower() for name in names})
    with multiprocessing.get_context("fork").Pool(4) as pool:
        rows = list(pool.imap_unordered(stars, names))
    rows = [row for row in rows if row[1] >= 0 and any(keyword in "github.com/" + row[0] for keyword in KEYWORDS)]
    rows = sorted(rows, key=lambda row: row[1], reverse=True)[:100]
    libraries = [{"name": name, "github_url": f"https://github.com/{name}", "stars": stars, "rank": rank,
                  "hasContextFile": False, "contextFileName": ""} for rank, (name, stars) in enumerate(rows, 1)]
    with open(target, "w") as file:
        json.dump({"libraries": libraries, "domain": "astronomy"}, file, indent=2, ensure_ascii=False)
"""


def universe():
    """The names of repositories that nobody has, and their stars."""
    chance = random.Random(1)
    every = REPOSITORIES // CANDIDATES
    words = ["astro", "sky", "cosmo"]

    def name(number):
        is_candidate = number % every == 0 and number // every < CANDIDATES
        return f"lab{number % 97}/{words[number % 3] if is_candidate else 'tool'}-{number}"

    return {name(number): int(chance.random() ** 3 * 5_000) for number in range(REPOSITORIES)}


def document(names):
    """A document in ASCL's form, of the size of the real one."""
    filling = "It computes what others have only measured, and says how well. "
    records = {}
    for number in range(RECORDS):
        sites = [f"https://github.com/{names[number]}"] if number < len(names) else False
        records[str(number + 1)] = {
            "ascl_id": f"{number // 1_000 + 10}01.{number % 1_000:03}", "title": f"Program {number}", "credit": "Doe, J.",
            "abstract": filling * 14, "topic_id": str(number), "bibcode": "", "views": "1", "preferred_citation": "",
            "site_list": sites, "used_in": False, "described_in": [], "keywords": [],
        }
    text = json.dumps(records).replace("/", "\\/")
    return (text[:-1] + " " * max(0, DOCUMENT_BYTES - len(text)) + "}").encode()


class Answers(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    stars = universe()
    document = document(list(stars))
    count = 0

    def log_message(self, *_):
        pass

    def answer(self, status, body, kind="application/json", headers=()):
        lines = [f"HTTP/1.1 {status} OK", f"Content-Type: {kind}", f"Content-Length: {len(body)}", *headers]
        self.wfile.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    def do_GET(self):
        if self.path == "/count":
            self.answer(200, str(Answers.count).encode())
            Answers.count = 0
            return
        Answers.count += 1
        time.sleep(DELAY)
        if self.path == "/code/json":
            is_known = self.headers.get("If-None-Match") == '"1"'
            self.answer(304 if is_known else 200, b"" if is_known else self.document, headers=['ETag: "1"'])
        elif (stars := self.stars.get(self.path[1:])) is not None:
            self.answer(200, f"<html>Star this repository ({stars})</html>".encode(), "text/html")
        else:
            self.answer(404, b"")

    def do_POST(self):
        Answers.count += 1
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        time.sleep(DELAY)
        variables, data = asked["variables"], {"rateLimit": {"cost": 1, "remaining": 4_999, "resetAt": "2030-01-01T00:00:00Z"}}
        for alias, owner, name in ALIAS.findall(asked["query"]):
            name = f"{variables[owner]}/{variables[name]}"
            number, stars = hash(name) & 0xFFFFFFF, self.stars[name]
            commit = {"oid": f"{number:040x}", "committedDate": "2026-08-01T00:00:00Z"}
            data[alias] = {
                "databaseId": number, "nameWithOwner": name, "stargazerCount": stars, "isArchived": False,
                "isDisabled": False, "isEmpty": False, "pushedAt": "2026-08-01T00:00:00Z",
                "url": f"https://github.com/{name}", "defaultBranchRef": {"name": "main", "target": commit},
            }
        self.answer(200, json.dumps({"data": data}).encode())


class Threads(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 128


def serve():
    server = Threads(("127.0.0.1", 0), Answers)
    print(server.server_port, flush=True)
    server.serve_forever()


def site(base, name, url, keywords):
    """A site whose catalogue takes what has one of the keywords in its name."""
    folder = os.path.join(base, name)
    os.makedirs(folder)
    with open(os.path.join(folder, "maint.toml"), "w") as file:
        file.write(
            f'[site]\nname = "{name}"\n[state]\ndir = "state"\n[github]\napi_url = "{url}"\n'
            f'graphql_url = "{url}/graphql"\n[ascl-refresh]\nsource = "{url}/code/json"\n'
            f"[ascl-refresh.domains.astronomy]\nkeywords = {json.dumps(keywords)}\n"
        )
    return folder


def catalogue(folder):
    return os.path.join(folder, "app/data/astronomy-libraries.json")


def libraries(path):
    """The stars in a catalogue: of equals the original takes whichever came first."""
    with open(path) as file:
        return [library["stars"] for library in json.load(file)["libraries"]]


def run(maint, base, python, compare, runs, environment):
    """Measures in a folder of its own; the original's way counts as 1.00."""
    base = os.path.join(base, "catalogue")
    os.makedirs(base)
    server = subprocess.Popen([sys.executable, os.path.abspath(__file__)], stdout=subprocess.PIPE)
    try:
        url = f"http://127.0.0.1:{int(server.stdout.readline())}"
        measure(maint, base, url, python, compare, runs, environment)
    finally:
        server.kill()
        server.wait()
        shutil.rmtree(base)


def with_requests(base, python):
    """A Python with the package that the original uses."""
    subprocess.run([python, "-m", "venv", os.path.join(base, "venv")], check=True)
    own = os.path.join(base, "venv", "bin", "python")
    if subprocess.run([own, "-m", "pip", "install", "--quiet", "requests"]).returncode != 0:
        sys.exit("pip cannot get `requests`, which the original's way needs")
    return own


def measure(maint, base, url, python, compare, runs, environment):
    def command(folder):
        return [maint, "-c", os.path.join(folder, "maint.toml"), "ascl-refresh", "--no-contexts"]

    def count():
        with urllib.request.urlopen(f"{url}/count") as answer:
            return int(answer.read())

    words = ["astro", "sky", "cosmo"]
    fresh, every, known = [site(base, name, url, keywords) for name, keywords in
                           [("fresh", words), ("every", ["/"]), ("known", words)]]
    environment = {key: value for key, value in environment.items() if key != "STATE_DIRECTORY"}
    environment["GITHUB_TOKEN"] = "of-the-bench"
    target = os.path.join(base, "original.json")
    own = with_requests(base, python)

    def prepare():
        for folder in [fresh, every]:
            for name in ["app", "state"]:
                shutil.rmtree(os.path.join(folder, name), ignore_errors=True)

    subprocess.run(command(known), env=environment, check=True)
    before = os.stat(catalogue(known))
    title = f"catalogue: {REPOSITORIES:,} repositories, {DELAY * 1000:.0f} ms an answer, a document of 5 MB"
    contestants = [
        (f"maint ascl-refresh, the {CANDIDATES} with a keyword", command(fresh)),
        ("maint ascl-refresh, all of them", command(every)),
        ("maint ascl-refresh, nothing new", command(known)),
        ("four python workers", [own, "-c", ORIGINAL, url, target]),
    ]
    compare(title, contestants, max(runs // 3, 1), environment, prepare)
    after = os.stat(catalogue(known))
    if (before.st_mtime_ns, before.st_ino) != (after.st_mtime_ns, after.st_ino):
        sys.exit("a run with nothing new has written the catalogue")
    counts = []
    prepare()
    count()
    for name, each in contestants:
        subprocess.run(each, env=environment, check=True)
        counts.append((name, count()))
    if libraries(catalogue(fresh)) != libraries(target):
        sys.exit("the two catalogues are not the same")
    for name, requests in counts:
        print(f"| catalogue: requests | {name} | {requests:,} | {requests / counts[-1][1]:.3f} | |")
    sys.stdout.flush()


if __name__ == "__main__":
    serve()
