//! `maint init`.

use crate::support::Site;

#[test]
fn a_new_site_is_named_after_its_folder_and_its_configuration_is_sound() {
    let site = Site::bare();
    let _ = site.maint(&["init"]).exits(0);
    let text = std::fs::read_to_string(site.path("maint.toml")).unwrap();
    assert!(text.contains("name = \"site\""), "{text}");
    let check = site.maint(&["config", "check"]).exits(0);
    assert!(check.stdout.ends_with("is in order: site site, 1 job\n"), "{}", check.stdout);
}
