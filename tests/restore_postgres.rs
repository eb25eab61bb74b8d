//! `maint restore` of a PostgreSQL database that holds much, or whose role may do little.

use crate::support::Site;
use crate::support::database::Database;

/// Runs a test on a PostgreSQL database that has a backup, when there is a server.
fn on_postgres(sql: &str, test: impl Fn(&Site, &Database, &str)) {
    Database::each("", |site, database| {
        let Database::Postgres(url) = database else { return };
        database.execute(sql);
        let _ = site.maint(&["backup", "db"]).exits(0);
        test(site, database, url);
    });
}

#[test]
fn a_database_with_more_large_objects_than_a_server_has_locks_comes_back() {
    let make = "SELECT lo_from_bytea(0, decode(md5(i::text), 'hex')) FROM generate_series(1, 6000) AS i";
    on_postgres(make, |site, database, _| {
        let content = "SELECT count(*), md5(string_agg(md5(lo_get(oid)), '' ORDER BY oid)) FROM pg_largeobject_metadata";
        let before = database.rows(content);
        database.execute("SELECT lo_unlink(oid) FROM pg_largeobject_metadata WHERE oid::bigint % 2 = 0");
        let _ = site.maint(&["restore", "db", "--force"]).exits(0);
        assert_eq!(database.rows(content), before);
    });
}

#[test]
fn a_role_that_may_not_make_databases_is_refused_before_anything_is_done() {
    on_postgres("CREATE TABLE t (a int); INSERT INTO t VALUES (1)", |site, database, url| {
        let (server, name) = url.rsplit_once('/').unwrap();
        let (scheme, host) = server.split_once("maint@").unwrap();
        let role = format!("weak_{name}");
        database.execute(&format!(
            "CREATE ROLE {role} LOGIN; ALTER DATABASE {name} OWNER TO {role}; UPDATE t SET a = 2"
        ));
        site.configure(&format!(
            "[site]\nname = \"test\"\n[state]\ndir = \"{}\"\n[databases.app]\nurl = \"{scheme}{role}@{host}/{name}\"\n",
            site.state().display()
        ));
        let before = site.tree("backups");
        for args in [&["restore", "db", "--force"][..], &["restore", "db", "--to", "beside"]] {
            let refused = site.maint(args).exits(1);
            let cure = format!("ALTER ROLE {role} CREATEDB");
            assert!(refused.complaint().contains(&cure), "{}", refused.stderr);
        }
        assert_eq!(site.tree("backups"), before, "a safety backup was made");
        assert_eq!(database.rows("SELECT a FROM t"), ["2"]);
    });
}
