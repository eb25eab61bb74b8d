//! A dump put back: into a new database first, which then takes the name of the original in one transaction.

use super::tools::Tool;
use crate::error::{Problem, one_line};
use crate::text;
use crate::world::World;
use anyhow::{Result, bail};
use postgres::Config;
use std::io::Read;
use std::time::Duration;

/// What the names of the databases end in that are only there meanwhile.
const NEW: &str = "_maint_restore";
const OLD: &str = "_maint_old";
/// PostgreSQL cuts off what is longer.
const LONGEST_NAME: usize = 63;
/// Databases to be connected to while the one itself is renamed.
const NEUTRAL: [&str; 2] = ["postgres", "template1"];
/// Whoever connects again before the names are changed is sent away again.
const TRIES: u32 = 5;
/// What must be brought to its end takes no longer.
const LIMIT: Duration = Duration::from_secs(120);

/// The server of a database of the site.
#[derive(Clone, Copy)]
pub(in crate::world::database) struct Server<'a> {
    pub(in crate::world::database) world: &'a World,
    pub(in crate::world::database) config: &'a Config,
    pub(in crate::world::database) service: Option<&'a str>,
    /// What the configuration calls the database.
    pub(in crate::world::database) name: &'a str,
}

/// A database that is to take the place of another, or a new name. It is dropped when that does not happen.
pub(in crate::world::database) struct Filled<'a> {
    server: Server<'a>,
    neutral: &'static str,
    target: String,
    tables: String,
    is_over: bool,
}

/// What this user may do besides making databases.
struct Rights {
    is_superuser: bool,
}

