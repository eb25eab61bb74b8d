//! What is said of a run in which not everything was answered.

use super::Census;
use super::access::Access;
use super::asking::{Asking, End, Limit};
use crate::text::{duration, plural, thousands};

/// What was answered, with a line on why the rest was not.
pub(super) fn census(access: &Access, asking: &Asking<'_>, end: Option<End>) -> Census {
    let mut state = asking.state();
    let answers = std::mem::take(&mut state.answers);
    let unanswered = std::mem::take(&mut state.unanswered);
    let all = answers.len() + unanswered.len() + state.queue.len();
    let of_all = |count: usize| format!("{} of {}", thousands(count as u64), plural(all, "repository"));
    let mut census = Census {
        requests: asking.traffic.requests(),
        received_bytes: asking.traffic.received_bytes(),
        unchanged: state.unchanged,
        ..Census::default()
    };
    let missing = of_all(state.queue.len() + unanswered.len());
    match end {
        Some(End::Away { why, .. } | End::Unusable(why)) => {
            census
                .failures
                .push(format!("GitHub: {why}; it is not asked any further: no answer for {missing}"));
        }
        Some(End::Ended) => census.failures.push(format!("the run was ended: no answer for {missing}")),
        // Without a token nobody is asked for one again.
        Some(End::BadToken) => {}
        end => {
            if let Some((key, why)) = unanswered.first() {
                let missing = of_all(unanswered.len());
                census.failures.push(format!("GitHub: no answer for {missing}, such as {key}: {why}"));
            }
            if let Some(End::Limit(limit)) = end {
                let line = words(access, &limit, &of_all(state.queue.len()));
                // Without a token that is how it goes: an hour for each sixty.
                let is_usual = !answers.is_empty() && !access.has_token();
                let lines = if is_usual { &mut census.notes } else { &mut census.failures };
                lines.push(line);
            }
        }
    }
    census.answers = answers;
    census
}

/// "GitHub answers 60 requests an hour without a token: 282 of 342 repositories keep their figures until a later run"
fn words(access: &Access, limit: &Limit, waiting: &str) -> String {
    let rest = format!("{waiting} keep their figures until a later run");
    let wait = duration(limit.wait);
    let Some(quota) = limit.quota.map(thousands) else {
        if !limit.waited.is_zero() {
            let waited = duration(limit.waited);
            return format!("GitHub asks to wait {wait} even after waiting {waited}: {rest}");
        }
        return format!(
            "GitHub asks to wait {wait}, which is longer than `longest_wait` of [http] allows: {rest}"
        );
    };
    if access.has_token() {
        return format!("GitHub answers {quota} requests an hour, and again in {wait}: {rest}");
    }
    let cure = if access.is_refused { "renew" } else { "set" };
    let place = access.place.trim_start_matches('$');
    format!("GitHub answers {quota} requests an hour without a token: {rest}; {cure} {place}")
}
