//! The recipe's definition against the facts of the pipeline it follows, and its checks.

#![cfg(feature = "recipe")]
#![allow(clippy::unwrap_used, clippy::panic)]

#[cfg(feature = "draw")]
#[path = "common/golden.rs"]
mod golden;

use efsbackup_core::pipeline::{Definition, FieldValue};
use efsbackup_core::recipe::{EfsBackup, Engine, Keep};

const SOURCE: &str = "fs-0123456789abcdef0.efs.ap-northeast-1.amazonaws.com:/";
const DESTINATION: &str = "fs-0fedcba9876543210.efs.ap-northeast-1.amazonaws.com:/";
const TOPIC: &str = "arn:aws:sns:ap-northeast-1:123456789012:backups";

fn recipe() -> EfsBackup {
    EfsBackup::new(SOURCE, DESTINATION).period("1 hours").notify(TOPIC)
}

fn definition() -> Definition {
    recipe().definition().unwrap()
}

fn refusal(recipe: EfsBackup) -> String {
    let error = recipe.definition().unwrap_err().to_string();
    assert_eq!(error.lines().count(), 1, "{error}");
    error.strip_prefix("recipe: ").unwrap_or(&error).to_owned()
}

/// How a field compares with the published one.
enum Fact {
    /// Text, the same.
    Text(&'static str),
    /// A reference, the same.
    To(&'static str),
    /// Text that differs from the published one: what it was, what it is, and why.
    Mended(&'static str, &'static str, &'static str),
    /// Text that was not there, and why it is.
    Added(&'static str, &'static str),
    /// Published, and rewritten as a whole; see the tests of the scripts.
    Rewritten,
}
use Fact::{Added, Mended, Rewritten, Text, To};

const MESSAGE: &str = "scheduledStartTime: \"#{node.@scheduledStartTime}\"\n\
    actualStartTime: \"#{node.@actualStartTime}\"\n\
    actualEndTime: \"#{node.@actualEndTime}\"\n\
    hostname: \"#{node.hostname}\"\n";

/// The published pipeline, object by object and field by field, in its order.
const FACTS: &[(&str, &[(&str, Fact)])] = &[
    (
        "Default",
        &[
            ("type", Text("Default")),
            ("scheduleType", Text("cron")),
            ("failureAndRerunMode", Text("CASCADE")),
            ("schedule", To("DefaultSchedule")),
            ("role", Text("#{myDataPipelineRole}")),
            ("resourceRole", Text("#{myDataPipelineResourceRole}")),
            ("pipelineLogUri", Text("#{myS3LogBucket}")),
        ],
    ),
    (
        "DefaultSchedule",
        &[
            ("type", Text("Schedule")),
            ("startAt", Text("FIRST_ACTIVATION_DATE_TIME")),
            ("period", Text("#{myPeriod}")),
        ],
    ),
    (
        "EC2ResourceObj",
        &[
            ("type", Text("Ec2Resource")),
            (
                "terminateAfter",
                Mended(
                    "30 Minutes",
                    "60 minutes",
                    "follows the period, so that it cuts no run short",
                ),
            ),
            ("instanceType", Text("#{myInstanceType}")),
            ("securityGroupIds", Text("#{mySecurityGroupId}")),
            ("subnetId", Text("#{mySubnetId}")),
            (
                "associatePublicIpAddress",
                Mended("true", "false", "a backup needs no door to the internet"),
            ),
            ("imageId", Text("#{myImageId}")),
            ("keyPair", Text("#{myKeyPair}")),
        ],
    ),
    (
        "ShellCommandActivityObj",
        &[
            ("type", Text("ShellCommandActivity")),
            ("runsOn", To("EC2ResourceObj")),
            ("command", Rewritten),
            ("scriptArgument", Text("#{myEFSSource}")),
            ("scriptArgument", Text("#{myEFSBackup}")),
            ("scriptArgument", Text("#{myEFSId}")),
            ("scriptArgument", Text("#{myTimeZone}")),
            ("scriptArgument", Added("#{myEFSBackupId}", "the destination is proved too")),
            ("scriptArgument", Added("3300", "the run ends five minutes before its instance")),
            ("onSuccess", To("SuccessNotify")),
            ("onFail", To("FailureNotify")),
        ],
    ),
    (
        "SuccessNotify",
        &[
            ("type", Text("SnsAlarm")),
            ("topicArn", Text("#{myTopicArn}")),
            ("subject", Text("[Info] EFS Backup Succeeded")),
            ("message", Text(MESSAGE)),
        ],
    ),
    (
        "FailureNotify",
        &[
            ("type", Text("SnsAlarm")),
            ("topicArn", Text("#{myTopicArn}")),
            (
                "subject",
                Mended("[Alart] EFS Backup Failed", "[Alert] EFS Backup Failed", "spelling"),
            ),
            ("message", Text(MESSAGE)),
        ],
    ),
];

/// The published parameters, in the order of their first use.
const PARAMETERS: [&str; 14] = [
    "myDataPipelineRole",
    "myDataPipelineResourceRole",
    "myS3LogBucket",
    "myPeriod",
    "myInstanceType",
    "mySecurityGroupId",
    "mySubnetId",
    "myImageId",
    "myKeyPair",
    "myEFSSource",
    "myEFSBackup",
    "myEFSId",
    "myTimeZone",
    "myTopicArn",
];

#[test]
fn the_objects_equal_the_published_ones_but_for_what_is_mended() {
    let definition = definition();
    assert_eq!(definition.objects.len(), FACTS.len());
    for (object, (id, fields)) in definition.objects.iter().zip(FACTS) {
        assert_eq!((object.id.as_str(), object.name.as_str()), (*id, *id));
        let keys: Vec<&str> = object.fields.iter().map(|field| field.key.as_str()).collect();
        let expected: Vec<&str> = fields.iter().map(|(key, _)| *key).collect();
        assert_eq!(keys, expected, "{id}");
        for (field, (key, fact)) in object.fields.iter().zip(*fields) {
            let expected = match fact {
                Text(text) => FieldValue::Text((*text).to_owned()),
                Added(text, why) => {
                    assert!(!why.is_empty(), "{id}.{key}");
                    FieldValue::Text((*text).to_owned())
                }
                To(target) => FieldValue::Reference((*target).to_owned()),
                Mended(was, is, why) => {
                    assert!(was != is && !why.is_empty(), "{id}.{key}");
                    FieldValue::Text((*is).to_owned())
                }
                Rewritten => FieldValue::Text(Engine::Efsbackup.script().to_owned()),
            };
            assert_eq!(field.value, expected, "{id}.{key}");
        }
    }
}

#[test]
fn the_parameters_are_the_published_ones_and_the_second_id() {
    let definition = definition();
    let mut expected: Vec<&str> = PARAMETERS.into_iter().chain(["myEFSBackupId"]).collect();
    let mut ids: Vec<&str> = definition.parameters.iter().map(|p| p.id.as_str()).collect();
    expected.sort_unstable();
    ids.sort_unstable();
    assert_eq!(ids, expected);
    assert_eq!(definition.parameter("myPeriod").unwrap().attribute("default"), Some("1 hours"));
    for parameter in &definition.parameters {
        assert!(parameter.attribute("type").is_some(), "{}", parameter.id);
        assert!(parameter.attribute("description").is_some(), "{}", parameter.id);
        let reference = format!("#{{{}}}", parameter.id);
        let used = definition.objects.iter().flat_map(|object| &object.fields);
        let used = used.filter_map(|field| field.value.as_text()).any(|text| text == reference);
        assert!(used, "{} is used nowhere", parameter.id);
    }
}

#[test]
fn both_ids_come_from_the_addresses() {
    let definition = definition();
    let value = |id| definition.values_of(id).collect::<Vec<_>>();
    assert_eq!(value("myEFSSource"), [SOURCE]);
    assert_eq!(value("myEFSBackup"), [DESTINATION]);
    assert_eq!(value("myEFSId"), ["fs-0123456789abcdef0"]);
    assert_eq!(value("myEFSBackupId"), ["fs-0fedcba9876543210"]);
    assert_eq!(value("myTopicArn"), [TOPIC]);
    assert_eq!(value("myPeriod"), ["1 hours"]);
    assert_eq!(value("myImageId"), [""; 0]);
}

#[test]
fn everything_the_builder_is_told_arrives() {
    let definition = recipe()
        .engine(Engine::Rsync)
        .time_zone("Asia/Tokyo")
        .log_uri("s3://logs/efs")
        .instance_type("m4.large")
        .image("ami-1")
        .subnet("subnet-1")
        .security_group("sg-1")
        .key_pair("ops")
        .role("pipeline")
        .resource_role("instance")
        .public_ip(true)
        .definition()
        .unwrap();
    let expected = [
        ("myTimeZone", "Asia/Tokyo"),
        ("myS3LogBucket", "s3://logs/efs"),
        ("myInstanceType", "m4.large"),
        ("myImageId", "ami-1"),
        ("mySubnetId", "subnet-1"),
        ("mySecurityGroupId", "sg-1"),
        ("myKeyPair", "ops"),
        ("myDataPipelineRole", "pipeline"),
        ("myDataPipelineResourceRole", "instance"),
    ];
    for (id, value) in expected {
        assert_eq!(definition.values_of(id).collect::<Vec<_>>(), [value], "{id}");
    }
    let instance = definition.object("EC2ResourceObj").unwrap();
    assert_eq!(instance.first_text("associatePublicIpAddress"), Some("true"));
    let activity = definition.object("ShellCommandActivityObj").unwrap();
    assert_eq!(activity.first_text("command"), Some(Engine::Rsync.script()));
}

#[test]
fn retention_is_passed_on_as_options_of_the_backup() {
    let kept = recipe().keep(Keep::Hourly, 24).keep(Keep::Daily, 7).definition().unwrap();
    let activity = kept.object("ShellCommandActivityObj").unwrap();
    let arguments = activity.all("scriptArgument").filter_map(FieldValue::as_text).skip(6);
    assert_eq!(arguments.collect::<Vec<_>>(), ["--keep-hourly=24", "--keep-daily=7"]);
    assert_eq!(
        refusal(recipe().engine(Engine::Rsync).keep(Keep::Daily, 7)),
        "the engine rsync removes no snapshots; use the engine efsbackup for retention"
    );
}

#[test]
fn between_two_folders_no_parameter_stays_open() {
    let folders = EfsBackup::new("/srv/a", "/srv/b")
        .source_id("fs-00000001")
        .destination_id("fs-00000002")
        .definition()
        .unwrap();
    for parameter in &folders.parameters {
        let known = folders.values_of(&parameter.id).next().or(parameter.attribute("default"));
        assert!(known.is_some(), "{}", parameter.id);
    }
    assert_eq!(folders.values_of("mySubnetId").collect::<Vec<_>>(), ["unused"]);
    assert!(folders.validate().is_valid());
}

#[test]
fn the_run_ends_five_minutes_before_its_instance_and_that_with_the_period() {
    let times = |recipe: EfsBackup| {
        let definition = recipe.definition().unwrap();
        let life =
            definition.object("EC2ResourceObj").unwrap().first_text("terminateAfter").unwrap();
        let activity = definition.object("ShellCommandActivityObj").unwrap();
        let stop = activity.all("scriptArgument").nth(5).unwrap().as_text().unwrap();
        (life.to_owned(), stop.parse::<u64>().unwrap())
    };
    assert_eq!(times(recipe().period("15 minutes")), ("15 minutes".to_owned(), 600));
    assert_eq!(times(recipe().period("6 Hours")), ("360 minutes".to_owned(), 21_300));
    assert_eq!(times(recipe().period("1 week")), ("1440 minutes".to_owned(), 86_100));
    let shorter = recipe().period("1 week").terminate_after("3 days");
    assert_eq!(times(shorter), ("4320 minutes".to_owned(), 258_900));
}

#[test]
fn wrong_settings_are_refused_in_one_line() {
    let folders = || EfsBackup::new("/srv/a", "/srv/b");
    let cases = [
        (recipe().period("14 minutes"), "period '14 minutes' is out of bounds"),
        (recipe().period("4 years"), "period '4 years' is out of bounds"),
        (recipe().period("hourly"), "period: 'hourly' is not a period"),
        (recipe().terminate_after("9 minutes"), "terminate after '9 minutes' is too short"),
        (
            recipe().terminate_after("2 hours"),
            "terminate after '2 hours' is above the period '1 hours'",
        ),
        (recipe().source_id("fs-1"), "source id 'fs-1' is no file system id"),
        (
            recipe().source_id("fs-00000001"),
            &*format!("source {SOURCE} is fs-0123456789abcdef0, but"),
        ),
        (recipe().time_zone("Asia/To kyo"), "'Asia/To kyo' is no time zone"),
        (recipe().time_zone("../x"), "'../x' is no time zone"),
        (recipe().notify("backups"), "'backups' is no topic's ARN"),
        (recipe().log_uri("/var/log"), "log URI '/var/log' is not s3://BUCKET"),
        (folders(), "source /srv/a does not tell its file system's id; give the source id too"),
        (
            folders().source_id("fs-00000001").destination_id("fs-00000001"),
            "source and destination are both fs-00000001",
        ),
        (EfsBackup::new(SOURCE, SOURCE), "source fs-0123456789abcdef0.efs."),
        (EfsBackup::new("/srv", "/srv/b"), "source /srv and destination /srv/b overlap"),
        (
            EfsBackup::new("here", "/srv/b"),
            "source 'here' is neither HOST:/PATH nor an absolute path",
        ),
    ];
    for (recipe, expected) in cases {
        let refusal = refusal(recipe);
        assert!(refusal.starts_with(expected), "{refusal}\nshould begin with\n{expected}");
    }
}

#[test]
fn an_object_stays_within_the_service_s_limits() {
    for engine in Engine::ALL {
        let definition = recipe().engine(engine).definition().unwrap();
        for object in &definition.objects {
            let size = |value: &FieldValue| match value {
                FieldValue::Text(text) | FieldValue::Reference(text) => text.len(),
                FieldValue::Intrinsic(_) => panic!("the recipe writes no functions"),
            };
            let bytes: usize = object.fields.iter().map(|f| f.key.len() + size(&f.value)).sum();
            assert!(bytes <= 15_360, "{}: {bytes} bytes", object.id);
            assert!(object.fields.len() <= 50);
        }
    }
}

#[test]
fn validation_finds_nothing_to_say_of_a_full_spec() {
    for engine in Engine::ALL {
        let full = recipe()
            .engine(engine)
            .log_uri("s3://logs/efs")
            .image("ami-1")
            .subnet("subnet-1")
            .security_group("sg-1")
            .key_pair("ops");
        let found = full.definition().unwrap().validate();
        let texts: Vec<String> = found.findings.iter().map(ToString::to_string).collect();
        assert_eq!(texts, [""; 0], "{}", engine.name());
    }
    assert!(definition().validate().is_valid(), "what is open is given at activation");
}

#[cfg(feature = "draw")]
#[test]
fn the_guides_show_the_pipelines_of_this_release() {
    use efsbackup_core::draw::{Options, svg};

    let shared = recipe().nodes(2).definition().unwrap();
    for (name, definition) in [("docs/pipeline.svg", definition()), ("docs/nodes.svg", shared)] {
        let picture = svg(&definition, &Options::default());
        let is_golden = golden::is_golden(&golden::root().join(name), &picture);
        assert!(is_golden, "{name} is behind the source; run `make golden`");
    }
}
