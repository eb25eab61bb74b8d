//! A GitHub on this machine, as strict as the real one: REST, GraphQL, limits, and the ways in which it fails.

use crate::support::graphql;
use crate::support::http::{Received, Reply, Server};
use crate::support::{NOW_SECONDS, hash};
use chrono::DateTime;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

/// The token that is accepted.
pub(crate) const TOKEN: &str = "ghp_5ecre7Token0fTheTests";

/// A repository.
#[derive(Clone, Debug)]
pub(crate) struct Repository {
    pub(crate) id: u64,
    /// Its name today, as its owner writes it.
    pub(crate) name: String,
    pub(crate) former_names: Vec<String>,
    pub(crate) stars: u64,
    /// When the last commit was made, and its number.
    pub(crate) changed: String,
    pub(crate) commit: String,
    pub(crate) kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Usual,
    /// It has no commit.
    Empty,
    /// It is not there, or not for everybody.
    Gone,
    /// It is closed for legal reasons.
    Blocked,
    /// GitHub cannot tell anything of this one today.
    Broken,
}

impl Repository {
    pub(crate) fn new(id: u64, name: &str, stars: u64) -> Repository {
        Repository {
            id,
            name: name.to_owned(),
            former_names: Vec::new(),
            stars,
            changed: "2026-08-01T10:00:00Z".to_owned(),
            commit: format!("{id:040x}"),
            kind: Kind::Usual,
        }
    }

    pub(crate) fn formerly(mut self, name: &str) -> Repository {
        self.former_names.push(name.to_owned());
        self
    }

    pub(crate) fn of_kind(self, kind: Kind) -> Repository {
        Repository { kind, ..self }
    }

    pub(crate) fn changed(self, time: &str) -> Repository {
        let commit = format!("{:040x}", hash(format!("{}{time}", self.name).as_bytes()));
        Repository { changed: time.to_owned(), commit, ..self }
    }

    fn rest(&self) -> Value {
        let (owner, name) = self.name.split_once('/').unwrap();
        json!({
            "id": self.id, "name": name, "full_name": self.name, "private": false,
            "owner": {"login": owner, "type": "Organization"},
            "html_url": format!("https://github.com/{}", self.name), "description": null, "fork": false,
            "pushed_at": if self.kind == Kind::Empty { "2020-01-01T00:00:00Z" } else { &self.changed },
            "clone_url": format!("https://github.com/{}.git", self.name), "size": 0,
            "stargazers_count": self.stars, "watchers_count": self.stars, "subscribers_count": 7,
            "archived": false, "disabled": false, "default_branch": "main",
        })
    }

    fn graphql(&self) -> Value {
        let target = json!({"__typename": "Commit", "oid": self.commit, "committedDate": self.changed});
        let branch = json!({"__typename": "Ref", "name": "main", "target": target});
        json!({
            "__typename": "Repository", "databaseId": self.id, "nameWithOwner": self.name,
            "name": self.name.split_once('/').unwrap().1, "url": format!("https://github.com/{}", self.name),
            "stargazerCount": self.stars, "isArchived": false, "isDisabled": false,
            "isEmpty": self.kind == Kind::Empty, "pushedAt": self.changed,
            "defaultBranchRef": if self.kind == Kind::Empty { Value::Null } else { branch },
        })
    }
}

type Trouble = dyn FnMut(&Received) -> Option<Reply> + Send;

/// What the server knows, and has counted.
struct Hub {
    repositories: Vec<Repository>,
    /// By each name, in lower case.
    places: BTreeMap<String, usize>,
    /// Seconds since 1970.
    clock: i64,
    /// Requests an hour: without a token, REST with one, GraphQL.
    limits: [u32; 3],
    used: [u32; 3],
    trouble: Option<Box<Trouble>>,
    /// The time that an answer takes.
    delay: Duration,
    asked: Vec<String>,
    counts: Counts,
}

/// Requests that reached the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) rest: usize,
    pub(crate) graphql: usize,
    /// Of those by REST, the ones answered with "not modified".
    pub(crate) unchanged: usize,
}

