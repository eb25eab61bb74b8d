//! `maint crontab generate|show|check`: what only looks at the crontab.

pub mod check;
pub mod generate;
pub mod saved;
pub mod show;
pub mod status;
pub mod test;
