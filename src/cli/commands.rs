//! What can be typed after `maint`, and which job each subcommand is.

use super::dispatch::Visitor;
use super::{backup, check, crontab, queue, serve};
use crate::exit::Exit;
use crate::jobs::cancel::Cancel;
use crate::jobs::{
    alerts, ascl_refresh::AsclRefresh, cleanup_stuck::CleanupStuck, cleanup_temp::CleanupTemp,
};
use crate::jobs::{archive_logs::ArchiveLogs, docker_prune::DockerPrune, restore::Restore};
use crate::jobs::{deploy::Deploy, trim_logs::TrimLogs, vacuum_db::VacuumDb};
use crate::jobs::{expire_logs::ExpireLogs, init::Init, notify_devis::NotifyDevis, pause::Pause};
use crate::jobs::{rebuild_paths::RebuildPaths, resume::Resume, update_fiches::UpdateFiches};
use crate::queries::{audit::Audit, doctor::Doctor, services::Services, status::Status, why::Why};
use crate::queries::{config::ConfigArgs, history::History, jobs::Jobs, locks::Locks, logs::Logs};
use clap::{Args, Subcommand};
use std::path::Path;

#[derive(Subcommand, Debug)]
pub(super) enum Command {
    #[command(after_long_help = "\
A file goes when it has not been changed for the given time. A folder goes only when it and
everything in it is old. Symlinks are never followed, other file systems never entered. Sockets,
devices and pipes stay, and so does what a process holds open.

Examples:
  maint cleanup-temp --dry-run                          what would go
  maint cleanup-temp --auto                             for cron: no question
  maint cleanup-temp --age-hours=48 -n /var/tmp/app     without any maint.toml")]
    CleanupTemp(CleanupTemp),
    #[command(after_long_help = "\
A notice goes out on the first and on the last day of the payment period of each accepted devis,
once. It counts as sent when Discord has kept it: what could not be sent is sent by the next run of
that day, or with --catch-up.

Examples:
  maint notify-devis --dry-run              the messages as they would be sent
  maint notify-devis                        for cron: what is due today
  maint notify-devis --catch-up 3           and what the last three days have missed
  maint notify-devis --devis-id 12 --force  once more for one devis")]
    NotifyDevis(NotifyDevis),
    #[command(after_long_help = "\
A file in the storage that no record names gets one, with its size and SHA-256. A completed backup
whose file is not there is marked `file_missing`; a marked one whose file is back is set to
completed. All of it is one transaction. Nothing is done when the storage holds no backup at all
while records name some: then a disk is most likely not mounted (--allow-empty overrides).

Examples:
  maint rebuild-paths --scan-only      what differs
  maint rebuild-paths --force          for cron: no question
  maint rebuild-paths --user-id 3      whose the new records will be")]
    RebuildPaths(RebuildPaths),
    #[command(after_long_help = "\
Backups and restores that have been running or pending for too long are marked as failed, with the
reason and the time. Nothing is stopped or removed. What never began is judged by when it was made.
What ends meanwhile keeps its end.

Examples:
  maint cleanup-stuck --dry-run             what would be marked
  maint cleanup-stuck --hours=6 --force     for cron: no question
  maint cleanup-stuck --restore-id=12       this restore, whatever its age
  maint cleanup-stuck --show-stats          how many there are in each state, and what runs")]
    CleanupStuck(CleanupStuck),
    #[command(
        visible_alias = "cleanup-logs",
        after_long_help = "\
A log is compressed when it has not been changed for the one time, and removed when it has not been
changed for the other; its compressed file keeps its time. What a process holds open stays. The
original goes only when the compressed file is complete, on the disk, and has been read back.

Examples:
  maint expire-logs --dry-run                      what would be compressed and removed
  maint expire-logs --days=30 --compress-days=7    it asks nothing: as it is, for cron"
    )]
    ExpireLogs(ExpireLogs),
    #[command(after_long_help = "\
Of the repositories that ASCL's document links to, those whose name has a keyword of the domain are
asked for their stars; the most starred ones are the catalogue. Without a token GitHub answers 60
requests an hour: what does not fit keeps its figures and is asked first by the next run. A result
that is empty or much smaller than the catalogue is refused (--force overrides). Then context files
are made for libraries that have none, or that have changed since.