/// A GitHub on a free port of this machine, until it is dropped.
pub(crate) struct GitHub {
    server: Server,
    hub: Arc<Mutex<Hub>>,
}

impl GitHub {
    pub(crate) fn with(repositories: Vec<Repository>) -> GitHub {
        let hub = Arc::new(Mutex::new(Hub {
            repositories: Vec::new(),
            places: BTreeMap::new(),
            clock: NOW_SECONDS,
            limits: [60, 5_000, 5_000],
            used: [0; 3],
            trouble: None,
            delay: Duration::ZERO,
            asked: Vec::new(),
            counts: Counts::default(),
        }));
        let own = Arc::clone(&hub);
        let server = Server::start(move |request| own.lock().unwrap().answer(request));
        let github = GitHub { server, hub };
        github.replace(repositories);
        github
    }

    fn hub(&self) -> MutexGuard<'_, Hub> {
        self.hub.lock().unwrap()
    }

    /// Other repositories from now on.
    pub(crate) fn replace(&self, repositories: Vec<Repository>) {
        let mut hub = self.hub();
        hub.places.clear();
        for (place, repository) in repositories.iter().enumerate() {
            for name in repository.former_names.iter().chain([&repository.name]) {
                hub.places.insert(name.to_lowercase(), place);
            }
        }
        hub.repositories = repositories;
    }

    /// Changes the repository of this name.
    #[track_caller]
    pub(crate) fn change(&self, name: &str, change: impl FnOnce(Repository) -> Repository) {
        let mut all = self.hub().repositories.clone();
        let place = all.iter().position(|one| one.name == name).expect("it is there");
        all[place] = change(all[place].clone());
        self.replace(all);
    }

    /// What this says to a request goes before what would be right.
    pub(crate) fn trouble(&self, trouble: impl FnMut(&Received) -> Option<Reply> + Send + 'static) {
        self.hub().trouble = Some(Box::new(trouble));
    }

    /// Each answer takes so long.
    pub(crate) fn takes(&self, delay: Duration) {
        self.hub().delay = delay;
    }

    /// The same to every request.
    pub(crate) fn always(&self, reply: Reply) {
        self.trouble(move |_| Some(reply.clone()));
    }

    /// About every second request fails, each in its own way.
    pub(crate) fn fails_at_random(&self, seed: u64) {
        let mut random = Random::new(seed);
        self.trouble(move |_| {
            Some(match random.below(14) {
                // Without a time: one that is asked for is waited for, and a second is the least.
                0 => problem(429, "later"),
                1 => Reply::new(500, "<html>Unicorn!</html>"),
                2 => Reply::new(502, "<html>Bad gateway</html>"),
                3 => Reply::json(200, &json!({"data": {"r0": null}})).cut(),
                4 => Reply::mute(),
                5 => Reply::new(504, "").after(Duration::from_millis(30)),
                6 => Reply::new(200, "{\"da"),
                _ => return None,
            })
        });
    }

    /// Limits an hour: without a token, REST with one, GraphQL.
    pub(crate) fn limits(&self, limits: [u32; 3]) {
        self.hub().limits = limits;
    }

    /// The next hour: nothing of the limits is used. What the clock then shows.
    pub(crate) fn an_hour_later(&self) -> String {
        let mut hub = self.hub();
        hub.clock += 3_600;
        hub.used = [0; 3];
        DateTime::from_timestamp(hub.clock, 0).unwrap().to_rfc3339()
    }

    pub(crate) fn counts(&self) -> Counts {
        self.hub().counts
    }

    /// The names that were asked, in lower case, in this order.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.hub().asked.clone()
    }

    /// Counts from nothing.
    pub(crate) fn forget(&self) {
        let mut hub = self.hub();
        hub.counts = Counts::default();
        hub.asked.clear();
        drop(hub);
        self.server.forget();
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.server.received()
    }

    /// The address of a path of the API.
    pub(crate) fn url(&self, path: &str) -> String {
        self.server.url(path)
    }
}

