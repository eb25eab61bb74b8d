//! Pure knowledge of cron: when a schedule fires, what a job's line looks like, and where it stands in a crontab.

pub mod django;
pub mod drift;
pub mod entry;
pub mod lint;
pub mod listing;
pub mod render;
pub mod schedule;
pub mod table;
