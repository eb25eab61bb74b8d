# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_maint_global_optspecs
    string join \n c/config= C/root= n/dry-run json v/verbose q/quiet color= y/yes announce h/help V/version
end

function __fish_maint_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_maint_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_maint_using_subcommand
    set -l cmd (__fish_maint_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c maint -n "__fish_maint_needs_command" -s c -l config -d 'The configuration [default: `$MAINT_CONFIG`, maint.toml here or above, /etc/maint/maint.toml]' -r -F
complete -c maint -n "__fish_maint_needs_command" -s C -l root -d 'The folder that paths are relative to, instead of `site.root`' -r -F
complete -c maint -n "__fish_maint_needs_command" -l color -d 'Use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c maint -n "__fish_maint_needs_command" -s n -l dry-run -d 'Print what would be done, and change nothing'
complete -c maint -n "__fish_maint_needs_command" -l json -d 'Print one JSON document'
complete -c maint -n "__fish_maint_needs_command" -s v -l verbose -d 'Say more; twice for even more'
complete -c maint -n "__fish_maint_needs_command" -s q -l quiet -d 'Say only what went wrong'
complete -c maint -n "__fish_maint_needs_command" -s y -l yes -d 'Answer every question with yes; the same as a command\'s --force'
complete -c maint -n "__fish_maint_needs_command" -l announce -d 'For `serve`: JSON as with --json, but first a line with the id of the run, and of the steps only so many as a page shows'
complete -c maint -n "__fish_maint_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maint -n "__fish_maint_needs_command" -s V -l version -d 'Print version'
complete -c maint -n "__fish_maint_needs_command" -f -a "cleanup-temp" -d 'Removes temporary files that have not been changed for a given time'
complete -c maint -n "__fish_maint_needs_command" -f -a "notify-devis" -d 'Tells a Discord channel which payment periods of devis begin or end today'
complete -c maint -n "__fish_maint_needs_command" -f -a "rebuild-paths" -d 'Makes records of backups that have none, and marks records whose backup is missing'
complete -c maint -n "__fish_maint_needs_command" -f -a "cleanup-stuck" -d 'Marks backups and restores as failed that have been running or pending for too long'
complete -c maint -n "__fish_maint_needs_command" -f -a "expire-logs" -d 'Compresses old logs, and removes still older ones'
complete -c maint -n "__fish_maint_needs_command" -f -a "cleanup-logs" -d 'Compresses old logs, and removes still older ones'
complete -c maint -n "__fish_maint_needs_command" -f -a "ascl-refresh" -d 'Renews the catalogue of libraries and their context files'
complete -c maint -n "__fish_maint_needs_command" -f -a "update-fiches" -d 'Has Claude write the published job sheets anew, each once a month'
complete -c maint -n "__fish_maint_needs_command" -f -a "trim-logs" -d 'Keeps the last lines of logs, also of those that a program is writing'
complete -c maint -n "__fish_maint_needs_command" -f -a "clean-logs" -d 'Keeps the last lines of logs, also of those that a program is writing'
complete -c maint -n "__fish_maint_needs_command" -f -a "vacuum-db" -d 'Gives the free space in a database back to the disk'
complete -c maint -n "__fish_maint_needs_command" -f -a "queue" -d 'Shows, clears and stops the queue of RQ'
complete -c maint -n "__fish_maint_needs_command" -f -a "services" -d 'Shows whether the services of the site run and are well'
complete -c maint -n "__fish_maint_needs_command" -f -a "deploy" -d 'Brings new code into service, and the old one back when the new one is not well'
complete -c maint -n "__fish_maint_needs_command" -f -a "check" -d 'Looks whether the site is well'
complete -c maint -n "__fish_maint_needs_command" -f -a "backup" -d 'Backs up databases, volumes and configuration files'
complete -c maint -n "__fish_maint_needs_command" -f -a "restore" -d 'Puts a backup back'
complete -c maint -n "__fish_maint_needs_command" -f -a "docker-prune" -d 'Removes images and volumes of Docker that nobody uses'
complete -c maint -n "__fish_maint_needs_command" -f -a "archive-logs" -d 'Keeps what the containers have logged, compressed'
complete -c maint -n "__fish_maint_needs_command" -f -a "run" -d 'Runs a job as cron would: lock, time limit, log, history'
complete -c maint -n "__fish_maint_needs_command" -f -a "crontab" -d 'Installs the scheduled jobs in this user\'s crontab, and shows how they stand there'
complete -c maint -n "__fish_maint_needs_command" -f -a "alerts" -d 'Tries the messages that tell of failures'
complete -c maint -n "__fish_maint_needs_command" -f -a "jobs" -d 'Lists the jobs: schedule, next run with its time zone, last result'
complete -c maint -n "__fish_maint_needs_command" -f -a "status" -d 'Shows how each job is: ok, failing, not well, overdue, running, paused'
complete -c maint -n "__fish_maint_needs_command" -f -a "why" -d 'Tells why a job did, or did not, run at a given time'
complete -c maint -n "__fish_maint_needs_command" -f -a "doctor" -d 'Looks for everything that would stop a job under cron'
complete -c maint -n "__fish_maint_needs_command" -f -a "history" -d 'Shows past runs, newest first'
complete -c maint -n "__fish_maint_needs_command" -f -a "audit" -d 'Shows the audit log of the job sheets, newest first'
complete -c maint -n "__fish_maint_needs_command" -f -a "logs" -d 'Prints the log of a run, the latest one by default'
complete -c maint -n "__fish_maint_needs_command" -f -a "locks" -d 'Shows the locks that are held, and by whom'
complete -c maint -n "__fish_maint_needs_command" -f -a "pause" -d 'Skips the runs of a job until a given time'
complete -c maint -n "__fish_maint_needs_command" -f -a "resume" -d 'Ends the pause of a job'
complete -c maint -n "__fish_maint_needs_command" -f -a "cancel" -d 'Ends a run that goes on, as Ctrl-C would'
complete -c maint -n "__fish_maint_needs_command" -f -a "init" -d 'Writes a commented maint.toml'
complete -c maint -n "__fish_maint_needs_command" -f -a "config" -d 'Checks, shows or describes maint.toml'
complete -c maint -n "__fish_maint_needs_command" -f -a "serve" -d 'Serves the REST API and the dashboard'
complete -c maint -n "__fish_maint_needs_command" -f -a "completions" -d 'Prints the completions for a shell'
complete -c maint -n "__fish_maint_needs_command" -f -a "man" -d 'Prints a man page'
complete -c maint -n "__fish_maint_needs_command" -f -a "help" -d 'Prints the long help of a subcommand, or a topic: exit-codes, prompt'
complete -c maint -n "__fish_maint_using_subcommand cleanup-temp" -l age-hours -d 'Remove what has not been changed for this many hours [default: 24, or the age in maint.toml]' -r
complete -c maint -n "__fish_maint_using_subcommand cleanup-temp" -s c -l config -d 'The configuration [default: `$MAINT_CONFIG`, maint.toml here or above, /etc/maint/maint.toml]' -r -F
complete -c maint -n "__fish_maint_using_subcommand cleanup-temp" -s C -l root -d 'The folder that paths are relative to, instead of `site.root`' -r -F
complete -c maint -n "__fish_maint_using_subcommand cleanup-temp" -l color -d 'Use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c maint -n "__fish_maint_using_subcommand cleanup-temp" -l auto -d 'Do not ask: for cron'
complete -c maint -n "__fish_maint_using_subcommand cleanup-temp" -l force -d 'Do not ask, and accept an age of 0'
complete -c maint -n "__fish_maint_using_subcommand cleanup-temp" -s n -l dry-run -d 'Print what would be done, and change nothing'
complete -c maint -n "__fish_maint_using_subcommand cleanup-temp" -l json -d 'Print one JSON document'
complete -c maint -n "__fish_maint_using_subcommand cleanup-temp" -s v -l verbose -d 'Say more; twice for even more'
complete -c maint -n "__fish_maint_using_subcommand cleanup-temp" -s q -l quiet -d 'Say only what went wrong'
complete -c maint -n "__fish_maint_using_subcommand cleanup-temp" -s y -l yes -d 'Answer every question with yes; the same as a command\'s --force'
complete -c maint -n "__fish_maint_using_subcommand cleanup-temp" -l announce -d 'For `serve`: JSON as with --json, but first a line with the id of the run, and of the steps only so many as a page shows'
complete -c maint -n "__fish_maint_using_subcommand cleanup-temp" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maint -n "__fish_maint_using_subcommand notify-devis" -l devis-id -d 'Look at this devis only' -r
complete -c maint -n "__fish_maint_using_subcommand notify-devis" -l date -d 'Look at this day instead of today' -r
complete -c maint -n "__fish_maint_using_subcommand notify-devis" -l catch-up -d 'Also send what was not sent in as many days before' -r
complete -c maint -n "__fish_maint_using_subcommand notify-devis" -s c -l config -d 'The configuration [default: `$MAINT_CONFIG`, maint.toml here or above, /etc/maint/maint.toml]' -r -F
complete -c maint -n "__fish_maint_using_subcommand notify-devis" -s C -l root -d 'The folder that paths are relative to, instead of `site.root`' -r -F
complete -c maint -n "__fish_maint_using_subcommand notify-devis" -l color -d 'Use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c maint -n "__fish_maint_using_subcommand notify-devis" -l force -d 'Send again what was sent already'
complete -c maint -n "__fish_maint_using_subcommand notify-devis" -s n -l dry-run -d 'Print what would be done, and change nothing'
complete -c maint -n "__fish_maint_using_subcommand notify-devis" -l json -d 'Print one JSON document'
complete -c maint -n "__fish_maint_using_subcommand notify-devis" -s v -l verbose -d 'Say more; twice for even more'
complete -c maint -n "__fish_maint_using_subcommand notify-devis" -s q -l quiet -d 'Say only what went wrong'
complete -c maint -n "__fish_maint_using_subcommand notify-devis" -s y -l yes -d 'Answer every question with yes; the same as a command\'s --force'
complete -c maint -n "__fish_maint_using_subcommand notify-devis" -l announce -d 'For `serve`: JSON as with --json, but first a line with the id of the run, and of the steps only so many as a page shows'
complete -c maint -n "__fish_maint_using_subcommand notify-devis" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maint -n "__fish_maint_using_subcommand rebuild-paths" -l user-id -d 'To whom new records belong [default: the first superuser, else the first user]' -r
complete -c maint -n "__fish_maint_using_subcommand rebuild-paths" -s c -l config -d 'The configuration [default: `$MAINT_CONFIG`, maint.toml here or above, /etc/maint/maint.toml]' -r -F
complete -c maint -n "__fish_maint_using_subcommand rebuild-paths" -s C -l root -d 'The folder that paths are relative to, instead of `site.root`' -r -F
complete -c maint -n "__fish_maint_using_subcommand rebuild-paths" -l color -d 'Use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c maint -n "__fish_maint_using_subcommand rebuild-paths" -l scan-only -d 'Only look, and print what differs'
complete -c maint -n "__fish_maint_using_subcommand rebuild-paths" -l force -d 'Do not ask'
complete -c maint -n "__fish_maint_using_subcommand rebuild-paths" -l allow-empty -d 'Accept that no backup is left: mark every record that names one'
complete -c maint -n "__fish_maint_using_subcommand rebuild-paths" -s n -l dry-run -d 'Print what would be done, and change nothing'
complete -c maint -n "__fish_maint_using_subcommand rebuild-paths" -l json -d 'Print one JSON document'
complete -c maint -n "__fish_maint_using_subcommand rebuild-paths" -s v -l verbose -d 'Say more; twice for even more'
complete -c maint -n "__fish_maint_using_subcommand rebuild-paths" -s q -l quiet -d 'Say only what went wrong'
complete -c maint -n "__fish_maint_using_subcommand rebuild-paths" -s y -l yes -d 'Answer every question with yes; the same as a command\'s --force'
complete -c maint -n "__fish_maint_using_subcommand rebuild-paths" -l announce -d 'For `serve`: JSON as with --json, but first a line with the id of the run, and of the steps only so many as a page shows'
complete -c maint -n "__fish_maint_using_subcommand rebuild-paths" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maint -n "__fish_maint_using_subcommand cleanup-stuck" -l hours -d 'Mark what began more than this many hours ago [default: 6, or the age in maint.toml]' -r
complete -c maint -n "__fish_maint_using_subcommand cleanup-stuck" -l minutes -d 'The same in minutes; counts more than --hours' -r
complete -c maint -n "__fish_maint_using_subcommand cleanup-stuck" -l restore-id -d 'Mark only this restore, whatever its age' -r
complete -c maint -n "__fish_maint_using_subcommand cleanup-stuck" -s c -l config -d 'The configuration [default: `$MAINT_CONFIG`, maint.toml here or above, /etc/maint/maint.toml]' -r -F
complete -c maint -n "__fish_maint_using_subcommand cleanup-stuck" -s C -l root -d 'The folder that paths are relative to, instead of `site.root`' -r -F
complete -c maint -n "__fish_maint_using_subcommand cleanup-stuck" -l color -d 'Use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c maint -n "__fish_maint_using_subcommand cleanup-stuck" -l show-stats -d 'Only show how many there are in each state, and what runs'
complete -c maint -n "__fish_maint_using_subcommand cleanup-stuck" -l force -d 'Do not ask, and accept an age of 0'
complete -c maint -n "__fish_maint_using_subcommand cleanup-stuck" -s n -l dry-run -d 'Print what would be done, and change nothing'
complete -c maint -n "__fish_maint_using_subcommand cleanup-stuck" -l json -d 'Print one JSON document'
complete -c maint -n "__fish_maint_using_subcommand cleanup-stuck" -s v -l verbose -d 'Say more; twice for even more'
complete -c maint -n "__fish_maint_using_subcommand cleanup-stuck" -s q -l quiet -d 'Say only what went wrong'
complete -c maint -n "__fish_maint_using_subcommand cleanup-stuck" -s y -l yes -d 'Answer every question with yes; the same as a command\'s --force'
complete -c maint -n "__fish_maint_using_subcommand cleanup-stuck" -l announce -d 'For `serve`: JSON as with --json, but first a line with the id of the run, and of the steps only so many as a page shows'
complete -c maint -n "__fish_maint_using_subcommand cleanup-stuck" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maint -n "__fish_maint_using_subcommand expire-logs" -l days -d 'Remove what has not been changed for this many days [default: 30, or the age in maint.toml]' -r
complete -c maint -n "__fish_maint_using_subcommand expire-logs" -l compress-days -d 'Compress what has not been changed for this many days [default: 7, or the `compress_age` in maint.toml]' -r
complete -c maint -n "__fish_maint_using_subcommand expire-logs" -s c -l config -d 'The configuration [default: `$MAINT_CONFIG`, maint.toml here or above, /etc/maint/maint.toml]' -r -F
complete -c maint -n "__fish_maint_using_subcommand expire-logs" -s C -l root -d 'The folder that paths are relative to, instead of `site.root`' -r -F
complete -c maint -n "__fish_maint_using_subcommand expire-logs" -l color -d 'Use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c maint -n "__fish_maint_using_subcommand expire-logs" -l force -d 'Accept an age of 0'
complete -c maint -n "__fish_maint_using_subcommand expire-logs" -s n -l dry-run -d 'Print what would be done, and change nothing'
complete -c maint -n "__fish_maint_using_subcommand expire-logs" -l json -d 'Print one JSON document'
complete -c maint -n "__fish_maint_using_subcommand expire-logs" -s v -l verbose -d 'Say more; twice for even more'
complete -c maint -n "__fish_maint_using_subcommand expire-logs" -s q -l quiet -d 'Say only what went wrong'
complete -c maint -n "__fish_maint_using_subcommand expire-logs" -s y -l yes -d 'Answer every question with yes; the same as a command\'s --force'
complete -c maint -n "__fish_maint_using_subcommand expire-logs" -l announce -d 'For `serve`: JSON as with --json, but first a line with the id of the run, and of the steps only so many as a page shows'
complete -c maint -n "__fish_maint_using_subcommand expire-logs" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maint -n "__fish_maint_using_subcommand cleanup-logs" -l days -d 'Remove what has not been changed for this many days [default: 30, or the age in maint.toml]' -r
complete -c maint -n "__fish_maint_using_subcommand cleanup-logs" -l compress-days -d 'Compress what has not been changed for this many days [default: 7, or the `compress_age` in maint.toml]' -r
complete -c maint -n "__fish_maint_using_subcommand cleanup-logs" -s c -l config -d 'The configuration [default: `$MAINT_CONFIG`, maint.toml here or above, /etc/maint/maint.toml]' -r -F
complete -c maint -n "__fish_maint_using_subcommand cleanup-logs" -s C -l root -d 'The folder that paths are relative to, instead of `site.root`' -r -F
complete -c maint -n "__fish_maint_using_subcommand cleanup-logs" -l color -d 'Use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c maint -n "__fish_maint_using_subcommand cleanup-logs" -l force -d 'Accept an age of 0'
complete -c maint -n "__fish_maint_using_subcommand cleanup-logs" -s n -l dry-run -d 'Print what would be done, and change nothing'
complete -c maint -n "__fish_maint_using_subcommand cleanup-logs" -l json -d 'Print one JSON document'
complete -c maint -n "__fish_maint_using_subcommand cleanup-logs" -s v -l verbose -d 'Say more; twice for even more'
complete -c maint -n "__fish_maint_using_subcommand cleanup-logs" -s q -l quiet -d 'Say only what went wrong'
complete -c maint -n "__fish_maint_using_subcommand cleanup-logs" -s y -l yes -d 'Answer every question with yes; the same as a command\'s --force'
complete -c maint -n "__fish_maint_using_subcommand cleanup-logs" -l announce -d 'For `serve`: JSON as with --json, but first a line with the id of the run, and of the steps only so many as a page shows'
complete -c maint -n "__fish_maint_using_subcommand cleanup-logs" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maint -n "__fish_maint_using_subcommand ascl-refresh" -l domain -d 'The catalogue of this domain [default: astronomy, or the site\'s only one]' -r
complete -c maint -n "__fish_maint_using_subcommand ascl-refresh" -l top -d 'How many libraries the catalogue has at most [default: 100, or `top` of maint.toml]' -r
complete -c maint -n "__fish_maint_using_subcommand ascl-refresh" -l source -d 'Where the document is: an address, or a file [default: `source` of maint.toml, or ASCL\'s]' -r
complete -c maint -n "__fish_maint_using_subcommand ascl-refresh" -l only -d 'Of the context files make the one of this library only, however new it is' -r
complete -c maint -n "__fish_maint_using_subcommand ascl-refresh" -l jobs -d 'How many context files are made at the same time [default: 2, or `jobs`]' -r
complete -c maint -n "__fish_maint_using_subcommand ascl-refresh" -s c -l config -d 'The configuration [default: `$MAINT_CONFIG`, maint.toml here or above, /etc/maint/maint.toml]' -r -F
complete -c maint -n "__fish_maint_using_subcommand ascl-refresh" -s C -l root -d 'The folder that paths are relative to, instead of `site.root`' -r -F
complete -c maint -n "__fish_maint_using_subcommand ascl-refresh" -l color -d 'Use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c maint -n "__fish_maint_using_subcommand ascl-refresh" -l all -d 'The catalogues of all domains of the site'
complete -c maint -n "__fish_maint_using_subcommand ascl-refresh" -l no-contexts -d 'Write the catalogue only'
complete -c maint -n "__fish_maint_using_subcommand ascl-refresh" -l force -d 'Replace a catalogue even by one that is empty or much smaller'
complete -c maint -n "__fish_maint_using_subcommand ascl-refresh" -s n -l dry-run -d 'Print what would be done, and change nothing'
complete -c maint -n "__fish_maint_using_subcommand ascl-refresh" -l json -d 'Print one JSON document'
complete -c maint -n "__fish_maint_using_subcommand ascl-refresh" -s v -l verbose -d 'Say more; twice for even more'
complete -c maint -n "__fish_maint_using_subcommand ascl-refresh" -s q -l quiet -d 'Say only what went wrong'
complete -c maint -n "__fish_maint_using_subcommand ascl-refresh" -s y -l yes -d 'Answer every question with yes; the same as a command\'s --force'
complete -c maint -n "__fish_maint_using_subcommand ascl-refresh" -l announce -d 'For `serve`: JSON as with --json, but first a line with the id of the run, and of the steps only so many as a page shows'
complete -c maint -n "__fish_maint_using_subcommand ascl-refresh" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maint -n "__fish_maint_using_subcommand update-fiches" -l code -d 'Only these sheets, whatever their status and however new they are' -r
complete -c maint -n "__fish_maint_using_subcommand update-fiches" -l batch-size -d 'In mode direct, write a line to the log after every N sheets [default: 10]' -r
complete -c maint -n "__fish_maint_using_subcommand update-fiches" -l limit -d 'At most this many sheets, in the order of their codes' -r
complete -c maint -n "__fish_maint_using_subcommand update-fiches" -l max-cost -d 'Stop before more than this is spent, in US dollars [default: `max_cost`]' -r
complete -c maint -n "__fish_maint_using_subcommand update-fiches" -l mode -d 'How sheets are asked for [default: `mode` of the configuration, else direct]' -r -f -a "direct\t'One request for each, several at the same time; the answers come at once'
batch\t'All in one batch at half the price; the answers are collected by a later run'"
complete -c maint -n "__fish_maint_using_subcommand update-fiches" -s c -l config -d 'The configuration [default: `$MAINT_CONFIG`, maint.toml here or above, /etc/maint/maint.toml]' -r -F
complete -c maint -n "__fish_maint_using_subcommand update-fiches" -s C -l root -d 'The folder that paths are relative to, instead of `site.root`' -r -F
complete -c maint -n "__fish_maint_using_subcommand update-fiches" -l color -d 'Use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c maint -n "__fish_maint_using_subcommand update-fiches" -l simulate -d 'Write to a copy of the database and show the difference; answers are paid for, and kept for the next real run'
complete -c maint -n "__fish_maint_using_subcommand update-fiches" -l again -d 'Also sheets that were refreshed this month (see `once_per`)'
complete -c maint -n "__fish_maint_using_subcommand update-fiches" -l collect -d 'Only what was asked for by earlier runs: begin nothing new'
complete -c maint -n "__fish_maint_using_subcommand update-fiches" -s n -l dry-run -d 'Print what would be done, and change nothing'
complete -c maint -n "__fish_maint_using_subcommand update-fiches" -l json -d 'Print one JSON document'
complete -c maint -n "__fish_maint_using_subcommand update-fiches" -s v -l verbose -d 'Say more; twice for even more'
complete -c maint -n "__fish_maint_using_subcommand update-fiches" -s q -l quiet -d 'Say only what went wrong'
complete -c maint -n "__fish_maint_using_subcommand update-fiches" -s y -l yes -d 'Answer every question with yes; the same as a command\'s --force'
complete -c maint -n "__fish_maint_using_subcommand update-fiches" -l announce -d 'For `serve`: JSON as with --json, but first a line with the id of the run, and of the steps only so many as a page shows'
complete -c maint -n "__fish_maint_using_subcommand update-fiches" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maint -n "__fish_maint_using_subcommand trim-logs" -l lines -d 'Keep so many lines at the end of each log [default: 1000, or the `lines` in maint.toml]' -r
complete -c maint -n "__fish_maint_using_subcommand trim-logs" -s c -l config -d 'The configuration [default: `$MAINT_CONFIG`, maint.toml here or above, /etc/maint/maint.toml]' -r -F
complete -c maint -n "__fish_maint_using_subcommand trim-logs" -s C -l root -d 'The folder that paths are relative to, instead of `site.root`' -r -F
complete -c maint -n "__fish_maint_using_subcommand trim-logs" -l color -d 'Use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c maint -n "__fish_maint_using_subcommand trim-logs" -l force -d 'Accept 0 lines, which empties a log'
complete -c maint -n "__fish_maint_using_subcommand trim-logs" -l count -d 'Also count the lines of each log, which means reading all of it'
complete -c maint -n "__fish_maint_using_subcommand trim-logs" -s n -l dry-run -d 'Print what would be done, and change nothing'
complete -c maint -n "__fish_maint_using_subcommand trim-logs" -l json -d 'Print one JSON document'
complete -c maint -n "__fish_maint_using_subcommand trim-logs" -s v -l verbose -d 'Say more; twice for even more'
complete -c maint -n "__fish_maint_using_subcommand trim-logs" -s q -l quiet -d 'Say only what went wrong'
complete -c maint -n "__fish_maint_using_subcommand trim-logs" -s y -l yes -d 'Answer every question with yes; the same as a command\'s --force'
complete -c maint -n "__fish_maint_using_subcommand trim-logs" -l announce -d 'For `serve`: JSON as with --json, but first a line with the id of the run, and of the steps only so many as a page shows'
complete -c maint -n "__fish_maint_using_subcommand trim-logs" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maint -n "__fish_maint_using_subcommand clean-logs" -l lines -d 'Keep so many lines at the end of each log [default: 1000, or the `lines` in maint.toml]' -r
complete -c maint -n "__fish_maint_using_subcommand clean-logs" -s c -l config -d 'The configuration [default: `$MAINT_CONFIG`, maint.toml here or above, /etc/maint/maint.toml]' -r -F
complete -c maint -n "__fish_maint_using_subcommand clean-logs" -s C -l root -d 'The folder that paths are relative to, instead of `site.root`' -r -F
complete -c maint -n "__fish_maint_using_subcommand clean-logs" -l color -d 'Use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c maint -n "__fish_maint_using_subcommand clean-logs" -l force -d 'Accept 0 lines, which empties a log'
complete -c maint -n "__fish_maint_using_subcommand clean-logs" -l count -d 'Also count the lines of each log, which means reading all of it'
complete -c maint -n "__fish_maint_using_subcommand clean-logs" -s n -l dry-run -d 'Print what would be done, and change nothing'
complete -c maint -n "__fish_maint_using_subcommand clean-logs" -l json -d 'Print one JSON document'
complete -c maint -n "__fish_maint_using_subcommand clean-logs" -s v -l verbose -d 'Say more; twice for even more'
complete -c maint -n "__fish_maint_using_subcommand clean-logs" -s q -l quiet -d 'Say only what went wrong'
complete -c maint -n "__fish_maint_using_subcommand clean-logs" -s y -l yes -d 'Answer every question with yes; the same as a command\'s --force'
complete -c maint -n "__fish_maint_using_subcommand clean-logs" -l announce -d 'For `serve`: JSON as with --json, but first a line with the id of the run, and of the steps only so many as a page shows'
complete -c maint -n "__fish_maint_using_subcommand clean-logs" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maint -n "__fish_maint_using_subcommand vacuum-db" -s c -l config -d 'The configuration [default: `$MAINT_CONFIG`, maint.toml here or above, /etc/maint/maint.toml]' -r -F
complete -c maint -n "__fish_maint_using_subcommand vacuum-db" -s C -l root -d 'The folder that paths are relative to, instead of `site.root`' -r -F
complete -c maint -n "__fish_maint_using_subcommand vacuum-db" -l color -d 'Use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c maint -n "__fish_maint_using_subcommand vacuum-db" -l if-needed -d 'Only where enough of it is free'
complete -c maint -n "__fish_maint_using_subcommand vacuum-db" -l analyze -d 'Also let it learn anew how its tables are filled (ANALYZE)'
complete -c maint -n "__fish_maint_using_subcommand vacuum-db" -l check -d 'First check that it is whole; a damaged one is left alone'
complete -c maint -n "__fish_maint_using_subcommand vacuum-db" -s n -l dry-run -d 'Print what would be done, and change nothing'
complete -c maint -n "__fish_maint_using_subcommand vacuum-db" -l json -d 'Print one JSON document'
complete -c maint -n "__fish_maint_using_subcommand vacuum-db" -s v -l verbose -d 'Say more; twice for even more'
complete -c maint -n "__fish_maint_using_subcommand vacuum-db" -s q -l quiet -d 'Say only what went wrong'
complete -c maint -n "__fish_maint_using_subcommand vacuum-db" -s y -l yes -d 'Answer every question with yes; the same as a command\'s --force'
complete -c maint -n "__fish_maint_using_subcommand vacuum-db" -l announce -d 'For `serve`: JSON as with --json, but first a line with the id of the run, and of the steps only so many as a page shows'
complete -c maint -n "__fish_maint_using_subcommand vacuum-db" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maint -n "__fish_maint_using_subcommand queue; and not __fish_seen_subcommand_from list clear clean-finished stop" -s c -l config -d 'The configuration [default: `$MAINT_CONFIG`, maint.toml here or above, /etc/maint/maint.toml]' -r -F
complete -c maint -n "__fish_maint_using_subcommand queue; and not __fish_seen_subcommand_from list clear clean-finished stop" -s C -l root -d 'The folder that paths are relative to, instead of `site.root`' -r -F
complete -c maint -n "__fish_maint_using_subcommand queue; and not __fish_seen_subcommand_from list clear clean-finished stop" -l color -d 'Use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c maint -n "__fish_maint_using_subcommand queue; and not __fish_seen_subcommand_from list clear clean-finished stop" -s n -l dry-run -d 'Print what would be done, and change nothing'
complete -c maint -n "__fish_maint_using_subcommand queue; and not __fish_seen_subcommand_from list clear clean-finished stop" -l json -d 'Print one JSON document'
complete -c maint -n "__fish_maint_using_subcommand queue; and not __fish_seen_subcommand_from list clear clean-finished stop" -s v -l verbose -d 'Say more; twice for even more'
complete -c maint -n "__fish_maint_using_subcommand queue; and not __fish_seen_subcommand_from list clear clean-finished stop" -s q -l quiet -d 'Say only what went wrong'
complete -c maint -n "__fish_maint_using_subcommand queue; and not __fish_seen_subcommand_from list clear clean-finished stop" -s y -l yes -d 'Answer every question with yes; the same as a command\'s --force'
complete -c maint -n "__fish_maint_using_subcommand queue; and not __fish_seen_subcommand_from list clear clean-finished stop" -l announce -d 'For `serve`: JSON as with --json, but first a line with the id of the run, and of the steps only so many as a page shows'
complete -c maint -n "__fish_maint_using_subcommand queue; and not __fish_seen_subcommand_from list clear clean-finished stop" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maint -n "__fish_maint_using_subcommand queue; and not __fish_seen_subcommand_from list clear clean-finished stop" -f -a "list" -d 'Shows the jobs of the queue and its workers'
complete -c maint -n "__fish_maint_using_subcommand queue; and not __fish_seen_subcommand_from list clear clean-finished stop" -f -a "clear" -d 'Removes every job that waits'
complete -c maint -n "__fish_maint_using_subcommand queue; and not __fish_seen_subcommand_from list clear clean-finished stop" -f -a "clean-finished" -d 'Removes jobs that have finished, failed or been canceled, with their results'
complete -c maint -n "__fish_maint_using_subcommand queue; and not __fish_seen_subcommand_from list clear clean-finished stop" -f -a "stop" -d 'Removes what waits and ends what runs'
complete -c maint -n "__fish_maint_using_subcommand queue; and __fish_seen_subcommand_from list" -l queue -d 'The queue [default: the `queue` of [redis] in maint.toml]' -r
complete -c maint -n "__fish_maint_using_subcommand queue; and __fish_seen_subcommand_from list" -l limit -d 'At most so many jobs of each state: the newest of those that have ended, else those whose turn is next' -r
complete -c maint -n "__fish_maint_using_subcommand queue; and __fish_seen_subcommand_from list" -s c -l config -d 'The configuration [default: `$MAINT_CONFIG`, maint.toml here or above, /etc/maint/maint.toml]' -r -F
complete -c maint -n "__fish_maint_using_subcommand queue; and __fish_seen_subcommand_from list" -s C -l root -d 'The folder that paths are relative to, instead of `site.root`' -r -F
complete -c maint -n "__fish_maint_using_subcommand queue; and __fish_seen_subcommand_from list" -l color -d 'Use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c maint -n "__fish_maint_using_subcommand queue; and __fish_seen_subcommand_from list" -s n -l dry-run -d 'Print what would be done, and change nothing'
complete -c maint -n "__fish_maint_using_subcommand queue; and __fish_seen_subcommand_from list" -l json -d 'Print one JSON document'
complete -c maint -n "__fish_maint_using_subcommand queue; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Say more; twice for even more'
complete -c maint -n "__fish_maint_using_subcommand queue; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Say only what went wrong'
complete -c maint -n "__fish_maint_using_subcommand queue; and __fish_seen_subcommand_from list" -s y -l yes -d 'Answer every question with yes; the same as a command\'s --force'
complete -c maint -n "__fish_maint_using_subcommand queue; and __fish_seen_subcommand_from list" -l announce -d 'For `serve`: JSON as with --json, but first a line with the id of the run, and of the steps only so many as a page shows'
complete -c maint -n "__fish_maint_using_subcommand queue; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maint -n "__fish_maint_using_subcommand queue; and __fish_seen_subcommand_from clear" -l queue -d 'The queue [default: the `queue` of [redis] in maint.toml]' -r
complete -c maint -n "__fish_maint_using_subcommand queue; and __fish_seen_subcommand_from clear" -s c -l config -d 'The configuration [default: `$MAINT_CONFIG`, maint.toml here or above, /etc/maint/maint.toml]' -r -F
complete -c maint -n "__fish_maint_using_subcommand queue; and __fish_seen_subcommand_from clear" -s C -l root -d 'The folder that paths are relative to, instead of `site.root`' -r -F
complete -c maint -n "__fish_maint_using_subcommand queue; and __fish_seen_subcommand_from clear" -l color -d 'Use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c maint -n "__fish_maint_using_subcommand queue; and __fish_seen_subcommand_from clear" -l force -d 'Ask nothing'
complete -c maint -n "__fish_maint_using_subcommand queue; and __fish_seen_subcommand_from clear" -s n -l dry-run -d 'Print what would be done, and change nothing'
complete -c maint -n "__fish_maint_using_subcommand queue; and __fish_seen_subcommand_from clear" -l json -d 'Print one JSON document'
complete -c maint -n "__fish_maint_using_subcommand queue; and __fish_seen_subcommand_from clear" -s v -l verbose -d 'Say more; twice for even more'
complete -c maint -n "__fish_maint_using_subcommand queue; and __fish_seen_subcommand_from clear" -s q -l quiet -d 'Say only what went wrong'
complete -c maint -n "__fish_maint_using_subcommand queue; and __fish_seen_subcommand_from clear" -s y -l yes -d 'Answer every question with yes; the same as a command\'s --force'
complete -c maint -n "__fish_maint_using_subcommand queue; and __fish_seen_subcommand_from clear" -l announce -d 'For `serve`: JSON as with --json, but first a line with the id of the run, and of the steps only so many as a page shows'
complete -c maint -n "__fish_maint_using_subcommand queue; and __fish_seen_subcommand_from clear" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maint -n "__fish_maint_using_subcommand queue; and __fish_seen_subcommand_from clean-finished" -l queue -d 'The queue [default: the `queue` of [redis] in maint.toml]' -r
complete -c maint -n "__fish_maint_using_subcommand queue; and __fish_seen_subcommand_from clean-finished" -s c -l config -d 'The configuration [default: `$MAINT_CONFIG`, maint.toml here or above, /etc/maint/maint.toml]' -r -F
complete -c maint -n "__fish_maint_using_subcommand queue; and __fish_seen_subcommand_from clean-finished" -s C -l root -d 'The folder that paths are relative to, instead of `site.root`' -r -F
complete -c maint -n "__fish_maint_using_subcommand queue; and __fish_seen_subcommand_from clean-finished" -l color -d 'Use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c maint -n "__fish_maint_using_subcommand queue; and __fish_seen_subcommand_from clean-finished" -l force -d 'Ask nothing'
complete -c maint -n "__fish_maint_using_subcommand queue; and __fish_seen_subcommand_from clean-finished" -s n -l dry-run -d 'Print what would be done, and change nothing'
complete -c maint -n "__fish_maint_using_subcommand queue; and __fish_seen_subcommand_from clean-finished" -l json -d 'Print one JSON document'
complete -c maint -n "__fish_maint_using_subcommand queue; and __fish_seen_subcommand_from clean-finished" -s v -l verbose -d 'Say more; twice for even more'
complete -c maint -n "__fish_maint_using_subcommand queue; and __fish_seen_subcommand_from clean-finished" -s q -l quiet -d 'Say only what went wrong'
complete -c maint -n "__fish_maint_using_subcommand queue; and __fish_seen_subcommand_from clean-finished" -s y -l yes -d 'Answer every question with yes; the same as a command\'s --force'
complete -c maint -n "__fish_maint_using_subcommand queue; and __fish_seen_subcommand_from clean-finished" -l announce -d 'For `serve`: JSON as with --json, but first a line with the id of the run, and of the steps only so many as a page shows'
complete -c maint -n "__fish_maint_using_subcommand queue; and __fish_seen_subcommand_from clean-finished" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maint -n "__fish_maint_using_subcommand queue; and __fish_seen_subcommand_from stop" -l queue -d 'The queue [default: the `queue` of [redis] in maint.toml]' -r
complete -c maint -n "__fish_maint_using_subcommand queue; and __fish_seen_subcommand_from stop" -l wait -d 'How long it is waited for a running job to end [default: 10s]' -r
complete -c maint -n "__fish_maint_using_subcommand queue; and __fish_seen_subcommand_from stop" -l hold -d 'Hold the workers of every queue back for so long afterwards (`rq resume` ends that)' -r
complete -c maint -n "__fish_maint_using_subcommand queue; and __fish_seen_subcommand_from stop" -s c -l config -d 'The configuration [default: `$MAINT_CONFIG`, maint.toml here or above, /etc/maint/maint.toml]' -r -F
complete -c maint -n "__fish_maint_using_subcommand queue; and __fish_seen_subcommand_from stop" -s C -l root -d 'The folder that paths are relative to, instead of `site.root`' -r -F
complete -c maint -n "__fish_maint_using_subcommand queue; and __fish_seen_subcommand_from stop" -l color -d 'Use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c maint -n "__fish_maint_using_subcommand queue; and __fish_seen_subcommand_from stop" -l force -d 'Ask nothing'
complete -c maint -n "__fish_maint_using_subcommand queue; and __fish_seen_subcommand_from stop" -s n -l dry-run -d 'Print what would be done, and change nothing'
complete -c maint -n "__fish_maint_using_subcommand queue; and __fish_seen_subcommand_from stop" -l json -d 'Print one JSON document'
complete -c maint -n "__fish_maint_using_subcommand queue; and __fish_seen_subcommand_from stop" -s v -l verbose -d 'Say more; twice for even more'
complete -c maint -n "__fish_maint_using_subcommand queue; and __fish_seen_subcommand_from stop" -s q -l quiet -d 'Say only what went wrong'
complete -c maint -n "__fish_maint_using_subcommand queue; and __fish_seen_subcommand_from stop" -s y -l yes -d 'Answer every question with yes; the same as a command\'s --force'
complete -c maint -n "__fish_maint_using_subcommand queue; and __fish_seen_subcommand_from stop" -l announce -d 'For `serve`: JSON as with --json, but first a line with the id of the run, and of the steps only so many as a page shows'
complete -c maint -n "__fish_maint_using_subcommand queue; and __fish_seen_subcommand_from stop" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maint -n "__fish_maint_using_subcommand services" -l service -d 'Only this one; may be repeated' -r
complete -c maint -n "__fish_maint_using_subcommand services" -s c -l config -d 'The configuration [default: `$MAINT_CONFIG`, maint.toml here or above, /etc/maint/maint.toml]' -r -F
complete -c maint -n "__fish_maint_using_subcommand services" -s C -l root -d 'The folder that paths are relative to, instead of `site.root`' -r -F
complete -c maint -n "__fish_maint_using_subcommand services" -l color -d 'Use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c maint -n "__fish_maint_using_subcommand services" -l watch -d 'Show them again every few seconds, until Ctrl-C'
complete -c maint -n "__fish_maint_using_subcommand services" -s n -l dry-run -d 'Print what would be done, and change nothing'
complete -c maint -n "__fish_maint_using_subcommand services" -l json -d 'Print one JSON document'
complete -c maint -n "__fish_maint_using_subcommand services" -s v -l verbose -d 'Say more; twice for even more'
complete -c maint -n "__fish_maint_using_subcommand services" -s q -l quiet -d 'Say only what went wrong'
complete -c maint -n "__fish_maint_using_subcommand services" -s y -l yes -d 'Answer every question with yes; the same as a command\'s --force'
complete -c maint -n "__fish_maint_using_subcommand services" -l announce -d 'For `serve`: JSON as with --json, but first a line with the id of the run, and of the steps only so many as a page shows'
complete -c maint -n "__fish_maint_using_subcommand services" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maint -n "__fish_maint_using_subcommand deploy" -l service -d 'Only this service; may be repeated' -r
complete -c maint -n "__fish_maint_using_subcommand deploy" -s c -l config -d 'The configuration [default: `$MAINT_CONFIG`, maint.toml here or above, /etc/maint/maint.toml]' -r -F
complete -c maint -n "__fish_maint_using_subcommand deploy" -s C -l root -d 'The folder that paths are relative to, instead of `site.root`' -r -F
complete -c maint -n "__fish_maint_using_subcommand deploy" -l color -d 'Use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c maint -n "__fish_maint_using_subcommand deploy" -l no-pull -d 'Take the code as it is'
complete -c maint -n "__fish_maint_using_subcommand deploy" -l no-rebuild -d 'Take the images as they are'
complete -c maint -n "__fish_maint_using_subcommand deploy" -l rollback -d 'Go back to what ran before the last deploy'
complete -c maint -n "__fish_maint_using_subcommand deploy" -l unstash -d 'Put the local changes back that a deploy has stashed: alone, or once the new code is here'
complete -c maint -n "__fish_maint_using_subcommand deploy" -l force -d 'Ask nothing'
complete -c maint -n "__fish_maint_using_subcommand deploy" -s n -l dry-run -d 'Print what would be done, and change nothing'
complete -c maint -n "__fish_maint_using_subcommand deploy" -l json -d 'Print one JSON document'
complete -c maint -n "__fish_maint_using_subcommand deploy" -s v -l verbose -d 'Say more; twice for even more'
complete -c maint -n "__fish_maint_using_subcommand deploy" -s q -l quiet -d 'Say only what went wrong'
complete -c maint -n "__fish_maint_using_subcommand deploy" -s y -l yes -d 'Answer every question with yes; the same as a command\'s --force'
complete -c maint -n "__fish_maint_using_subcommand deploy" -l announce -d 'For `serve`: JSON as with --json, but first a line with the id of the run, and of the steps only so many as a page shows'
complete -c maint -n "__fish_maint_using_subcommand deploy" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maint -n "__fish_maint_using_subcommand check; and not __fish_seen_subcommand_from export" -l only -d 'Only these checks; may be repeated' -r
complete -c maint -n "__fish_maint_using_subcommand check; and not __fish_seen_subcommand_from export" -s c -l config -d 'The configuration [default: `$MAINT_CONFIG`, maint.toml here or above, /etc/maint/maint.toml]' -r -F
complete -c maint -n "__fish_maint_using_subcommand check; and not __fish_seen_subcommand_from export" -s C -l root -d 'The folder that paths are relative to, instead of `site.root`' -r -F
complete -c maint -n "__fish_maint_using_subcommand check; and not __fish_seen_subcommand_from export" -l color -d 'Use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c maint -n "__fish_maint_using_subcommand check; and not __fish_seen_subcommand_from export" -s n -l dry-run -d 'Print what would be done, and change nothing'
complete -c maint -n "__fish_maint_using_subcommand check; and not __fish_seen_subcommand_from export" -l json -d 'Print one JSON document'
complete -c maint -n "__fish_maint_using_subcommand check; and not __fish_seen_subcommand_from export" -s v -l verbose -d 'Say more; twice for even more'
complete -c maint -n "__fish_maint_using_subcommand check; and not __fish_seen_subcommand_from export" -s q -l quiet -d 'Say only what went wrong'
complete -c maint -n "__fish_maint_using_subcommand check; and not __fish_seen_subcommand_from export" -s y -l yes -d 'Answer every question with yes; the same as a command\'s --force'
complete -c maint -n "__fish_maint_using_subcommand check; and not __fish_seen_subcommand_from export" -l announce -d 'For `serve`: JSON as with --json, but first a line with the id of the run, and of the steps only so many as a page shows'
complete -c maint -n "__fish_maint_using_subcommand check; and not __fish_seen_subcommand_from export" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maint -n "__fish_maint_using_subcommand check; and not __fish_seen_subcommand_from export" -f -a "export" -d 'Prints alerting rules for Prometheus or Grafana'
complete -c maint -n "__fish_maint_using_subcommand check; and __fish_seen_subcommand_from export" -l format -d 'For whom' -r -f -a "prometheus\t'A rule file of Prometheus'
grafana\t'A file for Grafana\'s provisioning of alerts'"
complete -c maint -n "__fish_maint_using_subcommand check; and __fish_seen_subcommand_from export" -l datasource -d 'The data source that Grafana asks, by its uid [default: prometheus]' -r
complete -c maint -n "__fish_maint_using_subcommand check; and __fish_seen_subcommand_from export" -s c -l config -d 'The configuration [default: `$MAINT_CONFIG`, maint.toml here or above, /etc/maint/maint.toml]' -r -F
complete -c maint -n "__fish_maint_using_subcommand check; and __fish_seen_subcommand_from export" -s C -l root -d 'The folder that paths are relative to, instead of `site.root`' -r -F
complete -c maint -n "__fish_maint_using_subcommand check; and __fish_seen_subcommand_from export" -l color -d 'Use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c maint -n "__fish_maint_using_subcommand check; and __fish_seen_subcommand_from export" -s n -l dry-run -d 'Print what would be done, and change nothing'
complete -c maint -n "__fish_maint_using_subcommand check; and __fish_seen_subcommand_from export" -l json -d 'Print one JSON document'
complete -c maint -n "__fish_maint_using_subcommand check; and __fish_seen_subcommand_from export" -s v -l verbose -d 'Say more; twice for even more'
complete -c maint -n "__fish_maint_using_subcommand check; and __fish_seen_subcommand_from export" -s q -l quiet -d 'Say only what went wrong'
complete -c maint -n "__fish_maint_using_subcommand check; and __fish_seen_subcommand_from export" -s y -l yes -d 'Answer every question with yes; the same as a command\'s --force'
complete -c maint -n "__fish_maint_using_subcommand check; and __fish_seen_subcommand_from export" -l announce -d 'For `serve`: JSON as with --json, but first a line with the id of the run, and of the steps only so many as a page shows'
complete -c maint -n "__fish_maint_using_subcommand check; and __fish_seen_subcommand_from export" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maint -n "__fish_maint_using_subcommand backup; and not __fish_seen_subcommand_from db volumes configs all list verify prune fetch" -l keep-last -d 'Keep so many of the newest' -r
complete -c maint -n "__fish_maint_using_subcommand backup; and not __fish_seen_subcommand_from db volumes configs all list verify prune fetch" -l keep-daily -d 'Keep the newest of each of so many days' -r
complete -c maint -n "__fish_maint_using_subcommand backup; and not __fish_seen_subcommand_from db volumes configs all list verify prune fetch" -l keep-weekly -d 'Keep the newest of each of so many weeks' -r
complete -c maint -n "__fish_maint_using_subcommand backup; and not __fish_seen_subcommand_from db volumes configs all list verify prune fetch" -l keep-monthly -d 'Keep the newest of each of so many months' -r
complete -c maint -n "__fish_maint_using_subcommand backup; and not __fish_seen_subcommand_from db volumes configs all list verify prune fetch" -l keep-yearly -d 'Keep the newest of each of so many years' -r
complete -c maint -n "__fish_maint_using_subcommand backup; and not __fish_seen_subcommand_from db volumes configs all list verify prune fetch" -s c -l config -d 'The configuration [default: `$MAINT_CONFIG`, maint.toml here or above, /etc/maint/maint.toml]' -r -F
complete -c maint -n "__fish_maint_using_subcommand backup; and not __fish_seen_subcommand_from db volumes configs all list verify prune fetch" -s C -l root -d 'The folder that paths are relative to, instead of `site.root`' -r -F
complete -c maint -n "__fish_maint_using_subcommand backup; and not __fish_seen_subcommand_from db volumes configs all list verify prune fetch" -l color -d 'Use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c maint -n "__fish_maint_using_subcommand backup; and not __fish_seen_subcommand_from db volumes configs all list verify prune fetch" -s n -l dry-run -d 'Print what would be done, and change nothing'
complete -c maint -n "__fish_maint_using_subcommand backup; and not __fish_seen_subcommand_from db volumes configs all list verify prune fetch" -l json -d 'Print one JSON document'
complete -c maint -n "__fish_maint_using_subcommand backup; and not __fish_seen_subcommand_from db volumes configs all list verify prune fetch" -s v -l verbose -d 'Say more; twice for even more'
complete -c maint -n "__fish_maint_using_subcommand backup; and not __fish_seen_subcommand_from db volumes configs all list verify prune fetch" -s q -l quiet -d 'Say only what went wrong'
complete -c maint -n "__fish_maint_using_subcommand backup; and not __fish_seen_subcommand_from db volumes configs all list verify prune fetch" -s y -l yes -d 'Answer every question with yes; the same as a command\'s --force'
complete -c maint -n "__fish_maint_using_subcommand backup; and not __fish_seen_subcommand_from db volumes configs all list verify prune fetch" -l announce -d 'For `serve`: JSON as with --json, but first a line with the id of the run, and of the steps only so many as a page shows'
complete -c maint -n "__fish_maint_using_subcommand backup; and not __fish_seen_subcommand_from db volumes configs all list verify prune fetch" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maint -n "__fish_maint_using_subcommand backup; and not __fish_seen_subcommand_from db volumes configs all list verify prune fetch" -f -a "db" -d 'Backs up databases'
complete -c maint -n "__fish_maint_using_subcommand backup; and not __fish_seen_subcommand_from db volumes configs all list verify prune fetch" -f -a "volumes" -d 'Backs up volumes of Docker'
complete -c maint -n "__fish_maint_using_subcommand backup; and not __fish_seen_subcommand_from db volumes configs all list verify prune fetch" -f -a "configs" -d 'Backs up configuration files'
complete -c maint -n "__fish_maint_using_subcommand backup; and not __fish_seen_subcommand_from db volumes configs all list verify prune fetch" -f -a "all" -d 'Backs up everything that is configured'
complete -c maint -n "__fish_maint_using_subcommand backup; and not __fish_seen_subcommand_from db volumes configs all list verify prune fetch" -f -a "list" -d 'Lists the backups'
complete -c maint -n "__fish_maint_using_subcommand backup; and not __fish_seen_subcommand_from db volumes configs all list verify prune fetch" -f -a "verify" -d 'Reads backups whole and tells which are damaged'
complete -c maint -n "__fish_maint_using_subcommand backup; and not __fish_seen_subcommand_from db volumes configs all list verify prune fetch" -f -a "prune" -d 'Removes backups that are kept no longer'
complete -c maint -n "__fish_maint_using_subcommand backup; and not __fish_seen_subcommand_from db volumes configs all list verify prune fetch" -f -a "fetch" -d 'Brings a backup back that only restic has'
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from db" -l keep-last -d 'Keep so many of the newest' -r
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from db" -l keep-daily -d 'Keep the newest of each of so many days' -r
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from db" -l keep-weekly -d 'Keep the newest of each of so many weeks' -r
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from db" -l keep-monthly -d 'Keep the newest of each of so many months' -r
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from db" -l keep-yearly -d 'Keep the newest of each of so many years' -r
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from db" -s c -l config -d 'The configuration [default: `$MAINT_CONFIG`, maint.toml here or above, /etc/maint/maint.toml]' -r -F
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from db" -s C -l root -d 'The folder that paths are relative to, instead of `site.root`' -r -F
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from db" -l color -d 'Use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from db" -s n -l dry-run -d 'Print what would be done, and change nothing'
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from db" -l json -d 'Print one JSON document'
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from db" -s v -l verbose -d 'Say more; twice for even more'
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from db" -s q -l quiet -d 'Say only what went wrong'
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from db" -s y -l yes -d 'Answer every question with yes; the same as a command\'s --force'
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from db" -l announce -d 'For `serve`: JSON as with --json, but first a line with the id of the run, and of the steps only so many as a page shows'
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from db" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from volumes" -l keep-last -d 'Keep so many of the newest' -r
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from volumes" -l keep-daily -d 'Keep the newest of each of so many days' -r
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from volumes" -l keep-weekly -d 'Keep the newest of each of so many weeks' -r
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from volumes" -l keep-monthly -d 'Keep the newest of each of so many months' -r
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from volumes" -l keep-yearly -d 'Keep the newest of each of so many years' -r
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from volumes" -s c -l config -d 'The configuration [default: `$MAINT_CONFIG`, maint.toml here or above, /etc/maint/maint.toml]' -r -F
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from volumes" -s C -l root -d 'The folder that paths are relative to, instead of `site.root`' -r -F
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from volumes" -l color -d 'Use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from volumes" -s n -l dry-run -d 'Print what would be done, and change nothing'
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from volumes" -l json -d 'Print one JSON document'
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from volumes" -s v -l verbose -d 'Say more; twice for even more'
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from volumes" -s q -l quiet -d 'Say only what went wrong'
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from volumes" -s y -l yes -d 'Answer every question with yes; the same as a command\'s --force'
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from volumes" -l announce -d 'For `serve`: JSON as with --json, but first a line with the id of the run, and of the steps only so many as a page shows'
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from volumes" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from configs" -l keep-last -d 'Keep so many of the newest' -r
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from configs" -l keep-daily -d 'Keep the newest of each of so many days' -r
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from configs" -l keep-weekly -d 'Keep the newest of each of so many weeks' -r
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from configs" -l keep-monthly -d 'Keep the newest of each of so many months' -r
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from configs" -l keep-yearly -d 'Keep the newest of each of so many years' -r
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from configs" -s c -l config -d 'The configuration [default: `$MAINT_CONFIG`, maint.toml here or above, /etc/maint/maint.toml]' -r -F
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from configs" -s C -l root -d 'The folder that paths are relative to, instead of `site.root`' -r -F
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from configs" -l color -d 'Use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from configs" -s n -l dry-run -d 'Print what would be done, and change nothing'
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from configs" -l json -d 'Print one JSON document'
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from configs" -s v -l verbose -d 'Say more; twice for even more'
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from configs" -s q -l quiet -d 'Say only what went wrong'
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from configs" -s y -l yes -d 'Answer every question with yes; the same as a command\'s --force'
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from configs" -l announce -d 'For `serve`: JSON as with --json, but first a line with the id of the run, and of the steps only so many as a page shows'
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from configs" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from all" -l keep-last -d 'Keep so many of the newest' -r
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from all" -l keep-daily -d 'Keep the newest of each of so many days' -r
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from all" -l keep-weekly -d 'Keep the newest of each of so many weeks' -r
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from all" -l keep-monthly -d 'Keep the newest of each of so many months' -r
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from all" -l keep-yearly -d 'Keep the newest of each of so many years' -r
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from all" -s c -l config -d 'The configuration [default: `$MAINT_CONFIG`, maint.toml here or above, /etc/maint/maint.toml]' -r -F
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from all" -s C -l root -d 'The folder that paths are relative to, instead of `site.root`' -r -F
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from all" -l color -d 'Use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from all" -s n -l dry-run -d 'Print what would be done, and change nothing'
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from all" -l json -d 'Print one JSON document'
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from all" -s v -l verbose -d 'Say more; twice for even more'
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from all" -s q -l quiet -d 'Say only what went wrong'
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from all" -s y -l yes -d 'Answer every question with yes; the same as a command\'s --force'
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from all" -l announce -d 'For `serve`: JSON as with --json, but first a line with the id of the run, and of the steps only so many as a page shows'
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from all" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from list" -l kind -d 'Only of this kind' -r -f -a "db\t'A database'
volume\t'A volume of Docker'
configs\t'Configuration files'"
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from list" -s c -l config -d 'The configuration [default: `$MAINT_CONFIG`, maint.toml here or above, /etc/maint/maint.toml]' -r -F
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from list" -s C -l root -d 'The folder that paths are relative to, instead of `site.root`' -r -F
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from list" -l color -d 'Use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from list" -l restic -d 'Also those that only restic has'
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from list" -s n -l dry-run -d 'Print what would be done, and change nothing'
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from list" -l json -d 'Print one JSON document'
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Say more; twice for even more'
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Say only what went wrong'
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from list" -s y -l yes -d 'Answer every question with yes; the same as a command\'s --force'
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from list" -l announce -d 'For `serve`: JSON as with --json, but first a line with the id of the run, and of the steps only so many as a page shows'
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from verify" -s c -l config -d 'The configuration [default: `$MAINT_CONFIG`, maint.toml here or above, /etc/maint/maint.toml]' -r -F
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from verify" -s C -l root -d 'The folder that paths are relative to, instead of `site.root`' -r -F
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from verify" -l color -d 'Use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from verify" -l latest -d 'Only the latest of each database, volume and of the configuration files'
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from verify" -s n -l dry-run -d 'Print what would be done, and change nothing'
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from verify" -l json -d 'Print one JSON document'
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from verify" -s v -l verbose -d 'Say more; twice for even more'
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from verify" -s q -l quiet -d 'Say only what went wrong'
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from verify" -s y -l yes -d 'Answer every question with yes; the same as a command\'s --force'
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from verify" -l announce -d 'For `serve`: JSON as with --json, but first a line with the id of the run, and of the steps only so many as a page shows'
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from verify" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from prune" -l keep-last -d 'Keep so many of the newest' -r
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from prune" -l keep-daily -d 'Keep the newest of each of so many days' -r
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from prune" -l keep-weekly -d 'Keep the newest of each of so many weeks' -r
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from prune" -l keep-monthly -d 'Keep the newest of each of so many months' -r
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from prune" -l keep-yearly -d 'Keep the newest of each of so many years' -r
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from prune" -s c -l config -d 'The configuration [default: `$MAINT_CONFIG`, maint.toml here or above, /etc/maint/maint.toml]' -r -F
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from prune" -s C -l root -d 'The folder that paths are relative to, instead of `site.root`' -r -F
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from prune" -l color -d 'Use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from prune" -s n -l dry-run -d 'Print what would be done, and change nothing'
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from prune" -l json -d 'Print one JSON document'
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from prune" -s v -l verbose -d 'Say more; twice for even more'
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from prune" -s q -l quiet -d 'Say only what went wrong'
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from prune" -s y -l yes -d 'Answer every question with yes; the same as a command\'s --force'
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from prune" -l announce -d 'For `serve`: JSON as with --json, but first a line with the id of the run, and of the steps only so many as a page shows'
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from prune" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from fetch" -s c -l config -d 'The configuration [default: `$MAINT_CONFIG`, maint.toml here or above, /etc/maint/maint.toml]' -r -F
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from fetch" -s C -l root -d 'The folder that paths are relative to, instead of `site.root`' -r -F
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from fetch" -l color -d 'Use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from fetch" -s n -l dry-run -d 'Print what would be done, and change nothing'
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from fetch" -l json -d 'Print one JSON document'
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from fetch" -s v -l verbose -d 'Say more; twice for even more'
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from fetch" -s q -l quiet -d 'Say only what went wrong'
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from fetch" -s y -l yes -d 'Answer every question with yes; the same as a command\'s --force'
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from fetch" -l announce -d 'For `serve`: JSON as with --json, but first a line with the id of the run, and of the steps only so many as a page shows'
complete -c maint -n "__fish_maint_using_subcommand backup; and __fish_seen_subcommand_from fetch" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maint -n "__fish_maint_using_subcommand restore" -l from -d 'The backup: its id, or the latest' -r
complete -c maint -n "__fish_maint_using_subcommand restore" -l to -d 'Restore beside the original: into this folder, or a database or volume of this name' -r
complete -c maint -n "__fish_maint_using_subcommand restore" -s c -l config -d 'The configuration [default: `$MAINT_CONFIG`, maint.toml here or above, /etc/maint/maint.toml]' -r -F
complete -c maint -n "__fish_maint_using_subcommand restore" -s C -l root -d 'The folder that paths are relative to, instead of `site.root`' -r -F
complete -c maint -n "__fish_maint_using_subcommand restore" -l color -d 'Use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c maint -n "__fish_maint_using_subcommand restore" -l force -d 'Replace the original without asking'
complete -c maint -n "__fish_maint_using_subcommand restore" -s n -l dry-run -d 'Print what would be done, and change nothing'
complete -c maint -n "__fish_maint_using_subcommand restore" -l json -d 'Print one JSON document'
complete -c maint -n "__fish_maint_using_subcommand restore" -s v -l verbose -d 'Say more; twice for even more'
complete -c maint -n "__fish_maint_using_subcommand restore" -s q -l quiet -d 'Say only what went wrong'
complete -c maint -n "__fish_maint_using_subcommand restore" -s y -l yes -d 'Answer every question with yes; the same as a command\'s --force'
complete -c maint -n "__fish_maint_using_subcommand restore" -l announce -d 'For `serve`: JSON as with --json, but first a line with the id of the run, and of the steps only so many as a page shows'
complete -c maint -n "__fish_maint_using_subcommand restore" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maint -n "__fish_maint_using_subcommand docker-prune" -l volume -d 'This named volume, which no container uses; may be repeated' -r
complete -c maint -n "__fish_maint_using_subcommand docker-prune" -l until -d 'Images older than this [default: as configured, 24h]' -r
complete -c maint -n "__fish_maint_using_subcommand docker-prune" -s c -l config -d 'The configuration [default: `$MAINT_CONFIG`, maint.toml here or above, /etc/maint/maint.toml]' -r -F
complete -c maint -n "__fish_maint_using_subcommand docker-prune" -s C -l root -d 'The folder that paths are relative to, instead of `site.root`' -r -F
complete -c maint -n "__fish_maint_using_subcommand docker-prune" -l color -d 'Use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c maint -n "__fish_maint_using_subcommand docker-prune" -l images -d 'Only images'
complete -c maint -n "__fish_maint_using_subcommand docker-prune" -l volumes -d 'Only anonymous volumes'
complete -c maint -n "__fish_maint_using_subcommand docker-prune" -l force -d 'Do not ask'
complete -c maint -n "__fish_maint_using_subcommand docker-prune" -s n -l dry-run -d 'Print what would be done, and change nothing'
complete -c maint -n "__fish_maint_using_subcommand docker-prune" -l json -d 'Print one JSON document'
complete -c maint -n "__fish_maint_using_subcommand docker-prune" -s v -l verbose -d 'Say more; twice for even more'
complete -c maint -n "__fish_maint_using_subcommand docker-prune" -s q -l quiet -d 'Say only what went wrong'
complete -c maint -n "__fish_maint_using_subcommand docker-prune" -s y -l yes -d 'Answer every question with yes; the same as a command\'s --force'
complete -c maint -n "__fish_maint_using_subcommand docker-prune" -l announce -d 'For `serve`: JSON as with --json, but first a line with the id of the run, and of the steps only so many as a page shows'
complete -c maint -n "__fish_maint_using_subcommand docker-prune" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maint -n "__fish_maint_using_subcommand archive-logs" -l since -d 'Since this time or so long ago [default: the last archive]' -r
complete -c maint -n "__fish_maint_using_subcommand archive-logs" -l exclude -d 'Leave out lines that match; may be repeated' -r
complete -c maint -n "__fish_maint_using_subcommand archive-logs" -s c -l config -d 'The configuration [default: `$MAINT_CONFIG`, maint.toml here or above, /etc/maint/maint.toml]' -r -F
complete -c maint -n "__fish_maint_using_subcommand archive-logs" -s C -l root -d 'The folder that paths are relative to, instead of `site.root`' -r -F
complete -c maint -n "__fish_maint_using_subcommand archive-logs" -l color -d 'Use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c maint -n "__fish_maint_using_subcommand archive-logs" -s n -l dry-run -d 'Print what would be done, and change nothing'
complete -c maint -n "__fish_maint_using_subcommand archive-logs" -l json -d 'Print one JSON document'
complete -c maint -n "__fish_maint_using_subcommand archive-logs" -s v -l verbose -d 'Say more; twice for even more'
complete -c maint -n "__fish_maint_using_subcommand archive-logs" -s q -l quiet -d 'Say only what went wrong'
complete -c maint -n "__fish_maint_using_subcommand archive-logs" -s y -l yes -d 'Answer every question with yes; the same as a command\'s --force'
complete -c maint -n "__fish_maint_using_subcommand archive-logs" -l announce -d 'For `serve`: JSON as with --json, but first a line with the id of the run, and of the steps only so many as a page shows'
complete -c maint -n "__fish_maint_using_subcommand archive-logs" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maint -n "__fish_maint_using_subcommand run" -s c -l config -d 'The configuration [default: `$MAINT_CONFIG`, maint.toml here or above, /etc/maint/maint.toml]' -r -F
complete -c maint -n "__fish_maint_using_subcommand run" -s C -l root -d 'The folder that paths are relative to, instead of `site.root`' -r -F
complete -c maint -n "__fish_maint_using_subcommand run" -l color -d 'Use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c maint -n "__fish_maint_using_subcommand run" -l all-due -d 'Run every overdue job with `missed = "once"`, each once, however many runs it missed'
complete -c maint -n "__fish_maint_using_subcommand run" -l as-cron -d 'Run it in cron\'s bare environment, to see whether it works there'
complete -c maint -n "__fish_maint_using_subcommand run" -s n -l dry-run -d 'Print what would be done, and change nothing'
complete -c maint -n "__fish_maint_using_subcommand run" -l json -d 'Print one JSON document'
complete -c maint -n "__fish_maint_using_subcommand run" -s v -l verbose -d 'Say more; twice for even more'
complete -c maint -n "__fish_maint_using_subcommand run" -s q -l quiet -d 'Say only what went wrong'
complete -c maint -n "__fish_maint_using_subcommand run" -s y -l yes -d 'Answer every question with yes; the same as a command\'s --force'
complete -c maint -n "__fish_maint_using_subcommand run" -l announce -d 'For `serve`: JSON as with --json, but first a line with the id of the run, and of the steps only so many as a page shows'
complete -c maint -n "__fish_maint_using_subcommand run" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maint -n "__fish_maint_using_subcommand crontab; and not __fish_seen_subcommand_from generate add show remove run check status test restore adopt" -s c -l config -d 'The configuration [default: `$MAINT_CONFIG`, maint.toml here or above, /etc/maint/maint.toml]' -r -F
complete -c maint -n "__fish_maint_using_subcommand crontab; and not __fish_seen_subcommand_from generate add show remove run check status test restore adopt" -s C -l root -d 'The folder that paths are relative to, instead of `site.root`' -r -F
complete -c maint -n "__fish_maint_using_subcommand crontab; and not __fish_seen_subcommand_from generate add show remove run check status test restore adopt" -l color -d 'Use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c maint -n "__fish_maint_using_subcommand crontab; and not __fish_seen_subcommand_from generate add show remove run check status test restore adopt" -s n -l dry-run -d 'Print what would be done, and change nothing'
complete -c maint -n "__fish_maint_using_subcommand crontab; and not __fish_seen_subcommand_from generate add show remove run check status test restore adopt" -l json -d 'Print one JSON document'
complete -c maint -n "__fish_maint_using_subcommand crontab; and not __fish_seen_subcommand_from generate add show remove run check status test restore adopt" -s v -l verbose -d 'Say more; twice for even more'
complete -c maint -n "__fish_maint_using_subcommand crontab; and not __fish_seen_subcommand_from generate add show remove run check status test restore adopt" -s q -l quiet -d 'Say only what went wrong'
complete -c maint -n "__fish_maint_using_subcommand crontab; and not __fish_seen_subcommand_from generate add show remove run check status test restore adopt" -s y -l yes -d 'Answer every question with yes; the same as a command\'s --force'
complete -c maint -n "__fish_maint_using_subcommand crontab; and not __fish_seen_subcommand_from generate add show remove run check status test restore adopt" -l announce -d 'For `serve`: JSON as with --json, but first a line with the id of the run, and of the steps only so many as a page shows'
complete -c maint -n "__fish_maint_using_subcommand crontab; and not __fish_seen_subcommand_from generate add show remove run check status test restore adopt" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maint -n "__fish_maint_using_subcommand crontab; and not __fish_seen_subcommand_from generate add show remove run check status test restore adopt" -f -a "generate" -d 'Prints the jobs for cron or another scheduler, and installs nothing'
complete -c maint -n "__fish_maint_using_subcommand crontab; and not __fish_seen_subcommand_from generate add show remove run check status test restore adopt" -f -a "add" -d 'Installs or updates the lines of the scheduled jobs'
complete -c maint -n "__fish_maint_using_subcommand crontab; and not __fish_seen_subcommand_from generate add show remove run check status test restore adopt" -f -a "show" -d 'Shows what is installed, the next run of each job, and any drift from maint.toml'
complete -c maint -n "__fish_maint_using_subcommand crontab; and not __fish_seen_subcommand_from generate add show remove run check status test restore adopt" -f -a "remove" -d 'Removes the lines of this site, and nothing else'
complete -c maint -n "__fish_maint_using_subcommand crontab; and not __fish_seen_subcommand_from generate add show remove run check status test restore adopt" -f -a "run" -d 'Runs a job as cron would: lock, time limit, log, history'
complete -c maint -n "__fish_maint_using_subcommand crontab; and not __fish_seen_subcommand_from generate add show remove run check status test restore adopt" -f -a "check" -d 'Looks for odd schedules and for drift; exit code 3 when something is found'
complete -c maint -n "__fish_maint_using_subcommand crontab; and not __fish_seen_subcommand_from generate add show remove run check status test restore adopt" -f -a "status" -d 'Shows whether cron runs, the lines are installed, the folders can be written, and what ran last'
complete -c maint -n "__fish_maint_using_subcommand crontab; and not __fish_seen_subcommand_from generate add show remove run check status test restore adopt" -f -a "test" -d 'Rehearses each scheduled job in cron\'s environment, with --dry-run'
complete -c maint -n "__fish_maint_using_subcommand crontab; and not __fish_seen_subcommand_from generate add show remove run check status test restore adopt" -f -a "restore" -d 'Puts a saved crontab back, foreign lines included; each change saves the table it replaces'
complete -c maint -n "__fish_maint_using_subcommand crontab; and not __fish_seen_subcommand_from generate add show remove run check status test restore adopt" -f -a "adopt" -d 'Takes over the lines of django-crontab: as jobs of maint.toml, with lines of maint'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from generate" -l format -d 'The scheduler' -r -f -a "crontab\t'A user\'s crontab, as `crontab add` installs it'
cron.d\t'A file for /etc/cron.d, with a user in each line'
systemd\t'A timer and a service for each job'
kubernetes\t'A `CronJob` for each job, with its configuration, state and secrets'
supercronic\t'A crontab for supercronic, in a container'"
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from generate" -l user -d 'The user that the jobs run as, for cron.d and systemd [default for cron.d: the present one]' -r
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from generate" -l image -d 'The container image, for kubernetes' -r
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from generate" -l output -d 'Write the files into this folder instead of printing them' -r -F
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from generate" -s c -l config -d 'The configuration [default: `$MAINT_CONFIG`, maint.toml here or above, /etc/maint/maint.toml]' -r -F
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from generate" -s C -l root -d 'The folder that paths are relative to, instead of `site.root`' -r -F
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from generate" -l color -d 'Use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from generate" -s n -l dry-run -d 'Print what would be done, and change nothing'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from generate" -l json -d 'Print one JSON document'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from generate" -s v -l verbose -d 'Say more; twice for even more'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from generate" -s q -l quiet -d 'Say only what went wrong'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from generate" -s y -l yes -d 'Answer every question with yes; the same as a command\'s --force'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from generate" -l announce -d 'For `serve`: JSON as with --json, but first a line with the id of the run, and of the steps only so many as a page shows'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from generate" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from add" -s c -l config -d 'The configuration [default: `$MAINT_CONFIG`, maint.toml here or above, /etc/maint/maint.toml]' -r -F
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from add" -s C -l root -d 'The folder that paths are relative to, instead of `site.root`' -r -F
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from add" -l color -d 'Use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from add" -s n -l dry-run -d 'Print what would be done, and change nothing'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from add" -l json -d 'Print one JSON document'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from add" -s v -l verbose -d 'Say more; twice for even more'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from add" -s q -l quiet -d 'Say only what went wrong'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from add" -s y -l yes -d 'Answer every question with yes; the same as a command\'s --force'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from add" -l announce -d 'For `serve`: JSON as with --json, but first a line with the id of the run, and of the steps only so many as a page shows'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from add" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from show" -s c -l config -d 'The configuration [default: `$MAINT_CONFIG`, maint.toml here or above, /etc/maint/maint.toml]' -r -F
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from show" -s C -l root -d 'The folder that paths are relative to, instead of `site.root`' -r -F
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from show" -l color -d 'Use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from show" -s n -l dry-run -d 'Print what would be done, and change nothing'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from show" -l json -d 'Print one JSON document'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from show" -s v -l verbose -d 'Say more; twice for even more'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from show" -s q -l quiet -d 'Say only what went wrong'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from show" -s y -l yes -d 'Answer every question with yes; the same as a command\'s --force'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from show" -l announce -d 'For `serve`: JSON as with --json, but first a line with the id of the run, and of the steps only so many as a page shows'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from remove" -l site -d 'The site, when its maint.toml is gone' -r
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from remove" -s c -l config -d 'The configuration [default: `$MAINT_CONFIG`, maint.toml here or above, /etc/maint/maint.toml]' -r -F
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from remove" -s C -l root -d 'The folder that paths are relative to, instead of `site.root`' -r -F
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from remove" -l color -d 'Use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from remove" -s n -l dry-run -d 'Print what would be done, and change nothing'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from remove" -l json -d 'Print one JSON document'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from remove" -s v -l verbose -d 'Say more; twice for even more'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from remove" -s q -l quiet -d 'Say only what went wrong'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from remove" -s y -l yes -d 'Answer every question with yes; the same as a command\'s --force'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from remove" -l announce -d 'For `serve`: JSON as with --json, but first a line with the id of the run, and of the steps only so many as a page shows'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from remove" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from run" -s c -l config -d 'The configuration [default: `$MAINT_CONFIG`, maint.toml here or above, /etc/maint/maint.toml]' -r -F
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from run" -s C -l root -d 'The folder that paths are relative to, instead of `site.root`' -r -F
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from run" -l color -d 'Use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from run" -l all-due -d 'Run every overdue job with `missed = "once"`, each once, however many runs it missed'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from run" -l as-cron -d 'Run it in cron\'s bare environment, to see whether it works there'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from run" -s n -l dry-run -d 'Print what would be done, and change nothing'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from run" -l json -d 'Print one JSON document'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from run" -s v -l verbose -d 'Say more; twice for even more'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from run" -s q -l quiet -d 'Say only what went wrong'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from run" -s y -l yes -d 'Answer every question with yes; the same as a command\'s --force'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from run" -l announce -d 'For `serve`: JSON as with --json, but first a line with the id of the run, and of the steps only so many as a page shows'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from run" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from check" -s c -l config -d 'The configuration [default: `$MAINT_CONFIG`, maint.toml here or above, /etc/maint/maint.toml]' -r -F
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from check" -s C -l root -d 'The folder that paths are relative to, instead of `site.root`' -r -F
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from check" -l color -d 'Use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from check" -s n -l dry-run -d 'Print what would be done, and change nothing'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from check" -l json -d 'Print one JSON document'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from check" -s v -l verbose -d 'Say more; twice for even more'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from check" -s q -l quiet -d 'Say only what went wrong'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from check" -s y -l yes -d 'Answer every question with yes; the same as a command\'s --force'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from check" -l announce -d 'For `serve`: JSON as with --json, but first a line with the id of the run, and of the steps only so many as a page shows'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from status" -s c -l config -d 'The configuration [default: `$MAINT_CONFIG`, maint.toml here or above, /etc/maint/maint.toml]' -r -F
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from status" -s C -l root -d 'The folder that paths are relative to, instead of `site.root`' -r -F
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from status" -l color -d 'Use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from status" -s n -l dry-run -d 'Print what would be done, and change nothing'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from status" -l json -d 'Print one JSON document'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from status" -s v -l verbose -d 'Say more; twice for even more'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from status" -s q -l quiet -d 'Say only what went wrong'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from status" -s y -l yes -d 'Answer every question with yes; the same as a command\'s --force'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from status" -l announce -d 'For `serve`: JSON as with --json, but first a line with the id of the run, and of the steps only so many as a page shows'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from test" -s c -l config -d 'The configuration [default: `$MAINT_CONFIG`, maint.toml here or above, /etc/maint/maint.toml]' -r -F
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from test" -s C -l root -d 'The folder that paths are relative to, instead of `site.root`' -r -F
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from test" -l color -d 'Use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from test" -s n -l dry-run -d 'Print what would be done, and change nothing'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from test" -l json -d 'Print one JSON document'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from test" -s v -l verbose -d 'Say more; twice for even more'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from test" -s q -l quiet -d 'Say only what went wrong'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from test" -s y -l yes -d 'Answer every question with yes; the same as a command\'s --force'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from test" -l announce -d 'For `serve`: JSON as with --json, but first a line with the id of the run, and of the steps only so many as a page shows'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from test" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from restore" -s c -l config -d 'The configuration [default: `$MAINT_CONFIG`, maint.toml here or above, /etc/maint/maint.toml]' -r -F
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from restore" -s C -l root -d 'The folder that paths are relative to, instead of `site.root`' -r -F
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from restore" -l color -d 'Use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from restore" -l list -d 'List the saved tables instead'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from restore" -s n -l dry-run -d 'Print what would be done, and change nothing'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from restore" -l json -d 'Print one JSON document'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from restore" -s v -l verbose -d 'Say more; twice for even more'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from restore" -s q -l quiet -d 'Say only what went wrong'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from restore" -s y -l yes -d 'Answer every question with yes; the same as a command\'s --force'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from restore" -l announce -d 'For `serve`: JSON as with --json, but first a line with the id of the run, and of the steps only so many as a page shows'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from restore" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from adopt" -l project -d 'The project whose lines are meant, as the end of each line names it' -r
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from adopt" -s c -l config -d 'The configuration [default: `$MAINT_CONFIG`, maint.toml here or above, /etc/maint/maint.toml]' -r -F
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from adopt" -s C -l root -d 'The folder that paths are relative to, instead of `site.root`' -r -F
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from adopt" -l color -d 'Use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from adopt" -s n -l dry-run -d 'Print what would be done, and change nothing'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from adopt" -l json -d 'Print one JSON document'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from adopt" -s v -l verbose -d 'Say more; twice for even more'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from adopt" -s q -l quiet -d 'Say only what went wrong'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from adopt" -s y -l yes -d 'Answer every question with yes; the same as a command\'s --force'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from adopt" -l announce -d 'For `serve`: JSON as with --json, but first a line with the id of the run, and of the steps only so many as a page shows'
complete -c maint -n "__fish_maint_using_subcommand crontab; and __fish_seen_subcommand_from adopt" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maint -n "__fish_maint_using_subcommand alerts; and not __fish_seen_subcommand_from test" -s c -l config -d 'The configuration [default: `$MAINT_CONFIG`, maint.toml here or above, /etc/maint/maint.toml]' -r -F
complete -c maint -n "__fish_maint_using_subcommand alerts; and not __fish_seen_subcommand_from test" -s C -l root -d 'The folder that paths are relative to, instead of `site.root`' -r -F
complete -c maint -n "__fish_maint_using_subcommand alerts; and not __fish_seen_subcommand_from test" -l color -d 'Use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c maint -n "__fish_maint_using_subcommand alerts; and not __fish_seen_subcommand_from test" -s n -l dry-run -d 'Print what would be done, and change nothing'
complete -c maint -n "__fish_maint_using_subcommand alerts; and not __fish_seen_subcommand_from test" -l json -d 'Print one JSON document'
complete -c maint -n "__fish_maint_using_subcommand alerts; and not __fish_seen_subcommand_from test" -s v -l verbose -d 'Say more; twice for even more'
complete -c maint -n "__fish_maint_using_subcommand alerts; and not __fish_seen_subcommand_from test" -s q -l quiet -d 'Say only what went wrong'
complete -c maint -n "__fish_maint_using_subcommand alerts; and not __fish_seen_subcommand_from test" -s y -l yes -d 'Answer every question with yes; the same as a command\'s --force'
complete -c maint -n "__fish_maint_using_subcommand alerts; and not __fish_seen_subcommand_from test" -l announce -d 'For `serve`: JSON as with --json, but first a line with the id of the run, and of the steps only so many as a page shows'
complete -c maint -n "__fish_maint_using_subcommand alerts; and not __fish_seen_subcommand_from test" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maint -n "__fish_maint_using_subcommand alerts; and not __fish_seen_subcommand_from test" -f -a "test" -d 'Sends a marked test message to each receiver'
complete -c maint -n "__fish_maint_using_subcommand alerts; and __fish_seen_subcommand_from test" -s c -l config -d 'The configuration [default: `$MAINT_CONFIG`, maint.toml here or above, /etc/maint/maint.toml]' -r -F
complete -c maint -n "__fish_maint_using_subcommand alerts; and __fish_seen_subcommand_from test" -s C -l root -d 'The folder that paths are relative to, instead of `site.root`' -r -F
complete -c maint -n "__fish_maint_using_subcommand alerts; and __fish_seen_subcommand_from test" -l color -d 'Use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c maint -n "__fish_maint_using_subcommand alerts; and __fish_seen_subcommand_from test" -s n -l dry-run -d 'Print what would be done, and change nothing'
complete -c maint -n "__fish_maint_using_subcommand alerts; and __fish_seen_subcommand_from test" -l json -d 'Print one JSON document'
complete -c maint -n "__fish_maint_using_subcommand alerts; and __fish_seen_subcommand_from test" -s v -l verbose -d 'Say more; twice for even more'
complete -c maint -n "__fish_maint_using_subcommand alerts; and __fish_seen_subcommand_from test" -s q -l quiet -d 'Say only what went wrong'
complete -c maint -n "__fish_maint_using_subcommand alerts; and __fish_seen_subcommand_from test" -s y -l yes -d 'Answer every question with yes; the same as a command\'s --force'
complete -c maint -n "__fish_maint_using_subcommand alerts; and __fish_seen_subcommand_from test" -l announce -d 'For `serve`: JSON as with --json, but first a line with the id of the run, and of the steps only so many as a page shows'
complete -c maint -n "__fish_maint_using_subcommand alerts; and __fish_seen_subcommand_from test" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maint -n "__fish_maint_using_subcommand jobs" -s c -l config -d 'The configuration [default: `$MAINT_CONFIG`, maint.toml here or above, /etc/maint/maint.toml]' -r -F
complete -c maint -n "__fish_maint_using_subcommand jobs" -s C -l root -d 'The folder that paths are relative to, instead of `site.root`' -r -F
complete -c maint -n "__fish_maint_using_subcommand jobs" -l color -d 'Use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c maint -n "__fish_maint_using_subcommand jobs" -s n -l dry-run -d 'Print what would be done, and change nothing'
complete -c maint -n "__fish_maint_using_subcommand jobs" -l json -d 'Print one JSON document'
complete -c maint -n "__fish_maint_using_subcommand jobs" -s v -l verbose -d 'Say more; twice for even more'
complete -c maint -n "__fish_maint_using_subcommand jobs" -s q -l quiet -d 'Say only what went wrong'
complete -c maint -n "__fish_maint_using_subcommand jobs" -s y -l yes -d 'Answer every question with yes; the same as a command\'s --force'
complete -c maint -n "__fish_maint_using_subcommand jobs" -l announce -d 'For `serve`: JSON as with --json, but first a line with the id of the run, and of the steps only so many as a page shows'
complete -c maint -n "__fish_maint_using_subcommand jobs" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maint -n "__fish_maint_using_subcommand status" -s c -l config -d 'The configuration [default: `$MAINT_CONFIG`, maint.toml here or above, /etc/maint/maint.toml]' -r -F
complete -c maint -n "__fish_maint_using_subcommand status" -s C -l root -d 'The folder that paths are relative to, instead of `site.root`' -r -F
complete -c maint -n "__fish_maint_using_subcommand status" -l color -d 'Use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c maint -n "__fish_maint_using_subcommand status" -l check -d 'Print only what is overdue, failing or not well, and end with exit code 3 when there is such a job'
complete -c maint -n "__fish_maint_using_subcommand status" -s n -l dry-run -d 'Print what would be done, and change nothing'
complete -c maint -n "__fish_maint_using_subcommand status" -l json -d 'Print one JSON document'
complete -c maint -n "__fish_maint_using_subcommand status" -s v -l verbose -d 'Say more; twice for even more'
complete -c maint -n "__fish_maint_using_subcommand status" -s q -l quiet -d 'Say only what went wrong'
complete -c maint -n "__fish_maint_using_subcommand status" -s y -l yes -d 'Answer every question with yes; the same as a command\'s --force'
complete -c maint -n "__fish_maint_using_subcommand status" -l announce -d 'For `serve`: JSON as with --json, but first a line with the id of the run, and of the steps only so many as a page shows'
complete -c maint -n "__fish_maint_using_subcommand status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maint -n "__fish_maint_using_subcommand why" -s c -l config -d 'The configuration [default: `$MAINT_CONFIG`, maint.toml here or above, /etc/maint/maint.toml]' -r -F
complete -c maint -n "__fish_maint_using_subcommand why" -s C -l root -d 'The folder that paths are relative to, instead of `site.root`' -r -F
complete -c maint -n "__fish_maint_using_subcommand why" -l color -d 'Use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c maint -n "__fish_maint_using_subcommand why" -s n -l dry-run -d 'Print what would be done, and change nothing'
complete -c maint -n "__fish_maint_using_subcommand why" -l json -d 'Print one JSON document'
complete -c maint -n "__fish_maint_using_subcommand why" -s v -l verbose -d 'Say more; twice for even more'
complete -c maint -n "__fish_maint_using_subcommand why" -s q -l quiet -d 'Say only what went wrong'
complete -c maint -n "__fish_maint_using_subcommand why" -s y -l yes -d 'Answer every question with yes; the same as a command\'s --force'
complete -c maint -n "__fish_maint_using_subcommand why" -l announce -d 'For `serve`: JSON as with --json, but first a line with the id of the run, and of the steps only so many as a page shows'
complete -c maint -n "__fish_maint_using_subcommand why" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maint -n "__fish_maint_using_subcommand doctor" -s c -l config -d 'The configuration [default: `$MAINT_CONFIG`, maint.toml here or above, /etc/maint/maint.toml]' -r -F
complete -c maint -n "__fish_maint_using_subcommand doctor" -s C -l root -d 'The folder that paths are relative to, instead of `site.root`' -r -F
complete -c maint -n "__fish_maint_using_subcommand doctor" -l color -d 'Use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c maint -n "__fish_maint_using_subcommand doctor" -s n -l dry-run -d 'Print what would be done, and change nothing'
complete -c maint -n "__fish_maint_using_subcommand doctor" -l json -d 'Print one JSON document'
complete -c maint -n "__fish_maint_using_subcommand doctor" -s v -l verbose -d 'Say more; twice for even more'
complete -c maint -n "__fish_maint_using_subcommand doctor" -s q -l quiet -d 'Say only what went wrong'
complete -c maint -n "__fish_maint_using_subcommand doctor" -s y -l yes -d 'Answer every question with yes; the same as a command\'s --force'
complete -c maint -n "__fish_maint_using_subcommand doctor" -l announce -d 'For `serve`: JSON as with --json, but first a line with the id of the run, and of the steps only so many as a page shows'
complete -c maint -n "__fish_maint_using_subcommand doctor" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maint -n "__fish_maint_using_subcommand history" -l limit -d 'At most this many runs' -r
complete -c maint -n "__fish_maint_using_subcommand history" -s c -l config -d 'The configuration [default: `$MAINT_CONFIG`, maint.toml here or above, /etc/maint/maint.toml]' -r -F
complete -c maint -n "__fish_maint_using_subcommand history" -s C -l root -d 'The folder that paths are relative to, instead of `site.root`' -r -F
complete -c maint -n "__fish_maint_using_subcommand history" -l color -d 'Use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c maint -n "__fish_maint_using_subcommand history" -s n -l dry-run -d 'Print what would be done, and change nothing'
complete -c maint -n "__fish_maint_using_subcommand history" -l json -d 'Print one JSON document'
complete -c maint -n "__fish_maint_using_subcommand history" -s v -l verbose -d 'Say more; twice for even more'
complete -c maint -n "__fish_maint_using_subcommand history" -s q -l quiet -d 'Say only what went wrong'
complete -c maint -n "__fish_maint_using_subcommand history" -s y -l yes -d 'Answer every question with yes; the same as a command\'s --force'
complete -c maint -n "__fish_maint_using_subcommand history" -l announce -d 'For `serve`: JSON as with --json, but first a line with the id of the run, and of the steps only so many as a page shows'
complete -c maint -n "__fish_maint_using_subcommand history" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maint -n "__fish_maint_using_subcommand audit" -l code -d 'Only entries of these sheets' -r
complete -c maint -n "__fish_maint_using_subcommand audit" -l since -d 'Only entries since then: an age (7d), a day (2026-11-01) or a time ("2026-11-01 02:00")' -r
complete -c maint -n "__fish_maint_using_subcommand audit" -l type -d 'Only entries of this type, such as modification, creation or publication' -r
complete -c maint -n "__fish_maint_using_subcommand audit" -l limit -d 'At most this many entries' -r
complete -c maint -n "__fish_maint_using_subcommand audit" -s c -l config -d 'The configuration [default: `$MAINT_CONFIG`, maint.toml here or above, /etc/maint/maint.toml]' -r -F
complete -c maint -n "__fish_maint_using_subcommand audit" -s C -l root -d 'The folder that paths are relative to, instead of `site.root`' -r -F
complete -c maint -n "__fish_maint_using_subcommand audit" -l color -d 'Use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c maint -n "__fish_maint_using_subcommand audit" -s n -l dry-run -d 'Print what would be done, and change nothing'
complete -c maint -n "__fish_maint_using_subcommand audit" -l json -d 'Print one JSON document'
complete -c maint -n "__fish_maint_using_subcommand audit" -s v -l verbose -d 'Say more; twice for even more'
complete -c maint -n "__fish_maint_using_subcommand audit" -s q -l quiet -d 'Say only what went wrong'
complete -c maint -n "__fish_maint_using_subcommand audit" -s y -l yes -d 'Answer every question with yes; the same as a command\'s --force'
complete -c maint -n "__fish_maint_using_subcommand audit" -l announce -d 'For `serve`: JSON as with --json, but first a line with the id of the run, and of the steps only so many as a page shows'
complete -c maint -n "__fish_maint_using_subcommand audit" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maint -n "__fish_maint_using_subcommand logs" -s c -l config -d 'The configuration [default: `$MAINT_CONFIG`, maint.toml here or above, /etc/maint/maint.toml]' -r -F
complete -c maint -n "__fish_maint_using_subcommand logs" -s C -l root -d 'The folder that paths are relative to, instead of `site.root`' -r -F
complete -c maint -n "__fish_maint_using_subcommand logs" -l color -d 'Use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c maint -n "__fish_maint_using_subcommand logs" -s n -l dry-run -d 'Print what would be done, and change nothing'
complete -c maint -n "__fish_maint_using_subcommand logs" -l json -d 'Print one JSON document'
complete -c maint -n "__fish_maint_using_subcommand logs" -s v -l verbose -d 'Say more; twice for even more'
complete -c maint -n "__fish_maint_using_subcommand logs" -s q -l quiet -d 'Say only what went wrong'
complete -c maint -n "__fish_maint_using_subcommand logs" -s y -l yes -d 'Answer every question with yes; the same as a command\'s --force'
complete -c maint -n "__fish_maint_using_subcommand logs" -l announce -d 'For `serve`: JSON as with --json, but first a line with the id of the run, and of the steps only so many as a page shows'
complete -c maint -n "__fish_maint_using_subcommand logs" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maint -n "__fish_maint_using_subcommand locks" -s c -l config -d 'The configuration [default: `$MAINT_CONFIG`, maint.toml here or above, /etc/maint/maint.toml]' -r -F
complete -c maint -n "__fish_maint_using_subcommand locks" -s C -l root -d 'The folder that paths are relative to, instead of `site.root`' -r -F
complete -c maint -n "__fish_maint_using_subcommand locks" -l color -d 'Use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c maint -n "__fish_maint_using_subcommand locks" -s n -l dry-run -d 'Print what would be done, and change nothing'
complete -c maint -n "__fish_maint_using_subcommand locks" -l json -d 'Print one JSON document'
complete -c maint -n "__fish_maint_using_subcommand locks" -s v -l verbose -d 'Say more; twice for even more'
complete -c maint -n "__fish_maint_using_subcommand locks" -s q -l quiet -d 'Say only what went wrong'
complete -c maint -n "__fish_maint_using_subcommand locks" -s y -l yes -d 'Answer every question with yes; the same as a command\'s --force'
complete -c maint -n "__fish_maint_using_subcommand locks" -l announce -d 'For `serve`: JSON as with --json, but first a line with the id of the run, and of the steps only so many as a page shows'
complete -c maint -n "__fish_maint_using_subcommand locks" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maint -n "__fish_maint_using_subcommand pause" -l until -d 'Until when: a length (2h, 3d), a day (2026-12-24), or a time (2026-12-24T18:00); without it until `resume`' -r
complete -c maint -n "__fish_maint_using_subcommand pause" -l reason -d 'Why, for whoever wonders' -r
complete -c maint -n "__fish_maint_using_subcommand pause" -s c -l config -d 'The configuration [default: `$MAINT_CONFIG`, maint.toml here or above, /etc/maint/maint.toml]' -r -F
complete -c maint -n "__fish_maint_using_subcommand pause" -s C -l root -d 'The folder that paths are relative to, instead of `site.root`' -r -F
complete -c maint -n "__fish_maint_using_subcommand pause" -l color -d 'Use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c maint -n "__fish_maint_using_subcommand pause" -s n -l dry-run -d 'Print what would be done, and change nothing'
complete -c maint -n "__fish_maint_using_subcommand pause" -l json -d 'Print one JSON document'
complete -c maint -n "__fish_maint_using_subcommand pause" -s v -l verbose -d 'Say more; twice for even more'
complete -c maint -n "__fish_maint_using_subcommand pause" -s q -l quiet -d 'Say only what went wrong'
complete -c maint -n "__fish_maint_using_subcommand pause" -s y -l yes -d 'Answer every question with yes; the same as a command\'s --force'
complete -c maint -n "__fish_maint_using_subcommand pause" -l announce -d 'For `serve`: JSON as with --json, but first a line with the id of the run, and of the steps only so many as a page shows'
complete -c maint -n "__fish_maint_using_subcommand pause" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maint -n "__fish_maint_using_subcommand resume" -s c -l config -d 'The configuration [default: `$MAINT_CONFIG`, maint.toml here or above, /etc/maint/maint.toml]' -r -F
complete -c maint -n "__fish_maint_using_subcommand resume" -s C -l root -d 'The folder that paths are relative to, instead of `site.root`' -r -F
complete -c maint -n "__fish_maint_using_subcommand resume" -l color -d 'Use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c maint -n "__fish_maint_using_subcommand resume" -s n -l dry-run -d 'Print what would be done, and change nothing'
complete -c maint -n "__fish_maint_using_subcommand resume" -l json -d 'Print one JSON document'
complete -c maint -n "__fish_maint_using_subcommand resume" -s v -l verbose -d 'Say more; twice for even more'
complete -c maint -n "__fish_maint_using_subcommand resume" -s q -l quiet -d 'Say only what went wrong'
complete -c maint -n "__fish_maint_using_subcommand resume" -s y -l yes -d 'Answer every question with yes; the same as a command\'s --force'
complete -c maint -n "__fish_maint_using_subcommand resume" -l announce -d 'For `serve`: JSON as with --json, but first a line with the id of the run, and of the steps only so many as a page shows'
complete -c maint -n "__fish_maint_using_subcommand resume" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maint -n "__fish_maint_using_subcommand cancel" -s c -l config -d 'The configuration [default: `$MAINT_CONFIG`, maint.toml here or above, /etc/maint/maint.toml]' -r -F
complete -c maint -n "__fish_maint_using_subcommand cancel" -s C -l root -d 'The folder that paths are relative to, instead of `site.root`' -r -F
complete -c maint -n "__fish_maint_using_subcommand cancel" -l color -d 'Use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c maint -n "__fish_maint_using_subcommand cancel" -s n -l dry-run -d 'Print what would be done, and change nothing'
complete -c maint -n "__fish_maint_using_subcommand cancel" -l json -d 'Print one JSON document'
complete -c maint -n "__fish_maint_using_subcommand cancel" -s v -l verbose -d 'Say more; twice for even more'
complete -c maint -n "__fish_maint_using_subcommand cancel" -s q -l quiet -d 'Say only what went wrong'
complete -c maint -n "__fish_maint_using_subcommand cancel" -s y -l yes -d 'Answer every question with yes; the same as a command\'s --force'
complete -c maint -n "__fish_maint_using_subcommand cancel" -l announce -d 'For `serve`: JSON as with --json, but first a line with the id of the run, and of the steps only so many as a page shows'
complete -c maint -n "__fish_maint_using_subcommand cancel" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maint -n "__fish_maint_using_subcommand init" -l preset -d 'Start from a ready-made site' -r -f -a "demo\t'A sample site with stale files, to try maint on'
cochin\t'A Django project that kept its jobs with django-crontab'
cmbagent\t'A catalogue of astronomy libraries, renewed every night'
f-brain\t'A site of Docker Compose services'
fiches\t'Job sheets that are refreshed every month'
linkedin-bot\t'A bot with a queue of jobs, a database and services'"
complete -c maint -n "__fish_maint_using_subcommand init" -s c -l config -d 'The configuration [default: `$MAINT_CONFIG`, maint.toml here or above, /etc/maint/maint.toml]' -r -F
complete -c maint -n "__fish_maint_using_subcommand init" -s C -l root -d 'The folder that paths are relative to, instead of `site.root`' -r -F
complete -c maint -n "__fish_maint_using_subcommand init" -l color -d 'Use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c maint -n "__fish_maint_using_subcommand init" -l force -d 'Replace an existing maint.toml'
complete -c maint -n "__fish_maint_using_subcommand init" -s n -l dry-run -d 'Print what would be done, and change nothing'
complete -c maint -n "__fish_maint_using_subcommand init" -l json -d 'Print one JSON document'
complete -c maint -n "__fish_maint_using_subcommand init" -s v -l verbose -d 'Say more; twice for even more'
complete -c maint -n "__fish_maint_using_subcommand init" -s q -l quiet -d 'Say only what went wrong'
complete -c maint -n "__fish_maint_using_subcommand init" -s y -l yes -d 'Answer every question with yes; the same as a command\'s --force'
complete -c maint -n "__fish_maint_using_subcommand init" -l announce -d 'For `serve`: JSON as with --json, but first a line with the id of the run, and of the steps only so many as a page shows'
complete -c maint -n "__fish_maint_using_subcommand init" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maint -n "__fish_maint_using_subcommand config; and not __fish_seen_subcommand_from check show schema" -s c -l config -d 'The configuration [default: `$MAINT_CONFIG`, maint.toml here or above, /etc/maint/maint.toml]' -r -F
complete -c maint -n "__fish_maint_using_subcommand config; and not __fish_seen_subcommand_from check show schema" -s C -l root -d 'The folder that paths are relative to, instead of `site.root`' -r -F
complete -c maint -n "__fish_maint_using_subcommand config; and not __fish_seen_subcommand_from check show schema" -l color -d 'Use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c maint -n "__fish_maint_using_subcommand config; and not __fish_seen_subcommand_from check show schema" -s n -l dry-run -d 'Print what would be done, and change nothing'
complete -c maint -n "__fish_maint_using_subcommand config; and not __fish_seen_subcommand_from check show schema" -l json -d 'Print one JSON document'
complete -c maint -n "__fish_maint_using_subcommand config; and not __fish_seen_subcommand_from check show schema" -s v -l verbose -d 'Say more; twice for even more'
complete -c maint -n "__fish_maint_using_subcommand config; and not __fish_seen_subcommand_from check show schema" -s q -l quiet -d 'Say only what went wrong'
complete -c maint -n "__fish_maint_using_subcommand config; and not __fish_seen_subcommand_from check show schema" -s y -l yes -d 'Answer every question with yes; the same as a command\'s --force'
complete -c maint -n "__fish_maint_using_subcommand config; and not __fish_seen_subcommand_from check show schema" -l announce -d 'For `serve`: JSON as with --json, but first a line with the id of the run, and of the steps only so many as a page shows'
complete -c maint -n "__fish_maint_using_subcommand config; and not __fish_seen_subcommand_from check show schema" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maint -n "__fish_maint_using_subcommand config; and not __fish_seen_subcommand_from check show schema" -f -a "check" -d 'Reports any mistake with file, line and key'
complete -c maint -n "__fish_maint_using_subcommand config; and not __fish_seen_subcommand_from check show schema" -f -a "show" -d 'Prints the configuration with every default filled in'
complete -c maint -n "__fish_maint_using_subcommand config; and not __fish_seen_subcommand_from check show schema" -f -a "schema" -d 'Prints a JSON Schema, for completion and hints in editors'
complete -c maint -n "__fish_maint_using_subcommand config; and __fish_seen_subcommand_from check" -s c -l config -d 'The configuration [default: `$MAINT_CONFIG`, maint.toml here or above, /etc/maint/maint.toml]' -r -F
complete -c maint -n "__fish_maint_using_subcommand config; and __fish_seen_subcommand_from check" -s C -l root -d 'The folder that paths are relative to, instead of `site.root`' -r -F
complete -c maint -n "__fish_maint_using_subcommand config; and __fish_seen_subcommand_from check" -l color -d 'Use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c maint -n "__fish_maint_using_subcommand config; and __fish_seen_subcommand_from check" -s n -l dry-run -d 'Print what would be done, and change nothing'
complete -c maint -n "__fish_maint_using_subcommand config; and __fish_seen_subcommand_from check" -l json -d 'Print one JSON document'
complete -c maint -n "__fish_maint_using_subcommand config; and __fish_seen_subcommand_from check" -s v -l verbose -d 'Say more; twice for even more'
complete -c maint -n "__fish_maint_using_subcommand config; and __fish_seen_subcommand_from check" -s q -l quiet -d 'Say only what went wrong'
complete -c maint -n "__fish_maint_using_subcommand config; and __fish_seen_subcommand_from check" -s y -l yes -d 'Answer every question with yes; the same as a command\'s --force'
complete -c maint -n "__fish_maint_using_subcommand config; and __fish_seen_subcommand_from check" -l announce -d 'For `serve`: JSON as with --json, but first a line with the id of the run, and of the steps only so many as a page shows'
complete -c maint -n "__fish_maint_using_subcommand config; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maint -n "__fish_maint_using_subcommand config; and __fish_seen_subcommand_from show" -s c -l config -d 'The configuration [default: `$MAINT_CONFIG`, maint.toml here or above, /etc/maint/maint.toml]' -r -F
complete -c maint -n "__fish_maint_using_subcommand config; and __fish_seen_subcommand_from show" -s C -l root -d 'The folder that paths are relative to, instead of `site.root`' -r -F
complete -c maint -n "__fish_maint_using_subcommand config; and __fish_seen_subcommand_from show" -l color -d 'Use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c maint -n "__fish_maint_using_subcommand config; and __fish_seen_subcommand_from show" -s n -l dry-run -d 'Print what would be done, and change nothing'
complete -c maint -n "__fish_maint_using_subcommand config; and __fish_seen_subcommand_from show" -l json -d 'Print one JSON document'
complete -c maint -n "__fish_maint_using_subcommand config; and __fish_seen_subcommand_from show" -s v -l verbose -d 'Say more; twice for even more'
complete -c maint -n "__fish_maint_using_subcommand config; and __fish_seen_subcommand_from show" -s q -l quiet -d 'Say only what went wrong'
complete -c maint -n "__fish_maint_using_subcommand config; and __fish_seen_subcommand_from show" -s y -l yes -d 'Answer every question with yes; the same as a command\'s --force'
complete -c maint -n "__fish_maint_using_subcommand config; and __fish_seen_subcommand_from show" -l announce -d 'For `serve`: JSON as with --json, but first a line with the id of the run, and of the steps only so many as a page shows'
complete -c maint -n "__fish_maint_using_subcommand config; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maint -n "__fish_maint_using_subcommand config; and __fish_seen_subcommand_from schema" -s c -l config -d 'The configuration [default: `$MAINT_CONFIG`, maint.toml here or above, /etc/maint/maint.toml]' -r -F
complete -c maint -n "__fish_maint_using_subcommand config; and __fish_seen_subcommand_from schema" -s C -l root -d 'The folder that paths are relative to, instead of `site.root`' -r -F
complete -c maint -n "__fish_maint_using_subcommand config; and __fish_seen_subcommand_from schema" -l color -d 'Use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c maint -n "__fish_maint_using_subcommand config; and __fish_seen_subcommand_from schema" -s n -l dry-run -d 'Print what would be done, and change nothing'
complete -c maint -n "__fish_maint_using_subcommand config; and __fish_seen_subcommand_from schema" -l json -d 'Print one JSON document'
complete -c maint -n "__fish_maint_using_subcommand config; and __fish_seen_subcommand_from schema" -s v -l verbose -d 'Say more; twice for even more'
complete -c maint -n "__fish_maint_using_subcommand config; and __fish_seen_subcommand_from schema" -s q -l quiet -d 'Say only what went wrong'
complete -c maint -n "__fish_maint_using_subcommand config; and __fish_seen_subcommand_from schema" -s y -l yes -d 'Answer every question with yes; the same as a command\'s --force'
complete -c maint -n "__fish_maint_using_subcommand config; and __fish_seen_subcommand_from schema" -l announce -d 'For `serve`: JSON as with --json, but first a line with the id of the run, and of the steps only so many as a page shows'
complete -c maint -n "__fish_maint_using_subcommand config; and __fish_seen_subcommand_from schema" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maint -n "__fish_maint_using_subcommand serve; and not __fish_seen_subcommand_from key" -l listen -d 'Where to listen: ADDRESS:PORT, or unix:PATH [default: `serve.listen`]' -r
complete -c maint -n "__fish_maint_using_subcommand serve; and not __fish_seen_subcommand_from key" -s c -l config -d 'The configuration [default: `$MAINT_CONFIG`, maint.toml here or above, /etc/maint/maint.toml]' -r -F
complete -c maint -n "__fish_maint_using_subcommand serve; and not __fish_seen_subcommand_from key" -s C -l root -d 'The folder that paths are relative to, instead of `site.root`' -r -F
complete -c maint -n "__fish_maint_using_subcommand serve; and not __fish_seen_subcommand_from key" -l color -d 'Use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c maint -n "__fish_maint_using_subcommand serve; and not __fish_seen_subcommand_from key" -s n -l dry-run -d 'Print what would be done, and change nothing'
complete -c maint -n "__fish_maint_using_subcommand serve; and not __fish_seen_subcommand_from key" -l json -d 'Print one JSON document'
complete -c maint -n "__fish_maint_using_subcommand serve; and not __fish_seen_subcommand_from key" -s v -l verbose -d 'Say more; twice for even more'
complete -c maint -n "__fish_maint_using_subcommand serve; and not __fish_seen_subcommand_from key" -s q -l quiet -d 'Say only what went wrong'
complete -c maint -n "__fish_maint_using_subcommand serve; and not __fish_seen_subcommand_from key" -s y -l yes -d 'Answer every question with yes; the same as a command\'s --force'
complete -c maint -n "__fish_maint_using_subcommand serve; and not __fish_seen_subcommand_from key" -l announce -d 'For `serve`: JSON as with --json, but first a line with the id of the run, and of the steps only so many as a page shows'
complete -c maint -n "__fish_maint_using_subcommand serve; and not __fish_seen_subcommand_from key" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maint -n "__fish_maint_using_subcommand serve; and not __fish_seen_subcommand_from key" -f -a "key" -d 'Makes a key and prints it'
complete -c maint -n "__fish_maint_using_subcommand serve; and __fish_seen_subcommand_from key" -s c -l config -d 'The configuration [default: `$MAINT_CONFIG`, maint.toml here or above, /etc/maint/maint.toml]' -r -F
complete -c maint -n "__fish_maint_using_subcommand serve; and __fish_seen_subcommand_from key" -s C -l root -d 'The folder that paths are relative to, instead of `site.root`' -r -F
complete -c maint -n "__fish_maint_using_subcommand serve; and __fish_seen_subcommand_from key" -l color -d 'Use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c maint -n "__fish_maint_using_subcommand serve; and __fish_seen_subcommand_from key" -s n -l dry-run -d 'Print what would be done, and change nothing'
complete -c maint -n "__fish_maint_using_subcommand serve; and __fish_seen_subcommand_from key" -l json -d 'Print one JSON document'
complete -c maint -n "__fish_maint_using_subcommand serve; and __fish_seen_subcommand_from key" -s v -l verbose -d 'Say more; twice for even more'
complete -c maint -n "__fish_maint_using_subcommand serve; and __fish_seen_subcommand_from key" -s q -l quiet -d 'Say only what went wrong'
complete -c maint -n "__fish_maint_using_subcommand serve; and __fish_seen_subcommand_from key" -s y -l yes -d 'Answer every question with yes; the same as a command\'s --force'
complete -c maint -n "__fish_maint_using_subcommand serve; and __fish_seen_subcommand_from key" -l announce -d 'For `serve`: JSON as with --json, but first a line with the id of the run, and of the steps only so many as a page shows'
complete -c maint -n "__fish_maint_using_subcommand serve; and __fish_seen_subcommand_from key" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maint -n "__fish_maint_using_subcommand completions" -s c -l config -d 'The configuration [default: `$MAINT_CONFIG`, maint.toml here or above, /etc/maint/maint.toml]' -r -F
complete -c maint -n "__fish_maint_using_subcommand completions" -s C -l root -d 'The folder that paths are relative to, instead of `site.root`' -r -F
complete -c maint -n "__fish_maint_using_subcommand completions" -l color -d 'Use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c maint -n "__fish_maint_using_subcommand completions" -s n -l dry-run -d 'Print what would be done, and change nothing'
complete -c maint -n "__fish_maint_using_subcommand completions" -l json -d 'Print one JSON document'
complete -c maint -n "__fish_maint_using_subcommand completions" -s v -l verbose -d 'Say more; twice for even more'
complete -c maint -n "__fish_maint_using_subcommand completions" -s q -l quiet -d 'Say only what went wrong'
complete -c maint -n "__fish_maint_using_subcommand completions" -s y -l yes -d 'Answer every question with yes; the same as a command\'s --force'
complete -c maint -n "__fish_maint_using_subcommand completions" -l announce -d 'For `serve`: JSON as with --json, but first a line with the id of the run, and of the steps only so many as a page shows'
complete -c maint -n "__fish_maint_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maint -n "__fish_maint_using_subcommand man" -s c -l config -d 'The configuration [default: `$MAINT_CONFIG`, maint.toml here or above, /etc/maint/maint.toml]' -r -F
complete -c maint -n "__fish_maint_using_subcommand man" -s C -l root -d 'The folder that paths are relative to, instead of `site.root`' -r -F
complete -c maint -n "__fish_maint_using_subcommand man" -l color -d 'Use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c maint -n "__fish_maint_using_subcommand man" -s n -l dry-run -d 'Print what would be done, and change nothing'
complete -c maint -n "__fish_maint_using_subcommand man" -l json -d 'Print one JSON document'
complete -c maint -n "__fish_maint_using_subcommand man" -s v -l verbose -d 'Say more; twice for even more'
complete -c maint -n "__fish_maint_using_subcommand man" -s q -l quiet -d 'Say only what went wrong'
complete -c maint -n "__fish_maint_using_subcommand man" -s y -l yes -d 'Answer every question with yes; the same as a command\'s --force'
complete -c maint -n "__fish_maint_using_subcommand man" -l announce -d 'For `serve`: JSON as with --json, but first a line with the id of the run, and of the steps only so many as a page shows'
complete -c maint -n "__fish_maint_using_subcommand man" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maint -n "__fish_maint_using_subcommand help" -s c -l config -d 'The configuration [default: `$MAINT_CONFIG`, maint.toml here or above, /etc/maint/maint.toml]' -r -F
complete -c maint -n "__fish_maint_using_subcommand help" -s C -l root -d 'The folder that paths are relative to, instead of `site.root`' -r -F
complete -c maint -n "__fish_maint_using_subcommand help" -l color -d 'Use colour' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c maint -n "__fish_maint_using_subcommand help" -s n -l dry-run -d 'Print what would be done, and change nothing'
complete -c maint -n "__fish_maint_using_subcommand help" -l json -d 'Print one JSON document'
complete -c maint -n "__fish_maint_using_subcommand help" -s v -l verbose -d 'Say more; twice for even more'
complete -c maint -n "__fish_maint_using_subcommand help" -s q -l quiet -d 'Say only what went wrong'
complete -c maint -n "__fish_maint_using_subcommand help" -s y -l yes -d 'Answer every question with yes; the same as a command\'s --force'
complete -c maint -n "__fish_maint_using_subcommand help" -l announce -d 'For `serve`: JSON as with --json, but first a line with the id of the run, and of the steps only so many as a page shows'
complete -c maint -n "__fish_maint_using_subcommand help" -s h -l help -d 'Print help (see more with \'--help\')'
