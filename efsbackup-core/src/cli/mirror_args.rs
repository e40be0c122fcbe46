//! The options of `mirror` that other verbs share with it.

use super::Context;
use super::args::{Progress, duration};
use super::filter_args::FilterArgs;
use crate::error::{Error, ErrorKind};
use crate::mirror::{Fsync, Jobs, MaxDelete, Options};
use clap::ValueEnum;
use std::io::{self, IsTerminal};
use std::num::NonZeroU64;
use std::time::Duration;

/// What is preserved and compared, and how the run behaves.
#[derive(clap::Args)]
pub(crate) struct MirrorArgs {
    /// Compare contents, not size and time
    #[arg(long)]
    checksum: bool,
    /// Take files of equal size as equal, whatever their time
    #[arg(long, conflicts_with = "checksum")]
    size_only: bool,
    /// List what would be done, do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// One line an action on stdout: rsync's %i codes, then the name; -v lists what is linked
    /// unchanged too
    #[arg(long)]
    itemize: bool,
    /// Leave out what is on other file systems
    #[arg(long)]
    one_file_system: bool,
    /// Do not preserve extended attributes
    #[arg(long)]
    no_xattrs: bool,
    /// Do not preserve ACLs
    #[arg(long)]
    no_acls: bool,
    /// Do not preserve hard links
    #[arg(long)]
    no_hard_links: bool,
    /// Do not preserve owner and group
    #[arg(long)]
    no_owner: bool,
    /// Leave out fifos, sockets and devices
    #[arg(long)]
    no_specials: bool,
    /// When more would go, delete nothing: a number, or a share of the destination once it
    /// holds over 100 entries
    #[arg(long, value_name = "N|P%", default_value = "50%", value_parser = max_delete)]
    max_delete: MaxDelete,
    /// Accept an empty source
    #[arg(long)]
    allow_empty: bool,
    /// Keep the destination's previous version of a file that keeps changing
    #[arg(long)]
    strict: bool,
    /// Stop after this long, such as 25m; the next run continues
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    stop_after: Option<Duration>,
    /// How many threads copy (auto: over NFS found while they do, from how long calls take)
    #[arg(long, value_name = "N|auto", default_value = "auto", value_parser = jobs)]
    jobs: Jobs,
    /// Copy and compare at most this much content a second, such as 20M (K, M, G: powers of 1024)
    #[arg(long, value_name = "RATE", value_parser = rate)]
    limit_bytes: Option<NonZeroU64>,
    /// Do at most this many operations on the file systems a second, such as 2K
    #[arg(long, value_name = "RATE", value_parser = count_rate)]
    limit_ops: Option<NonZeroU64>,
    /// When data is made durable (auto: files on network file systems, end elsewhere)
    #[arg(long, value_enum, value_name = "WHEN", default_value = "auto")]
    fsync: FsyncArg,
    /// How often a file that changes while it is read is read again
    #[arg(long, value_name = "N", default_value_t = Options::default().retries)]
    retries: u32,
    /// Work in a child process (as is done anyway where NFS is mounted): a second Ctrl-C then
    /// ends the command also while a file server is silent
    #[arg(long)]
    pub(crate) isolate: bool,
    /// Count more; rpc: the calls that the run made to its NFS servers, by kind
    #[arg(long, value_enum, value_name = "WHAT")]
    pub(crate) stats: Option<Stats>,
    #[command(flatten)]
    filter: FilterArgs,
}

/// What `--stats` counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Stats {
    /// Calls to NFS servers.
    Rpc,
}

impl MirrorArgs {
    /// Whether to write a line for each action.
    ///
    /// # Errors
    /// When the results are to be one JSON document.
    pub(crate) fn itemize(&self, context: &mut Context) -> Result<bool, Error> {
        if self.itemize && context.output.is_json() {
            return Err(Error::new(ErrorKind::InvalidInput, "arguments")
                .with_message("--itemize writes lines, --json one document: give one of them"));
        }
        if self.itemize && io::stdout().is_terminal() {
            // Lines and a bar on one terminal would overwrite each other.
            context.progress = Progress::Never;
        }
        Ok(self.itemize)
    }

