//! `maint backup list`: the backups that there are.

pub mod list;
