//! A definition as it is in one scheduled run.

#![cfg(feature = "pipeline")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use efsbackup_core::formats::cli;
use efsbackup_core::params::{Moment, Options, resolve_at};
use efsbackup_core::pipeline::{Definition, FieldValue};

const PIPELINE: &str = r##"{
  "objects": [
    {"id": "Default", "schedule": {"ref": "Hourly"}, "scheduleType": "timeseries", "role": "r", "myLogs": "#{@id}/logs"},
    {"id": "Hourly", "type": "Schedule", "period": "#{myPeriod}", "startDateTime": "2026-03-01T00:00:00"},
    {"id": "Out", "type": "S3DataNode", "directoryPath": "s3://b/#{format(@scheduledStartTime, 'YYYY-MM-dd-HH')}/#{parent.@id}"},
    {"id": "Run", "name": "Runner", "type": "ShellCommandActivity", "workerGroup": "g", "output": {"ref": "Out"},
     "command": "from #{@scheduledStartTime} to #{@scheduledEndTime} as #{id} into #{output.directoryPath}",
     "stdout": "#{myLogs} #{output}", "stderr": "#{output.@scheduledStartTime}",
     "onFail": {"ref": "Told"}, "onSuccess": {"ref": "Both"}},
    {"id": "Other", "type": "ShellCommandActivity", "workerGroup": "g", "command": "true", "onSuccess": {"ref": "Both"}},
    {"id": "Told", "type": "SnsAlarm", "topicArn": "t", "subject": "#{node.name} #{node.@status}",
     "message": "#{node} at #{node.@scheduledStartTime}: #{node.errorMessage} in #{node.output.directoryPath} until #{node.@actualEndTime}"},
    {"id": "Both", "type": "SnsAlarm", "topicArn": "t", "subject": "s", "message": "#{node.name} #{node.@status}"}
  ],
  "parameters": [{"id": "myPeriod", "default": "1 hours"}]
}"##;

fn pipeline() -> Definition {
    cli::read(PIPELINE).unwrap()
}

fn moment() -> Moment {
    Moment::new("2026-03-01T05:00:00Z".parse().unwrap())
}

fn at(moment: &Moment, object: &str, key: &str) -> String {
    let resolved = resolve_at(&pipeline(), &[], moment, Options::default()).unwrap();
    let object = resolved.definition.object(object).unwrap();
    object.all(key).find_map(FieldValue::as_text).unwrap().to_owned()
}

#[test]
fn the_interval_and_ids_of_the_run_are_known() {
    assert_eq!(
        at(&moment(), "Run", "command"),
        "from 2026-03-01T05:00:00 to 2026-03-01T06:00:00 as @Run_2026-03-01T05:00:00 \
         into s3://b/2026-03-01-05/Out"
    );
    // A field inherited from Default is evaluated as the object's own.
    assert_eq!(
        at(&moment(), "Run", "stdout"),
        "@Run_2026-03-01T05:00:00/logs @Out_2026-03-01T05:00:00"
    );
    assert_eq!(at(&moment(), "Out", "directoryPath"), "s3://b/2026-03-01-05/Out");
    // Runtime fields of an object further away are out of reach, as in AWS.
    assert_eq!(at(&moment(), "Run", "stderr"), "#{output.@scheduledStartTime}");
}

#[test]
fn runtime_values_are_given_or_simulated_or_stay() {
    let message = "@Run_2026-03-01T05:00:00 at 2026-03-01T05:00:00: #{node.errorMessage} in \
                   s3://b/2026-03-01-05/Out until #{node.@actualEndTime}";
    assert_eq!(at(&moment(), "Told", "message"), message);
    let given = moment()
        .runtime("node.errorMessage", "exit status 1")
        .runtime("node.@actualEndTime", "2026-03-01T06:07:08");
    assert!(at(&given, "Told", "message").contains(": exit status 1 in "));
    assert!(at(&given, "Told", "message").ends_with(" until 2026-03-01T06:07:08"));
    let simulated = moment().simulated(true);
    assert_eq!(at(&simulated, "Told", "subject"), "Runner FAILED");
    let message = at(&simulated, "Told", "message");
    assert!(message.contains(": simulated failure in"), "{message}");
    // A time series is due at the end of its interval.
    assert!(message.ends_with("until 2026-03-01T06:01:00"), "{message}");
}

#[test]
fn an_alarm_of_several_needs_to_be_told_whose() {
    assert_eq!(at(&moment(), "Both", "message"), "#{node.name} #{node.@status}");
    let simulated = moment().simulated(true).node("Other");
    let resolve = |moment: &Moment| resolve_at(&pipeline(), &[], moment, Options::default());
    // The node must name each alarm that has one.
    let error = resolve(&simulated).unwrap_err();
    assert!(error.message().contains("Other does not name Told"), "{error}");
    assert_eq!(at(&simulated.node("Run"), "Both", "message"), "Runner FINISHED");
}

#[test]
fn what_is_inherited_can_be_written_out() {
    let options = Options::default().inherited(true);
    let resolved = resolve_at(&pipeline(), &[], &moment(), options).unwrap().definition;
    let run = resolved.object("Run").unwrap();
    assert_eq!(run.first_reference("schedule"), Some("Hourly"));
    assert_eq!(run.first_text("myLogs"), Some("@Run_2026-03-01T05:00:00/logs"));
    assert_eq!(run.type_name(), Some("ShellCommandActivity"));
    assert!(resolved.validate().is_valid());
}
