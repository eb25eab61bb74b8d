#!/usr/bin/env bash
# `make demo`: a sample site, its jobs rehearsed and run. No server, no network, no root.
set -euo pipefail
maint=$(realpath "$1")
site=$2

# Without a terminal maint is silent on success, as under cron: then ask for its summary.
say=(); [ -t 1 ] || say=(-v)
show() { printf '\n$ maint %s\n' "$*"; "$maint" "${say[@]}" "$@" 2>&1 || echo "(exit code $?)"; }

rm -rf "$site"
mkdir -p "$site"
"$maint" init --quiet --preset demo -C "$site"
cd "$site"
echo "A sample site is in $site: maint.toml, temporary files of several ages, logs, a database."

show jobs
show run cleanup-temp --dry-run
show run cleanup-temp
show run cleanup-temp-weekend --dry-run
show run notify-devis --dry-run
show run cleanup-stuck --dry-run
show run cleanup-stuck
show run rebuild-paths --dry-run
show run rebuild-paths
show run expire-logs
show run ascl-refresh --dry-run
show run ascl-refresh
printf '\nJob sheets, simulated with canned answers: nobody is asked, nothing is paid.\n'
show run update-fiches
show audit
show run report
printf '\nA job that fails, to see what cron would mail:\n'
show run failing
show history
show logs cleanup-temp
printf '\nNow yours: cd %s and try `maint --help`.\n' "$site"