impl<'a> Server<'a> {
    /// The database of the address.
    pub(in crate::world::database) fn dbname(&self) -> &'a str {
        self.config.get_dbname().or(self.config.get_user()).unwrap_or("postgres")
    }

    /// True when it has a database of this name.
    pub(in crate::world::database) fn has(&self, dbname: &str) -> Result<bool> {
        let neutral = self.neutral()?;
        self.has_from(neutral, dbname)
    }

    fn has_from(&self, neutral: &str, dbname: &str) -> Result<bool> {
        let sql = format!("SELECT count(*) FROM pg_database WHERE datname = {}", literal(dbname));
        Ok(self.ask(neutral, &sql)? == "1")
    }

    /// A database that is neither the original nor the new one.
    fn neutral(&self) -> Result<&'static str> {
        let mut why = None;
        for neutral in NEUTRAL {
            match self.ask(neutral, "SELECT 1") {
                Ok(_) => return Ok(neutral),
                Err(error) => why = why.or(Some(error)),
            }
        }
        Err(why.unwrap_or_else(|| Problem::usage("the server has no database to connect to")))
    }

    /// Fills a new database with a dump; it is to take the place of `target`. Leftovers of a run that was killed go first.
    pub(in crate::world::database) fn fill(self, target: &str, content: &mut dyn Read) -> Result<Filled<'a>> {
        let neutral = self.neutral()?;
        let rights = self.rights(neutral)?;
        self.settle(neutral, target)?;
        let mut filled = Filled {
            server: self,
            neutral,
            target: target.to_owned(),
            tables: String::new(),
            is_over: false,
        };
        let new = temporary(target, NEW);
        self.create(neutral, &new)?;
        let mut words = vec!["--exit-on-error"];
        if !rights.is_superuser {
            // Who is not may give nothing away.
            words.push("--no-owner");
        }
        // Not in one transaction: each large object would take a lock, of which a server has a few thousand.
        Tool::of(self.world, "pg_restore", (self.config, &new), self.service)?
            .words(words)
            .feed(self.world, content)?;
        let count = "SELECT count(*) FROM pg_class JOIN pg_namespace AS space ON space.oid = relnamespace
            WHERE relkind IN ('r', 'p') AND nspname NOT IN ('pg_catalog', 'information_schema') AND nspname NOT LIKE 'pg\\_t%'";
        let tables = self.ask(&new, count)?.parse().unwrap_or(0);
        filled.tables = text::plural(tables, "table");
        Ok(filled)
    }

    /// Refuses a user who may not make the database that a restore needs.
    pub(in crate::world::database) fn refuse_without_rights(&self) -> Result<()> {
        self.rights(self.neutral()?).map(drop)
    }

    fn rights(&self, neutral: &str) -> Result<Rights> {
        let sql = "SELECT rolsuper, rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user";
        let said = self.ask(neutral, sql)?;
        if !said.ends_with('t') {
            let role = text::escape(self.config.get_user().unwrap_or("of this user")).into_owned();
            bail!(
                "the database {} cannot be restored beside the original: the role {role} may not make databases; allow it: ALTER ROLE {role} CREATEDB",
                self.name
            );
        }
        Ok(Rights { is_superuser: said.starts_with('t') })
    }

    /// What a run that was killed has left: before the names were changed nothing has happened, afterwards only the old
    /// one is still to go.
    pub(in crate::world::database) fn settle(&self, neutral: &str, target: &str) -> Result<()> {
        let (new, old) = (temporary(target, NEW), temporary(target, OLD));
        if !self.has_from(neutral, target)? && self.has_from(neutral, &old)? {
            self.tell(neutral, &format!("ALTER DATABASE {} RENAME TO {};", name(&old), name(target)))?;
        }
        for leftover in [new, old] {
            if self.has_from(neutral, &leftover)? {
                self.drop(neutral, &leftover)?;
            }
        }
        Ok(())
    }

    /// A database like the original: its owner, encoding, locale and settings, and who may connect to it.
    fn create(&self, neutral: &str, new: &str) -> Result<()> {
        let original = self.dbname();
        if !self.has_from(neutral, original)? {
            return self.tell(neutral, &format!("CREATE DATABASE {} TEMPLATE template0;", name(new)));
        }
        let (original, new_name, new) = (literal(original), name(new), literal(new));
        let of = "(SELECT to_jsonb(d) AS whole, d.* FROM pg_database AS d WHERE datname = ";
        self.tell(
            neutral,
            &format!(
                r"SELECT format('CREATE DATABASE %I TEMPLATE template0 OWNER %I ENCODING %L LC_COLLATE %L LC_CTYPE %L CONNECTION LIMIT %s',
    {new}, pg_get_userbyid(datdba), pg_encoding_to_char(encoding), datcollate, datctype, datconnlimit)
  || CASE d.whole->>'datlocprovider' WHEN 'i' THEN format(' LOCALE_PROVIDER icu ICU_LOCALE %L', coalesce(d.whole->>'daticulocale', d.whole->>'datlocale'))
      WHEN 'b' THEN format(' LOCALE_PROVIDER builtin BUILTIN_LOCALE %L', d.whole->>'datlocale') ELSE '' END
  || coalesce((SELECT format(' TABLESPACE %I', spcname) FROM pg_tablespace AS space WHERE space.oid = dattablespace AND spcname <> 'pg_default'), '')
  FROM {of}{original}) AS d \gexec
SELECT format('ALTER %s SET %I TO %s', CASE WHEN setrole = 0 THEN {database} ELSE format('ROLE %I IN %s', pg_get_userbyid(setrole), {database}) END,
    split_part(setting, '=', 1), CASE WHEN split_part(setting, '=', 1) IN ('search_path', 'temp_tablespaces', 'local_preload_libraries', 'session_preload_libraries')
      THEN substr(setting, strpos(setting, '=') + 1) ELSE quote_literal(substr(setting, strpos(setting, '=') + 1)) END)
  FROM pg_db_role_setting CROSS JOIN unnest(setconfig) AS setting WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = {original}) \gexec
SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', {new}) FROM pg_database WHERE datname = {original} AND datacl IS NOT NULL \gexec
SELECT format('GRANT %s ON DATABASE %I TO %s%s', privilege_type, {new}, CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END,
    CASE WHEN is_grantable AND grantee <> datdba THEN ' WITH GRANT OPTION' ELSE '' END)
  FROM pg_database CROSS JOIN aclexplode(datacl) WHERE datname = {original} \gexec
