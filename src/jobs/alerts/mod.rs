//! `maint alerts …`: the messages that tell of failures.

pub mod test;