Examples:
  maint ascl-refresh --dry-run                what would change
  maint ascl-refresh                          for cron: the catalogue of astronomy
  maint ascl-refresh --only astropy/astropy   the context file of one library, now
  maint ascl-refresh --no-contexts --top 20   a short catalogue only")]
    AsclRefresh(AsclRefresh),
    #[command(after_long_help = "\
Each published sheet is refreshed once a month: a second run has nothing to do, and an interrupted
one is continued. An answer is checked, and written with its audit row in one transaction; a sheet
that was changed meanwhile stays as it is. In mode batch one run submits, and later ones collect.

Examples:
  maint update-fiches --dry-run             which sheets, and what they will cost about
  maint update-fiches --max-cost 20         for cron: all that are due, for 20 dollars at most
  maint update-fiches --code A1101,A1201    two sheets, now
  maint update-fiches --simulate --limit 3  what would be different, on a copy of the database
  maint update-fiches --mode batch          at half the price; then, some times a day:
  maint update-fiches --collect             what has been answered")]
    UpdateFiches(UpdateFiches),
    #[command(
        visible_alias = "clean-logs",
        after_long_help = "\
A log keeps its last lines and stays the same file: a program that appends to it goes on writing,
and no line of it is lost. When a program has it open, whole blocks are cut off at its front (ext4,
XFS), also on a full disk, and up to one block more is kept. Where the file system cannot do that
the lines are moved to the front; then a line that is written at that very moment may be lost.

Examples:
  maint trim-logs --dry-run                   what would be cut, and how much it frees
  maint trim-logs                             for cron: the logs of maint.toml
  maint trim-logs --lines=500 app.log         without any maint.toml"
    )]
    TrimLogs(TrimLogs),
    #[command(after_long_help = "\
SQLite: the file shrinks by its free pages; other programs may go on reading, and those that write
wait. There must be room for a copy. PostgreSQL: the dead rows of each table make room for new ones.

Examples:
  maint vacuum-db --if-needed             for cron: only where it is worth it
  maint vacuum-db --check --analyze       checked first, and the planner learns anew
  maint vacuum-db app.db                  without any maint.toml")]
    VacuumDb(VacuumDb),
    Queue(queue::QueueArgs),
    #[command(after_long_help = "\
The services of the Compose project, Redis and the workers of RQ, and the addresses of [checks].
Ends with exit code 3 when one of them is down or not well.

Examples:
  maint services                          a table
  maint services --watch                  the same, again and again
  maint services --service api --json     one of them, for programs")]
    Services(Services),
    #[command(after_long_help = "\
New images are built before anything is stopped. A new version that is not healthy in time is taken
back: the commit and the images that ran before run again. Local changes are stashed first, and stay
stashed until --unstash.

Examples:
  maint deploy --dry-run                  what would be done
  maint deploy                            fetch, build, start; asks first
  maint deploy pull --yes                 only the code
  maint deploy restart --service worker   one service anew
  maint deploy --rollback                 back to what ran before the last deploy
  maint deploy --unstash                  the local changes again")]
    Deploy(Deploy),
    Check(check::CheckArgs),
    Backup(backup::BackupArgs),
    #[command(after_long_help = "\
A backup is verified first; a damaged one is refused. Before anything is replaced what is there is
backed up. With --to nothing is replaced: the backup goes beside the original.

Examples:
  maint backup list                               which there are
  maint restore db --to rehearsal                 the latest, into a database of this name
  maint restore volume grafana_data --dry-run     what would be done
  maint restore db --from db-app-20261120T021000Z --force
  maint restore configs --to /tmp/look            the files, into a folder")]
    Restore(Restore),
    #[command(after_long_help = "\
Images that no container uses and that are old enough, and anonymous volumes. A named volume goes
only when it is named. What would go, and how large it is, is shown before it goes.

