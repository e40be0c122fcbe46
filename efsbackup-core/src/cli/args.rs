//! Arguments that every verb has, parsers of option values, and what happens when the
//! arguments are wrong.

use super::Cli;
use super::exit::Exit;
use super::output::{self, Output};
use crate::error::{Error, ErrorKind};
use clap::error::{ContextKind, ContextValue, ErrorKind as ClapKind};
use clap::{CommandFactory, ValueEnum};
use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::time::Duration;

/// The options that every verb has.
#[derive(clap::Args)]
pub(crate) struct Global {
    /// One JSON document on stdout, errors too
    #[arg(long, global = true, help_heading = "Output")]
    pub(crate) json: bool,
    /// Also write notes and errors to FILE, with their times
    #[arg(long, global = true, value_name = "FILE", help_heading = "Output")]
    pub(crate) log_file: Option<PathBuf>,
    /// Write nothing but results and errors
    #[arg(long, short, global = true, help_heading = "Output")]
    pub(crate) quiet: bool,
    /// When to show a progress bar on stderr (auto: on a terminal)
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "WHEN",
        default_value_t,
        help_heading = "Output"
    )]
    pub(crate) progress: Progress,
    /// Tell more: every kept error, and the causes of errors
    #[arg(long, short, global = true, help_heading = "Output")]
    pub(crate) verbose: bool,
}

/// When to show a progress bar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Progress {
    /// On a terminal.
    #[default]
    Auto,
    /// Also where stderr is no terminal: as a line now and then.
    Always,
    /// Not at all.
    Never,
}

impl Progress {
    /// Whether a bar is wanted, given where the output goes.
    pub(crate) fn wanted(self, output: &Output) -> bool {
        match self {
            Progress::Auto => !output.is_quiet() && io::stderr().is_terminal(),
            Progress::Always => true,
            Progress::Never => false,
        }
    }
}

/// Parses a duration with its unit, such as `90s`, `25 minutes` or `1h 30m`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let parsed: jiff::SignedDuration = text
        .parse()
        .map_err(|_| "give a number with its unit, such as 90s, 25m or '1h 30m'".to_owned())?;
    Duration::try_from(parsed).map_err(|_| "a duration cannot be negative".to_owned())
}

/// Answers arguments that `clap` did not take: help and version on stdout, anything else as
/// an error.
pub(crate) fn refuse(error: &clap::Error, arguments: &[OsString]) -> Exit {
    match error.kind() {
        ClapKind::DisplayHelp | ClapKind::DisplayVersion => {
            // As everywhere, a reader that went away is no error.
            let _ = write!(io::stdout(), "{}", error.render());
            Exit::COMPLETE
        }
        ClapKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = write!(io::stderr(), "{}", error.render());
            Exit::USAGE
        }
        _ => {
            let text = one_line(error) + &elsewhere(error);
            let error = Error::new(ErrorKind::InvalidInput, "arguments").with_message(text);
            output::usage_error(&error, arguments.iter().any(|argument| argument == "--json"));
            Exit::USAGE
        }
    }
}

/// Where an unknown verb is one of a verb's own: which.
fn elsewhere(error: &clap::Error) -> String {
    let Some(ContextValue::String(name)) = error.get(ContextKind::InvalidSubcommand) else {
        return String::new();
    };
    let cli = Cli::command();
    let verbs = cli.get_subcommands().filter(|verb| verb.find_subcommand(name).is_some());
    let lines: Vec<String> =
        verbs.map(|verb| format!("`efsbackup {} {name}`", verb.get_name())).collect();
    if lines.is_empty() { String::new() } else { format!("; there is {}", lines.join(" and ")) }
}

/// What `clap` has to say, without its headings, usage and hint, in one line.
fn one_line(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let text = text.split("\n\nUsage:").next().unwrap_or_default();
    let text = text.split("\n\nFor more information").next().unwrap_or_default();
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").trim_start_matches("error: ").replace(" tip: ", "; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("25 minutes"), Ok(Duration::from_secs(1500)));
        assert_eq!(duration("1h 30m"), Ok(Duration::from_secs(5400)));
        assert!(duration("5").is_err());
        assert!(duration("-5m").is_err());
    }
}
