//! git: the site's own checkout, and clones of what strangers publish.

mod checkout;
mod clone;

pub(crate) use checkout::{Checkout, Relation, Standing, Stash, Upstream, short};
pub(crate) use clone::{Head, clone, given_up, locate};