Examples:
  maint docker-prune --dry-run               what would go
  maint docker-prune --force                 for cron: no question
  maint docker-prune --images --until 7d     only images, older than a week
  maint docker-prune --volume old_data       one named volume")]
    DockerPrune(DockerPrune),
    #[command(after_long_help = "\
What the containers have logged since the last archive becomes one compressed file. Docker's own
logs are left as they are: set max-size and max-file in the Compose file, so that they stay small.

Examples:
  maint archive-logs                          for cron: since the last archive
  maint archive-logs --since 24h -n           what would be archived
  maint archive-logs --exclude '/health '     without the lines that match")]
    ArchiveLogs(ArchiveLogs),
    #[command(after_long_help = "\
The job runs as cron would run it: with its lock, its time limit, a log and a line in the history.

Examples:
  maint run cleanup-temp            by name
  maint run 3f9a1c                  by the beginning of its hash
  maint run migrate --dry-run       what it would do
  maint run migrate --as-cron       with the few variables that cron gives a job
  maint run --all-due               make up for what was missed while the machine was off")]
    Run(Run),
    Crontab(crontab::CrontabArgs),
    Alerts(AlertsArgs),
    Jobs(Jobs),
    #[command(after_long_help = "\
A job is failing when its last run failed, reached its time limit or was lost; it is overdue when
the time of a run is more than five minutes past and no run has begun since.

Examples:
  maint status                      every job
  maint status --check              for cron or a monitor: silent when all is well, else exit code 3
  maint status --json               for programs")]
    Status(Status),
    #[command(after_long_help = "\
Times are those of the machine, as cron reads them. A day stands for the first run of that day.

Examples:
  maint why cleanup-temp                    its last expected run
  maint why cleanup-temp 02:00              today at 02:00
  maint why cleanup-temp 2026-11-20         the run of that day
  maint why cleanup-temp 2026-11-20T02:00   the run of that minute")]
    Why(Why),
    #[command(after_long_help = "\
One line for each thing: ok, note (worth knowing) or problem (it would stop a job), and the cure.
Nothing is changed. Ends with exit code 3 when there is a problem.

Examples:
  maint doctor                     as the user whose crontab runs the jobs
  maint doctor --json              for programs
  maint run migrate --as-cron      then: run a job as cron would")]
    Doctor(Doctor),
    History(History),
    #[command(after_long_help = "\
Times are the local times of the site, as the log has them. What each entry changed is in the JSON.

Examples:
  maint audit                                 the last fifty entries
  maint audit --code A1101,M1805 --since 7d   what happened to two sheets in a week
  maint audit --type veille_metiers           what could not be refreshed, and why
  maint audit --limit 1 --json                one entry, with all that it changed")]
    Audit(Audit),
    Logs(Logs),
    Locks(Locks),
    #[command(after_long_help = "\
Examples:
  maint pause cleanup-temp --until 2h --reason \"big import\"
  maint pause cleanup-temp --until 2026-12-24
  maint resume cleanup-temp")]
    Pause(Pause),
    Resume(Resume),
    #[command(after_long_help = "\
The run is ended as a signal ends it: cleanly, and its history says \"interrupted\".

Examples:
  maint locks                       what runs now
  maint cancel 3f9a1c               the end of a run's id is enough")]
    Cancel(Cancel),
    #[command(after_long_help = "\
Examples:
  maint init                             a commented maint.toml for this folder
  maint init --preset demo -C /tmp/demo  a sample site to try maint on
  maint init --preset cochin             a Django project with the schedules of its guide")]
    Init(Init),
    Config(ConfigArgs),
    Serve(serve::ServeArgs),
    Completions(Completions),
    Man(Man),
    Help(Help),
}

