"""The part of `make bench` about a docker-compose site: backup beside pg_dump and tar | zstd, check with twenty services."""

import glob
import os
import random
import shutil
import subprocess
import time

ROWS = 6_000_000  # about 1 GB with its index
FILES = 2_000  # of half a megabyte
SERVICES = 20
NOBODY = 65_534
QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


def run(part, maint, base, compare, runs, environment):
    folder = os.path.join(base, part)
    os.makedirs(folder)
    try:
        {"backup-db": database, "backup-volume": volume, "check": check}[part](maint, folder, compare, runs, environment)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def configure(folder, rest):
    path = os.path.join(folder, "maint.toml")
    with open(path, "w") as file:
        file.write('[site]\nname = "bench"\n[state]\ndir = "state"\n[backup]\nkeep_daily = 0\nkeep_weekly = 0\nkeep_monthly = 0\n' + rest)
    return path


def database(maint, folder, compare, runs, environment):
    """A PostgreSQL cluster of its own, on a socket."""
    programs = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
    if not programs:
        print("| backup of a database | (install postgresql) | | | |")
        return
    data = os.path.join(folder, "data")
    os.makedirs(data)
    plain = []
    if os.geteuid() == 0:
        os.chmod(os.path.dirname(folder), 0o711)
        for path in (folder, data):
            os.chown(path, NOBODY, NOBODY)
        plain = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    initdb = [*plain, f"{programs[-1]}/initdb", "-D", data, "-U", "bench", "-A", "trust", "--no-sync"]
    subprocess.run(initdb, check=True, cwd=folder, **QUIET)
    options = ["-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_wal_size=8GB", "-k", folder]
    server = subprocess.Popen([*plain, f"{programs[-1]}/postgres", "-D", data, *options], cwd=folder, **QUIET)
    psql = ["psql", "-qX", "-h", folder, "-U", "bench", "-d", "postgres", "-c"]
    try:
        while subprocess.run([*psql, "SELECT 1"], **QUIET).returncode != 0:
            time.sleep(0.2)
        fill = f"""CREATE TABLE visits AS SELECT i AS id, 'visitor ' || (i::bigint * 7919 % {ROWS}) AS name,
            now() - i * interval '1 second' AS visited_at, md5(i::text) || md5((i + 1)::text) AS note FROM generate_series(1, {ROWS}) AS i"""
        subprocess.run([*psql, fill], check=True, **QUIET)
        subprocess.run([*psql, "CREATE INDEX ON visits (id)"], check=True, **QUIET)
        socket = folder.replace("/", "%2F")
        config = configure(folder, f'[databases.app]\nurl = "postgres://bench@{socket}/postgres"\n')
        dump = os.path.join(folder, "app.dump")
        contestants = [
            ("maint backup db", [maint, "-c", config, "backup", "db"]),
            ("pg_dump -Fc", ["pg_dump", "-Fc", "-h", folder, "-U", "bench", "-f", dump, "postgres"]),
        ]
        compare("backup: a database of 1 GB", contestants, max(runs // 2, 2), environment)
    finally:
        server.terminate()
        server.wait()


def engine(folder):
    """A Docker engine of its own; none where there can be none."""
    if os.geteuid() != 0 or not shutil.which("dockerd") or not shutil.which("busybox"):
        return None, None
    socket = os.path.join(folder, "d.sock")
    options = ["--data-root", f"{folder}/docker", "--exec-root", f"{folder}/exec", "--pidfile", f"{folder}/d.pid"]
    options += ["--iptables=false", "--ip6tables=false", "--bridge=none", "--storage-driver=vfs"]
    server = subprocess.Popen(["dockerd", "--host", f"unix://{socket}", *options], **QUIET)
    environment = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "HOME": folder, "DOCKER_HOST": f"unix://{socket}"}
    for _ in range(200):
        if subprocess.run(["docker", "version"], env=environment, **QUIET).returncode == 0:
            break
        time.sleep(0.2)
    root = os.path.join(folder, "root", "bin")
    os.makedirs(root)
    shutil.copy(shutil.which("busybox"), os.path.join(root, "busybox"))
    os.symlink("busybox", os.path.join(root, "sleep"))
    tar = subprocess.run(["tar", "-C", os.path.dirname(root), "-c", "."], check=True, capture_output=True).stdout
    subprocess.run(["docker", "import", "-", "bench:1"], input=tar, check=True, env=environment, **QUIET)
    return server, environment


def compose(folder, count, volume):
    services = "".join(
        f"  s{number}:\n    image: bench:1\n    command: [/bin/sleep, '100000']\n    network_mode: none\n    stop_grace_period: 0s\n"
        + ("    volumes: ['data:/data']\n" if volume else "")
        for number in range(count)
    )
    with open(os.path.join(folder, "docker-compose.yml"), "w") as file:
        file.write("version: '3'\nservices:\n" + services + ("volumes: {data: {}}\n" if volume else ""))


def with_engine(folder, title, count, volume, work):
    server, environment = engine(folder)
    if server is None:
        print(f"| {title} | (needs root, docker.io and busybox) | | | |")
        return
    command = ["docker-compose", "-p", "bench"]
    try:
        compose(folder, count, volume)
        subprocess.run([*command, "up", "-d"], cwd=folder, env=environment, check=True, **QUIET)
        work(environment)
    finally:
        subprocess.run([*command, "down", "-v"], cwd=folder, env=environment, **QUIET)
        server.terminate()
        server.wait()


def volume(maint, folder, compare, runs, environment):
    def work(docker):
        path = os.path.join(folder, "docker", "volumes", "bench_data", "_data")
        words = [f"{random.Random(number).random():.12f} a word\n".encode() for number in range(1_000)]
        for number in range(FILES):
            half = random.Random(number).randbytes(64 << 10)
            with open(os.path.join(path, f"file{number:05}"), "wb") as file:
                file.write(half * 4 + b"".join(random.Random(number).choices(words, k=12_000)))
        config = configure(folder, '[compose]\nproject = "bench"\n')
        target = os.path.join(folder, "volume.tar.zst")
        tar = f"tar -C '{path}' -c . | zstd -q -f -o '{target}'"
        contestants = [
            ("maint backup volumes", [maint, "-c", config, "backup", "volumes"]),
            ("tar \\| zstd", ["sh", "-c", tar]),
        ]
        compare("backup: a volume of 1 GB", contestants, max(runs // 2, 2), {**environment, **docker})

    with_engine(folder, "backup: a volume of 1 GB", 1, True, work)


def check(maint, folder, compare, runs, environment):
    def work(docker):
        config = configure(folder, '[compose]\nproject = "bench"\n[checks.services]\nservices = true\n[checks.load]\ncontainers = true\n')
        contestants = [
            ("maint check", [maint, "-c", config, "check"]),
            ("docker-compose ps; docker stats", ["sh", "-c", f"cd '{folder}' && docker-compose -p bench ps && docker stats --no-stream"]),
        ]
        compare(f"check: {SERVICES} services", contestants, runs, {**environment, **docker})

    with_engine(folder, f"check: {SERVICES} services", SERVICES, False, work)
