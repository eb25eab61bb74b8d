//! What is refused before anything is asked; and what a request is known by.

use super::*;

fn refused(change: impl Fn(&mut World)) -> String {
    let (mut world, _key) = world("http://127.0.0.1:9");
    change(&mut world);
    let error = Claude::of(&world, Mode::Direct, json!({})).unwrap_err();
    assert_eq!(crate::error::exit_of(&error), crate::exit::Exit::Usage, "{error}");
    error.to_string()
}

fn with_key(key: &[u8]) -> String {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(key).unwrap();
    let place = file.path().display().to_string();
    let why = refused(|world| {
        world.config.update_fiches.api_key = Some(SecretRef::File(file.path().to_owned()));
    });
    why.replace(&place, "KEY")
}

#[test]
fn a_key_that_no_header_can_carry_is_refused_without_being_shown() {
    let none = "KEY holds no key, or cannot be read; write Claude's API key into it";
    assert_eq!(with_key(b""), none);
    assert_eq!(with_key(b" \n"), none);
    assert_eq!(with_key(b"sk\xff"), none);
    let bad = "the key in KEY holds a character that no key has, such as a line break; copy it again";
    assert_eq!(with_key("sk-é".as_bytes()), bad);
    assert_eq!(with_key(b"sk-\x1b[2J"), bad);
    assert_eq!(with_key(b"sk\tx"), bad);
    let unset = refused(|world| {
        world.config.update_fiches.api_key = Some(SecretRef::Env("MAINT_TEST_NO_KEY".to_owned()));
    });
    assert_eq!(unset, "$MAINT_TEST_NO_KEY is not set; put Claude's API key there, or into `env_file`");
}

#[test]
fn an_address_a_model_and_a_stand_in_that_cannot_be_used_are_refused() {
    let address = |url: &str| refused(|world| world.config.update_fiches.base_url = Some(url.to_owned()));
    assert!(address("claude").starts_with("`base_url` of [update-fiches] is no URL"));
    assert!(address("http://claude.example").contains("plain http"));
    let model = refused(|world| "gpt\u{7}".clone_into(&mut world.config.update_fiches.model));
    assert!(model.starts_with("it is not known what gpt\\x07 costs"), "{model}");
    let missing = refused(|world| world.config.update_fiches.stand_in = Some("/nowhere.json".into()));
    assert_eq!(
        missing,
        "cannot read /nowhere.json: No such file or directory; correct `stand_in` of [update-fiches]"
    );
    let mut list = NamedTempFile::new().unwrap();
    list.write_all(b"[]").unwrap();
    let no_object = refused(|world| world.config.update_fiches.stand_in = Some(list.path().to_owned()));
    assert!(no_object.contains("is no JSON object of answers by code"), "{no_object}");
}

#[test]
fn a_stand_in_answers_by_code_and_costs_nothing() {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(br#"{"A1101": {"b": 1, "a": "x"}, "B2": "no JSON"}"#).unwrap();
    let (mut world, _key) = world("http://127.0.0.1:9");
    world.config.update_fiches.stand_in = Some(file.path().to_owned());
    "unknown-model".clone_into(&mut world.config.update_fiches.model);
    world.config.update_fiches.api_key = None;
    let claude = Claude::of(&world, Mode::Direct, json!({})).unwrap();
    let ask = |code: &str| claude.ask(&world, &prompt(code), &|| Ok(()), &Permit::of_a_test()).answer;
    let message = ask("A1101").unwrap();
    assert_eq!((&*message.text, message.ending), (r#"{"b":1,"a":"x"}"#, Ending::Whole));
    assert_eq!(ask("B2").unwrap().text, "no JSON");
    assert_eq!(request(ask("C3")), "the stand-in has no answer for C3; add one");
    assert!(claude.most(&prompt("A1101"), Mode::Direct).is_zero());
    assert!(claude.note().unwrap().contains("not Claude's"));
    assert_eq!(claude.count(&world, &prompt("A1101")), Ok(0));
    let before = claude.fingerprint(&prompt("A1101"));
    file.write_all(b" ").unwrap();
    let changed = Claude::of(&world, Mode::Direct, json!({})).unwrap();
    assert_ne!(changed.fingerprint(&prompt("A1101")), before, "another file answers");
    let batch = Claude::of(&world, Mode::Batch, json!({})).unwrap_err().to_string();
    assert!(batch.contains("--mode direct"), "{batch}");
}

#[test]
fn a_request_is_known_by_all_that_makes_the_answer() {
    let print = |change: &dyn Fn(&mut World), schema: Value, prompt: &Prompt| {
        let (mut world, _key) = world("http://127.0.0.1:9");
        change(&mut world);
        Claude::of(&world, Mode::Direct, schema).unwrap().fingerprint(prompt)
    };
    let usual = print(&|_| (), json!({}), &prompt("A"));
    assert_eq!((usual.len(), &usual), (32, &print(&|_| (), json!({}), &prompt("A"))));
    let shifted =
        Prompt { id: "A".to_owned(), instructions: "Tu rédiges.F".to_owned(), request: "iche A".to_owned() };
    for other in [
        print(&|_| (), json!({"type": "object"}), &prompt("A")),
        print(&|_| (), json!({}), &prompt("B")),
        print(&|_| (), json!({}), &shifted),
        print(
            &|world| "claude-opus-5-5".clone_into(&mut world.config.update_fiches.model),
            json!({}),
            &prompt("A"),
        ),
        print(
            &|world| world.config.update_fiches.effort = crate::config::update_fiches::Effort::High,
            json!({}),
            &prompt("A"),
        ),
    ] {
        assert_ne!(other, usual);
    }
}

#[test]
fn nothing_costs_more_than_the_most() {
    let (world, _key) = world("http://127.0.0.1:9");
    let claude = Claude::of(&world, Mode::Direct, json!({})).unwrap();
    let prompt = prompt("A1101");
    let bytes = claude.form.params(&prompt, Mode::Direct).to_string().len() as u64;
    let direct = Usage { cache_write: bytes, output: 4_000, ..Usage::default() };
    let batch = Usage { cache_write_hour: bytes, output: 4_000, ..Usage::default() };
    for (mode, usage) in [(Mode::Direct, direct), (Mode::Batch, batch)] {
        assert!(claude.most(&prompt, mode) >= claude.cost(&usage, mode));
    }
    assert_eq!(claude.about(1_000_000, 100_000, Mode::Batch), Usd::try_from(1.5).unwrap());
}
