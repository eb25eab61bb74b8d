//! `maint backup` of a database that runs in a container of the site.

use crate::support::docker::{Form, StandIn};
use crate::support::{Site, run};
use serde_json::json;
use std::fs;

#[test]
fn its_own_programs_dump_it_and_compose_is_asked_once_who_it_is() {
    for form in Form::ALL {
        let site = Site::new(
            "[compose]\nproject = \"bot\"\n[databases.app]\nurl = \"postgres://app@db/app\"\nservice = \"db\"\n",
        );
        fs::write(site.path("docker-compose.yml"), "services:\n  db:\n    image: postgres\n").unwrap();
        let stand_in = StandIn::of(&site, form, &["db"]);
        stand_in.container("db", "programs", json!({"pg_dump": {"stdout": "PGDMP"}, "pg_restore": {}}));
        let _ = run(&mut stand_in.command(&site, &["backup", "db"])).exits(0);
        let calls = stand_in.calls();
        let of = |word: &str| calls.iter().filter(|call| call.contains(word)).count();
        assert_eq!((of("pg_dump"), of("pg_restore"), of(" ps ")), (1, 1, 1), "{calls:#?}");
        stand_in.container("db", "programs", json!({}));
        let failed = run(&mut stand_in.command(&site, &["backup", "db"])).exits(1);
        assert!(failed.stderr.contains("there is no pg_dump in the container"), "{}", failed.stderr);
    }
}
