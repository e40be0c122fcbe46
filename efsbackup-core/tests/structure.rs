//! What must hold of the code as a whole: which piece may name which, what a feature pulls
//! in, how long files are, where `unsafe` and lossy text may be, which types have examples.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The pieces of efsbackup-core, a floor a line, lowest first. A piece names only itself and
/// pieces on lower floors.
const FLOORS: &[&[&str]] = &[
    &["bytepath"],
    &["error", "cancel", "progress", "clock"],
    &["log"],
    &["aws"],
    &["expression"],
    &["pipeline"],
    &["mirror", "mount", "formats", "draw", "params"],
    &["snapshot", "deploy"],
    &["shard", "recipe", "engine", "worker", "wire"],
    &["run", "serve", "service", "simulate", "stack"],
    &["cli"],
];

/// The two halves, which never name each other.
const FILES: &[&str] = &["mirror", "mount", "snapshot", "shard"];
const DEFINITIONS: &[&str] = &[
    "aws",
    "expression",
    "pipeline",
    "params",
    "formats",
    "draw",
    "deploy",
    "recipe",
    "stack",
    "engine",
    "worker",
    "wire",
    "run",
    "serve",
    "service",
    "simulate",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every file below `dir` with one of these endings, but for what is built or hidden.
fn files(dir: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            if !name.starts_with('.') && !["target", "__pycache__", "build"].contains(&&*name) {
                found.extend(files(&path, endings));
            }
        } else if endings.iter().any(|ending| name.ends_with(ending)) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The file's path from the root of the repository.
fn name(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned()
}

/// A Rust file without its comment lines, each replaced by an empty line.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let lines =
        text.lines().map(|line| if line.trim_start().starts_with("//") { "" } else { line });
    lines.collect::<Vec<_>>().join("\n")
}

fn identifier(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    &text[..end]
}

/// The names at the crate's top level that the code uses through `crate::`.
fn names_used(code: &str) -> Vec<&str> {
    let mut names = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let rest = &code[at + "crate::".len()..];
        let Some(group) = rest.strip_prefix('{') else {
            names.push(identifier(rest));
            continue;
        };
        let mut depth = 0;
        let mut start = true;
        for (at, c) in group.char_indices() {
            match c {
                '}' if depth == 0 => break,
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 0 => start = true,
                c if start && depth == 0 && !c.is_whitespace() => {
                    names.push(identifier(&group[at..]));
                    start = false;
                }
                _ => {}
            }
        }
    }
    names
}

/// The names used through `super::super::…`, which may lead out of a piece too.
fn names_above(code: &str) -> Vec<&str> {
    let chains = code.match_indices("super::super::");
    chains.map(|(at, _)| identifier(code[at..].trim_start_matches("super::"))).collect()
}

