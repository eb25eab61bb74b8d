//! All repairs in one transaction, each only when things still are as they were seen.

use super::find::Places;
use super::records::{clean, paths};
use super::{Orphan, Repair, Seen};
use crate::config::tables;
use crate::engine::apply::Permit;
use crate::engine::report::Outcome;
use crate::world::World;
use crate::world::database::{Session, Value, values_list};
use crate::world::files::{Checksum, Find, Presence};
use anyhow::Result;
use std::collections::HashMap;

/// Rows written by one statement: SQLite looks each parameter up among all by its name.
const AT_ONCE: usize = 100;
/// A record holds a name of at most so many characters.
const LONGEST_NAME: usize = 200;

const CHANGED: Outcome = Outcome::Skipped(std::borrow::Cow::Borrowed("changed since it was looked at"));

/// Reads the new files, then changes the records in a transaction that is as short as can be.
pub(super) fn apply(repairs: &[Repair], world: &World, permit: &Permit) -> Result<Vec<Outcome>> {
    // Whether the storage may be empty was decided when it was looked at.
    let places = Places::of(world, true)?;
    let outcomes = vec![CHANGED; repairs.len()];
    let mut work = Work { repairs, outcomes, world, places: &places };
    let sums = work.checksums()?;
    let mut changing = places.database.change(world, permit)?;
    work.insert_all(&mut changing, sums)?;
    work.update_all(&mut changing, &LOST)?;
    work.update_all(&mut changing, &BACK)?;
    if world.stop.reason().is_some() {
        anyhow::bail!("the run was ended");
    }
    changing.commit()?;
    Ok(work.outcomes)
}

/// A change of status, and when it is right.
struct Change {
    from: &'static str,
    to: &'static str,
    presence: Presence,
    of: fn(&Repair) -> Option<&Seen>,
    message: fn(&Seen) -> String,
}

const LOST: Change = Change {
    from: "completed",
    to: "file_missing",
    presence: Presence::Missing,
    of: |repair| if let Repair::Mark(seen) = repair { Some(seen) } else { None },
    message: |seen| format!("Fichier physique non trouvé: {}", seen.relative()),
};

const BACK: Change = Change {
    from: "file_missing",
    to: "completed",
    presence: Presence::There,
    of: |repair| if let Repair::Restore(seen) = repair { Some(seen) } else { None },
    message: |_| String::new(),
};

/// A file whose record is to be made: its place among the repairs, and its checksum.
type New<'r> = (usize, &'r Orphan, String);

struct Work<'r> {
    repairs: &'r [Repair],
    /// As many as repairs.
    outcomes: Vec<Outcome>,
    world: &'r World,
    places: &'r Places,
}