",
                database = literal(&format!("DATABASE {new_name}")),
            ),
        )
    }

    fn drop(&self, neutral: &str, dbname: &str) -> Result<()> {
        self.tell(neutral, &format!("{}\nDROP DATABASE IF EXISTS {};", send_away(dbname), name(dbname)))
    }

    /// The one value, or row, that a question gives.
    fn ask(&self, dbname: &str, sql: &str) -> Result<String> {
        let mut said = Vec::new();
        let tool = Tool::of(self.world, "psql", (self.config, dbname), self.service)?;
        tool.words(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql])
            .pour(self.world, &mut said)?;
        Ok(String::from_utf8_lossy(&said).trim_end_matches('\n').to_owned())
    }

    /// Carries out statements, each by itself.
    fn tell(&self, dbname: &str, sql: &str) -> Result<()> {
        let tool = Tool::of(self.world, "psql", (self.config, dbname), self.service)?;
        tool.words(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", "-"]).feed(self.world, &mut sql.as_bytes())
    }
}

impl Filled<'_> {
    /// The names change in one transaction; who is connected to the original is sent away.
    pub(in crate::world::database) fn take_place(mut self) -> Result<String> {
        let Filled { server, neutral, target, .. } = &self;
        anyhow::ensure!(server.world.stop.reason().is_none(), "the run was ended");
        let (new, old) = (temporary(target, NEW), temporary(target, OLD));
        let rename =
            |from: &str, to: &str| format!("ALTER DATABASE {} RENAME TO {};\n", name(from), name(to));
        let mut swap = String::new();
        if server.has_from(neutral, target)? {
            swap = format!("{}BEGIN;\n{}", send_away(target), rename(target, &old));
        } else {
            swap.push_str("BEGIN;\n");
        }
        swap.push_str(&rename(&new, target));
        swap.push_str("COMMIT;\n");
        for tries_left in (0..TRIES).rev() {
            match server.tell(neutral, &swap) {
                Ok(()) => break,
                Err(error) if tries_left == 0 || !one_line(&error).contains("being accessed") => {
                    return Err(error);
                }
                Err(_) => {}
            }
        }
        self.is_over = true;
        let world = self.server.world.to_the_end(LIMIT);
        let server = Server { world: &world, ..self.server };
        if let Err(error) = server.drop(self.neutral, &old) {
            log::warn!(
                "the database {} is left, which the next restore drops: {}",
                text::escape(&old),
                one_line(&error)
            );
        }
        Ok(self.tables.clone())
    }
}

impl Drop for Filled<'_> {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        let world = self.server.world.to_the_end(LIMIT);
        let server = Server { world: &world, ..self.server };
        if let Err(error) = server.drop(self.neutral, &temporary(&self.target, NEW)) {
            log::warn!("a database is left, which the next restore drops: {}", one_line(&error));
        }
    }
}

/// Ends the sessions of others.
fn send_away(dbname: &str) -> String {
    let dbname = literal(dbname);
    format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = {dbname} AND pid <> pg_backend_pid() \\g /dev/null\n"
    )
}

/// A name with this ending that is no longer than a name may be.
fn temporary(dbname: &str, ending: &str) -> String {
    let mut length = dbname.len().min(LONGEST_NAME - NEW.len());
    while !dbname.is_char_boundary(length) {
        length -= 1;
    }
    format!("{}{ending}", &dbname[..length])
}

fn name(dbname: &str) -> String {
    format!("\"{}\"", dbname.replace('"', "\"\""))
}

/// A text; with a backslash in it, in the form in which that is one sign.
fn literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if quoted.contains('\\') { format!("E'{}'", quoted.replace('\\', "\\\\")) } else { format!("'{quoted}'") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_for_the_meantime_is_never_too_long() {
        for dbname in ["app".to_owned(), "x".repeat(63), "é".repeat(31)] {
            let (new, old) = (temporary(&dbname, NEW), temporary(&dbname, OLD));
            assert!(new.len() <= LONGEST_NAME && old.len() <= LONGEST_NAME && new != old, "{new} {old}");
        }
        assert_eq!(literal(r"it's \ one"), r"E'it''s \\ one'");
    }
}
