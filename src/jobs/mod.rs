//! One file per subcommand that changes something, under the same name.

pub mod alerts;
pub mod archive_logs;
pub mod ascl_refresh;
pub mod backup;
pub mod cancel;
pub mod check;
pub mod cleanup_stuck;
pub mod cleanup_temp;
pub mod crontab;
pub mod deploy;
pub mod docker_prune;
pub mod expire_logs;
pub mod init;
pub mod notify_devis;
pub mod pause;
pub mod queue;
pub mod rebuild_paths;
pub mod restore;
pub mod resume;
pub mod shell;
pub mod trim_logs;
pub mod update_fiches;
pub mod vacuum_db;
