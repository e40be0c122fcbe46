//! Who is told of alarms.

use super::cloud_args::CloudArgs;
use crate::error::Result;
use crate::run::Alarms;
use std::ffi::OsString;

#[derive(clap::Args)]
pub(crate) struct AlarmArgs {
    /// Run COMMAND with a shell for each alarm; it finds the alarm as JSON on its standard
    /// input, and runs again later where it fails
    #[arg(long, value_name = "COMMAND")]
    alarm_command: Option<OsString>,
    /// Post each alarm as JSON to URL (http:// only), again later where that fails
    #[arg(long, value_name = "URL")]
    alarm_url: Option<String>,
}

impl AlarmArgs {
    pub(crate) fn read(&self, cloud: &CloudArgs) -> Result<Alarms> {
        let mut alarms = Alarms::default();
        if let Some(command) = &self.alarm_command {
            alarms = alarms.command(command);
        }
        if let Some(url) = &self.alarm_url {
            alarms = alarms.webhook(url)?;
        }
        if let Some(topics) = cloud.topics()? {
            alarms = alarms.topics(topics);
        }
        Ok(alarms)
    }
}
