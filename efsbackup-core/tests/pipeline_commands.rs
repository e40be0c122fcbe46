//! `efsbackup pipeline validate|resolve|convert|draw` as scripts and people meet them.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const PIPELINE: &str = r##"{
  "objects": [
    {"id": "Default", "schedule": {"ref": "Hourly"}, "pipelineLogUri": "#{myLogs}"},
    {"id": "Hourly", "type": "Schedule", "period": "1 hours", "startAt": "FIRST_ACTIVATION_DATE_TIME"},
    {"id": "Run", "type": "ShellCommandActivity", "workerGroup": "g", "command": "#{myCommand} #{@scheduledStartTime}",
     "*token": "#{*myToken}", "myNote": "plain"}
  ],
  "parameters": [{"id": "myLogs"}, {"id": "myCommand", "default": "true"}, {"id": "*myToken"}],
  "values": {"*myToken": "s3cr3t"}
}"##;

struct Ran {
    status: i32,
    stdout: String,
    stderr: String,
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Folder {
        Folder(tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file and gives its path.
    fn file(&self, name: &str, text: &str) -> String {
        std::fs::write(self.path(name), text).unwrap();
        self.path(name).to_str().unwrap().to_owned()
    }
}

fn pipeline(arguments: &[&str], stdin: &str) -> Ran {
    let mut child = Command::new(env!("CARGO_BIN_EXE_efsbackup"))
        .arg("pipeline")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that refuses its arguments reads nothing.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    let output = child.wait_with_output().unwrap();
    Ran {
        status: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn json(ran: &Ran) -> serde_json::Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{}", ran.stdout))
}

#[test]
fn validate_lists_findings_and_fails_on_errors() {
    let ran = pipeline(&["validate", "-"], PIPELINE);
    assert_eq!(
        (ran.status, ran.stdout.as_str()),
        (0, "W201 Run.*token: ShellCommandActivity has no such field\n")
    );
    assert_eq!(ran.stderr, "3 objects: 0 errors, 1 warning\n");

    let folder = Folder::new();
    let wrong = PIPELINE.replace("\"Hourly\"}", "\"Houry\"}");
    let wrong = folder.file("pipeline.json", &wrong);
    let ran = pipeline(&["validate", &wrong], "");
    assert_eq!(ran.status, 1);
    let first = ran.stdout.lines().next().unwrap();
    assert_eq!(first, "E301 Default.schedule: there is no object Houry; did you mean Hourly?");

    let ran = pipeline(&["validate", "--json", &wrong], "");
    let document = json(&ran);
    assert_eq!(
        (ran.status, &document["valid"], &document["format"]),
        (1, &false.into(), &"cli".into())
    );
    assert_eq!(document["findings"][0]["code"], "E301");
    assert_eq!(document["findings"][0]["severity"], "error");
    assert_eq!(document["findings"][0]["object"], "Default");
    assert_eq!(document["findings"][0]["field"], "schedule");
}

#[test]
fn a_broken_file_is_one_line_with_its_place() {
    let folder = Folder::new();
    for (name, text, expected) in [
        ("a.json", "{\"objects\": [\n{\"id\": \"A\",}]}", "line 2, column 12: trailing comma"),
        ("a.yaml", "Resources:\n  A: [\n", "line 3, column 1"),
    ] {
        let file = folder.file(name, text);
        for verb in [&["validate"][..], &["resolve"], &["draw"], &["convert", "--to", "api"]] {
            let ran = pipeline(&[verb, &[file.as_str()]].concat(), "");
            assert_eq!((ran.status, ran.stdout.as_str()), (1, ""), "{}", ran.stderr);
            assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
            assert!(ran.stderr.contains(expected) && ran.stderr.contains(name), "{}", ran.stderr);
        }
    }
    let ran = pipeline(&["validate", folder.path("none").to_str().unwrap()], "");
    assert!(ran.status == 1 && ran.stderr.contains("no such file"), "{}", ran.stderr);
}

#[test]
fn resolve_puts_values_in_and_shows_no_secret() {
    let folder = Folder::new();
    let values =
        folder.file("values.json", r#"{"values": {"myLogs": "s3://file", "myCommand": "ls"}}"#);
    let ran = pipeline(
        &["resolve", "-", "--value", "myLogs=s3://given", "--values-file", &values],
        PIPELINE,
    );
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""));
    assert!(ran.stdout.contains("\"pipelineLogUri\": \"s3://given\""), "{}", ran.stdout);
    assert!(ran.stdout.contains("\"command\": \"ls #{@scheduledStartTime}\""));
    assert!(ran.stdout.contains("\"*token\": \"#{*myToken}\"") && !ran.stdout.contains("s3cr3t"));

    let ran = pipeline(&["resolve", "-", "--object", "Run", "--json"], PIPELINE);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    let document = json(&ran);
    assert!(!ran.stdout.contains("s3cr3t"));
    assert!(!document["text"].as_str().unwrap().contains("Hourly"));
    assert_eq!(document["parameters"][1]["origin"], "default");
    assert_eq!(document["parameters"][2]["values"][0], "*****");
    assert_eq!(document["unresolved"][0]["name"], "@scheduledStartTime");

    // Nor in the log, which names the arguments.
    let log = folder.path("log");
    let file = ["resolve", "-", "--log-file", log.to_str().unwrap()];
    let given = ["--value", "myToken=hunter2", "--value=myCommand=pwd", "--value", "odd"];
    pipeline(&[&file[..], &given[..3]].concat(), PIPELINE);
    pipeline(&[&file[..], &given].concat(), PIPELINE);
    let log = read(&log);
    assert!(log.contains("--value myToken=***** --value=myCommand=*****\n"), "{log}");
    assert!(!log.contains("hunter2") && !log.contains("pwd"));

    let ran = pipeline(&["resolve", "-"], PIPELINE);
    assert_eq!((ran.status, ran.stderr.as_str()), (0, "without a value yet: myLogs\n"));
}

#[test]
fn a_wrong_value_is_one_line() {
    for (arguments, status, expected) in [
        (
            &["--value", "myLog=x"][..],
            1,
            "the definition has no parameter myLog; did you mean myLogs?",
        ),
        (&["--value", "myLogs"], 2, "a value is given as NAME=VALUE"),
        (&["--object", "Rum"], 1, "the definition has no object Rum"),
        (&["--to", "toml"], 2, "the forms are cli, api, cfn-yaml, cfn-json"),
    ] {
        let ran = pipeline(&[&["resolve", "-"], arguments].concat(), PIPELINE);
        assert_eq!((ran.status, ran.stdout.as_str()), (status, ""), "{}", ran.stderr);
        assert!(ran.stderr.contains(expected), "{}", ran.stderr);
        assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    }
}

#[test]
fn convert_writes_the_form_that_the_file_s_ending_names() {
    let folder = Folder::new();
    for (name, form) in [
        ("p.json", "cli"),
        ("p.yaml", "cfn-yaml"),
        ("p.tf", "terraform"),
        ("p.tf.json", "terraform-json"),
    ] {
        let out = folder.path(name);
        let ran = pipeline(&["convert", "-", "-o", out.to_str().unwrap()], PIPELINE);
        assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{name}");
        assert_eq!(efsbackup_core::formats::read_path(&out).unwrap().format.name(), form);
    }
    for words in [&["convert", "-"][..], &["convert", "-", "-o", "p.txt"]] {
        let ran = pipeline(words, PIPELINE);
        assert_eq!((ran.status, ran.stdout.as_str()), (2, ""), "{}", ran.stderr);
        assert!(ran.stderr.contains("--to FORM, or -o FILE"), "{}", ran.stderr);
    }
}

#[test]
fn convert_goes_to_every_form_and_back() {
    let original = pipeline(&["convert", "-", "--to", "cli"], PIPELINE);
    assert_eq!((original.status, original.stderr.as_str()), (0, ""));
    let folder = Folder::new();
    for form in ["api", "cfn-yaml", "cfn-json", "terraform", "terraform-json"] {
        let out = folder.path(form);
        let out = out.to_str().unwrap();
        let ran = pipeline(&["convert", "-", "--to", form, "-o", out], PIPELINE);
        assert_eq!((ran.status, ran.stdout.as_str(), ran.stderr.as_str()), (0, "", ""));
        let back = pipeline(&["convert", out, "--to", "cli"], "");
        let sent = efsbackup_core::formats::cli::read(&original.stdout).unwrap();
        let sent = efsbackup_core::formats::cli::sent(sent);
        assert_eq!(back.stdout, efsbackup_core::formats::cli::write(&sent).unwrap());
    }
    let original = pipeline(&["convert", folder.path("api").to_str().unwrap(), "--to", "cli"], "");
    let template = std::fs::read_to_string(folder.path("cfn-yaml")).unwrap();
    let template = template + "Outputs:\n  Id:\n    Value: !Ref Pipeline\n";
    let ran = pipeline(&["convert", "-", "--to", "cli"], &template);
    assert_eq!(ran.stderr, "left behind, cli cannot carry it: Outputs\n");
    assert_eq!(ran.stdout, original.stdout);
    let ran = pipeline(&["convert", "-", "--to", "cfn-yaml"], &template);
    assert_eq!((ran.stdout, ran.stderr.as_str()), (template.clone(), ""));
    let function = template.replace("StringValue: plain", "StringValue: !Ref AWS::Region");
    let ran = pipeline(&["convert", "-", "--to", "cli"], &function);
    assert_eq!((ran.status, ran.stdout.as_str()), (1, ""));
    assert!(ran.stderr.contains("Run.myNote: only CloudFormation can carry the function Ref"));
}

#[test]
fn convert_says_what_it_tolerated_rewrote_and_lacks() {
    let loose = PIPELINE.replacen('{', "// why\n{", 1);
    let ran = pipeline(&["convert", "-", "--to", "api"], &loose);
    assert_eq!((ran.status, ran.stdout.as_str()), (1, ""));
    assert!(ran.stderr.contains("line 1, column 1: expected value; JSON has no comments"));
    let ran = pipeline(&["convert", "-", "--to", "api", "--lenient"], &loose);
    assert_eq!(ran.stderr, "not JSON, but read: line 1, column 1: a comment\n");
    assert_eq!(ran.stdout, pipeline(&["convert", "-", "--to", "api"], PIPELINE).stdout);

    let several = PIPELINE.replace("\"myNote\": \"plain\"", "\"scriptArgument\": [\"a\", \"b\"]");
    let ran = pipeline(&["convert", "-", "--to", "terraform"], &several);
    assert_eq!((ran.status, ran.stdout.as_str()), (1, ""));
    assert!(ran.stderr.contains("Run.scriptArgument: Terraform keeps a set"), "{}", ran.stderr);
    let ran = pipeline(&["convert", "-", "--to", "terraform", "--fold-arguments"], &several);
    assert_eq!(ran.stderr, "rewritten, arguments are now in the command: Run\n");
    assert!(ran.stdout.contains("set -- \"$@\" 'b'\n"), "{}", ran.stdout);

    let twice = ran.stdout.replace("\"pipeline\"", "\"other\"") + &ran.stdout;
    let ran = pipeline(&["convert", "-", "--to", "cfn-yaml"], &twice);
    assert!(ran.stderr.contains("2 pipelines (other, pipeline)"), "{}", ran.stderr);
    let ran = pipeline(&["validate", "-", "--pipeline", "other"], &twice);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    let ran = pipeline(&["validate", "-", "--pipeline", "none"], &twice);
    assert!(ran.stderr.contains("no pipeline is called none; there are other, pipeline"));
}

#[test]
fn draw_takes_the_kind_from_the_files_ending() {
    let folder = Folder::new();
    for (name, beginning) in [
        ("p.svg", "<svg xmlns="),
        ("p.dot", "digraph pipeline {"),
        ("p.mmd", "flowchart LR"),
        ("p.txt", "Default (Default)"),
        ("p", "<svg xmlns="),
    ] {
        let out = folder.path(name);
        let ran = pipeline(&["draw", "-", "-o", out.to_str().unwrap()], PIPELINE);
        assert_eq!((ran.status, ran.stderr.as_str()), (0, ""));
        assert!(read(&out).starts_with(beginning), "{name}");
    }
    let ran = pipeline(&["draw", "-", "--to", "text", "--json"], PIPELINE);
    assert!(json(&ran)["text"].as_str().unwrap().contains("Run (ShellCommandActivity)"));
    assert!(!ran.stdout.contains("s3cr3t"));
    let ran = pipeline(&["draw", "-", "-o", "/nonexistent/p.svg"], PIPELINE);
    assert!(ran.status == 1 && ran.stderr.contains("/nonexistent/p.svg"), "{}", ran.stderr);
}

#[test]
fn draw_shows_how_runs_went() {
    let folder = Folder::new();
    let list =
        r#"[{"component": "Run", "status": "FINISHED"}, {"component": "Run", "status": "FAILED"}]"#;
    let played = format!("{{\"instances\": {list}}}");
    for runs in [list, &played] {
        let runs = folder.file("runs.json", runs);
        let draw = |more: &[&str]| {
            let mut arguments = vec!["draw", "-", "--runs", &runs];
            arguments.extend(more);
            pipeline(&arguments, PIPELINE).stdout
        };
        assert!(draw(&["--to", "text"]).contains("Run (ShellCommandActivity) ✗ FAILED\n"));
        let svg = draw(&["--theme", "dark"]);
        assert!(svg.contains(">FAILED 1</text>") && svg.contains("#0f172a"), "{svg}");
    }
    let other = folder.file("other.json", r#"{"error": {}}"#);
    let ran = pipeline(&["draw", "-", "--runs", &other], PIPELINE);
    assert_eq!(ran.status, 2);
    assert!(ran.stderr.contains("other.json") && ran.stderr.contains("pipeline runs --json"));
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}
