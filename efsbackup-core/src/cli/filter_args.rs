//! `--exclude`, `--include` and `--exclude-from`: rules in the order of the command line.

use crate::error::{Error, Result};
use crate::mirror::{Filter, Kind};
use clap::error::Error as ClapError;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use std::ffi::OsString;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

const HEADING: &str = "Filter";

/// What was given, in order.
pub(crate) struct FilterArgs(Vec<(Source, OsString)>);

/// Where rules come from.
#[derive(Clone, Copy)]
enum Source {
    Argument(Kind),
    File,
}

/// Each option: its name, its value's name, what it does.
const OPTIONS: [(&str, &str, Source, &str, &str); 3] = [
    (
        "exclude",
        "PATTERN",
        Source::Argument(Kind::Exclude),
        "Leave out what PATTERN matches, unless an earlier rule decides",
        "Leave out what PATTERN matches, unless an earlier rule decides. At the destination it is \
         kept, even with --delete.\n\nRules are rsync's. The first that matches decides. In a \
         PATTERN `*` matches any bytes but `/`, `**` any bytes, `?` one byte but `/`, `[a-z]` one \
         of a class, `\\*` the `*` itself. With `/` at its beginning it is compared with the path \
         below SOURCE, else with as many names at the end of a path as it has. With `/` at its \
         end it matches only directories, with `/***` a directory and all in it. Nothing in an \
         excluded directory can be included.",
    ),
    (
        "include",
        "PATTERN",
        Source::Argument(Kind::Include),
        "Do not leave out what PATTERN matches, unless an earlier rule decides",
        "Do not leave out what PATTERN matches, unless an earlier rule decides. See --exclude.",
    ),
    (
        "exclude-from",
        "FILE",
        Source::File,
        "Take rules from FILE, a line each (`- PATTERN`, `+ PATTERN`)",
        "Take rules from FILE (-: standard input), a line each: `- PATTERN` excludes, `+ PATTERN` \
         includes, PATTERN alone excludes, `!` drops all rules so far. Empty lines and those that \
         begin with # or ; are skipped.",
    ),
];

impl FilterArgs {
    /// The filter they mean.
    ///
    /// # Errors
    /// When a pattern is wrong or a file can't be read.
    pub(crate) fn filter(&self) -> Result<Filter> {
        self.0.iter().try_fold(Filter::new(), |filter, (source, value)| match source {
            Source::Argument(kind) => filter.argument(*kind, value.as_bytes()),
            Source::File => {
                let path = Path::new(value);
                let text = read(path)
                    .map_err(|error| Error::from_io("read rules", error).with_path(path))?;
                filter.from_lines(text)
            }
        })
    }
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    if path != Path::new("-") {
        return std::fs::read(path);
    }
    let mut text = Vec::new();
    std::io::stdin().lock().read_to_end(&mut text)?;
    Ok(text)
}

impl clap::Args for FilterArgs {
    fn augment_args(command: Command) -> Command {
        command.args(OPTIONS.map(|(name, value, _, help, long_help)| {
            Arg::new(name)
                .long(name)
                .value_name(value)
                .value_parser(value_parser!(OsString))
                .allow_hyphen_values(true)
                .action(ArgAction::Append)
                .help(help)
                .long_help(long_help)
                .help_heading(HEADING)
        }))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl clap::FromArgMatches for FilterArgs {
    fn from_arg_matches(matches: &ArgMatches) -> std::result::Result<Self, ClapError> {
        let mut given = Vec::new();
        for (name, _, source, _, _) in OPTIONS {
            let places = matches.indices_of(name).into_iter().flatten();
            let values = matches.get_many::<OsString>(name).into_iter().flatten();
            given.extend(places.zip(values).map(|(place, value)| (place, source, value.clone())));
        }
        given.sort_unstable_by_key(|(place, _, _)| *place);
        Ok(FilterArgs(given.into_iter().map(|(_, source, value)| (source, value)).collect()))
    }

    fn update_from_arg_matches(
        &mut self,
        matches: &ArgMatches,
    ) -> std::result::Result<(), ClapError> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{Args, FromArgMatches};

    fn filter(words: &[&str]) -> Result<Filter> {
        let command = FilterArgs::augment_args(Command::new("x"));
        let words = ["x"].iter().chain(words);
        FilterArgs::from_arg_matches(&command.try_get_matches_from(words).unwrap())
            .unwrap()
            .filter()
    }

    #[test]
    fn rules_keep_the_order_of_the_command_line() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "+ c\nd\n").unwrap();
        let file = file.path().to_str().unwrap();
        let rules = ["--include=b", "--exclude", "a", "--exclude-from", file, "--include", "-e"];
        let filter = filter(&[&rules[..], &["--exclude=+ f"]].concat()).unwrap();
        let expected = [
            "--include=b",
            "--exclude=a",
            "--include=c",
            "--exclude=d",
            "--include=-e",
            "--include=f",
        ];
        assert_eq!(format!("{filter:?}"), format!("{expected:?}"));
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert!(filter(&[]).unwrap().is_empty());
        let error = filter(&["--exclude", "[a"]).unwrap_err().to_string();
        assert!(error.contains("\"[a\""), "{error}");
        let error = filter(&["--exclude-from", "/no/such"]).unwrap_err().to_string();
        assert!(error.contains("/no/such"), "{error}");
    }
}
