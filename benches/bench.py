#!/usr/bin/env python3
"""`make bench`: maint beside the tools that people use instead, in turn, in one run.

Prints a Markdown table of medians and ratios; only the ratios travel to another machine.
usage: bench.py MAINT [--folders N] [--files N] [--runs N] [--only start crontab look delete rebuild stuck ascl fiches trim vacuum queue backup-db backup-volume check serve] [--dir DIR]
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import bot
import catalogue
import databases
import fiches
import serve
import stack

DAY = 86_400
PARTS = ["start", "crontab", "look", "delete", "rebuild", "stuck", "ascl", "fiches", "trim", "vacuum", "queue"]
STACK = ["backup-db", "backup-volume", "check"]
SERVE = ["serve"]
# The system's own Python: another one may start through a wrapper.
PYTHON = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable
WALK = """
import os, sys, time
limit = time.time() - 2 * 86400
for folder, _, names in os.walk(sys.argv[1]):
    for name in names:
        path = os.path.join(folder, name)
        if os.lstat(path).st_mtime < limit:
            os.remove(path) if sys.argv[2] == "delete" else print(path)
"""


DJANGO_MANAGE = """
import os, sys
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.settings")
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
"""
DJANGO_SETTINGS = """
SECRET_KEY = "bench"
INSTALLED_APPS = ["django_crontab"]
CRONJOBS = [("0 %d * * *" % hour, "django.core.management.call_command", ["check"]) for hour in range(10)]
"""


def make_tree(base, folders, files, size):
    """Half of the files are five days old, every other one."""
    old = time.time() - 5 * DAY
    content = b"x" * size
    for folder in range(folders):
        path = os.path.join(base, f"folder{folder:05}")
        os.makedirs(path, exist_ok=True)
        fd = os.open(path, os.O_RDONLY)
        for number in range(files):
            name = f"file{number:05}.tmp"
            file = os.open(name, os.O_CREAT | os.O_WRONLY, 0o644, dir_fd=fd)
            os.write(file, content)
            os.close(file)
            if number % 2 == 0:
                os.utime(name, (old, old), dir_fd=fd)
        os.close(fd)


def make_django(base):
    """The command line of a Django project with ten cron jobs; None where pip cannot get django-crontab."""
    python = os.path.join(base, "venv", "bin", "python")
    subprocess.run([PYTHON, "-m", "venv", os.path.join(base, "venv")], check=True)
    got = subprocess.run([python, "-m", "pip", "install", "--quiet", "django", "django-crontab"])
    if got.returncode != 0:
        print("| crontab show | django-crontab (pip cannot get it) | | | |")
        return None
    os.makedirs(os.path.join(base, "bench"))
    for path, text in [("manage.py", DJANGO_MANAGE), ("bench/__init__.py", ""), ("bench/settings.py", DJANGO_SETTINGS)]:
        with open(os.path.join(base, path), "w") as file:
            file.write(text)
    return [python, os.path.join(base, "manage.py"), "crontab", "show"]


def measure(command, environment):
    """Wall seconds of one run. `posix_spawn` adds least of this script's own time to both sides."""
    program = shutil.which(command[0], path=environment["PATH"])
    quiet = [(os.POSIX_SPAWN_OPEN, stream, os.devnull, os.O_WRONLY, 0) for stream in (1, 2)]
    start = time.perf_counter()
    pid = os.posix_spawn(program, command, environment, file_actions=quiet)
    _, status = os.waitpid(pid, 0)
    seconds = time.perf_counter() - start
    # A user without a crontab has 1 from `crontab -l`, in the same time.
    if status != 0 and command[0] != "crontab":
        sys.exit(f"{command} failed")
    return seconds


def peak_memory(command, environment):
    """Peak memory of one run as GNU time tells it: a child of this script would count the script's own."""
    if not os.path.exists("/usr/bin/time"):
        return "(install GNU time)"
    timed = ["/usr/bin/time", "-q", "-f", "%M", *command]
    done = subprocess.run(timed, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment)
    return f"{int(done.stderr.decode().splitlines()[-1]) / 1024:.1f} MB"


