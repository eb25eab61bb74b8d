//! `maint crontab show|check|status|test`: what only looks at the crontab.

pub mod check;
pub mod saved;
pub mod show;
pub mod status;
pub mod test;