/// GitHub's words for what is wrong.
pub(crate) fn problem(status: u16, message: &str) -> Reply {
    let body = json!({
        "message": message, "documentation_url": "https://docs.github.com/rest", "status": status.to_string(),
    });
    Reply::json(status, &body)
}

/// The answer when too much was asked in a short time.
pub(crate) fn secondary_limit() -> Reply {
    problem(403, "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.")
}

impl Hub {
    fn answer(&mut self, request: &Received) -> Reply {
        let is_graphql = request.path == "/graphql";
        if is_graphql {
            self.counts.graphql += 1;
        } else {
            self.counts.rest += 1;
        }
        if let Some(reply) = self.trouble.as_mut().and_then(|trouble| trouble(request)) {
            return reply;
        }
        if request.header("user-agent").is_empty() {
            return Reply::new(403, "Request forbidden by administrative rules.");
        }
        if request.header("accept") != "application/vnd.github+json" {
            return problem(415, "Unsupported 'Accept' header. Must accept 'application/vnd.github+json'.");
        }
        if !["2022-11-28", "2026-03-10"].contains(&request.header("x-github-api-version")) {
            return problem(400, "The X-GitHub-Api-Version header is missing, or not supported.");
        }
        let has_token = match request.header("authorization") {
            "" => false,
            header if header.strip_prefix("Bearer ") == Some(TOKEN) => true,
            _ => return problem(401, "Bad credentials"),
        };
        let purse = if is_graphql { 2 } else { usize::from(has_token) };
        let reply = if is_graphql { self.query(request, has_token) } else { self.rest(request, purse) };
        let (limit, used) = (self.limits[purse], self.used[purse].min(self.limits[purse]));
        let date = DateTime::from_timestamp(self.clock, 0).unwrap().format("%a, %d %b %Y %H:%M:%S GMT");
        reply
            .after(self.delay)
            .header("date", &date.to_string())
            .header("x-github-request-id", "C0DE:1")
            .header("x-ratelimit-resource", if is_graphql { "graphql" } else { "core" })
            .header("x-ratelimit-limit", &limit.to_string())
            .header("x-ratelimit-remaining", &(limit - used).to_string())
            .header("x-ratelimit-used", &used.to_string())
            .header("x-ratelimit-reset", &self.reset().to_string())
    }

    fn reset(&self) -> i64 {
        self.clock + 2_754
    }

    /// Takes one from what is left of the hour's limit; false when nothing is left.
    fn pay(&mut self, purse: usize) -> bool {
        let has_left = self.used[purse] < self.limits[purse];
        self.used[purse] += u32::from(has_left);
        has_left
    }

    fn rest(&mut self, request: &Received, purse: usize) -> Reply {
        if request.method != "GET" {
            return problem(404, "Not Found");
        }
        if request.path == "/rate_limit" {
            let left = self.limits[purse] - self.used[purse].min(self.limits[purse]);
            let core = json!({"limit": self.limits[purse], "remaining": left, "reset": self.reset()});
            return Reply::json(200, &json!({"resources": {"core": core}}));
        }
        if !self.pay(purse) {
            return problem(403, "API rate limit exceeded for 203.0.113.9. (But here's the good news: …)");
        }
        let (status, body) = match self.route(request) {
            Ok(body) => (200, body),
            Err(reply) => return reply,
        };
        // What one reader knows is of no use to another.
        let etag =
            format!("W/\"{:x}\"", hash(format!("{}{body}", request.header("authorization")).as_bytes()));
        if request.header("if-none-match") == etag {
            self.counts.unchanged += 1;
            // For who has a token that costs nothing.
            self.used[purse] -= u32::from(purse == 1);
            return Reply::new(304, "").header("etag", &etag);
        }
        Reply::json(status, &body).header("etag", &etag).header("cache-control", "private, max-age=60")
    }

