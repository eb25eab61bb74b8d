//! One file per subcommand that changes something, under the same name.

pub mod alerts;
pub mod cleanup_temp;
pub mod crontab;
pub mod init;
pub mod pause;
pub mod resume;
pub mod shell;
