//! Whether an answer can be written, or another may be asked for.

use super::known::Paid;
use super::sheet::Sheet;
use crate::text;
use crate::world::World;
use crate::world::claude::Ending;

/// An answer that is of no use is asked for once more.
const MOST_ANSWERS: u32 = 2;

/// What an answer is good for.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It can be written.
    Fit(Box<Sheet>),
    /// Another one is asked for, with these words: what was wrong with this one, in French.
    Again(String),
    /// The sheet has failed.
    Failed(Fault),
}

/// Why a sheet has failed.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    /// For the report.
    pub(super) report: String,
    /// For the audit log, in French.
    pub(super) audit: String,
}

impl Fault {
    /// Claude has not answered, and why.
    pub(super) fn silence(why: &str) -> Fault {
        Fault { report: why.to_owned(), audit: format!("Claude n'a pas répondu : {why}") }
    }

    fn useless(why: &str) -> Fault {
        let report = format!("the answer is of no use, like the one before: {why}");
        Fault { report, audit: format!("réponse inutilisable : {why}") }
    }

    fn refusal(why: Option<&str>) -> Fault {
        let why = why.map_or_else(String::new, |why| format!(" ({})", text::escape(why)));
        Fault {
            report: format!("Claude refuses to answer{why}"),
            audit: format!("Claude refuse de répondre{why}"),
        }
    }
}

/// What an answer is good for.
pub(super) fn judge(paid: &Paid, world: &World) -> Verdict {
    let wrong = match &paid.message.ending {
        Ending::Refused(why) => return Verdict::Failed(Fault::refusal(why.as_deref())),
        Ending::Whole => match Sheet::read(&paid.message.text, &world.config.update_fiches.trends) {
            Ok(sheet) => return Verdict::Fit(Box::new(sheet)),
            Err(wrong) => wrong,
        },
        Ending::Cut => "La réponse est trop longue et a été coupée. Réponds plus brièvement.".to_owned(),
        Ending::Other(what) => format!("La réponse s'arrête avant la fin ({}).", text::escape(what)),
    };
    if paid.subject.answers < MOST_ANSWERS {
        Verdict::Again(wrong)
    } else {
        Verdict::Failed(Fault::useless(&wrong))
    }
}
