//! Existing pipelines read as backups: what is dangerous in them, and what they become.

#![cfg(feature = "stack")]
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

#[cfg(feature = "cli")]
use common::Scratch;
use efsbackup_core::formats::{self, Format};
use efsbackup_core::pipeline::{Definition, Object, Parameter, ParameterValue};
use efsbackup_core::recipe::{EfsBackup, Environment, Keep, Migration, migrate};
use efsbackup_core::stack::{Runner, files};
use std::io::Write as _;
use std::path::PathBuf;

const SOURCE: &str = "fs-0123456789abcdef0.efs.ap-northeast-1.amazonaws.com:/";
const BACKUP: &str = "fs-0fedcba9876543210.efs.ap-northeast-1.amazonaws.com:/";
const TOPIC: &str = "arn:aws:sns:ap-northeast-1:123456789012:backups";

/// A script with the faults of the one that went round.
const SCRIPT: &str = "from=\"$1\"\nto=\"$2\"\n\
    into=\"/copies/$3/$(TZ=$4 date +%Y-%m-%d-%H-%M)\"\n\
    if ! mount -l | grep -qF $from; then\n  sudo mount -t nfs -o hard \"$from\" /from\nfi\n\
    sudo mount -t nfs -o hard \"$to\" /copies\nsudo mkdir -p \"$into\"\n\
    sudo rsync -a --delete --numeric-ids --log-file=/tmp/run.log /from/ \"$into\"\n\
    sudo cp /tmp/run.log \"$into\"\n";

/// A pipeline of the shape that went round; what it is told stands in parameters.
fn article() -> Definition {
    let around = Object::new("Default")
        .text("type", "Default")
        .text("scheduleType", "cron")
        .reference("schedule", "Every")
        .text("role", "#{myRole}")
        .text("resourceRole", "instances")
        .text("pipelineLogUri", "s3://logs");
    let schedule = Object::new("Every").text("type", "Schedule").text("period", "#{myPeriod}");
    let instance = Object::new("Machine")
        .text("type", "Ec2Resource")
        .text("terminateAfter", "30 Minutes")
        .text("instanceType", "t2.small")
        .text("securityGroupIds", "sg-1")
        .text("subnetId", "subnet-1")
        .text("associatePublicIpAddress", "true")
        .text("imageId", "ami-1")
        .text("keyPair", "ops");
    let activity = Object::new("Copy")
        .text("type", "ShellCommandActivity")
        .reference("runsOn", "Machine")
        .text("command", SCRIPT)
        .text("scriptArgument", "#{mySource}")
        .text("scriptArgument", "#{myBackup}")
        .text("scriptArgument", "fs-0123456789abcdef0")
        .text("scriptArgument", "Asia/Tokyo")
        .reference("onFail", "Tell");
    let alarm = Object::new("Tell").text("type", "SnsAlarm").text("topicArn", TOPIC);
    Definition {
        objects: vec![around, schedule, instance, activity, alarm],
        parameters: ["myRole", "myPeriod", "mySource", "myBackup"].map(Parameter::new).into(),
        values: vec![
            ParameterValue::new("myRole", "pipelines"),
            ParameterValue::new("myPeriod", "6 hours"),
            ParameterValue::new("mySource", SOURCE),
            ParameterValue::new("myBackup", BACKUP),
        ],
    }
}

/// One of the shape of AWS's samples: the script is fetched, and told what to keep.
fn sample() -> Definition {
    let mut definition = article();
    let activity = Object::new("Copy")
        .text("type", "ShellCommandActivity")
        .reference("runsOn", "Machine")
        .text("command", "#{myCommand}")
        .text("scriptArgument", "10.0.1.32:/")
        .text("scriptArgument", "10.0.1.75:/")
        .text("scriptArgument", "daily")
        .text("scriptArgument", "7")
        .text("scriptArgument", "backup-fs-12345678");
    definition.objects[3] = activity;
    let command = "wget https://web.example/efs-backup.sh\nchmod a+x efs-backup.sh\n\
                   ./efs-backup.sh $1 $2 $3 $4 $5";
    definition.parameters = vec![
        Parameter::new("myCommand").with("default", command),
        Parameter::new("myRole").with("default", "pipelines"),
        Parameter::new("myPeriod").with("default", "1 Days"),
    ];
    definition.values.clear();
    definition
}

