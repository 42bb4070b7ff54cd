//! The catalogue says what the blocks are.

use skipopu_config::Config;
use skipopu_hw::catalogue::catalogue;
use std::collections::BTreeSet;
use std::path::Path;

const PRESETS: [&str; 4] = ["tiny", "cosim", "u280", "u280-paper"];

#[test]
fn every_row_builds_for_every_preset_and_states_the_latency_of_its_block() {
    let mut compared = 0;
    for preset in PRESETS {
        let config = Config::resolve(preset).unwrap();
        for entry in catalogue().filter(|e| e.serves(&config).is_ok()) {
            let design = entry
                .design(&config, "top")
                .unwrap_or_else(|e| panic!("{} of {preset}: {e}", entry.name));
            // Some blocks have a latency per port and state none in their header.
            if let Some(latency) = design.top().latency {
                let row = (entry.latency)(&config);
                assert_eq!(row, Some(latency), "latency of {} in {preset}", entry.name);
                compared += 1;
            }
        }
    }
    assert!(compared > 0);
}

#[test]
fn names_are_distinct_and_tests_exist() {
    let mut names = BTreeSet::new();
    for entry in catalogue() {
        assert!(names.insert(entry.name), "two blocks are called {}", entry.name);
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        assert!(entry.name.chars().all(plain), "{}", entry.name);
        let file = entry.test.strip_prefix("skipopu-hw::").and_then(|t| t.split("::").next());
        let file = file.unwrap_or_else(|| panic!("test of {}: {}", entry.name, entry.test));
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/{file}.rs"));
        assert!(path.is_file(), "test of {}: {} does not exist", entry.name, path.display());
    }
    assert!(!names.is_empty());
}
