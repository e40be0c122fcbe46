//! Who is told of alarms.

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
    pub(crate) fn read(&self) -> Result<Alarms> {
        let alarms = Alarms::default();
        let alarms = match &self.alarm_command {
            Some(command) => alarms.command(command),
            None => alarms,
        };
        match &self.alarm_url {
            Some(url) => alarms.webhook(url),
            None => Ok(alarms),
        }
    }
}
