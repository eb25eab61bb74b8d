//! A job sheet is written anew from the page: its cost is shown before anything is asked of Claude.

use crate::support::browser::{Browser, Language};
use crate::support::fiches::Fiches;
use crate::support::server::{KEYS, Server, key_of};

fn signed_in(browser: &Browser, server: &Server, language: Language) {
    browser.speak(language);
    browser.goto(&server.url());
    browser.fill("#key", &key_of("operate"));
    browser.click("#login-form button");
    browser.wait_for("#fiche-code");
}

/// A code that is none is refused by the page itself; nobody is asked.
fn refuses(browser: &Browser, fiches: &Fiches, language: Language) {
    let before = fiches.claude.received("").len();
    browser.fill("#fiche-code", "<b>A1101");
    browser.click("#fiche-update");
    let wanted = language.of("a letter and four digits", "une lettre suivie de quatre chiffres");
    browser.wait_for_text("#fiche-trouble", wanted);
    browser.wait_for_focus("#fiche-update");
    assert!(!browser.is_there("#dialog") && fiches.claude.received("").len() == before);
}

/// The plan shows the cost and asks for nothing; the run writes one sheet.
fn updates(browser: &Browser, fiches: &Fiches, code: &str, language: Language) {
    let (asked, version) = (fiches.claude.asked().len(), fiches.cell(code, "version"));
    browser.fill("#fiche-code", &code.to_lowercase());
    browser.click("#fiche-update");
    let plan = browser.wait_for_text("#plan", language.of("Estimated cost: ", "Coût estimé\u{a0}: "));
    assert!(plan.contains(code) && plan.contains('$'), "{plan}");
    assert_eq!(fiches.claude.asked().len(), asked, "planning has asked Claude for a sheet");
    browser.click("#confirm");
    browser.wait_for_text("#result", language.of("done", "réussi"));
    browser.click("#dialog-close");
    browser.wait_for_focus("#fiche-update");
    assert_eq!(fiches.claude.asked().split_off(asked), [code]);
    assert_ne!(fiches.cell(code, "version"), version);
    assert_eq!(fiches.site.history()[0]["by"], "operator");
}

#[test]
fn a_sheet_is_updated_after_its_cost_was_seen() {
    let Some(browser) = Browser::start() else { return };
    let fiches = Fiches::few(&format!("api_key = \"env:ANTHROPIC_API_KEY\"\n{KEYS}"));
    let server = Server::with(&fiches.site, fiches.command(&["serve", "--listen", "127.0.0.1:0"]));
    for (language, code) in [(Language::English, "A1101"), (Language::French, "B1302")] {
        signed_in(&browser, &server, language);
        assert!(
            !browser.is_there("#queue") && !browser.is_there("#deploy") && !browser.is_there("#queue-stop")
        );
        refuses(&browser, &fiches, language);
        updates(&browser, &fiches, code, language);
        browser.click("#sign-out");
        browser.wait_for("#login");
    }
}
