#!/usr/bin/env bash
# `make demo`: a sample site, its jobs rehearsed and run. No server, no network, no root.
set -euo pipefail
maint=$(realpath "$1")
site=$2

show() { printf '\n$ maint %s\n' "$*"; "$maint" --color never -v "$@" 2>/dev/null; }

rm -rf "$site"
mkdir -p "$site"
"$maint" init --preset demo -C "$site"
cd "$site"
echo "A sample site is in $site: maint.toml, temporary files of several ages, logs, a database."

show jobs
show run cleanup-temp --dry-run
show run cleanup-temp
show run cleanup-temp-weekend --dry-run
show run report
printf '\n$ maint run failing        # a job that fails, to see what cron would mail\n'
"$maint" run failing || echo "(exit code $?)"
show history
show logs cleanup-temp
printf '\nNow yours: cd %s and try `maint --help`.\n' "$site"