impl<'r> Work<'r> {
    /// Reads the files that are to have a record.
    fn checksums(&mut self) -> Result<Vec<New<'r>>> {
        let orphans = self.repairs.iter().enumerate().filter_map(|(index, repair)| match repair {
            Repair::Record { orphan, .. } => Some((index, orphan)),
            _ => None,
        });
        let orphans: Vec<(usize, &Orphan)> = orphans.collect();
        let finds: Vec<&Find> = orphans.iter().map(|(_, orphan)| &orphan.find).collect();
        let sums = self.world.files.checksums(&finds, &|| self.world.stop.reason().is_some())?;
        let mut new = Vec::with_capacity(orphans.len());
        for ((index, orphan), sum) in orphans.into_iter().zip(sums) {
            match sum {
                Checksum::Sum(sum) => new.push((index, orphan, sum)),
                Checksum::Changed => {}
                Checksum::BeingWritten => {
                    self.outcomes[index] = Outcome::Skipped("a process is writing it".into());
                }
                Checksum::Failed(why) => self.outcomes[index] = Outcome::Failed(why.into()),
                Checksum::Stopped => anyhow::bail!("the run was ended"),
            }
        }
        Ok(new)
    }

    /// Makes the records, unless somebody else has made them meanwhile.
    fn insert_all(&mut self, changing: &mut Session<'_>, mut new: Vec<New<'r>>) -> Result<()> {
        if new.is_empty() {
            return Ok(());
        }
        let backups = changing.table(&tables::BACKUPS)?;
        changing.lock(&backups)?;
        new.sort_unstable_by_key(|(_, orphan, _)| &orphan.path);
        let mut is_taken = vec![false; new.len()];
        paths(changing, |stored| {
            let clean = clean(stored);
            let path = self.places.bases.relative(&clean);
            if let Ok(place) = new.binary_search_by_key(&path, |(_, orphan, _)| &*orphan.path) {
                is_taken[place] = true;
            }
        })?;
        let mut is_taken = is_taken.into_iter();
        new.retain(|(index, orphan, _)| {
            let is_unchanged = self.world.files.is_unchanged(&orphan.find).unwrap_or_else(|why| {
                self.outcomes[*index] = Outcome::Failed(why.into());
                false
            });
            is_taken.next() == Some(false) && is_unchanged
        });
        new.sort_unstable_by_key(|(index, ..)| *index);
        new.chunks(AT_ONCE).try_for_each(|new| self.insert(changing, new))
    }

    fn insert(&mut self, changing: &mut Session<'_>, new: &[New<'_>]) -> Result<()> {
        let table = changing.table(&tables::BACKUPS)?;
        let (columns, [id, path]) =
            (table.columns(tables::OF_A_NEW_BACKUP)?, table.columns(["id", "file_path"])?);
        // The time and the owner are the same for all.
        let row = |row: usize| {
            let [name, path, size, sum] = [3, 4, 5, 6].map(|number| number + row * 4);
            format!("(${name}, 'full', 'completed', ${path}, ${size}, ${sum}, $1, $1, 0, '{{}}', '', $1, $2)")
        };
        let sql = format!(
            "INSERT INTO {} ({}) VALUES {} RETURNING {id}, {path}",
            table.name(),
            columns.join(", "),
            (0..new.len()).map(row).collect::<Vec<_>>().join(", ")
        );
        let mut values = vec![Value::from(self.world.clock.now()), Value::Null];
        let mut places = HashMap::new();
        for (index, orphan, sum) in new {
            let Repair::Record { user, .. } = &self.repairs[*index] else { continue };
            values[1] = Value::from(*user);
            let size = i64::try_from(orphan.find.size).unwrap_or(i64::MAX);
            values.extend([name_of(orphan).into(), orphan.path[..].into(), size.into(), sum[..].into()]);
            places.insert(&orphan.path[..], *index);
        }
        let outcomes = &mut self.outcomes;
        changing.rows(&sql, &values, |row| {
            if let Some(index) = places.get(row.text(1)?) {
                outcomes[*index] = Outcome::Done(format!("backup {}", row.integer(0)?).into());
            }
            Ok(())
        })
    }

    /// Changes the status of records that are as they were seen.
    fn update_all(&mut self, changing: &mut Session<'_>, change: &Change) -> Result<()> {
        let mut seen = Vec::new();
        for (index, repair) in self.repairs.iter().enumerate() {
            let Some(record) = (change.of)(repair) else { continue };
            match self.places.presence(self.world, &record.path, record.relative()) {
                presence if presence == change.presence => seen.push((index, record)),
                Presence::Unknown(why) => self.outcomes[index] = Outcome::Failed(why.into()),
                _ => {}
            }
        }
        // Neighbours in the table lie together in its indexes, too.
        seen.sort_unstable_by_key(|(_, record)| record.id);
        seen.chunks(AT_ONCE).try_for_each(|seen| self.update(changing, change, seen))
    }

    fn update(&mut self, changing: &mut Session<'_>, change: &Change, seen: &[(usize, &Seen)]) -> Result<()> {
        let table = changing.table(&tables::BACKUPS)?;
        let ([id, path, status, message], name) =
            (table.columns(["id", "file_path", "status", "error_message"])?, table.name());
        let list = values_list(&["bigint", "text", "text"], seen.len(), 1);
        let Change { from, to, message: words, .. } = change;
        // `|| ''` keeps SQLite from going through all records of that status for each statement.
        let sql = format!(
            "WITH seen(id, path, message) AS (VALUES {list})
             UPDATE {name} SET {status} = '{to}', {message} = seen.message FROM seen
             WHERE {name}.{id} = seen.id AND {name}.{path} = seen.path AND {name}.{status} || '' = '{from}'
             RETURNING {name}.{id}"
        );
        let mut values = Vec::with_capacity(seen.len() * 3);
        let mut places = HashMap::new();
        for (index, seen) in seen {
            values.extend([seen.id.into(), seen.path[..].into(), words(seen).into()]);
            places.insert(seen.id, *index);
        }
        let outcomes = &mut self.outcomes;
        changing.rows(&sql, &values, |row| {
            if let Some(index) = places.get(&row.integer(0)?) {
                outcomes[*index] = Outcome::DONE;
            }
            Ok(())
        })
    }
}

/// What the original calls the record of a file that it found.
fn name_of(orphan: &Orphan) -> String {
    let stem = &orphan.path[orphan.stem.clone()];
    let is_backup = stem.to_lowercase().contains("backup");
    let kind = if is_backup { "Sauvegarde_Récupérée" } else { "Sauvegarde_Orpheline" };
    format!("{kind}_{stem}").chars().take(LONGEST_NAME).collect()
}
