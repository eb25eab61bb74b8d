//! What the messages say: in French the very words of the site's own program, and the same in English.

use crate::config::site::Language;
use crate::text;
use chrono::NaiveDate;

/// The words of one language.
pub(super) struct Words {
    language: Language,
    pub(super) start_title: &'static str,
    pub(super) end_title: &'static str,
    pub(super) amount_to_receive: &'static str,
    pub(super) amount_to_check: &'static str,
    pub(super) delay: &'static str,
    pub(super) status: &'static str,
    pub(super) due: &'static str,
    pub(super) agent: &'static str,
    pub(super) period: &'static str,
    pub(super) period_over: &'static str,
    pub(super) action: &'static str,
    pub(super) what_to_do: &'static str,
    /// For what was never filled in.
    pub(super) unknown: &'static str,
}

const FRENCH: Words = Words {
    language: Language::Fr,
    start_title: "💸 DÉBUT DÉLAI PAIEMENT",
    end_title: "🚨 FIN DÉLAI PAIEMENT",
    amount_to_receive: "💰 Montant à recevoir",
    amount_to_check: "💰 Montant à vérifier",
    delay: "⏱️ Délai de paiement",
    status: "⚠️ Statut",
    due: "**ÉCHÉANCE ATTEINTE**",
    agent: "👤 Agent responsable",
    period: "📅 Période de paiement",
    period_over: "📅 Période de paiement terminée",
    action: "🔍 Action requise",
    what_to_do: "Vérifier que le paiement a bien été effectué et relancer si nécessaire",
    unknown: "Non renseigné",
};

const ENGLISH: Words = Words {
    language: Language::En,
    start_title: "💸 PAYMENT PERIOD BEGINS",
    end_title: "🚨 PAYMENT PERIOD ENDS",
    amount_to_receive: "💰 Amount to receive",
    amount_to_check: "💰 Amount to check",
    delay: "⏱️ Time to pay",
    status: "⚠️ Status",
    due: "**DUE**",
    agent: "👤 In charge",
    period: "📅 Payment period",
    period_over: "📅 Payment period that ended",
    action: "🔍 To do",
    what_to_do: "Check that the payment has arrived, and send a reminder if it has not",
    unknown: "Not given",
};

/// When the day of a notice is, seen from the day on which it is sent.
#[derive(Clone, Copy, Debug)]
pub(super) enum When {
    Today,
    Past(NaiveDate),
}

impl When {
    pub(super) fn of(day: NaiveDate, today: NaiveDate) -> When {
        if day < today { When::Past(day) } else { When::Today }
    }
}

impl Words {
    pub(super) fn of(language: Language) -> &'static Words {
        match language {
            Language::Fr => &FRENCH,
            Language::En => &ENGLISH,
        }
    }

    /// What the message of a start says first.
    pub(super) fn start_text(&self, when: When) -> String {
        match (self.language, when) {
            (Language::Fr, _) => {
                let begins = match when {
                    When::Today => "commence aujourd'hui".to_owned(),
                    When::Past(day) => format!("a commencé le {day}"),
                };
                format!(
                    "📢 **La période de paiement d'un devis {begins}**\n\nMettez en place les suivis nécessaires pour \
                     assurer le règlement dans les délais impartis."
                )
            }
            (Language::En, _) => {
                let begins = match when {
                    When::Today => "begins today".to_owned(),
                    When::Past(day) => format!("began on {day}"),
                };
                format!(
                    "📢 **The payment period of a devis {begins}**\n\nPlease see to it that it is paid in time."
                )
            }
        }
    }

    /// What the message of an end says first.
    pub(super) fn end_text(&self, when: When) -> String {
        match (self.language, when) {
            (Language::Fr, _) => {
                let ends = match when {
                    When::Today => "est atteinte aujourd'hui".to_owned(),
                    When::Past(day) => format!("a été atteinte le {day}"),
                };
                format!(
                    "⏰ **La date limite de paiement {ends}**\n\nVérifiez si le paiement a été reçu. Une action peut être \
                     nécessaire en cas de non-paiement."
                )
            }
            (Language::En, _) => {
                let ends = match when {
                    When::Today => "is today".to_owned(),
                    When::Past(day) => format!("was {day}"),
                };
                format!("⏰ **The last day to pay {ends}**\n\nPlease check whether the payment has arrived.")
            }
        }
    }

    /// The first day and the last.
    pub(super) fn between(&self, start: NaiveDate, end: NaiveDate) -> String {
        match self.language {
            Language::Fr => format!("Du **{start}** au **{end}**"),
            Language::En => format!("From **{start}** to **{end}**"),
        }
    }

    pub(super) fn days(&self, days: i64) -> String {
        match self.language {
            Language::Fr => format!("{days} jours"),
            Language::En if days == 1 => "1 day".to_owned(),
            Language::En => format!("{days} days"),
        }
    }

    /// "98 765,40€". What is no number is shown as it was filled in.
    pub(super) fn amount(&self, amount: Option<&str>) -> String {
        let Some(amount) = amount.map(str::trim).filter(|amount| !amount.is_empty()) else {
            return self.unknown.to_owned();
        };
        let Some(number) = amount.parse::<f64>().ok().filter(|number| number.is_finite()) else {
            return format!("{amount}€");
        };
        let rounded = format!("{:.2}", number.abs());
        let (whole, cents) = rounded.split_once('.').unwrap_or((&rounded, "00"));
        let sign = if number < 0.0 { "-" } else { "" };
        match self.language {
            Language::Fr => format!("{sign}{},{cents}€", text::grouped(whole, " ")),
            Language::En => format!("{sign}€{}.{cents}", text::grouped(whole, ",")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_written_as_in_france() {
        let cases = [
            ("98765.4", "98 765,40€"),
            ("500", "500,00€"),
            ("1000000", "1 000 000,00€"),
            ("0.005", "0,01€"),
            ("2.675", "2,67€"),
            ("-1234.5", "-1 234,50€"),
            (" 12 ", "12,00€"),
            ("abc", "abc€"),
            ("nan", "nan€"),
            ("12,5", "12,5€"),
            ("", "Non renseigné"),
        ];
        for (amount, shown) in cases {
            assert_eq!(FRENCH.amount(Some(amount)), shown, "{amount}");
        }
        assert_eq!(FRENCH.amount(None), "Non renseigné");
        assert_eq!(ENGLISH.amount(Some("98765.4")), "€98,765.40");
    }
}
