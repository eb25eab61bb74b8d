//! A site with a catalogue, an ASCL and a GitHub; and what the catalogue must be, as the original's Python writes it.

use crate::support::ascl::{self, Ascl};
use crate::support::github::{GitHub, Kind, Repository, TOKEN};
use crate::support::{Run, Site, run};
use serde_json::{Value, json};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where the catalogue is.
pub(crate) const CATALOGUE: &str = "app/data/astronomy-libraries.json";
/// What [`NOW`](crate::support::NOW) is in Paris, as Python's `datetime.now().isoformat()` writes it.
pub(crate) const WRITTEN: &str = "2026-11-20T16:02:26";
/// Nobody waits in a test.
pub(crate) const PATIENCE: &str = "[http]\nback_off = \"1ms\"\nlongest_wait = \"2s\"\ntimeout = \"3s\"\n";

/// A site, and the servers that it asks.
pub(crate) struct Scene {
    pub(crate) site: Site,
    pub(crate) ascl: Ascl,
    pub(crate) github: GitHub,
}

impl Scene {
    /// The document leads to each of these repositories, by its first name.
    pub(crate) fn of(repositories: Vec<Repository>) -> Scene {
        let first = |one: &Repository| one.former_names.first().unwrap_or(&one.name).clone();
        let names: Vec<String> = repositories.iter().map(first).collect();
        Scene::with(ascl::document(&names), repositories, "")
    }

    /// A document of one's own; `section` follows in `[ascl-refresh]`, and whatever comes behind that.
    pub(crate) fn with(document: String, repositories: Vec<Repository>, section: &str) -> Scene {
        let (ascl, github) = (Ascl::with(document), GitHub::with(repositories));
        let site = Site::new(&format!(
            "[github]\napi_url = \"{}\"\ngraphql_url = \"{}\"\n{PATIENCE}[ascl-refresh]\nsource = \"{}\"\n{section}",
            github.url(""),
            github.url("/graphql"),
            ascl.url(),
        ));
        Scene { site, ascl, github }
    }

    /// `maint ascl-refresh --no-contexts`, with a token.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = self.without_token(args);
        command.env("GITHUB_TOKEN", TOKEN);
        command
    }

    /// The same without a token.
    pub(crate) fn without_token(&self, args: &[&str]) -> Command {
        self.site.command(&[&["ascl-refresh", "--no-contexts"], args].concat())
    }

    /// Runs it to its end.
    pub(crate) fn refresh(&self, args: &[&str]) -> Run {
        run(&mut self.command(args))
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.site.path(CATALOGUE)
    }

    /// The catalogue as it is on the disk.
    #[track_caller]
    pub(crate) fn text(&self) -> String {
        fs::read_to_string(self.path()).unwrap()
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text()).unwrap()
    }

    /// Puts a catalogue there, and gives its text.
    pub(crate) fn keep(&self, catalogue: &Value) -> String {
        let text = as_python(catalogue);
        fs::create_dir_all(self.path().parent().unwrap()).unwrap();
        fs::write(self.path(), &text).unwrap();
        text
    }

    /// The libraries in order: "Lab/Tool 12".
    #[track_caller]
    pub(crate) fn libraries(&self) -> Vec<String> {
        libraries(&self.json())
    }
}

/// The libraries of a catalogue in order: "Lab/Tool 12".
#[track_caller]
pub(crate) fn libraries(catalogue: &Value) -> Vec<String> {
    let libraries = catalogue["libraries"].as_array().expect("a catalogue");
    for (at, library) in libraries.iter().enumerate() {
        assert_eq!(library["rank"], json!(at + 1), "{catalogue}");
    }
    libraries.iter().map(|one| format!("{} {}", one["name"].as_str().unwrap(), one["stars"])).collect()
}

/// JSON as the original writes it.
pub(crate) fn as_python(value: &Value) -> String {
    let line = "import json, sys; json.dump(json.load(sys.stdin), sys.stdout, indent=2, ensure_ascii=False)";
    // The system's own: another one may start slowly, through a wrapper.
    let own = ["/usr/bin/python3", "python3"]
        .into_iter()
        .find(|path| !path.starts_with('/') || Path::new(path).exists());
    let mut python = Command::new(own.unwrap());
    python.args(["-c", line]).env("PYTHONIOENCODING", "utf-8").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = python.spawn().unwrap();
    child.stdin.take().unwrap().write_all(value.to_string().as_bytes()).unwrap();
    String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
}

/// A library as the original enters a new one.
pub(crate) fn library(name: &str, stars: u64, rank: usize) -> Value {
    json!({
        "name": name, "github_url": format!("https://github.com/{name}"), "stars": stars, "rank": rank,
        "hasContextFile": false, "contextFileName": "",
    })
}

/// The catalogue of these libraries, in this order.
pub(crate) fn catalogue(libraries: &[Value], written: &str) -> Value {
    json!({
        "libraries": libraries,
        "domain": "astronomy",
        "description": "Top astronomy and cosmology libraries for celestial observations, gravitational waves, and \
                        cosmic microwave background analysis",
        "keywords": [
            "astronomy", "cosmology", "astrophysics", "gravitational waves", "CMB", "healpy", "astropy",
        ],
        "last_updated": written,
    })
}

/// A catalogue of these names, each with fewer stars than the one before.
pub(crate) fn catalogue_of(names: &[&str]) -> Value {
    let stars = |at: usize| u64::try_from(names.len() - at).unwrap() * 10;
    let libraries: Vec<Value> =
        names.iter().enumerate().map(|(at, name)| library(name, stars(at), at + 1)).collect();
    catalogue(&libraries, "2026-11-19T02:00:00.5")
}

/// What the original selects of these: the keyword in the name, a star or none but no failure, the most stars first, and
/// of equals the first in the alphabet.
pub(crate) fn best(repositories: &[Repository], count: usize) -> Vec<Value> {
    const KEYWORDS: [&str; 34] = [
        "astro",
        "astropy",
        "healpy",
        "photutils",
        "sky",
        "gal",
        "cosmo",
        "cmb",
        "planck",
        "tardis",
        "lightkurve",
        "astroquery",
        "pypeit",
        "poppy",
        "stellar",
        "galsim",
        "ultranest",
        "pymultinest",
        "zeus",
        "radis",
        "astronn",
        "presto",
        "astroplan",
        "sep",
        "specutils",
        "s2fft",
        "stingray",
        "spacepy",
        "pycbc",
        "gwpy",
        "einsteinpy",
        "simonsobs",
        "cmbant",
        "lesgourg/class_public",
    ];
    let mut chosen: Vec<&Repository> = repositories
        .iter()
        .filter(|one| matches!(one.kind, Kind::Usual | Kind::Empty))
        .filter(|one| KEYWORDS.iter().any(|keyword| one.name.to_lowercase().contains(keyword)))
        .collect();
    chosen.sort_by_key(|one| (std::cmp::Reverse(one.stars), one.name.to_lowercase()));
    let chosen = chosen.iter().take(count).enumerate();
    chosen.map(|(at, one)| library(&one.name, one.stars, at + 1)).collect()
}

/// The actions of a report, and what became of them.
#[track_caller]
pub(crate) fn actions(report: &Value) -> Vec<(String, String)> {
    let steps = report["steps"].as_array().expect("a report has steps").iter();
    steps.map(|step| ["action", "outcome"].map(|key| step[key].as_str().unwrap().to_owned()).into()).collect()
}
