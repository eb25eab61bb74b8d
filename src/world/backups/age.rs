//! age(1): what encrypts a backup, and decrypts it again.

use crate::config::secret::SecretRef;
use crate::error::Problem;
use crate::text;
use crate::world::World;
use crate::world::command::hide;
use crate::world::command::stream::Streamed;
use crate::world::command::whisper::Whisper;
use crate::world::programs;
use anyhow::{Result, bail};
use secrecy::ExposeSecret as _;
use std::process::Command;

/// What is shown of its complaint.
const LONGEST_REASON: usize = 300;

/// What encrypts for all recipients; `None` when there is none.
pub(super) fn encryption(world: &World) -> Result<Option<Command>> {
    let recipients = &world.config.backup.recipients;
    if recipients.is_empty() {
        return Ok(None);
    }
    let mut command = program(world)?;
    for recipient in recipients {
        command.args(["-r", recipient]);
    }
    Ok(Some(command))
}

/// What decrypts with the key that `[backup] identity` names. The key lives as long as what is returned beside it.
pub(super) fn decryption(world: &World) -> Result<(Command, Option<Whisper>)> {
    let identity = world.config.backup.identity.as_ref().ok_or_else(|| {
        Problem::usage("this backup is encrypted: name the key that reads it as `identity` in [backup]")
    })?;
    let mut command = program(world)?;
    command.args(["-d", "-i"]);
    if let SecretRef::File(path) = identity {
        command.arg(world.root.join(path));
        return Ok((command, None));
    }
    let key = world.secret(identity).ok_or_else(|| {
        Problem::usage(format!("the key that reads backups is missing: set {}", identity.place()))
    })?;
    let key = Whisper::of(&format!("{}\n", key.expose_secret()))?;
    command.arg(key.path());
    Ok((command, Some(key)))
}

/// Whether it ended well; else an error with its own words and the cure.
pub(super) fn judge(ended: &Streamed) -> Result<()> {
    if ended.complaints.contains("no identity matched") {
        return Err(Problem::usage(
            "encrypted for another key: name the one that reads it as `identity` in [backup]",
        ));
    }
    // The last line asks to report what is unexpected.
    let why = ended.complaints.lines().find_map(|line| line.strip_prefix("age: error: "));
    match why.filter(|_| !ended.status.success()) {
        Some(why) => bail!("age: {}", text::cut(&text::escape(why), LONGEST_REASON)),
        None => ended.check("age"),
    }
}

fn program(world: &World) -> Result<Command> {
    let path = programs::find_here("age");
    let path = path.ok_or_else(|| Problem::usage("age is not installed: install the package age"))?;
    #[expect(clippy::disallowed_methods, reason = "this is World")]
    let mut command = Command::new(path);
    hide(&mut command, world.secrets().variables(), &[]);
    Ok(command)
}
