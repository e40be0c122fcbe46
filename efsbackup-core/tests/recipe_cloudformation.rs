//! The recipe written as CloudFormation: what cfn-lint says of it, and what comes back.

#![cfg(all(feature = "recipe", feature = "cfn", feature = "terraform"))]
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{Scratch, probe};
use efsbackup_core::formats::{self, Format};
use efsbackup_core::pipeline::Definition;
use efsbackup_core::recipe::{EfsBackup, Engine};
use std::process::Command;

fn definition(engine: Engine) -> Definition {
    EfsBackup::new(
        "fs-0123456789abcdef0.efs.us-east-1.amazonaws.com:/",
        "fs-0fedcba9876543210.efs.us-east-1.amazonaws.com:/",
    )
    .engine(engine)
    .notify("arn:aws:sns:us-east-1:123456789012:backups")
    .log_uri("s3://logs/efs")
    .image("ami-0123456789abcdef0")
    .subnet("subnet-0123456789abcdef0")
    .security_group("sg-0123456789abcdef0")
    .key_pair("ops")
    .definition()
    .unwrap()
}

#[test]
fn cfn_lint_finds_nothing() {
    if !probe::tool("cfn-lint") {
        return;
    }
    let scratch = Scratch::new();
    let mut command = Command::new("cfn-lint");
    // Data Pipeline exists in few regions only; us-east-1 is one.
    command.args(["--regions", "us-east-1", "--include-checks", "I", "--format", "parseable"]);
    command.arg("--template");
    for (format, ending) in
        [(Format::CloudFormationYaml, "yaml"), (Format::CloudFormationJson, "json")]
    {
        for engine in Engine::ALL {
            let path = scratch.path(&format!("{}.{ending}", engine.name()));
            std::fs::write(&path, formats::write(&definition(engine), format).unwrap()).unwrap();
            command.arg(path);
        }
    }
    let output = command.output().unwrap();
    let found = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && found.is_empty(), "{found}");
}

#[test]
fn every_form_gives_the_same_definition_back() {
    for engine in Engine::ALL {
        let mut definition = definition(engine);
        for format in Format::ALL {
            if format.is_terraform() {
                // It would lose the order of the command's arguments.
                formats::fold_arguments(&mut definition).unwrap();
            }
            let text = formats::write(&definition, format).unwrap();
            let read = formats::read(text.as_bytes()).unwrap();
            assert_eq!(read.format, format);
            assert_eq!(read.definition, definition, "{}", format.name());
        }
    }
}
