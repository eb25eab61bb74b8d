//! What an exchange promises.

use super::*;
use crate::world::stop;
use std::fs;
use std::io::Write as _;

/// A file, and its successor that is ready.
fn begun(folder: &Path) -> (PathBuf, Exchange) {
    let path = folder.join("app.db");
    fs::write(&path, "old").unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
    let mut exchange = Exchange::begin(&path, &Permit::of_a_test()).unwrap();
    exchange.file().write_all(b"new").unwrap();
    exchange.look().unwrap();
    (path, exchange)
}

fn names(folder: &Path) -> usize {
    fs::read_dir(folder).unwrap().count()
}

#[test]
fn the_new_file_takes_the_place_and_the_mode_of_the_old_one_and_nothing_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let (path, exchange) = begun(folder.path());
    exchange.finish(&[]).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"new");
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o640);
    assert_eq!(names(folder.path()), 1);
}

#[test]
fn a_file_that_is_open_that_has_changed_or_whose_log_holds_something_stays() {
    let folder = tempfile::tempdir().unwrap();
    let stays = |disturb: &dyn Fn(&Path) -> Option<File>, why: &str| {
        let (path, exchange) = begun(folder.path());
        let open = disturb(&path);
        let kept = exchange.finish(&[folder.path().join("app.db-wal")]).unwrap_err();
        assert!(kept.0.contains(why), "{}", kept.0);
        assert!(fs::read(&path).unwrap().starts_with(b"old"));
        drop(open);
    };
    stays(&|path| File::open(path).ok(), "has it open");
    stays(&|path| fs::write(path, "old and more").ok().and(None), "changed");
    stays(&|path| fs::write(path, "older").ok().and(None), "changed");
    stays(
        &|path| {
            fs::rename(path, folder.path().join("x")).and_then(|()| fs::write(path, "old")).ok().and(None)
        },
        "changed",
    );
    stays(&|path| fs::write(path.with_extension("db-wal"), "x").ok().and(None), "used it");
}

#[test]
fn a_file_with_a_second_name_or_a_second_opener_is_not_begun() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.db");
    fs::write(&path, "old").unwrap();
    let begin = || Exchange::begin(&path, &Permit::of_a_test()).unwrap_err().0;
    let open = File::open(&path).unwrap();
    assert!(begin().contains("has it open"));
    drop(open);
    fs::hard_link(&path, folder.path().join("b.db")).unwrap();
    assert!(begin().contains("hard link"));
    assert_eq!(names(folder.path()), 2);
}

#[test]
fn who_has_come_to_the_old_file_at_the_last_moment_is_seen() {
    stop::survive().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (path, exchange) = begun(folder.path());
    hold(&exchange.old).unwrap();
    assert!(lease::is_ours(exchange.old.as_fd()));
    std::thread::scope(|scope| {
        // It waits in the kernel until the lease is given back.
        let late = scope.spawn(|| fs::read(&path).unwrap());
        while lease::is_ours(exchange.old.as_fd()) {
            std::thread::sleep(Duration::from_millis(1));
        }
        exchange.swap().unwrap();
        assert!(!exchange.is_settled());
        exchange.swap().unwrap();
        drop(exchange);
        assert_eq!(late.join().unwrap(), b"old");
    });
    assert_eq!(fs::read(&path).unwrap(), b"old");
    assert_eq!(names(folder.path()), 1);
}
