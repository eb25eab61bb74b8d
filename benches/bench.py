#!/usr/bin/env python3
"""`make bench`: maint beside the tools that people use instead, in turn, in one run.

Prints a Markdown table of medians and ratios; only the ratios travel to another machine.
usage: bench.py MAINT [--folders N] [--files N] [--runs N] [--dir DIR]
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

DAY = 86_400
WALK = """
import os, sys, time
limit = time.time() - 2 * 86400
for folder, _, names in os.walk(sys.argv[1]):
    for name in names:
        path = os.path.join(folder, name)
        if os.lstat(path).st_mtime < limit:
            os.remove(path) if sys.argv[2] == "delete" else print(path)
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


def measure(command, environment):
    """Wall seconds and peak memory in MB of one run, as the kernel counts them."""
    with open(os.devnull, "w") as null:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=null, stderr=subprocess.PIPE, env=environment)
        errors = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{command} failed: {errors.decode(errors='replace')}")
    return seconds, usage.ru_maxrss / 1024


def compare(title, contestants, runs, environment, prepare=None):
    """Runs the contestants in turn; the first is maint, the last one counts as 1.00."""
    results = {name: [] for name, _ in contestants}
    for run in range(runs + 1):
        for name, command in contestants:
            if prepare:
                prepare()
            measured = measure(command, environment)
            if run > 0:  # the first round only warms up
                results[name].append(measured)
    seconds = {name: statistics.median(wall for wall, _ in values) for name, values in results.items()}
    memory = {name: statistics.median(peak for _, peak in values) for name, values in results.items()}
    base = seconds[contestants[-1][0]]
    for name, _ in contestants:
        print(f"| {title} | {name} | {seconds[name] * 1000:.1f} ms | {seconds[name] / base:.2f} | {memory[name]:.1f} MB |")
    sys.stdout.flush()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("maint")
    parser.add_argument("--folders", type=int, default=1000)
    parser.add_argument("--files", type=int, default=500)
    parser.add_argument("--runs", type=int, default=5)
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
    start = [("maint run", [maint, "-c", config, "run", "empty"]), ("python3 -c pass", [sys.executable, "-c", "pass"])]
    compare("start: an empty job with lock, log and history", start, 40, environment)

    tree = os.path.join(base, "tree")
    what = f"{options.folders * options.files:,} files, half old"
    make_tree(tree, options.folders, options.files, 0)
    rehearse = [
        ("maint cleanup-temp --dry-run", [maint, "cleanup-temp", "--age-hours=48", "--dry-run", tree]),
        ("python os.walk", [sys.executable, "-c", WALK, tree, "list"]),
        ("find -mmin", ["find", tree, "-type", "f", "-mmin", "+2880"]),
    ]
    compare(f"look: {what}", rehearse, options.runs, environment)

    for size, kind in [(0, "empty"), (100, "of 100 bytes")]:
        def prepare(size=size):
            make_tree(tree, options.folders, options.files, size)
            os.sync()
        delete = [
            ("maint cleanup-temp", [maint, "cleanup-temp", "--age-hours=48", "--force", tree]),
            ("python os.walk", [sys.executable, "-c", WALK, tree, "delete"]),
            ("find -delete", ["find", tree, "-type", "f", "-mmin", "+2880", "-delete"]),
        ]
        shutil.rmtree(tree, ignore_errors=True)
        compare(f"delete: {what}, {kind}", delete, max(options.runs // 2, 2), environment, prepare)


if __name__ == "__main__":
    main()
