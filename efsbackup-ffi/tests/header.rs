//! `include/efsbackup.h` is what the source says.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::{env, fs};

const HEADER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../include/efsbackup.h");

/// Files with their option structs.
const OPTIONS: [(&str, &str); 11] = [
    ("mirror_options", "mirror_options"),
    ("backup_options", "backup_options"),
    ("mount_options", "mount_options"),
    ("definition_options", "read_options"),
    ("definition_options", "resolve_options"),
    ("definition_options", "draw_options"),
    ("definition_options", "simulate_options"),
    ("service_options", "call_options"),
    ("service_options", "plan_options"),
    ("service_options", "run_options"),
    ("service_options", "aws_options"),
];

/// The header as it should be.
fn generate() -> String {
    let crate_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut config = cbindgen::Config::from_file(crate_dir.join("cbindgen.toml")).unwrap();
    let initializers = OPTIONS.map(|(file, name)| {
        let source = fs::read_to_string(crate_dir.join("src").join(file).with_extension("rs"));
        initializer(name, &source.unwrap())
    });
    config.after_includes = Some(format!("{}\n\n{}", versions(), initializers.join("\n\n")));
    let mut bytes = Vec::new();
    let builder = cbindgen::Builder::new().with_crate(crate_dir).with_config(config);
    builder.generate().unwrap().write(&mut bytes);
    // rustdoc's heading for what the caller must see to; C has no such custom.
    String::from_utf8(bytes)
        .unwrap()
        .replace(" * # Safety\n *\n * ", " * Requires: ")
        .replace(" * # Safety\n * ", " * Requires: ")
}

/// The version constants, from Cargo.toml.
fn versions() -> String {
    let parts = [
        ("MAJOR", env!("CARGO_PKG_VERSION_MAJOR")),
        ("MINOR", env!("CARGO_PKG_VERSION_MINOR")),
        ("PATCH", env!("CARGO_PKG_VERSION_PATCH")),
    ];
    let mut text = String::from("\n/**\n * The version of this header.\n */\n");
    text += &format!("#define EFSB_VERSION \"{}\"\n", env!("CARGO_PKG_VERSION"));
    let mut number = 0;
    for (name, value) in parts {
        text += &format!("#define EFSB_VERSION_{name} {value}\n");
        number = number << 8 | value.parse::<u32>().unwrap();
    }
    text +=
        "/**\n * The version of this header as one number that can be compared: 0x00MMmmpp.\n */\n";
    text + &format!("#define EFSB_VERSION_NUMBER 0x{number:06x}")
}

/// `EFSB_…_OPTIONS_INIT`, with a value for each field, so that no compiler warns of missing
/// ones.
fn initializer(name: &str, source: &str) -> String {
    let body = source.split_once(&format!("pub struct efsb_{name} {{\n")).unwrap().1;
    let body = body.split_once("\n}").unwrap().0;
    let fields = body.lines().filter_map(|line| line.trim().strip_prefix("pub "));
    let values: Vec<_> = fields
        .map(|field| match field.split_once(": ").unwrap() {
            ("size", _) => format!("sizeof(efsb_{name})"),
            (_, "efsb_progress_fn," | "efsb_log_fn,") => "NULL".to_owned(),
            (_, kind) if kind.starts_with('*') => "NULL".to_owned(),
            (_, kind) if kind.starts_with('[') => "{ 0 }".to_owned(),
            _ => "0".to_owned(),
        })
        .collect();
    let constant = name.to_uppercase();
    let values = values.join(", ");
    format!(
        "/**\n * The default: `efsb_{name} options = EFSB_{constant}_INIT;`\n */\n\
         #define EFSB_{constant}_INIT \\\n  {{ {values} }}"
    )
}

#[test]
fn the_header_is_what_the_source_says() {
    let generated = generate();
    if env::var_os("EFSB_WRITE_HEADER").is_some() {
        fs::write(HEADER, &generated).unwrap();
    }
    let committed = fs::read_to_string(HEADER).unwrap_or_default();
    assert!(committed == generated, "include/efsbackup.h is out of date: run `make header`");
}
