//! `[ascl-refresh]`: the catalogue of libraries, and their context files.

use super::repository::RepositoryName;
use super::units::{Length, Size};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// `[ascl-refresh]`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AsclRefreshSection {
    /// Where the document is whose links are the candidates: an address, or a file.
    pub source: String,
    /// The catalogue that is written.
    pub catalogue: DomainPath,
    /// The folder of the context files.
    pub contexts: DomainPath,
    /// The folder in which repositories are cloned; what a run made there is gone when it ends.
    pub clones: PathBuf,
    /// How many libraries the catalogue has at most.
    pub top: usize,
    /// A result that is smaller than this part of the catalogue that it replaces is refused.
    pub min_keep: Share,
    /// A larger document is refused.
    pub max_document: Size,
    /// A context file is renewed for commits that are younger than this.
    pub refresh_age: Length,
    /// How many context files are made at the same time.
    pub jobs: usize,
    /// The program that makes context files: a name that is looked for in `PATH`, or a path.
    pub contextmaker: PathBuf,
    /// A clone is given up after this time.
    pub clone_timeout: Length,
    /// The making of a context file is given up after this time.
    pub context_timeout: Length,
    /// The catalogues [default: astronomy].
    pub domains: BTreeMap<String, Domain>,
}

/// `[ascl-refresh.domains.NAME]`
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Domain {
    /// A repository is a candidate when one of these is a part of its name [default: those of astronomy or finance].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keywords: Vec<String>,
    /// Repositories that are candidates whatever they are called, and though no link leads to them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub extra_repos: Vec<RepositoryName>,
    /// The document of this domain, instead of `source`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The `description` in the catalogue [default: what stands there].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The `keywords` in the catalogue [default: what stands there].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topics: Option<Vec<String>>,
}

impl Default for AsclRefreshSection {
    fn default() -> AsclRefreshSection {
        AsclRefreshSection {
            source: "https://ascl.net/code/json".to_owned(),
            catalogue: DomainPath("app/data/{domain}-libraries.json".to_owned()),
            contexts: DomainPath("public/context/{domain}".to_owned()),
            clones: "temp/repos".into(),
            top: 100,
            min_keep: Share(0.8),
            max_document: Size::from_bytes(20 << 20),
            refresh_age: Length::from_hours(30 * 24),
            jobs: 2,
            contextmaker: "contextmaker".into(),
            clone_timeout: Length::from_minutes(5),
            context_timeout: Length::from_minutes(5),
            domains: BTreeMap::new(),
        }
    }
}

/// A domain that `maint` knows without being told: keywords, description, topics.
struct BuiltIn {
    name: &'static str,
    keywords: &'static [&'static str],
    description: &'static str,
    topics: &'static [&'static str],
}

/// Keywords, description and topics of astronomy are those of CMB Agent Info.
const BUILT_IN: [BuiltIn; 2] = [
    BuiltIn {
        name: "astronomy",
        keywords: &[
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
        ],
        description: "Top astronomy and cosmology libraries for celestial observations, gravitational waves, \
                      and cosmic microwave background analysis",
        topics: &[
            "astronomy",
            "cosmology",
            "astrophysics",
            "gravitational waves",
            "CMB",
            "healpy",
            "astropy",
        ],
    },
    BuiltIn {
        name: "finance",
        keywords: &["finance", "trading", "portfolio", "quant", "zipline", "pyfolio", "backtest", "ffn"],
        description: "Top finance and trading libraries for portfolio optimization, algorithmic trading, \
                      and financial analysis",
        topics: &["finance", "trading", "portfolio", "quantitative", "zipline", "yfinance", "pyfolio"],
    },
];

impl AsclRefreshSection {
    /// True when a second domain would write to the same place.
    #[must_use]
    pub fn is_for_one(&self) -> bool {
        self.catalogue.is_for_one() || self.contexts.is_for_one()
    }

