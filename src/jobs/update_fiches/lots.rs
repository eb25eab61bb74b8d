//! Lots: neighbouring sheets, each told of in the log when it is through, as the original went through them.

use super::account::Account;
use crate::money::Usd;
use crate::text;
use std::sync::{Mutex, PoisonError};

/// The lots of a run.
#[derive(Debug)]
pub(super) struct Lots {
    size: usize,
    lots: Mutex<Vec<Lot>>,
}

/// Neighbouring sheets.
#[derive(Clone, Copy, Debug, Default)]
struct Lot {
    sheets: usize,
    through: usize,
    failed: usize,
    cost: Usd,
}

impl Lots {
    /// So many sheets in lots of this size.
    pub(super) fn of(size: usize, sheets: usize) -> Lots {
        let size = size.max(1);
        let starts = (0..sheets).step_by(size);
        let lots = starts.map(|start| Lot { sheets: size.min(sheets - start), ..Lot::default() });
        Lots { size, lots: Mutex::new(lots.collect()) }
    }

    /// The sheet at this place is through.
    pub(super) fn count(&self, place: usize, is_well: bool, account: &Account) {
        let mut lots = self.lots.lock().unwrap_or_else(PoisonError::into_inner);
        let (number, all) = (place / self.size, lots.len());
        let Some(lot) = lots.get_mut(number) else { return };
        lot.through += 1;
        lot.failed += usize::from(!is_well);
        lot.cost += account.cost;
        if lot.through == lot.sheets {
            let Lot { sheets, failed, cost, .. } = *lot;
            let failed = if failed == 0 { String::new() } else { format!(", {failed} not refreshed") };
            let sheets = text::plural(sheets, "sheet");
            log::info!("lot {} of {all}: {sheets}{failed}, {cost}", number + 1);
        }
    }
}
