//! Amounts of money, exact to the price of a single token.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::{Add, AddAssign};
use std::str::FromStr;

/// US dollars, counted in 10^-12 dollars, so that one token at half the cheapest price (5,000 of them) is exact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Written", into = "f64")]
#[schemars(with = "f64")]
pub struct Usd(u64);

/// An amount as it is written in `maint.toml`.
#[derive(Deserialize)]
#[serde(untagged, expecting = "write US dollars as a number, such as 25 or 0.5")]
enum Written {
    Number(f64),
}

impl TryFrom<Written> for Usd {
    type Error = String;
    fn try_from(Written::Number(dollars): Written) -> Result<Usd, String> {
        dollars.try_into()
    }
}

const PARTS: f64 = 1e12;
/// A million dollars: nobody's limit, and no sum of a run overflows.
const LARGEST: f64 = 1e6;

impl TryFrom<f64> for Usd {
    type Error = String;

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked just before")]
    fn try_from(dollars: f64) -> Result<Usd, String> {
        if (0.0..=LARGEST).contains(&dollars) {
            Ok(Usd((dollars * PARTS).round() as u64))
        } else {
            Err(format!("{dollars} is no amount; write US dollars, such as 25 or 0.5"))
        }
    }
}

impl From<Usd> for f64 {
    #[expect(clippy::cast_precision_loss, reason = "sixteen digits are enough to be read")]
    fn from(amount: Usd) -> f64 {
        amount.0 as f64 / PARTS
    }
}

impl FromStr for Usd {
    type Err = String;
    fn from_str(text: &str) -> Result<Usd, String> {
        let number = text.trim().trim_start_matches('$').parse::<f64>();
        number.map_err(|_| "write US dollars, such as 25 or 0.5".to_owned()).and_then(Usd::try_from)
    }
}

impl Usd {
    /// Nothing.
    pub const ZERO: Usd = Usd(0);

    /// What so many tokens cost, when this is the price of a million.
    #[must_use]
    pub fn for_tokens(self, tokens: u64) -> Usd {
        let parts = u128::from(self.0) * u128::from(tokens) / 1_000_000;
        Usd(u64::try_from(parts).unwrap_or(u64::MAX))
    }

    /// So many percent of it.
    #[must_use]
    pub fn percent(self, percent: u32) -> Usd {
        let parts = u128::from(self.0) * u128::from(percent) / 100;
        Usd(u64::try_from(parts).unwrap_or(u64::MAX))
    }

    /// So many times as much.
    #[must_use]
    pub fn times(self, count: u64) -> Usd {
        Usd(self.0.saturating_mul(count))
    }

    /// What is left when so much is taken away; nothing when it is more.
    #[must_use]
    pub fn without(self, other: Usd) -> Usd {
        Usd(self.0.saturating_sub(other.0))
    }

    /// True for nothing.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.0 == 0
    }
}

impl Add for Usd {
    type Output = Usd;
    fn add(self, other: Usd) -> Usd {
        Usd(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Usd {
    fn add_assign(&mut self, other: Usd) {
        *self = *self + other;
    }
}

impl fmt::Display for Usd {
    /// "$12.40"; below ten cents "$0.0123".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dollars = f64::from(*self);
        match dollars {
            0.0 => write!(f, "$0"),
            ..0.0001 => write!(f, "$0.0001"),
            ..0.1 => write!(f, "${dollars:.4}"),
            _ => write!(f, "${dollars:.2}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_token_of_the_cheapest_model_at_half_the_price_has_its_exact_price() {
        let price = Usd::try_from(0.01).unwrap().percent(50);
        assert_eq!(price.for_tokens(1), Usd(5_000));
        assert_eq!(price.for_tokens(1_000_000).to_string(), "$0.0050");
        assert_eq!(price.for_tokens(1).times(1_000_000), price);
    }

    #[test]
    fn an_amount_is_shown_with_as_many_digits_as_it_needs() {
        let shown = |dollars: f64| Usd::try_from(dollars).unwrap().to_string();
        assert_eq!(shown(0.0), "$0");
        assert_eq!(shown(0.000_001), "$0.0001");
        assert_eq!(shown(0.0123), "$0.0123");
        assert_eq!(shown(12.4), "$12.40");
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for text in ["", "-1", "nan", "inf", "1e9", "ten"] {
            assert!(text.parse::<Usd>().is_err(), "{text}");
        }
        assert_eq!("$2.50".parse::<Usd>(), Usd::try_from(2.5));
    }

    #[test]
    fn an_amount_of_the_configuration_is_a_number_and_nothing_else() {
        let read = |json: &str| serde_json::from_str::<Usd>(json).map_err(|error| error.to_string());
        assert_eq!((read("25"), read("0.5")), (Usd::try_from(25.0), Usd::try_from(0.5)));
        for other in ["\"25\"", "true", "[25]", "null"] {
            assert_eq!(
                read(other).unwrap_err(),
                "write US dollars as a number, such as 25 or 0.5",
                "{other}"
            );
        }
        assert!(read("-1").unwrap_err().starts_with("-1 is no amount"));
    }
}