    /// The options they mean; deletion and link sources are left as by default.
    ///
    /// # Errors
    /// When a pattern is wrong or a file of patterns can't be read.
    pub(crate) fn options(&self) -> Result<Options, Error> {
        Ok(Options {
            checksum: self.checksum,
            size_only: self.size_only,
            dry_run: self.dry_run,
            one_file_system: self.one_file_system,
            xattrs: !self.no_xattrs,
            acls: !self.no_acls,
            hard_links: !self.no_hard_links,
            owner: !self.no_owner,
            specials: !self.no_specials,
            max_delete: self.max_delete,
            allow_empty: self.allow_empty,
            strict: self.strict,
            stop_after: self.stop_after,
            jobs: self.jobs,
            limit_bytes: self.limit_bytes,
            limit_ops: self.limit_ops,
            fsync: self.fsync.into(),
            retries: self.retries,
            filter: self.filter.filter()?,
            ..Options::default()
        })
    }
}

/// [`Fsync`] as an argument.
#[derive(Clone, Copy, ValueEnum)]
enum FsyncArg {
    Auto,
    None,
    Files,
    End,
}

impl From<FsyncArg> for Fsync {
    fn from(arg: FsyncArg) -> Fsync {
        match arg {
            FsyncArg::Auto => Fsync::Auto,
            FsyncArg::None => Fsync::None,
            FsyncArg::Files => Fsync::Files,
            FsyncArg::End => Fsync::End,
        }
    }
}

fn jobs(text: &str) -> Result<Jobs, String> {
    match (text, text.parse()) {
        ("auto", _) => Ok(Jobs::Auto),
        (_, Ok(count)) if count >= 1 => Ok(Jobs::Count(count)),
        _ => Err("give a number from 1 up, or auto".to_owned()),
    }
}

/// A number of bytes a second.
fn rate(text: &str) -> Result<NonZeroU64, String> {
    scaled(text, 1024)
        .ok_or_else(|| "give bytes a second from 1 up, such as 20M or 512K".to_owned())
}

/// A number of things a second.
fn count_rate(text: &str) -> Result<NonZeroU64, String> {
    scaled(text, 1000)
        .ok_or_else(|| "give a number a second from 1 up, such as 500 or 2K".to_owned())
}

/// A whole number that may have a unit of which each is `step` times the one before.
fn scaled(text: &str, step: u64) -> Option<NonZeroU64> {
    let units = [("K", 1), ("M", 2), ("G", 3)];
    let unit = |(unit, power): (&str, u32)| Some((text.strip_suffix(unit)?, power));
    let (digits, power) = units.into_iter().find_map(unit).unwrap_or((text, 0));
    let number: u64 = digits.parse().ok()?;
    NonZeroU64::new(number.checked_mul(step.pow(power))?)
}

fn max_delete(text: &str) -> Result<MaxDelete, String> {
    let parsed = match text.strip_suffix('%') {
        Some(percent) => percent.parse().ok().filter(|p| *p <= 100).map(MaxDelete::Percent),
        None => text.parse().ok().map(MaxDelete::Count),
    };
    parsed.ok_or_else(|| "give a number of entries, or a share such as 50%".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn max_delete_is_a_count_or_a_share() {
        assert_eq!(max_delete("0"), Ok(MaxDelete::Count(0)));
        assert_eq!(max_delete("100%"), Ok(MaxDelete::Percent(100)));
        for wrong in ["101%", "-1", "%", "", "ten"] {
            assert!(max_delete(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn rates_have_units_of_1024_bytes_and_of_1000_operations() {
        let is = |parsed: Result<NonZeroU64, String>, number| parsed.unwrap().get() == number;
        assert!(is(rate("1"), 1) && is(rate("20M"), 20 << 20) && is(rate("3G"), 3 << 30));
        assert!(is(count_rate("700"), 700) && is(count_rate("2K"), 2_000));
        for wrong in ["0", "", "K", "-1", "1.5M", "10m", "1T", "99999999999G"] {
            assert!(rate(wrong).is_err() && count_rate(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn jobs_are_auto_or_at_least_one() {
        assert_eq!(jobs("auto"), Ok(Jobs::Auto));
        assert_eq!(jobs("16"), Ok(Jobs::Count(16)));
        assert!(jobs("0").is_err());
    }
}
