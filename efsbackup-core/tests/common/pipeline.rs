//! The embedded service on a clock of the test's own, with a pipeline of one activity.

use efsbackup_core::clock::Clock;
use efsbackup_core::deploy::{
    Activate, CreatePipeline, PipelineService, PollForTask, SetTaskStatus, Task, TaskFailure,
    TaskStatus,
};
use efsbackup_core::engine::{Engine, LOCAL_GROUP, Notification};
use efsbackup_core::pipeline::{Definition, Object, Parameter, ParameterValue};
use jiff::Timestamp;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// The embedded service never waits, so one poll is enough.
pub(crate) fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the embedded service waited"),
    }
}

/// A clock that stands still until somebody sleeps.
pub(crate) struct TestClock(pub(crate) Mutex<Timestamp>);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }

    fn sleep(&self, duration: Duration) {
        *self.0.lock().unwrap() += duration;
    }
}

/// A service, its clock and one pipeline.
pub(crate) struct Fixture {
    pub(crate) clock: Arc<TestClock>,
    pub(crate) engine: Engine,
    pub(crate) pipeline: String,
}

pub(crate) const START: &str = "2026-03-01T02:00:00";

impl Fixture {
    pub(crate) fn new(definition: &Definition) -> Fixture {
        let clock = clock();
        let engine = Engine::in_memory(clock.clone()).unwrap();
        let pipeline = create(&engine, "nightly");
        let findings = now(engine.put_definition(&pipeline, definition)).unwrap();
        assert!(!findings.errored, "{findings:?}");
        Fixture { clock, engine, pipeline }
    }

    /// A pipeline that is active.
    pub(crate) fn active(definition: &Definition) -> Fixture {
        let fixture = Fixture::new(definition);
        now(fixture.engine.activate(&fixture.pipeline, &Activate::default())).unwrap();
        fixture
    }

    pub(crate) fn pass(&self, minutes: u64) {
        self.clock.sleep(Duration::from_secs(60 * minutes));
        self.engine.tick().unwrap();
    }

    pub(crate) fn poll(&self) -> Option<Task> {
        let poll = PollForTask { worker_group: LOCAL_GROUP.into(), hostname: "node1".into() };
        now(self.engine.poll_for_task(&poll)).unwrap()
    }

    /// Takes the next task as a worker does.
    pub(crate) fn take(&self) -> Task {
        let task = self.poll().expect("a task");
        assert!(!self.report(&task));
        task
    }

    pub(crate) fn report(&self, task: &Task) -> bool {
        now(self.engine.report_task_progress(&task.id, &[])).unwrap()
    }

    pub(crate) fn finish(&self, task: &Task) {
        let task = task.id.clone();
        let status = SetTaskStatus { task, status: TaskStatus::Finished, failure: None };
        now(self.engine.set_task_status(&status)).unwrap();
    }

    pub(crate) fn fail(&self, task: &Task) {
        let failure = TaskFailure {
            id: "CommandFailed".into(),
            message: "exit status 3".into(),
            stack: "last line".into(),
        };
        let task = task.id.clone();
        let status = SetTaskStatus { task, status: TaskStatus::Failed, failure: Some(failure) };
        now(self.engine.set_task_status(&status)).unwrap();
    }

    /// `component status` of every instance, the earliest first.
    pub(crate) fn states(&self) -> Vec<String> {
        let runs = self.engine.runs(&self.pipeline).unwrap();
        runs.iter().map(|run| format!("{} {}", run.component, run.status)).collect()
    }

    pub(crate) fn state(&self) -> String {
        let pipelines = now(self.engine.describe_pipelines(std::slice::from_ref(&self.pipeline)));
        pipelines.unwrap()[0].field("@pipelineState").unwrap().to_owned()
    }

    pub(crate) fn object(&self, id: &str) -> Object {
        let ids = [id.to_owned()];
        let page = now(self.engine.describe_objects(&self.pipeline, &ids, true, None)).unwrap();
        page.items.into_iter().next().unwrap()
    }

    pub(crate) fn notifications(&self) -> Vec<Notification> {
        let mut all = Vec::new();
        self.engine
            .deliver(&mut |notification| {
                all.push(notification.clone());
                Ok(())
            })
            .unwrap();
        all
    }
}

pub(crate) fn clock() -> Arc<TestClock> {
    Arc::new(TestClock(Mutex::new(format!("{START}Z").parse().unwrap())))
}

pub(crate) fn create(engine: &Engine, name: &str) -> String {
    let request =
        CreatePipeline { name: name.into(), unique_id: "test".into(), ..CreatePipeline::default() };
    now(engine.create_pipeline(&request)).unwrap()
}

/// Default, an hourly schedule from the first activation, a resource, an activity `A`
/// and both alarms.
pub(crate) fn definition(schedule_type: &str) -> Definition {
    let message = "scheduled \"#{node.@scheduledStartTime}\" started #{node.@actualStartTime} \
                   ended #{node.@actualEndTime} on #{node.hostname} with #{node.@status}";
    let alarm = |id: &str, subject: &str| {
        Object::new(id)
            .text("type", "SnsAlarm")
            .text("topicArn", "#{myTopic}")
            .text("subject", subject)
            .text("message", message)
            .text("role", "r")
    };
    Definition {
        objects: vec![
            Object::new("Default")
                .text("scheduleType", schedule_type)
                .text("failureAndRerunMode", "CASCADE")
                .text("pipelineLogUri", "s3://logs/")
                .text("role", "r")
                .text("resourceRole", "rr")
                .reference("schedule", "Hourly"),
            Object::new("Hourly")
                .text("type", "Schedule")
                .text("startAt", "FIRST_ACTIVATION_DATE_TIME")
                .text("period", "#{myPeriod}"),
            Object::new("Machine").text("type", "Ec2Resource").text("terminateAfter", "50 minutes"),
            Object::new("A")
                .text("type", "ShellCommandActivity")
                .reference("runsOn", "Machine")
                .text("command", "echo \"$1\" \"$2\"")
                .text("scriptArgument", "#{myFirst}")
                .text("scriptArgument", "#{format(@scheduledStartTime, 'YYYY-MM-dd')}")
                .text("maximumRetries", "1")
                .text("retryDelay", "5 minutes")
                .reference("onSuccess", "Good")
                .reference("onFail", "Bad"),
            alarm("Good", "[Info] done"),
            alarm("Bad", "[Alert] #{node.name} failed"),
        ],
        parameters: vec![
            Parameter::new("myPeriod").with("default", "1 hours"),
            Parameter::new("myFirst").with("default", "x"),
            Parameter::new("myTopic").with("default", "arn:aws:sns:us-east-1:1:t"),
        ],
        values: vec![ParameterValue::new("myFirst", "first")],
    }
}

pub(crate) fn object<'a>(definition: &'a mut Definition, id: &str) -> &'a mut Object {
    definition.objects.iter_mut().find(|object| object.id == id).unwrap()
}

/// Sets a text field, in place of its values so far.
pub(crate) fn set(definition: &mut Definition, id: &str, key: &str, value: &str) {
    let object = object(definition, id);
    object.fields.retain(|field| field.key != key);
    *object = std::mem::take(object).text(key, value);
}
