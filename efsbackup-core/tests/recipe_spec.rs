//! The spec as a file, and the pipelines that come of it.

#![cfg(feature = "recipe")]
#![allow(clippy::unwrap_used, clippy::panic)]

use efsbackup_core::pipeline::{Definition, FieldValue};
use efsbackup_core::recipe::{
    EfsBackup, Engine, Environment, Keep, RESTORE_SCRIPT, RestoreTo, ScheduleType,
};

const SOURCE: &str = "fs-0123456789abcdef0.efs.ap-northeast-1.amazonaws.com:/";
const DESTINATION: &str = "fs-0fedcba9876543210.efs.ap-northeast-1.amazonaws.com:/";
const TOPIC: &str = "arn:aws:sns:ap-northeast-1:123456789012:backups";
const SHA256: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

fn recipe() -> EfsBackup {
    EfsBackup::new(SOURCE, DESTINATION).notify(TOPIC)
}

/// Everything that a spec can say.
fn full() -> EfsBackup {
    let mut environment = Environment::new("nightly");
    environment.vpc = Some("vpc-1".to_owned());
    environment.subnets = vec!["subnet-1".to_owned(), "subnet-2".to_owned()];
    environment.source_group = Some("sg-3".to_owned());
    environment.managed_policies = true;
    environment.file_system_policy = true;
    environment.alarm_after = 3;
    environment.log_days = 30;
    environment.container = Some("registry/efsbackup:1".to_owned());
    recipe()
        .source_id("fs-0123456789abcdef0")
        .destination_id("fs-0fedcba9876543210")
        .engine(Engine::Efsbackup)
        .schedule_type(ScheduleType::Timeseries)
        .period("1 days")
        .start("2026-01-31T04:00:00")
        .time_zone("Asia/Tokyo")
        .terminate_after("3 hours")
        .retries(2)
        .log_uri("s3://logs/efs")
        .instance_type("m5.large")
        .image("ami-1")
        .subnet("subnet-1")
        .security_group("sg-1")
        .security_group("sg-2")
        .key_pair("ops")
        .spot_price("0.02")
        .role("pipeline")
        .resource_role("instance")
        .public_ip(true)
        .tls(true)
        .iam(true)
        .keep(Keep::Daily, 7)
        .keep(Keep::Last, 2)
        .program("s3://programs/efsbackup-1", SHA256)
        .environment(environment)
}

fn refusal(recipe: &EfsBackup) -> String {
    let error = recipe.definition().unwrap_err().to_string();
    assert_eq!(error.lines().count(), 1, "{error}");
    error.strip_prefix("recipe: ").unwrap_or(&error).to_owned()
}

fn arguments(definition: &Definition) -> Vec<&str> {
    let activity = definition.object("ShellCommandActivityObj").unwrap();
    activity.all("scriptArgument").filter_map(FieldValue::as_text).collect()
}

#[test]
fn a_spec_survives_its_file() {
    for spec in [recipe(), full(), EfsBackup::to_new_file_system(SOURCE)] {
        let text = spec.to_toml().unwrap();
        assert_eq!(EfsBackup::from_toml(&text).unwrap(), spec, "{text}");
    }
    let text = full().to_toml().unwrap();
    for key in ["source = ", "notify = ", "[keep]\nlast = 2\ndaily = 7\n", "[program]\nuri = "] {
        assert!(text.contains(key), "{key} in\n{text}");
    }
}

#[test]
fn a_short_file_is_enough() {
    let text = format!("source = '{SOURCE}'\ndestination = '{DESTINATION}'\nnotify = '{TOPIC}'\n");
    assert_eq!(EfsBackup::from_toml(&text).unwrap(), recipe());
}

