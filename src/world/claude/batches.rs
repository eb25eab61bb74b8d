//! Batches: many requests at half the price, whose answers are collected later.

use super::message::name;
use super::refusal::{self, Again, Miss};
use super::{Api, Batch, Claude, Fate, Prompt, Setback};
use crate::engine::apply::Permit;
use crate::world::World;
use crate::world::http::{Address, Question, Request, send_once};
use serde_json::Value;
use std::collections::BTreeSet;

const PATH: &str = "v1/messages/batches";
/// A list of a hundred batches is a tenth of that.
const LARGEST_LIST: u64 = 1 << 20;
/// What a batch may hold at most comes back about as large.
const LARGEST_RESULTS: u64 = 256 << 20;

impl Claude {
    /// Submits a batch, once; its id. A `Setback::Request` says that it was refused; after any other the batch may be
    /// there all the same, so that nothing is tried again that may have had its effect.
    pub(crate) fn submit(
        &self,
        world: &World,
        prompts: &[Prompt],
        permit: &Permit,
    ) -> Result<String, Setback> {
        let api = self.api()?;
        let address = api.access.address(PATH);
        let request = Request::post(&address, "application/json", self.form.batch(prompts));
        let request = api.access.sign(request, Request::header).whole(LARGEST_LIST).within(api.timeout);
        let once = || {
            let answer = send_once(world, &request, permit).map_err(|lost| Miss::of(lost, &api.access))?;
            let batch = api.judged(&answer)?;
            Batch::read(&batch).map(|batch| batch.id).ok_or_else(Miss::odd)
        };
        api.asking.ask(world, &|| once().map_err(not_again)).0
    }

    /// A batch, as it is now. Free. `None` when there is none of this id.
    pub(crate) fn batch(&self, world: &World, id: &str) -> Result<Option<Batch>, Setback> {
        let api = self.api()?;
        let address = of_id(api, id);
        api.look(world, &|| Question::get(&address).limit(LARGEST_LIST), &|answer| {
            if answer.status == 404 {
                return Ok(None);
            }
            Batch::read(&api.judged(answer)?).map(Some).ok_or_else(Miss::odd)
        })
    }

    /// The newest batches, at most a hundred. Free. `None` where there is no such list: a machine between here and Claude
    /// may not know it. Without a list nobody knows whether a batch is there: that is an
    /// error, for else it would be paid for twice.
    pub(crate) fn batches(&self, world: &World) -> Result<Option<Vec<Batch>>, Setback> {
        let api = self.api()?;
        let address = api.access.address(PATH).with_query("limit", "100");
        api.look(world, &|| Question::get(&address).limit(LARGEST_LIST), &|answer| {
            if answer.status == 404 {
                return Ok(None);
            }
            let list = api.judged(answer)?;
            let batches = list["data"].as_array().ok_or_else(Miss::odd)?;
            Ok(Some(batches.iter().filter_map(Batch::read).collect()))
        })
    }

    /// What became of each request of a batch that has ended, by its id. Free. `None` when that is not known.
    pub(crate) fn results(
        &self,
        world: &World,
        batch: &Batch,
    ) -> Result<Option<Vec<(String, Fate)>>, Setback> {
        let api = self.api()?;
        let told = batch.results.as_deref().and_then(|url| api.access.own_address(url));
        let address = told.unwrap_or_else(|| below(&of_id(api, &batch.id), "results"));
        let question = || Question::get(&address).limit(LARGEST_RESULTS).large().within(api.timeout);
        api.look(world, &question, &|answer| {
            if answer.status == 404 {
                return Ok(None);
            }
            api.good(answer)?;
            Ok(Some(results(api, &answer.body)))
        })
    }
}

fn of_id(api: &Api, id: &str) -> Address {
    below(&api.access.address(PATH), id)
}

fn below(address: &Address, name: &str) -> Address {
    // An http address has a path.
    address.below(name).unwrap_or_else(|| address.clone())
}

/// Nothing is submitted again that may be there.
fn not_again(miss: Miss) -> Miss {
    if miss.is_harmless {
        return miss;
    }
    let setback = match miss.setback {
        Setback::Request(why) | Setback::Run(why) => {
            Setback::Run(format!("{why}; the batch may have been submitted all the same"))
        }
        Setback::Ended => Setback::Ended,
    };
    Miss { setback, again: Again::Never, ..miss }
}

impl Batch {
    fn read(batch: &Value) -> Option<Batch> {
        let id = batch["id"].as_str()?;
        let is_id = (1..=200).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        let counts = batch["request_counts"].as_object();
        let sum = |sum: u64, count: &Value| sum.saturating_add(count.as_u64().unwrap_or(0));
        is_id.then(|| Batch {
            id: id.to_owned(),
            is_ended: batch["processing_status"] == "ended",
            requests: counts.map_or(0, |counts| counts.values().fold(0, sum)),
            results: batch["results_url"].as_str().map(str::to_owned),
        })
    }
}

/// Each line that says what became of a request; of two lines for the same the first counts.
fn results(api: &Api, body: &[u8]) -> Vec<(String, Fate)> {
    let mut seen = BTreeSet::new();
    let mut unreadable = 0;
    let lines = body.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    let results = lines.filter_map(|line| {
        let result = serde_json::from_slice::<Value>(line).ok();
        let result = result
            .and_then(|line| Some((line["custom_id"].as_str()?.to_owned(), fate(api, &line["result"]))));
        unreadable += u32::from(result.is_none());
        result.filter(|(id, _)| seen.insert(id.clone()))
    });
    let results = results.collect();
    if unreadable > 0 {
        log::warn!("Claude: lines of the batch's results that cannot be read: {unreadable}");
    }
    results
}

fn fate(api: &Api, result: &Value) -> Fate {
    match result["type"].as_str() {
        Some("succeeded") => match api.message(&result["message"]) {
            Some(message) => Fate::Answered(message),
            None => Fate::Unanswered("Claude: its answer in the batch cannot be read".to_owned()),
        },
        Some("errored") => match refusal::of_batch(&result["error"]) {
            (why, true) => Fate::Refused(why),
            (why, false) => Fate::Unanswered(why),
        },
        Some("expired") => Fate::Unanswered("Claude: the batch expired before its turn came".to_owned()),
        Some("canceled") => {
            Fate::Unanswered("Claude: the batch was cancelled before its turn came".to_owned())
        }
        _ => Fate::Unanswered(format!("Claude: the batch says only \"{}\"", name(&result["type"]))),
    }
}
