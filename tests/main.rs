//! One program for all integration tests: they run the built `maint` in a sealed environment.
#![expect(clippy::disallowed_methods, reason = "tests prepare and inspect the world themselves")]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod support;

/// A test file that is not listed above would never run.
#[test]
fn every_test_file_is_part_of_the_program() {
    let list = include_str!("main.rs");
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let module = name.trim_end_matches(".rs");
        // insta leaves a hidden file beside a test whose snapshot differs.
        if module != "main" && !name.starts_with('.') {
            assert!(list.contains(&format!("mod {module};")), "tests/{name} is not listed in tests/main.rs");
        }
    }
}

mod alerts;
mod alerts_findings;
mod alerts_healthchecks;
mod alerts_mail;
mod all_due;
mod archive_logs;
mod as_cron;
mod ascl_contexts;
mod ascl_contexts_hostile;
mod ascl_contexts_kill;
mod ascl_refresh;
mod ascl_refresh_kill;
mod ascl_refresh_recorded;
mod ascl_refresh_upstream;
mod audit;
mod backup;
mod backup_kill;
mod backup_service;
mod cancel;
mod check;
mod check_access;
mod check_docker;
mod check_export;
mod check_servers;
mod cleanup_stuck;
mod cleanup_stuck_recorded;
mod cleanup_temp;
mod cleanup_temp_recorded;
mod cleanup_temp_safety;
mod command_line;
mod configuration;
mod consistency;
mod crontab_cases;
mod crontab_commands;
mod crontab_foreign;
mod crontab_kill;
mod crontab_odd;
mod crontab_presets;
mod crontab_real;
mod databases;
mod demo;
mod deploy;
mod deploy_real;
mod docker_prune;
mod doctor;
mod documentation;
mod dry_run;
mod expire_logs;
mod failing_calls;
mod history;
mod init;
mod locks;
mod metrics;
mod notify_devis;
mod notify_devis_recorded;
mod pause;
mod queue;
mod queue_stop;
mod rebuild_paths;
mod rebuild_paths_recorded;
mod render;
mod restore;
mod restore_kill;
mod restore_postgres;
mod restore_room;
mod restore_volumes;
mod run;
mod secrets;
mod serve_access;
mod serve_bot;
mod serve_limits;
mod serve_page;
mod serve_page_fiches;
mod serve_page_looks;
mod serve_proxy;
mod serve_recorded;
mod serve_runs;
mod serve_schema;
mod services;
mod signals;
mod state;
mod status;
mod trim_logs;
mod trim_logs_live;
mod update_fiches;
mod update_fiches_again;
mod update_fiches_bad_input;
mod update_fiches_batch;
mod update_fiches_kill;
mod update_fiches_secrets;
mod update_fiches_upstream;
mod vacuum_db;
mod why;