    fn route(&mut self, request: &Received) -> Result<Value, Reply> {
        let parts: Vec<&str> = request.path.split('/').skip(1).collect();
        match parts[..] {
            ["repositories", id] => {
                let found = self.repositories.iter().find(|one| id.parse() == Ok(one.id));
                Ok(shown(found)?.rest())
            }
            ["repos", owner, name] => Ok(self.named(request, owner, name)?.rest()),
            ["repos", owner, name, "commits"] => {
                let repository = self.named(request, owner, name)?;
                if repository.kind == Kind::Empty {
                    return Err(problem(409, "Git Repository is empty."));
                }
                let person = json!({"name": "M", "email": "m@example.org", "date": repository.changed});
                Ok(json!([{"sha": repository.commit, "commit": {"author": person, "committer": person}}]))
            }
            _ => Err(problem(404, "Not Found")),
        }
    }

    fn named(&mut self, request: &Received, owner: &str, name: &str) -> Result<&Repository, Reply> {
        let asked = format!("{owner}/{name}").to_lowercase();
        let found = self.places.get(&asked).map(|place| &self.repositories[*place]);
        let is_former = found.is_some_and(|one| one.name.to_lowercase() != asked);
        self.asked.push(asked);
        let repository = shown(found)?;
        if is_former {
            let target = format!("http://{}/repositories/{}", request.header("host"), repository.id);
            let body = json!({"message": "Moved Permanently", "url": target});
            return Err(Reply::json(301, &body).header("location", &target));
        }
        Ok(repository)
    }

    fn query(&mut self, request: &Received, has_token: bool) -> Reply {
        if !has_token {
            return problem(401, "This endpoint requires you to be authenticated.");
        }
        if request.method != "POST" || !request.header("content-type").starts_with("application/json") {
            return problem(400, "Problems parsing JSON");
        }
        if !self.pay(2) {
            let error = json!({"type": "RATE_LIMITED", "message": "API rate limit exceeded for user ID 1."});
            return Reply::json(200, &json!({"errors": [error]}));
        }
        let reset = DateTime::from_timestamp(self.reset(), 0).unwrap();
        let left = self.limits[2] - self.used[2];
        let rate = json!({
            "cost": 1, "limit": self.limits[2], "remaining": left, "used": self.used[2],
            "resetAt": reset.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
        });
        let Hub { repositories, places, asked, .. } = self;
        let mut find = |owner: &str, name: &str, follows: bool| {
            let key = format!("{owner}/{name}").to_lowercase();
            let found = places.get(&key).map(|place| &repositories[*place]);
            let found = found.filter(|one| follows || one.name.to_lowercase() == key);
            asked.push(key);
            let error = |kind: &str, message: String| Err((kind.to_owned(), message));
            match found {
                Some(one) if matches!(one.kind, Kind::Usual | Kind::Empty) => Ok(one.graphql()),
                Some(one) if one.kind == Kind::Blocked => {
                    error("FORBIDDEN", "Repository access blocked".to_owned())
                }
                Some(one) if one.kind == Kind::Broken => {
                    error("INTERNAL", "Something went wrong while executing your query.".to_owned())
                }
                _ => error(
                    "NOT_FOUND",
                    format!("Could not resolve to a Repository with the name '{owner}/{name}'."),
                ),
            }
        };
        Reply::json(200, &graphql::answer(&request.body, &rate, &mut find))
    }
}

fn shown(found: Option<&Repository>) -> Result<&Repository, Reply> {
    match found {
        Some(one) if one.kind == Kind::Blocked => {
            let block = json!({"reason": "dmca", "created_at": "2021-04-22T17:53:56Z"});
            let body = json!({"message": "Repository access blocked", "block": block});
            Err(Reply::json(451, &body))
        }
        Some(one) if one.kind == Kind::Broken => Err(Reply::new(502, "<html>Bad gateway</html>")),
        Some(one) if one.kind != Kind::Gone => Ok(one),
        _ => Err(problem(404, "Not Found")),
    }
}

/// Numbers that look random, and are the same for the same seed.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        // Marsaglia's xorshift.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) % limit
    }
}
