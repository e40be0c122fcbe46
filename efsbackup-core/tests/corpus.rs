//! Definitions that others wrote: set EFSBACKUP_CORPUS to a folder of them. None is part of
//! this project. What is counted here stands in docs/definitions.md.

#![cfg(all(feature = "cfn", feature = "terraform"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod common;

use common::{Scratch, probe};
use efsbackup_core::formats::{self, Document, Format, Reader, cli, fold_arguments};
use efsbackup_core::params;
use efsbackup_core::pipeline::Definition;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder of definitions; without one, says that `test` skips.
fn folder(test: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("EFSBACKUP_CORPUS");
    if folder.is_none() {
        let why = "EFSBACKUP_CORPUS names no folder of definitions";
        // Past the harness, which keeps to itself what a passing test prints.
        let _ = writeln!(std::io::stderr(), "SKIPPED {test}: {why}");
    }
    folder.map(PathBuf::from)
}

/// Every definition file below `folder`.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        if path.is_dir() {
            found.extend(files(&path));
        } else if ["json", "yaml", "yml", "template", "tf"].contains(&ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The files that are definitions, read leniently, with their names.
fn documents(folder: &Path) -> Vec<(String, Document)> {
    let read = |path: PathBuf| {
        let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
        Some((name, Reader::new().lenient(true).read_path(&path).ok()?))
    };
    files(folder).into_iter().filter_map(read).collect()
}

/// A definition as text without what means nothing: the order of its keys, and whether a
/// function of CloudFormation is written short.
fn meaning(definition: &Definition) -> String {
    let mut definition = cli::sent(definition.clone());
    definition.values.sort_by(|a, b| a.id.cmp(&b.id));
    let template = formats::write(&definition, Format::CloudFormationJson);
    template.unwrap_or_else(|_| formats::write(&definition, Format::TerraformJson).unwrap())
}

/// A reason without the place that it names.
fn reason(message: &str) -> String {
    let place = |text: &str| text.starts_with("line ") || !text.contains(' ');
    let text = message.split_once(": ").filter(|(before, _)| place(before));
    let text = text.map_or(message, |(_, text)| text);
    let number = |word: &str| word.chars().all(|c| c.is_ascii_digit());
    let words = text.split(' ').map(|word| match number(word) {
        true => "N",
        false => word,
    });
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn definitions_of_others_survive_every_form() {
    let Some(folder) = folder("definitions_of_others_survive_every_form") else { return };
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut count = |what: String| *counts.entry(what).or_default() += 1;
    for (name, document) in documents(&folder) {
        let own = document.format.name();
        count(format!("read as {own}"));
        if !document.tolerated.is_empty() {
            count(format!("read as {own}, only leniently"));
        }
        let written = document.write(document.format).unwrap();
        let again = formats::read(written.as_bytes()).unwrap();
        assert_eq!(again.definition, document.definition, "{name}");
        for format in Format::ALL {
            let (text, definition) = match document.write(format) {
                Ok(text) => {
                    count(format!("{own} carried by {}", format.name()));
                    (text, document.definition.clone())
                }
                Err(error) => {
                    assert_eq!(error.kind().name(), "cannot-represent", "{name}: {error}");
                    count(format!("not {}: {}", format.name(), reason(&error.message())));
                    let whole = document.format == Format::Cli && !format.is_terraform();
                    assert!(!whole, "{name} must reach {}: {error}", format.name());
                    let mut folded = document.clone();
                    if fold_arguments(&mut folded.definition).is_err() {
                        continue;
                    }
                    let Ok(text) = folded.write(format) else { continue };
                    count(format!("{own} carried by {}, folded", format.name()));
                    (text, folded.definition)
                }
            };
            let there = formats::read(text.as_bytes()).unwrap();
            assert_eq!(there.format, format, "{name}");
            assert_eq!(meaning(&there.definition), meaning(&definition), "{name}");
            assert_eq!(there.write(format).unwrap(), text, "{name} as {format:?}");
            let back = there.write(document.format).unwrap();
            let back = formats::read(back.as_bytes()).unwrap().definition;
            assert_eq!(meaning(&back), meaning(&definition), "{name} by way of {format:?}");
        }
    }
    for (what, count) in &counts {
        eprintln!("{count:4} {what}");
    }
    assert!(counts.contains_key("read as cli"), "no definition in {}", folder.display());
    if files(&folder).len() == 140 {
        documented(&counts);
    }
}

/// The guide's table counts the same, for the collection that it tells of.
fn documented(counts: &BTreeMap<String, usize>) {
    let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/definitions.md");
    let guide = std::fs::read_to_string(guide).unwrap();
    let of = |what: String| counts.get(&what).copied().unwrap_or_default();
    for (title, forms) in [
        ("AWS CLI", &["cli"][..]),
        ("CloudFormation", &["cfn-yaml", "cfn-json"]),
        ("Terraform", &["terraform"]),
    ] {
        let sum = |what: &str| forms.iter().map(|own| of(what.replace("OWN", own))).sum::<usize>();
        let carried = ["cli", "api", "cfn-yaml", "terraform"];
        let carried = carried.map(|form| sum(&format!("OWN carried by {form}")));
        assert_eq!(carried[2], sum("OWN carried by cfn-json"));
        assert_eq!(carried[3], sum("OWN carried by terraform-json"));
        let folded = carried[3] + sum("OWN carried by terraform, folded");
        let [cli, api, cfn, terraform] = carried;
        let read = sum("read as OWN");
        let row = format!("| {title} | {read} | {cli} | {api} | {cfn} | {terraform} | {folded} |");
        assert!(guide.contains(&row), "docs/definitions.md lacks the row\n{row}");
    }
}

/// What is no definition is refused with a reason; where it is no JSON, at the line at which
/// Python's parser stops too.
#[test]
fn what_is_no_definition_is_refused_with_a_reason() {
    let Some(folder) = folder("what_is_no_definition_is_refused_with_a_reason") else { return };
    let script = "import json, sys\nfor path in sys.argv[1:]:\n  try: json.load(open(path)); print(0)\n  \
                  except json.JSONDecodeError as error: print(error.lineno)";
    let (mut refused, mut json) = (Vec::new(), 0);
    for path in files(&folder) {
        if let Err(error) = formats::read_path(&path) {
            assert_eq!(error.kind().name(), "invalid-definition", "{error}");
            refused.push((path, error.message()));
        }
    }
    let paths = refused.iter().map(|(path, _)| path);
    let python = Command::new("python3").args(["-c", script]).args(paths).output().unwrap();
    let lines = String::from_utf8(python.stdout).unwrap();
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    for ((path, message), line) in refused.iter().zip(lines.lines()) {
        let name = path.file_name().unwrap().to_str().unwrap();
        if line != "0" && name.ends_with(".json") && !message.contains("is there twice") {
            assert!(message.starts_with(&format!("line {line}, column ")), "{name}: {message}");
            json += 1;
        }
        *reasons.entry(reason(message)).or_default() += 1;
    }
    for (reason, count) in &reasons {
        eprintln!("{count:4} refused: {reason}");
    }
    eprintln!("{:4} refused, {json} of them at the line of Python's parser", refused.len());
    if files(&folder).len() == 140 {
        refusals_documented(&reasons);
    }
}

/// The guide's second table counts the same.
fn refusals_documented(reasons: &BTreeMap<String, usize>) {
    let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/definitions.md");
    let guide = std::fs::read_to_string(guide).unwrap();
    let mut sum = 0;
    for (title, parts) in [
        ("it is a single object", &["it is a single object"][..]),
        ("several objects in a row", &["trailing characters"]),
        // Three in all: one of them is read leniently.
        (
            "it is not JSON",
            &[
                "control character",
                "expected `,`",
                "expected value",
                "invalid escape",
                "need quotes",
            ],
        ),
        ("parameters or values alone", &["parameters alone", "values alone"]),
        ("a key stands twice", &["there twice"]),
        ("the key `slots`", &["\"slots\""]),
        ("an object without id", &["\"id\" is missing"]),
        ("a Terraform file without a definition", &["no resource is of the type"]),
    ] {
        let is_such = |reason: &str| parts.iter().any(|part| reason.contains(part));
        let such = reasons.iter().filter(|(reason, _)| is_such(reason)).map(|(_, count)| count);
        let count = such.sum::<usize>() - usize::from(title == "it is not JSON");
        assert!(guide.contains(&format!("| {count} | {title}")), "{count} {title}");
        sum += count;
    }
    assert_eq!(sum + 1, reasons.values().sum::<usize>());
    assert!(guide.contains(&format!("{sum} files are no definitions")));
}

/// Samples that AWS published have no errors but where they are broken.
#[test]
fn samples_of_aws_have_no_errors() {
    let Some(folder) = folder("samples_of_aws_have_no_errors") else { return };
    let mut errors = Vec::new();
    let mut warnings: BTreeMap<String, usize> = BTreeMap::new();
    let mut samples = 0;
    for (name, document) in documents(&folder) {
        let _ = params::resolve(&document.definition, &[], params::Options::default());
        if name.starts_with("data-pipeline-samples/") {
            samples += 1;
            let validation = document.definition.validate();
            errors.extend(validation.errors().map(|error| format!("{name}: {error}")));
            for warning in validation.warnings() {
                *warnings.entry(warning.code.to_string()).or_default() += 1;
            }
        }
    }
    // Its period has a number, but no unit.
    let known = "data-pipeline-samples/samples/kinesis/kinesis-to-s3.json: E205 \
                 DefaultSchedule.period: '15 Period' is not a period";
    errors.retain(|error| !error.starts_with(known));
    assert_eq!(errors, [""; 0]);
    eprintln!("{samples} samples of AWS have no errors");
    let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/definitions.md");
    let guide = std::fs::read_to_string(guide).unwrap();
    for (code, count) in warnings.iter().filter(|_| samples == 29) {
        assert!(guide.contains(&format!("| {code} | {count} |")), "{code} {count}");
    }
}

/// Of what a template of others has beside its pipeline cfn-lint finds what it found before.
#[test]
fn cfn_lint_accepts_definitions_of_others() {
    let Some(folder) = folder("cfn_lint_accepts_definitions_of_others") else { return };
    if !probe::tool("cfn-lint") {
        return;
    }
    let scratch = Scratch::new();
    let mut command = Command::new("cfn-lint");
    command.args(["--regions", "us-east-1", "--format", "parseable", "--template"]);
    let mut templates = 0;
    for (at, (_, document)) in documents(&folder).into_iter().enumerate() {
        for format in [Format::CloudFormationYaml, Format::CloudFormationJson] {
            let Ok(text) = document.write(format) else { continue };
            let path = scratch.path(&format!("{at}.{}.template", format.name()));
            std::fs::write(&path, text).unwrap();
            command.arg(path);
            templates += 1;
        }
    }
    let output = command.output().unwrap();
    let found =
        String::from_utf8(output.stdout).unwrap() + &String::from_utf8_lossy(&output.stderr);
    let known = |line: &&str| line.ends_with("Parameter ActivateDataPipeline not used.");
    let new: Vec<&str> = found.lines().filter(|line| !known(line)).collect();
    assert!(templates > 0 && new.is_empty(), "{new:#?}");
    eprintln!("cfn-lint accepts {templates} templates");
}

/// python-hcl2 reads the same objects, and Terraform, where it is installed, has nothing to
/// format.
#[test]
fn others_read_the_terraform_of_definitions_of_others() {
    let Some(folder) = folder("others_read_the_terraform_of_definitions_of_others") else { return };
    let import = Command::new("python3").args(["-c", "import hcl2"]).output();
    if !import.is_ok_and(|output| output.status.success()) {
        let _ = probe::skip("python3 has no package python-hcl2 (`make tools` installs it)");
        return;
    }
    let scratch = Scratch::new();
    let modules = scratch.path("modules");
    std::fs::create_dir(&modules).unwrap();
    let mut ours: BTreeMap<String, serde_json::Value> = BTreeMap::new();
    let mut written = 0;
    for (at, (_, document)) in documents(&folder).into_iter().enumerate() {
        let mut definition = document.definition;
        if formats::write(&definition, Format::Terraform).is_err() {
            let _ = fold_arguments(&mut definition);
        }
        let Ok(text) = formats::write(&definition, Format::Terraform) else { continue };
        let path = modules.join(format!("{at}.tf"));
        std::fs::write(&path, &text).unwrap();
        written += 1;
        // An expression of Terraform's is for Terraform to work out.
        let again = formats::read(text.as_bytes()).unwrap();
        if let Ok(api) = again.write(Format::Api) {
            let api: serde_json::Value = serde_json::from_str(&api).unwrap();
            ours.insert(path.to_str().unwrap().to_owned(), api["pipelineObjects"].clone());
        }
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/terraform_read.py");
    let output = Command::new("python3").arg(script).args(ours.keys()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8(output.stderr).unwrap());
    let theirs: BTreeMap<String, serde_json::Value> =
        serde_json::from_slice(&output.stdout).unwrap();
    assert!(!ours.is_empty() && ours == theirs);
    eprintln!("python-hcl2 reads the same of {} modules", ours.len());
    let format = Command::new("terraform").args(["fmt", "-check", "-diff"]).arg(&modules).output();
    match format {
        Ok(output) => {
            let said = String::from_utf8(output.stdout).unwrap();
            assert!(output.status.success(), "{said}");
            eprintln!("terraform fmt has nothing to change in {written} modules");
        }
        Err(error) => eprintln!("NOT JUDGED by Terraform itself: {error}"),
    }
}