    /// The names of the catalogues of the site.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let default = self.domains.is_empty().then_some(BUILT_IN[0].name);
        self.domains.keys().map(String::as_str).chain(default)
    }

    /// The names that `--domain` takes.
    pub fn known_names(&self) -> impl Iterator<Item = &str> {
        let further =
            BUILT_IN.iter().map(|known| known.name).filter(|name| !self.domains.contains_key(*name));
        self.domains.keys().map(String::as_str).chain(further)
    }

    /// A domain with what holds for it without being written; `None` for one that is not known.
    #[must_use]
    pub fn domain(&self, name: &str) -> Option<Domain> {
        let known = BUILT_IN.iter().find(|known| known.name == name);
        let mut domain = self.domains.get(name).cloned().or_else(|| known.map(|_| Domain::default()))?;
        let strings = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        if let Some(known) = known.filter(|_| domain.keywords.is_empty()) {
            domain.keywords = strings(known.keywords);
        }
        Some(domain)
    }

    /// What a new catalogue of this domain is called, when nobody has said otherwise: description and topics.
    #[must_use]
    pub fn words(name: &str) -> (String, Vec<String>) {
        match BUILT_IN.iter().find(|known| known.name == name) {
            Some(known) => {
                (known.description.to_owned(), known.topics.iter().map(|topic| (*topic).to_owned()).collect())
            }
            None => (format!("Top {name} libraries"), vec![name.to_owned()]),
        }
    }

    /// The key near which something is wrong, and what.
    pub(super) fn check(&self) -> Result<(), (String, String)> {
        let wrong = |key: &str, message: &str| Err((key.to_owned(), message.to_owned()));
        if self.top == 0 {
            return wrong("top", "`top` of [ascl-refresh] is 0: the catalogue would be empty");
        }
        if self.contextmaker.as_os_str().is_empty() {
            return wrong(
                "contextmaker",
                "`contextmaker` of [ascl-refresh] is empty; name a program, or leave the key out",
            );
        }
        if !(1..=16).contains(&self.jobs) {
            return wrong("jobs", "`jobs` of [ascl-refresh] must be a number from 1 to 16");
        }
        if self.domains.len() > 1 && self.is_for_one() {
            let why =
                "two domains would write to the same place: put {domain} into `catalogue` and `contexts`";
            return wrong("ascl-refresh", why);
        }
        for (name, domain) in &self.domains {
            let key = format!("ascl-refresh.domains.{name}");
            super::check_name(name).map_err(|why| (key.clone(), format!("domain name {why}")))?;
            let known = self.domain(name).unwrap_or_default();
            if known.keywords.is_empty() && domain.extra_repos.is_empty() {
                let why = format!("[{key}] needs `keywords`: parts of the names of its repositories");
                return Err((key, why));
            }
            if known.keywords.iter().any(|keyword| keyword.trim().is_empty()) {
                return Err((
                    key.clone(),
                    format!("a keyword of [{key}] is empty: it would match everything"),
                ));
            }
        }
        Ok(())
    }
}

/// A path in which `{domain}` stands for the name of the domain.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(extend("examples" = ["app/data/{domain}-libraries.json"]))]
pub struct DomainPath(String);

impl DomainPath {
    /// True when there can be one domain only.
    fn is_for_one(&self) -> bool {
        !self.0.contains("{domain}")
    }

    /// The path for this domain, whose name is safe in a path.
    #[must_use]
    pub fn of(&self, domain: &str) -> PathBuf {
        self.0.replace("{domain}", domain).into()
    }
}

/// A part of a whole: from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "f64", into = "f64")]
#[schemars(with = "f64", extend("minimum" = 0, "maximum" = 1))]
pub struct Share(f64);

impl Share {
    /// The least whole number that is at least this part of `whole`.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "catalogues are small, and a share is between 0 and 1"
    )]
    pub fn least_of(self, whole: usize) -> usize {
        // 0.8 of 5 is 4.000…, not 5.
        (self.0 * whole as f64 - 1e-9).ceil().max(0.0) as usize
    }

    /// In per cent.
    #[must_use]
    pub fn percent(self) -> f64 {
        (self.0 * 1_000.0).round() / 10.0
    }
}

impl TryFrom<f64> for Share {
    type Error = String;
    fn try_from(number: f64) -> Result<Share, String> {
        if (0.0..=1.0).contains(&number) {
            return Ok(Share(number));
        }
        Err(format!("bad share {number}: write a number from 0 to 1, such as 0.8"))
    }
}

impl From<Share> for f64 {
    fn from(share: Share) -> f64 {
        share.0
    }
}
