//! Workers who do as they are told.

use super::script::{Attempt, End, Played};
use crate::deploy::{PipelineService, PollForTask, SetTaskStatus, Task, TaskFailure, TaskStatus};
use crate::engine::{Engine, LOCAL_GROUP};
use crate::error::Result;
use crate::pipeline::{Definition, FieldValue};
use jiff::Timestamp;

/// What the machines of all worker groups are called.
const HOSTNAME: &str = "simulated";

/// Every worker, with what each is at.
pub(super) struct Workers<'a> {
    engine: &'a Engine,
    groups: Vec<String>,
    busy: Vec<Busy>,
}

struct Busy {
    task: String,
    ends: Timestamp,
    end: End,
}

impl<'a> Workers<'a> {
    /// Workers of each group that the definition names, and of resources.
    pub(super) fn new(engine: &'a Engine, definition: &Definition) -> Self {
        let mut groups = vec![LOCAL_GROUP.to_owned()];
        for object in &definition.objects {
            for group in object.all("workerGroup").filter_map(FieldValue::as_text) {
                if !groups.iter().any(|known| known == group) {
                    groups.push(group.to_owned());
                }
            }
        }
        Workers { engine, groups, busy: Vec::new() }
    }

    /// Takes all tasks there are.
    pub(super) fn take(
        &mut self,
        now: Timestamp,
        script: &mut dyn FnMut(&Attempt<'_>) -> Played,
    ) -> Result<()> {
        for group in &self.groups {
            let poll = PollForTask { worker_group: group.clone(), hostname: HOSTNAME.to_owned() };
            while let Some(task) = pollster::block_on(self.engine.poll_for_task(&poll))? {
                let played = script(&attempt_of(&task));
                // The worker of a lost attempt got as far as this too.
                pollster::block_on(self.engine.report_task_progress(&task.id, &[]))?;
                let ends = now.checked_add(played.takes).unwrap_or(Timestamp::MAX);
                self.busy.push(Busy { task: task.id, ends, end: played.end });
            }
        }
        Ok(())
    }

    /// When the next attempt ends.
    pub(super) fn next_end(&self) -> Option<Timestamp> {
        let ends = self.busy.iter().filter(|busy| busy.end != End::Lost).map(|busy| busy.ends);
        ends.min()
    }

    /// Ends what ends by now, reports on the rest, and stops what is to be stopped.
    pub(super) fn work(&mut self, now: Timestamp) -> Result<()> {
        for busy in std::mem::take(&mut self.busy) {
            if busy.end == End::Lost {
                // The service finds out by itself.
                continue;
            }
            if busy.ends <= now {
                self.end(&busy)?;
                continue;
            }
            if pollster::block_on(self.engine.report_task_progress(&busy.task, &[]))? {
                let end = End::Failed("stopped".to_owned());
                self.end(&Busy { end, ..busy })?;
            } else {
                self.busy.push(busy);
            }
        }
        Ok(())
    }

    fn end(&self, busy: &Busy) -> Result<()> {
        let (status, failure) = match &busy.end {
            End::Failed(message) => {
                let failure = TaskFailure {
                    id: "ActivityFailed".to_owned(),
                    message: message.clone(),
                    stack: String::new(),
                };
                (TaskStatus::Failed, Some(failure))
            }
            End::Finished | End::Lost => (TaskStatus::Finished, None),
        };
        let request = SetTaskStatus { task: busy.task.clone(), status, failure };
        pollster::block_on(self.engine.set_task_status(&request))
    }
}

fn attempt_of(task: &Task) -> Attempt<'_> {
    let object = task.attempt_object();
    let text = |key| object.and_then(|object| object.first_text(key)).unwrap_or_default();
    let time = format!("{}Z", text("@scheduledStartTime"));
    Attempt {
        component: object.and_then(|o| o.first_reference("@componentParent")).unwrap_or_default(),
        scheduled_start: time.parse().unwrap_or(Timestamp::UNIX_EPOCH),
        number: text("@attemptNumber").parse().unwrap_or(1),
    }
}
