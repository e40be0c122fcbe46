//! libFuzzer on one of the targets, which the variable EFSBACKUP_FUZZ names.

#![no_main]

mod targets;

use std::sync::OnceLock;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    static TARGET: OnceLock<targets::Target> = OnceLock::new();
    let target = TARGET.get_or_init(|| {
        let name = std::env::var("EFSBACKUP_FUZZ").unwrap_or_default();
        let found = targets::TARGETS.iter().find(|(known, _)| *known == name);
        found.unwrap_or_else(|| panic!("EFSBACKUP_FUZZ={name} is no target")).1
    });
    target(bytes);
});
