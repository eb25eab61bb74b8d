//! `maint ascl-refresh` on the real 2,532 repositories with their real stars (system 000), in a document of ASCL's form.

use crate::support::catalogue::{Scene, WRITTEN, as_python, best, catalogue};
use crate::support::github::{Kind, Repository};
use crate::support::leave_out;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The document, the repositories, and a catalogue that the site had; they lie beside the project where it is developed.
fn recorded() -> Option<(String, Vec<Repository>, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/ascl");
    let text = |name: &str| fs::read_to_string(folder.join(name)).ok();
    let found = (|| {
        let document = text("ascl-code-json.SYNTHETIC.json")?;
        let catalogue = serde_json::from_str(&text("astronomy-libraries.fd715c6.json")?).ok()?;
        Some((document, text("ascl_repos_with_stars.2025-07-31.csv")?, catalogue))
    })();
    let Some((document, rows, catalogue)) = found else {
        leave_out("the real repositories", "../shared/data/ascl is not here");
        return None;
    };
    let row = |(id, row): (u64, &str)| {
        let (address, stars) = row.strip_prefix("github.com/").unwrap().split_once(',').unwrap();
        let kind = if stars == "-1" { Kind::Gone } else { Kind::Usual };
        Repository::new(id, address, stars.parse().unwrap_or(0)).of_kind(kind)
    };
    Some((document, (1..).zip(rows.lines().skip(1)).map(row).collect(), catalogue))
}

#[test]
fn the_selection_is_the_real_top_hundred_with_ties_in_stable_order() {
    let Some((document, repositories, _)) = recorded() else { return };
    let expected = best(&repositories, 100);
    let scene = Scene::with(document, repositories, "");
    let report = scene.refresh(&["--json"]).exits(0).json();
    // The document writes some names in another case than the list of the stars.
    let mut found = scene.json();
    for library in found["libraries"].as_array_mut().unwrap() {
        for key in ["name", "github_url"] {
            library[key] = json!(library[key].as_str().unwrap().to_lowercase());
        }
    }
    assert_eq!(as_python(&found), as_python(&catalogue(&expected, WRITTEN)));
    let ranks = [0, 97, 99].map(|at| found["libraries"][at]["stars"].as_u64().unwrap());
    assert_eq!(ranks[1..], [28, 28], "{ranks:?}");
    assert_eq!((scene.github.counts().graphql, scene.github.asked().len()), (4, 342), "{report}");
}

#[test]
fn the_status_of_the_real_catalogue_is_preserved() {
    let Some((document, repositories, old)) = recorded() else { return };
    let scene = Scene::with(document, repositories, "");
    let text = scene.keep(&old);
    let _ = scene.refresh(&["--force"]).exits(0);
    let status = |catalogue: &Value| {
        let each = catalogue["libraries"].as_array().unwrap().iter();
        each.map(|one| {
            let file = one["contextFileName"].as_str().unwrap_or_default().to_owned();
            (one["name"].as_str().unwrap().to_lowercase(), (one["hasContextFile"].as_bool().unwrap(), file))
        })
        .collect::<BTreeMap<_, _>>()
    };
    let (before, after) = (status(&old), status(&scene.json()));
    assert!(after.iter().filter(|(_, (has, _))| *has).count() > 10, "{after:?}");
    for (name, status) in after {
        let none = (false, String::new());
        assert_eq!(&status, before.get(&name).unwrap_or(&none), "{name}");
    }
    assert_eq!(scene.json()["description"], old["description"]);
    let backup = fs::read_to_string(scene.path().with_extension("json.bak")).unwrap();
    assert_eq!(backup, text);
}