def compare(title, contestants, runs, environment, prepare=None):
    """Runs the contestants in turn; the first is maint, the last one counts as 1.00."""
    results = {name: [] for name, _ in contestants}
    for run in range(runs + 1):
        for name, command in contestants:
            if prepare:
                prepare()
            seconds = measure(command, environment)
            if run > 0:  # the first round only warms up
                results[name].append(seconds)
    medians = {name: statistics.median(seconds) for name, seconds in results.items()}
    base = medians[contestants[-1][0]]
    for name, command in contestants:
        if prepare:
            prepare()
        memory = peak_memory(command, environment)
        print(f"| {title} | {name} | {medians[name] * 1000:.1f} ms | {medians[name] / base:.2f} | {memory} |")
    sys.stdout.flush()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("maint")
    parser.add_argument("--folders", type=int, default=1000)
    parser.add_argument("--files", type=int, default=500)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", nargs="*", choices=PARTS + STACK + SERVE, default=PARTS + STACK + SERVE, help="some of the measurements")
    parser.add_argument("--dir", default=None, help="where the trees are made")
    options = parser.parse_args()
    maint = os.path.abspath(options.maint)
    base = tempfile.mkdtemp(prefix="maint-bench-", dir=options.dir)
    try:
        run(maint, base, options)
    finally:
        shutil.rmtree(base)


def run(maint, base, options):
    environment = {"PATH": "/usr/bin:/bin", "HOME": base, "STATE_DIRECTORY": os.path.join(base, "state")}
    config = os.path.join(base, "maint.toml")
    with open(config, "w") as file:
        file.write('[site]\nname = "bench"\n[state]\ndir = "state"\n[jobs.empty]\nshell = ":"\n')
    print("| what | who | median | ratio | peak memory |\n|---|---|---|---|---|")
    if "start" in options.only:
        start = [("maint run", [maint, "-c", config, "run", "empty"]), ("python3 -c pass", [PYTHON, "-c", "pass"])]
        compare("start: an empty job with lock, log and history", start, 40, environment)
    if "crontab" in options.only:
        with open(os.path.join(base, "crontab.toml"), "w") as file:
            file.write('[site]\nname = "bench"\n')
            file.writelines(f'[jobs.job{hour}]\nschedule = "0 {hour} * * *"\nshell = ":"\n' for hour in range(10))
        show = [("maint crontab show", [maint, "-c", os.path.join(base, "crontab.toml"), "crontab", "show"])]
        django = make_django(base)
        show += [("django-crontab show", django)] if django else []
        compare("show: ten jobs", show + [("crontab -l", ["crontab", "-l"])], 20, environment)
    tree = os.path.join(base, "tree")
    if "look" in options.only:
        make_tree(tree, options.folders, options.files, 0)
        look = [
            ("maint cleanup-temp --dry-run", [maint, "cleanup-temp", "--age-hours=48", "--dry-run", tree]),
            ("python os.walk", [PYTHON, "-c", WALK, tree, "list"]),
            ("find -mmin", ["find", tree, "-type", "f", "-mmin", "+2880"]),
        ]
        what = f"{options.folders * options.files:,} files, half old"
        compare(f"look: {what}", look, options.runs, environment)
    if "delete" in options.only:
        remove(maint, tree, options, environment, options.folders, 0)
        # With content the disk has blocks to free, and on a file system mounted with `discard` to tell of them.
        remove(maint, tree, options, environment, max(options.folders // 10, 1), 100)
    for part in ["rebuild", "stuck"]:
        if part in options.only:
            databases.run(part, maint, base, PYTHON, compare, options.runs, environment)
    if "ascl" in options.only:
        catalogue.run(maint, base, PYTHON, compare, options.runs, environment)
    if "fiches" in options.only:
        fiches.run(maint, base, PYTHON, peak_memory, environment)
    for part in ["trim", "vacuum", "queue"]:
        if part in options.only:
            bot.run(part, maint, base, PYTHON, compare, options.runs, environment, peak_memory)
    for part in STACK:
        if part in options.only:
            stack.run(part, maint, base, compare, options.runs, environment)
    if "serve" in options.only:
        serve.run(maint, base, PYTHON, environment)


def remove(maint, tree, options, environment, folders, size):
    def prepare():
        make_tree(tree, folders, options.files, size)
        os.sync()

    contestants = [
        ("maint cleanup-temp", [maint, "cleanup-temp", "--age-hours=48", "--force", tree]),
        ("python os.walk", [PYTHON, "-c", WALK, tree, "delete"]),
        ("find -delete", ["find", tree, "-type", "f", "-mmin", "+2880", "-delete"]),
    ]
    shutil.rmtree(tree, ignore_errors=True)
    title = f"delete: {folders * options.files:,} files of {size} bytes, half old"
    compare(title, contestants, max(options.runs // 2, 2), environment, prepare)


if __name__ == "__main__":
    main()