#[test]
fn a_wrong_file_is_refused_with_its_line() {
    for (text, expected) in [
        ("", "line 1: missing field `source`"),
        ("source = 'a'\nperoid = '1 hours'\n", "line 2: unknown field `peroid`, expected one of"),
        ("source = 'a'\n\nengine = 'tar'\n", "line 3: unknown variant `tar`, expected"),
        ("source = 'a'\n[keep]\nfortnightly = 1\n", "line 3: unknown variant `fortnightly`"),
        ("source = 'a'\n[program]\nuri = 's3://a/b'\n", "line 2: missing field `sha256`"),
        ("source = \n", "line 1: "),
    ] {
        let error = EfsBackup::from_toml(text).unwrap_err().to_string();
        assert!(error.starts_with(&format!("read spec: {expected}")), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}

#[test]
fn everything_a_spec_says_arrives_in_the_pipeline() {
    let definition = full().definition().unwrap();
    let instance = definition.object("EC2ResourceObj").unwrap();
    let groups: Vec<_> = instance.all("securityGroupIds").filter_map(FieldValue::as_text).collect();
    assert_eq!(groups, ["#{mySecurityGroupId}", "sg-2"]);
    for (key, value) in [
        ("spotBidPrice", "0.02"),
        ("useOnDemandOnLastAttempt", "true"),
        ("terminateAfter", "180 minutes"),
    ] {
        assert_eq!(instance.first_text(key), Some(value), "{key}");
    }
    let activity = definition.object("ShellCommandActivityObj").unwrap();
    assert_eq!(activity.first_text("maximumRetries"), Some("2"));
    assert_eq!(
        arguments(&definition)[6..],
        [
            "--program=s3://programs/efsbackup-1",
            &format!("--sha256={SHA256}"),
            "--mount=tls,iam",
            "--keep-last=2",
            "--keep-daily=7"
        ]
    );
    let schedule = definition.object("DefaultSchedule").unwrap();
    assert_eq!(schedule.first_text("startDateTime"), Some("2026-01-31T04:00:00"));
    assert_eq!(schedule.first_text("startAt"), None);
    let texts = definition.validate().findings.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(texts, [""; 0]);
}

#[test]
fn each_schedule_type_makes_a_valid_pipeline() {
    let full = |schedule_type| {
        recipe()
            .schedule_type(schedule_type)
            .log_uri("s3://logs/efs")
            .image("ami-1")
            .subnet("subnet-1")
            .security_group("sg-1")
            .key_pair("ops")
    };
    for (schedule_type, objects) in
        [(ScheduleType::Cron, 6), (ScheduleType::Timeseries, 6), (ScheduleType::Ondemand, 5)]
    {
        let definition = full(schedule_type).definition().unwrap();
        assert_eq!(definition.objects.len(), objects);
        let default = definition.object("Default").unwrap();
        assert_eq!(default.first_text("scheduleType"), Some(schedule_type.name()));
        let found = definition.validate();
        let texts: Vec<String> = found.findings.iter().map(ToString::to_string).collect();
        assert_eq!(texts, [""; 0], "{}", schedule_type.name());
    }
}

#[test]
fn an_image_by_ssm_parameter_is_for_a_stack_to_look_up() {
    let definition = recipe().image("ssm:/aws/service/ami-x").definition().unwrap();
    assert_eq!(definition.values_of("myImageId").count(), 0);
}

#[test]
fn a_restore_runs_once_with_the_same_parameters_and_two_more() {
    let spec = full();
    let definition = spec.restore_definition(&RestoreTo::new("restored/2026")).unwrap();
    assert!(definition.object("DefaultSchedule").is_none());
    let activity = definition.object("ShellCommandActivityObj").unwrap();
    assert_eq!(activity.first_text("command"), Some(RESTORE_SCRIPT));
    assert_eq!(
        arguments(&definition),
        [
            "#{myEFSSource}",
            "#{myEFSBackup}",
            "#{myEFSId}",
            "#{myTimeZone}",
            "#{myEFSBackupId}",
            "10500",
            "--snapshot=#{mySnapshot}",
            "--into=#{myRestoreFolder}",
            "--program=s3://programs/efsbackup-1",
            &format!("--sha256={SHA256}"),
            "--mount=tls,iam"
        ]
    );
    let default = |id| definition.parameter(id).unwrap().attribute("default");
    assert_eq!(default("mySnapshot"), Some("latest"));
    assert_eq!(default("myRestoreFolder"), Some("restored/2026"));
    assert_eq!(definition.parameter("myPeriod"), None, "it would be used nowhere");
    let subject = definition.object("SuccessNotify").unwrap().first_text("subject");
    assert_eq!(subject, Some("[Info] EFS Restore Succeeded"));
    let found = definition.validate();
    let texts: Vec<String> = found.findings.iter().map(ToString::to_string).collect();
    assert_eq!(texts, [""; 0]);

    let mut over = RestoreTo::in_place();
    over.delete = true;
    over.snapshot = "2026-01-31-04-00".to_owned();
    let definition = spec.restore_definition(&over).unwrap();
    assert_eq!(arguments(&definition)[7], "--in-place");
    assert_eq!(arguments(&definition).last(), Some(&"--delete"));
}

#[test]
fn a_wrong_restore_is_refused() {
    let refusal = |spec: &EfsBackup, to: &RestoreTo| {
        let error = spec.restore_definition(to).unwrap_err().to_string();
        assert_eq!(error.lines().count(), 1, "{error}");
        error
    };
    for folder in ["", "/etc", "../x", "a/../b", "a//b", ".", "#{x}", "a\nb"] {
        let error = refusal(&recipe(), &RestoreTo::new(folder));
        assert!(error.ends_with("is no folder below the source"), "{error}");
    }
    for snapshot in ["", "daily.0", "2026", "-rf", "2026-01-31-04-00/..", "latest; id"] {
        let mut to = RestoreTo::new("a");
        to.snapshot = snapshot.to_owned();
        let error = refusal(&recipe(), &to);
        assert!(error.contains("is no snapshot's name"), "{error}");
    }
    let mut to = RestoreTo::new("a");
    to.delete = true;
    assert!(refusal(&recipe(), &to).contains("only a restore in place can delete"));
    let rsync = recipe().engine(Engine::Rsync);
    assert!(refusal(&rsync, &RestoreTo::in_place()).contains("only the engine efsbackup restores"));
}

#[test]
fn wrong_settings_are_refused_in_one_line() {
    let cases = [
        (recipe().nodes(25), "25 nodes: a backup is shared by 1 to 24 instances"),
        (EfsBackup::to_new_file_system(SOURCE), "the destination is missing"),
        (recipe().retries(6), "6 retries: Data Pipeline takes 0 to 5"),
        (recipe().start("2026-02-30T00:00:00"), "start '2026-02-30T00:00:00' is no time"),
        (recipe().start("tomorrow"), "start 'tomorrow' is no time"),
        (
            recipe().start("2026-01-01T00:00:00").schedule_type(ScheduleType::Ondemand),
            "a pipeline on demand has no start",
        ),
        (recipe().spot_price("0"), "spot price '0' is no number"),
        (recipe().spot_price("20"), "spot price '20' is no number"),
        (recipe().spot_price("1e1"), "spot price '1e1' is no number"),
        (recipe().iam(true), "iam needs tls"),
        (recipe().tls(true).engine(Engine::Rsync), "the engine rsync mounts without tls"),
        (
            EfsBackup::new("nas:/a", DESTINATION).source_id("fs-00000001").tls(true),
            "tls needs EFS's own name of a file system, not nas:/a",
        ),
        (recipe().program("s3://bucket", SHA256), "program 's3://bucket' is not s3://BUCKET/KEY"),
        (recipe().program("s3://b/k;id", SHA256), "program 's3://b/k;id' is not"),
        (recipe().program("s3://b/k", "abc"), "'abc' is no SHA-256"),
        (
            recipe().program("s3://b/k", SHA256).engine(Engine::Rsync),
            "the engine rsync fetches no program",
        ),
        (recipe().subnet(""), "subnet \"\" is empty"),
        (recipe().image("#{x}"), "image \"#{x}\" is empty, or holds"),
        (recipe().security_group("a\nb"), "security group \"a\\nb\" is empty"),
    ];
    for (recipe, expected) in cases {
        let refusal = refusal(&recipe);
        assert!(refusal.starts_with(expected), "{refusal}\nshould begin with\n{expected}");
    }
}