impl Command {
    /// Hands the job to `visitor`, when this is one that a `command` of `maint.toml` can name. Paths are relative
    /// to `base`; `is_forced` is `--yes`, which every job knows as `--force`.
    pub(super) fn as_job(
        &self,
        base: &Path,
        is_forced: bool,
        visitor: &impl Visitor,
    ) -> Option<anyhow::Result<Exit>> {
        match self {
            Command::CleanupTemp(job) => Some(visitor.visit(&CleanupTemp {
                force: job.force || is_forced,
                paths: job.paths.iter().map(|path| base.join(path)).collect(),
                ..job.clone()
            })),
            // It asks nothing: --yes must not send again what was sent.
            Command::NotifyDevis(job) => Some(visitor.visit(job)),
            Command::RebuildPaths(job) => {
                Some(visitor.visit(&RebuildPaths { force: job.force || is_forced, ..job.clone() }))
            }
            Command::CleanupStuck(job) => {
                Some(visitor.visit(&CleanupStuck { force: job.force || is_forced, ..job.clone() }))
            }
            Command::ExpireLogs(job) => {
                Some(visitor.visit(&ExpireLogs { force: job.force || is_forced, ..job.clone() }))
            }
            Command::AsclRefresh(job) => {
                let at = |source: &String| source_at(base, source);
                let source = job.source.as_ref().map(at);
                Some(visitor.visit(&AsclRefresh { force: job.force || is_forced, source, ..job.clone() }))
            }
            // It asks nothing: what it may spend is said by --max-cost.
            Command::UpdateFiches(job) => Some(visitor.visit(job)),
            Command::TrimLogs(job) => {
                let files = job.files.iter().map(|path| base.join(path)).collect();
                Some(visitor.visit(&TrimLogs { files, ..job.clone() }))
            }
            Command::VacuumDb(job) => Some(visitor.visit(&VacuumDb { base: base.to_owned(), ..job.clone() })),
            Command::Queue(args) => args.as_job(is_forced, visitor),
            Command::Check(args) => args.as_job(visitor),
            Command::Backup(args) => args.as_job(visitor),
            Command::Restore(job) => {
                Some(visitor.visit(&Restore { force: job.force || is_forced, ..job.clone() }))
            }
            Command::DockerPrune(job) => {
                Some(visitor.visit(&DockerPrune { force: job.force || is_forced, ..job.clone() }))
            }
            Command::ArchiveLogs(job) => Some(visitor.visit(job)),
            Command::Deploy(job) => {
                Some(visitor.visit(&Deploy { force: job.force || is_forced, ..job.clone() }))
            }
            _ => None,
        }
    }
}

/// An address as it is; a file in `base`, or in the current folder when that is empty.
fn source_at(base: &Path, source: &str) -> String {
    let is_file = !source.is_empty() && !source.contains("://");
    let path = std::path::absolute(base.join(source)).ok().filter(|_| is_file);
    path.map_or_else(|| source.to_owned(), |path| path.to_string_lossy().into_owned())
}

/// Runs a job as cron would: lock, time limit, log, history
#[derive(Args, Clone, Debug)]
#[command(group(clap::ArgGroup::new("what").required(true)))]
pub(super) struct Run {
    /// The job's name or a prefix of its hash (`maint jobs` shows both)
    #[arg(group = "what")]
    pub(super) job: Option<String>,
    /// Run every overdue job with `missed = "once"`, each once, however many runs it missed
    #[arg(long, group = "what")]
    pub(super) all_due: bool,
    /// Run it in cron's bare environment, to see whether it works there
    #[arg(long)]
    pub(super) as_cron: bool,
}

/// Tries the messages that tell of failures
#[derive(Args, Clone, Debug)]
pub(super) struct AlertsArgs {
    /// What to do
    #[command(subcommand)]
    pub(super) command: AlertsCommand,
}

/// What to do with alerts.
#[derive(Subcommand, Clone, Debug)]
pub(super) enum AlertsCommand {
    Test(alerts::test::Test),
}

/// Prints the completions for a shell
#[derive(Args, Clone, Debug)]
pub(super) struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub(super) shell: clap_complete::Shell,
}

/// Prints a man page
#[derive(Args, Clone, Debug)]
pub(super) struct Man {
    /// The page of this subcommand instead of maint's own
    pub(super) command: Vec<String>,
}

/// Prints the long help of a subcommand, or a topic: exit-codes, prompt
#[derive(Args, Clone, Debug)]
pub(super) struct Help {
    /// A subcommand; `exit-codes`; or `prompt`, which is what `update-fiches` asks Claude unless told otherwise
    pub(super) topic: Vec<String>,
}