#[test]
fn arrows_run_downwards() {
    let floors: BTreeMap<&str, usize> = FLOORS
        .iter()
        .enumerate()
        .flat_map(|(floor, pieces)| pieces.iter().map(move |piece| (*piece, floor)))
        .collect();
    let src = root().join("efsbackup-core/src");
    let mut wrong = Vec::new();
    let mut arrows = 0;
    for path in files(&src, &[".rs"]) {
        let inside = path.strip_prefix(&src).unwrap();
        let first = inside.iter().next().unwrap().to_str().unwrap();
        if first == "lib.rs" || first == "bin" {
            continue;
        }
        let piece = first.trim_end_matches(".rs");
        let Some(floor) = floors.get(piece) else {
            wrong.push(format!("{}: give the piece {piece} its floor", name(&path)));
            continue;
        };
        let code = code(&path);
        let re_exported = |used| match used {
            "Error" | "ErrorKind" | "Result" => "error",
            used => used,
        };
        let above = names_above(&code).into_iter().filter(|used| floors.contains_key(used));
        for used in names_used(&code).into_iter().map(re_exported).chain(above) {
            let Some(used_floor) = floors.get(used) else { continue };
            arrows += 1;
            let same_half = |half: &[&str]| half.contains(&piece) == half.contains(&used);
            let crosses = !same_half(FILES) && !same_half(DEFINITIONS) && piece != "cli";
            if used != piece && (used_floor >= floor || crosses) {
                wrong.push(format!("{}: {piece} must not name {used}", name(&path)));
            }
        }
    }
    assert!(arrows > 50, "only {arrows} arrows found: is the search broken?");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_search_for_arrows_sees_every_form() {
    let code = "use crate::a::b;\nuse crate::{c::{d, e}, f,\n g};\nlet x = crate::h::i();\n\
                use super::super::j::k; $crate::l; mycrate::m";
    assert_eq!(names_used(code), ["a", "c", "f", "g", "h", "l"]);
    assert_eq!(names_above(code), ["j"]);
}

/// The packages that efsbackup-core brings with these features.
fn packages(features: &str) -> Vec<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--locked", "-p", "efsbackup-core", "--no-default-features"])
        .args(["-F", features, "-e", "normal", "--prefix", "none", "--format", "{p}"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8(output.stderr).unwrap());
    let text = String::from_utf8(output.stdout).unwrap();
    let mut packages: Vec<String> =
        text.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect();
    packages.sort();
    packages.dedup();
    packages
}

#[test]
fn a_feature_brings_nothing_it_does_not_need() {
    let heavy = ["aws", "tokio", "hyper", "rustls", "ring", "openssl"];
    let text = ["serde", "serde_json", "saphyr", "clap", "rusqlite", "jiff"];
    let cases: &[(&str, Vec<&str>)] = &[
        ("mirror", [&heavy[..], &text[..]].concat()),
        ("mount", [&heavy[..], &text[..]].concat()),
        ("snapshot", [&heavy[..], &["clap", "rusqlite", "saphyr", "hcl"]].concat()),
        (
            "pipeline",
            [&heavy[..], &["clap", "rusqlite", "rustix", "blake3", "saphyr", "hcl"]].concat(),
        ),
        ("cli", heavy.to_vec()),
        // One TLS stack, and no definition language.
        (
            "aws",
            vec!["openssl-sys", "aws-lc", "s2n", "native-tls", "clap", "rusqlite", "saphyr", "hcl"],
        ),
    ];
    for (feature, forbidden) in cases {
        let packages = packages(feature);
        assert!(packages.iter().any(|package| package == "efsbackup-core"));
        for package in packages {
            let base = |name: &str| package == name || package.starts_with(&format!("{name}-"));
            assert!(!forbidden.iter().any(|name| base(name)), "{feature} brings {package}");
        }
    }
}

#[test]
fn only_files_for_aws_name_its_sdk_and_it_brings_one_tls_stack() {
    let src = root().join("efsbackup-core/src");
    for path in files(&src, &[".rs"]) {
        let inside = path.strip_prefix(&src).unwrap();
        let of_aws = inside.iter().any(|part| part == "aws" || part == "aws.rs");
        let code = code(&path);
        let named = ["aws_sdk_", "aws_config", "aws_smithy_", "aws_credential_", "tokio::"];
        let named = named.into_iter().find(|name| code.contains(name));
        assert!(of_aws || named.is_none(), "{}: {named:?}", name(&path));
    }
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--locked", "-p", "efsbackup-core", "--no-default-features"])
        .args(["-F", "s3", "-e", "normal", "--prefix", "none", "--format", "{p}"])
        .current_dir(root())
        .output()
        .unwrap();
    let tree = String::from_utf8(tree.stdout).unwrap();
    for one in ["rustls v", "hyper v", "h2 v", "hyper-rustls v"] {
        let mut found: Vec<&str> = tree.lines().filter(|line| line.starts_with(one)).collect();
        found.iter_mut().for_each(|line| *line = line.trim_end_matches(" (*)"));
        found.sort_unstable();
        found.dedup();
        assert_eq!(found.len(), 1, "{found:?}");
    }
}

#[test]
fn files_stay_short() {
    let mut lengths = Vec::new();
    let mut wrong = Vec::new();
    for path in files(&root(), &[".rs", ".py", ".pyi", ".c", ".h", ".sh"]) {
        let name = name(&path);
        if name == "include/efsbackup.h" {
            continue;
        }
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        let is_test = name.contains("tests/") || name.contains("benches/");
        let limit = if is_test { 900 } else { 700 };
        if lines > limit {
            wrong.push(format!("{name}: {lines} lines, at most {limit}"));
        }
        lengths.push(lines);
    }
    lengths.sort_unstable();
    let median = lengths[lengths.len() / 2];
    assert!(median <= 200, "the median file has {median} lines, at most 200");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every Rust file of the library and its faces.
fn library_files() -> Vec<PathBuf> {
    let crates = ["efsbackup-core", "efsbackup-ffi", "efsbackup-py"];
    crates.iter().flat_map(|name| files(&root().join(name).join("src"), &[".rs"])).collect()
}

/// Whether `line` has `word` as a whole word.
fn has_word(line: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word)
        .any(|(at, _)| !line[..at].ends_with(part) && !line[at + word.len()..].starts_with(part))
}

#[test]
fn unsafe_is_kept_in_its_places_and_explained() {
    let mut wrong = Vec::new();
    for path in library_files() {
        let name = name(&path);
        let pieces = ["mirror", "mount", "worker"];
        let allowed = name.starts_with("efsbackup-ffi/")
            || pieces.iter().any(|piece| name == format!("efsbackup-core/src/{piece}/sys.rs"));
        let text = fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        for (at, line) in
            code(&path).lines().enumerate().filter(|(_, line)| has_word(line, "unsafe"))
        {
            if !allowed {
                wrong.push(format!("{name}:{}: unsafe outside its places", at + 1));
            }
            let explained =
                lines[at.saturating_sub(8)..=at].iter().any(|line| line.contains("SAFETY"));
            let needs_reason = line.contains("unsafe {") || line.contains("unsafe impl");
            if needs_reason && !explained {
                wrong.push(format!("{name}:{}: unsafe without a SAFETY reason", at + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn names_become_text_only_in_bytepath() {
    let mut wrong = Vec::new();
    for path in library_files() {
        let name = name(&path);
        if name != "efsbackup-core/src/bytepath.rs" && code(&path).contains("to_string_lossy") {
            wrong.push(format!("{name}: use BytePath's Display instead of to_string_lossy"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_file_says_what_it_is_for() {
    for path in library_files() {
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("//! "), "{} does not begin with //!", name(&path));
    }
}

/// Types without an example of their own: calls hand them out, and the example of the call's
/// type shows them.
const SHOWN_ELSEWHERE: &[&str] = &[
    "deploy::PipelineDescription",
    "deploy::Step",
    "engine::RunSummary",
    "mirror::EntryError",
    "mirror::Prepared",
    "pipeline::ObjectType",
    "snapshot::Adopted",
    "snapshot::PruneReport",
];

/// The public types of a file, each with whether there is an example in its documentation:
/// structs, enums and traits, and the types that `builders!` makes.
fn types(text: &str) -> Vec<(&str, &str, bool)> {
    let (mut found, mut example) = (Vec::new(), false);
    for line in text.lines() {
        let kind = ["struct", "enum", "trait"].into_iter().find_map(|kind| {
            Some((kind, line.strip_prefix("pub ")?.strip_prefix(kind)?.strip_prefix(' ')?))
        });
        let built = line.strip_prefix("    ").and_then(|line| line.strip_suffix(" {"));
        let built = built.filter(|name| name.chars().all(char::is_alphanumeric));
        if let Some((kind, name)) = kind.or(built.map(|name| ("builder", name))) {
            found.push((kind, identifier(name), example));
        }
        let line = line.trim_start();
        let is_doc = line.starts_with("///");
        example = (example && (is_doc || line.starts_with("#[") || line == ")]"))
            || (is_doc && line.contains("```"));
    }
    found
}

/// The types that a file gives public functions, but for those of a name.
fn callable(text: &str) -> Vec<&str> {
    let (mut found, mut subject) = (Vec::new(), None);
    for line in text.lines() {
        if line.starts_with("impl") && !line.contains(" for ") {
            let rest = line["impl".len()..].trim_start();
            let rest = if rest.starts_with('<') { rest.split_once("> ").unwrap().1 } else { rest };
            subject = Some(identifier(rest));
        } else if line.starts_with('}') {
            subject = None;
        }
        let function = line.strip_prefix("    pub ").map(|line| {
            ["const ", "async "].iter().fold(line, |line, word| line.trim_start_matches(word))
        });
        let function = function.and_then(|line| line.strip_prefix("fn ")).map(identifier);
        if let (Some(subject), Some(function)) = (subject, function)
            && !["name", "from_name"].contains(&function)
        {
            found.push(subject);
        }
    }
    found
}

/// What can be called, implemented or filled in has an example; an enum or struct that is only
/// looked at needs none.
#[test]
fn every_main_type_has_an_example() {
    let src = root().join("efsbackup-core/src");
    let mut with_functions = BTreeSet::new();
    let mut found = Vec::new();
    let texts: Vec<(String, String)> = files(&src, &[".rs"])
        .into_iter()
        .filter(|path| !path.ends_with("testing.rs") && !path.starts_with(src.join("cli")))
        .map(|path| {
            let inside = path.strip_prefix(&src).unwrap().iter().next().unwrap();
            let piece = inside.to_str().unwrap().trim_end_matches(".rs").to_owned();
            (piece, fs::read_to_string(path).unwrap())
        })
        .collect();
    for (piece, text) in &texts {
        let name = |name: &str| format!("{piece}::{name}");
        with_functions.extend(callable(text).into_iter().map(name));
        let is_builders = text.contains("\nbuilders! {");
        let types = types(text).into_iter().filter(|(kind, ..)| is_builders || *kind != "builder");
        found.extend(types.map(|(kind, of, example)| (kind, name(of), example)));
    }
    let is_main = |kind: &str, name: &String| {
        ["trait", "builder"].contains(&kind)
            || with_functions.contains(name)
            || name.ends_with("Options")
    };
    let without: BTreeSet<&str> = found
        .iter()
        .filter(|(kind, name, example)| is_main(kind, name) && !example)
        .map(|(_, name, _)| name.as_str())
        .collect();
    assert_eq!(without, BTreeSet::from_iter(SHOWN_ELSEWHERE.iter().copied()));
    let with = found.iter().filter(|(.., example)| *example).count();
    assert!(with > 100, "only {with} examples found: is the search broken?");
}

#[test]
fn the_search_for_examples_sees_what_has_none() {
    let text = "/// A.\n///\n/// ```\n/// a();\n/// ```\n#[derive(Debug)]\npub struct A<'a> {\n}\n\
                impl<'a> A<'a> {\n    pub const fn new() -> Self {\n    }\n}\n/// B.\npub trait B {}\n\
                impl B for C {\n    pub fn x() {}\n}\nimpl C {\n    pub fn name() {}\n}";
    assert_eq!(types(text), [("struct", "A", true), ("trait", "B", false)]);
    assert_eq!(callable(text), ["A"]);
}

/// With `abort`, the C and Python layers could not turn a panic into an error.
#[test]
fn panics_unwind_in_every_profile() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    assert!(!manifest.contains("\"abort\""));
    let (mut section, mut unwinding) = ("", Vec::new());
    for line in manifest.lines() {
        if line.starts_with('[') {
            section = line;
        } else if line == "panic = \"unwind\"" {
            unwinding.push(section);
        }
    }
    assert_eq!(unwinding, ["[profile.dev]", "[profile.release]"]);
}