fn names(migration: &Migration) -> Vec<&str> {
    migration.dangers.iter().map(|danger| danger.name).collect()
}

#[test]
fn what_is_dangerous_is_told() {
    let migration = migrate(&article(), &[]).unwrap();
    assert_eq!(
        names(&migration),
        [
            "unchecked-mount",
            "guesses-mounts",
            "half-looks-whole",
            "repeats-names",
            "grows-for-ever",
            "writable-source",
            "breaks-hard-links",
            "log-in-backup",
            "unproved",
            "cut-short",
            "public"
        ]
    );
    let migration = migrate(&sample(), &[]).unwrap();
    assert_eq!(
        names(&migration),
        [
            "unchecked-mount",
            "rewrites-history",
            "removes-first",
            "code-from-the-net",
            "writable-source",
            "unquoted-arguments",
            "unproved",
            "silent",
            "cut-short",
            "public"
        ]
    );
}

#[test]
fn the_spec_says_what_the_pipeline_said() {
    let migration = migrate(&article(), &[]).unwrap();
    let expected = EfsBackup::new(SOURCE, BACKUP)
        .period("6 hours")
        .time_zone("Asia/Tokyo")
        .notify(TOPIC)
        .log_uri("s3://logs")
        .instance_type("t2.small")
        .image("ami-1")
        .subnet("subnet-1")
        .security_group("sg-1")
        .key_pair("ops")
        .role("pipelines")
        .resource_role("instances");
    assert_eq!(migration.spec, expected);
    assert!(!migration.restores);
    assert!(
        migration.changes.iter().any(|change| change.contains("terminateAfter was 30 Minutes"))
    );
    let definition = migration.spec.definition().unwrap();
    let found = definition.validate();
    assert_eq!(found.findings.iter().map(ToString::to_string).collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn what_aws_s_samples_keep_becomes_retention() {
    let migration = migrate(&sample(), &[]).unwrap();
    let spec = migration.spec.source_id("fs-12345678").destination_id("fs-87654321");
    let expected = EfsBackup::new("10.0.1.32:/", "10.0.1.75:/")
        .source_id("fs-12345678")
        .destination_id("fs-87654321")
        .keep(Keep::Daily, 7)
        .period("1 Days")
        .log_uri("s3://logs")
        .instance_type("t2.small")
        .image("ami-1")
        .subnet("subnet-1")
        .security_group("sg-1")
        .key_pair("ops")
        .role("pipelines")
        .resource_role("instances");
    assert_eq!(spec, expected);
    assert!(migration.changes.iter().any(|change| change.contains("efsbackup adopt")));
}

#[test]
fn the_safe_equivalent_has_none_of_the_dangers() {
    for definition in [article(), sample()] {
        let migration = migrate(&definition, &[]).unwrap();
        let mut spec = migration.spec;
        if spec.definition().is_err() {
            spec = spec.source_id("fs-12345678").destination_id("fs-87654321");
        }
        let again = migrate(&spec.definition().unwrap(), &[]).unwrap();
        let left: Vec<String> = again.dangers.iter().map(ToString::to_string).collect();
        assert_eq!(left, [""; 0]);
        // Every runner takes it.
        let mut environment = Environment::new("migrated");
        environment.container = Some("registry/efsbackup:1".to_owned());
        let spec = spec.environment(environment);
        for runner in Runner::ALL {
            let written = files(&spec, runner);
            let by_address = matches!(&written, Err(error) if error.to_string().contains("EFS file systems by their own names"));
            assert!(written.is_ok() || by_address, "{}: {written:?}", runner.name());
        }
    }
}

#[test]
fn values_that_only_a_stack_knows_are_asked_for() {
    let template = formats::write(&article(), Format::CloudFormationYaml).unwrap();
    let [source, backup] = [SOURCE, BACKUP].map(|text| format!("\"{text}\""));
    let template = template.replace(&source, "!Ref Source").replace(&backup, "!Ref Backup");
    let definition = formats::read(template.as_bytes()).unwrap().definition;
    let error = migrate(&definition, &[]).unwrap_err();
    assert_eq!(error.kind().name(), "unresolved-parameter");
    assert!(error.to_string().contains("--value mySource=…"), "{error}");
    let given = [ParameterValue::new("mySource", SOURCE), ParameterValue::new("myBackup", BACKUP)];
    assert_eq!(migrate(&definition, &given).unwrap().spec, migrate(&article(), &[]).unwrap().spec);
}

#[test]
fn another_kind_of_pipeline_is_refused() {
    let mut definition = article();
    definition.objects.remove(3);
    let error = migrate(&definition, &[]).unwrap_err().to_string();
    assert!(error.contains("this is no backup of one file system to another"), "{error}");
}

/// Definitions that others wrote; none is part of this project.
#[test]
fn aws_s_own_samples_are_read() {
    let Some(folder) = std::env::var_os("EFSBACKUP_CORPUS").map(PathBuf::from) else {
        let why = "EFSBACKUP_CORPUS names no folder of definitions";
        let _ = writeln!(std::io::stderr(), "SKIPPED aws_s_own_samples_are_read: {why}");
        return;
    };
    let folder = folder.join("data-pipeline-samples/samples/EFSBackup");
    for (name, restores, told) in [
        ("1-Node-EFSBackupPipeline.json", false, 10),
        ("1-Node-EFSRestorePipeline.json", true, 10),
        ("2-Node-EFSRestorePipeline.json", true, 10),
    ] {
        let definition = formats::read_path(&folder.join(name)).unwrap().definition;
        let migration = migrate(&definition, &[]).unwrap();
        assert_eq!(migration.restores, restores, "{name}");
        assert_eq!(migration.dangers.len(), told, "{name}: {:?}", names(&migration));
        let spec = migration.spec.source_id("fs-12345678").destination_id("fs-87654321");
        spec.definition().unwrap();
        let several = migration.changes.iter().any(|change| change.starts_with("2 activities"));
        assert_eq!(several, name.starts_with('2'));
    }
}

#[cfg(feature = "cli")]
#[test]
fn the_command_tells_the_dangers_and_writes_what_is_asked_for() {
    let scratch = Scratch::new();
    let old = scratch.path("old.json");
    std::fs::write(&old, formats::write(&article(), Format::Cli).unwrap()).unwrap();
    let run = |more: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_efsbackup"));
        let output = command.args(["pipeline", "migrate"]).arg(&old).args(more).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let (status, spec, told) = run(&[]);
    assert_eq!(status, Some(0), "{told}");
    assert!(told.starts_with("danger: unchecked-mount Copy: nobody looks whether"), "{told}");
    let read = EfsBackup::from_toml(&spec).unwrap();
    assert_eq!(read, migrate(&article(), &[]).unwrap().spec);
    let (status, yaml, _) = run(&["--to", "cfn-yaml"]);
    assert_eq!(status, Some(0));
    assert_eq!(formats::read(yaml.as_bytes()).unwrap().definition, read.definition().unwrap());
    let folder = scratch.path("units");
    let (status, _, told) =
        run(&["--for", "systemd", "--name", "old", "-o", folder.to_str().unwrap()]);
    assert_eq!(status, Some(0), "{told}");
    assert!(folder.join("efsbackup-old.timer").exists());
}

#[test]
fn the_guide_tells_of_every_danger() {
    let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/migrate.md");
    let guide = std::fs::read_to_string(guide).unwrap();
    let mut told = 0;
    for definition in [article(), sample()] {
        for name in names(&migrate(&definition, &[]).unwrap()) {
            assert!(guide.contains(&format!("| `{name}` |")), "{name}");
            told += 1;
        }
    }
    assert!(told > 15);
}
