//! What others say of the Terraform that is written: python-hcl2, which parses it anew, and
//! Terraform itself where it is installed.

#![cfg(feature = "terraform")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{Scratch, probe};
use efsbackup_core::formats::{self, Format};
use efsbackup_core::pipeline::{Definition, Object};
use std::io::Write;
use std::process::{Command, Stdio};

/// Texts on which readers of HCL disagree if they are written carelessly.
const TEXTS: &[&str] = &[
    "a",
    "true",
    "1",
    "null",
    "${a}",
    "$${a}",
    "%{ if x }%{ endif }",
    "$",
    "%",
    "$$",
    "a$",
    "\"",
    "\\",
    "\\n",
    "a\n",
    "a\nb",
    "a\nb\n",
    "\n",
    "\n\n",
    "a\n\nb\n",
    " a\nb\n",
    "a\n  b\n",
    " a\n b\n",
    "a\n \nb\n",
    "a\tb\n\tc\n",
    "\ta\n\tb\n",
    "EOT\nx\n",
    "x\nEOT\n",
    "a\r\nb\n",
    "\u{7f}",
    "\u{85}\u{2028}",
    "\u{1f600}",
    "é",
    "#{myX}",
    "# x",
    "// x",
    "/* x",
    "<<EOT",
    "a\n${b}\n",
    "a\n$${b} \"c\" \\d\n",
    "#!/bin/bash\nset -eu\nif [ -d \"${HOME}\" ]; then\n\techo 100%{}\nfi\n",
    "\u{0}",
    "~",
    "a = \"b\"\n}\n",
];

fn definition() -> Definition {
    let mut objects = vec![
        Object::new("Default")
            .text("type", "Default")
            .reference("schedule", "Hourly")
            .text("k", "v"),
        Object::new("Bare"),
    ];
    let texts = TEXTS.iter().enumerate();
    objects.push(texts.fold(Object::new("Texts"), |o, (at, text)| o.text(format!("k{at}"), *text)));
    Definition { objects, ..Definition::default() }
}

fn hcl() -> String {
    formats::write(&definition(), Format::Terraform).unwrap()
}

/// The rules of `terraform fmt`: two blanks a level, the equals signs of neighbours in one
/// column, no blanks at an end of a line. Text of heredocs is nobody's to format.
#[test]
fn the_rules_of_the_format_hold() {
    let text = hcl();
    let (mut depth, mut end) = (0, None::<String>);
    let mut group: Vec<(usize, usize)> = Vec::new();
    let check = |group: &mut Vec<(usize, usize)>| {
        let widest = group.iter().map(|(key, _)| *key).max().unwrap_or(0);
        assert!(group.iter().all(|(_, column)| *column == widest + 1), "{group:?}\n{text}");
        group.clear();
    };
    let mut attributes = 0;
    for line in text.lines() {
        if let Some(word) = &end {
            if line.trim() == word {
                assert_eq!(line, format!("{}{word}", " ".repeat(depth * 2)));
                end = None;
            }
            continue;
        }
        let content = line.trim_start();
        depth -= usize::from(content == "}");
        assert!(content.is_empty() || line.len() - content.len() == depth * 2, "{line}");
        assert_eq!(line.trim_end(), line);
        match content.split_once(" = ") {
            Some((key, value)) => {
                attributes += 1;
                group.push((key.trim_end().len(), content.find(" = ").unwrap() + 1));
                end = value.strip_prefix("<<-").map(str::to_owned);
            }
            None => check(&mut group),
        }
        depth += usize::from(content.ends_with(" {"));
    }
    assert_eq!((depth, end), (0, None));
    assert!(attributes > 2 * TEXTS.len() && text.contains("<<-EOT\n") && text.ends_with("}\n"));
    assert!(!text.contains("\n\n\n") && !text.contains("{\n\n") && !text.contains("\n\n}"));
}

#[test]
fn python_hcl2_reads_the_same() {
    let import = Command::new("python3").args(["-c", "import hcl2"]).output();
    if !import.is_ok_and(|output| output.status.success()) {
        let _ = probe::skip("python3 has no package python-hcl2 (`make tools` installs it)");
        return;
    }
    let scratch = Scratch::new();
    let file = scratch.path("main.tf");
    std::fs::write(&file, hcl()).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/terraform_read.py");
    let output = Command::new("python3").arg(script).arg(&file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8(output.stderr).unwrap());
    let theirs: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let ours = formats::write(&definition(), Format::Api).unwrap();
    let ours: serde_json::Value = serde_json::from_str(&ours).unwrap();
    assert_eq!(theirs[file.to_str().unwrap()], ours["pipelineObjects"]);
}

#[test]
fn terraform_fmt_changes_nothing() {
    let Some(terraform) = probe::terraform() else { return };
    let mut child = Command::new(terraform)
        .args(["fmt", "-check", "-diff", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(hcl().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said =
        String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
}

/// The text of each value, worked out by Terraform from an output with the same value.
#[test]
fn terraform_gives_the_same_texts() {
    let Some(terraform) = probe::terraform() else { return };
    let scratch = Scratch::new();
    let text = |text: &str| {
        let objects = vec![Object::new("A").text("k", text)];
        let written =
            formats::write(&Definition { objects, ..Definition::default() }, Format::Terraform);
        let written = written.unwrap();
        let (_, value) = written.split_once("string_value = ").unwrap();
        value.strip_suffix("\n    }\n  }\n}\n").unwrap().to_owned()
    };
    let outputs = TEXTS.iter().enumerate();
    let outputs: String = outputs
        .map(|(at, value)| format!("output \"o{at}\" {{\n  value = {}\n}}\n", text(value)))
        .collect();
    let folder = scratch.path("module");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("main.tf"), outputs).unwrap();
    let run = |arguments: &[&str]| {
        let output = Command::new(terraform).args(arguments).current_dir(&folder).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8(output.stderr).unwrap());
        output.stdout
    };
    run(&["apply", "-auto-approve", "-no-color"]);
    let theirs: serde_json::Value = serde_json::from_slice(&run(&["output", "-json"])).unwrap();
    for (at, text) in TEXTS.iter().enumerate() {
        assert_eq!(theirs[format!("o{at}")]["value"], *text);
    }
}
