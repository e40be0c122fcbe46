//! What to mirror and how.

use super::event::Listener;
use super::filter::Filter;
use super::prepared::Prepared;
use super::setters::setters;
use crate::bytepath::BytePath;
use crate::cancel::CancelToken;
use crate::progress::Observer;
use std::fmt;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How many threads copy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Jobs {
    /// By the processors. Over a network found while they copy, from 16 up to 128, from how
    /// long the file servers take to answer.
    #[default]
    Auto,
    /// This many, at least 1.
    Count(usize),
}

/// When data is made durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fsync {
    /// `Files` on network file systems, `End` elsewhere.
    #[default]
    Auto,
    /// Never; the operating system writes it in its own time.
    None,
    /// Each file before it is closed.
    Files,
    /// The whole file system once, at the end of the run.
    End,
}

/// How much may be removed before a run withholds all deletion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaxDelete {
    /// This many entries.
    Count(u64),
    /// This share of the destination's entries, in percent, once it holds over 100.
    Percent(u8),
}

impl Default for MaxDelete {
    fn default() -> Self {
        MaxDelete::Percent(50)
    }
}

/// Decides whether a file of a link source is known to be whole: given its path below
/// the link source and its inode number.
pub type IsWhole = Arc<dyn Fn(&BytePath, u64) -> bool + Send + Sync>;

/// When an entry of a link source counts as equal to the source's.
#[derive(Clone)]
pub enum Trust {
    /// Size and all metadata equal.
    Metadata,
    /// Files for which the function is true are trusted by metadata; of all others the
    /// content is compared too (a tree left by a killed run can hold files of the right
    /// size and time and wrong content).
    WholeOnly(IsWhole),
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Trust::Metadata => "Metadata",
            Trust::WholeOnly(_) => "WholeOnly",
        })
    }
}

/// Decides whether a file of a link source is known to be damaged: given its path below
/// the link source and its inode number.
pub type IsBad = Arc<dyn Fn(&BytePath, u64) -> bool + Send + Sync>;

/// Which share of a tree a run makes, where several runs make it together: some make a
/// [`Share::Unit`] each, in trees of their own; these are put together; then one run makes the
/// [`Share::Rest`] there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Share {
    /// All of it.
    #[default]
    Whole,
    /// Only what can be finished by itself: no file with several names, whose other names may
    /// be in another unit. Directories are made as they are needed, for the user alone; they
    /// are not counted, nor given metadata.
    Unit,
    /// What units leave: all that the destination lacks, and all metadata of directories. What
    /// is no directory and there already stays as it is, and is not counted; what vanished
    /// from the source since is removed, whatever `delete` and `max_delete` say.
    Rest,
}

/// A tree on the destination's file system whose equal files are hard-linked instead of
/// copied. Nothing in it is ever changed but link counts.
///
/// ```
/// use efsbackup_core::mirror::{LinkSource, Mirror, Options, Trust};
///
/// # let dir = tempfile::tempdir()?;
/// # std::env::set_current_dir(&dir)?;
/// # std::fs::create_dir("source")?;
/// # std::fs::write("source/file", "hello")?;
/// Mirror::new("source", "monday").run()?;
/// let mut options = Options::default();
/// options.link_sources.push(LinkSource::new("monday", Trust::Metadata));
/// let report = Mirror::new("source", "tuesday").options(options).run()?;
/// assert_eq!((report.entries.linked.file, report.bytes.copied), (1, 0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct LinkSource {
    /// The tree's root.
    pub path: PathBuf,
    /// When its entries count as equal.
    pub trust: Trust,
    /// The caller knows the digests of its files: a listener that keeps a record is told
    /// none for what is linked from here, and nothing is read.
    pub digests_known: bool,
    /// Which of its files are never linked.
    pub bad: Option<IsBad>,
}

impl LinkSource {
    /// The tree `path`, without known digests or damage.
    pub fn new(path: impl Into<PathBuf>, trust: Trust) -> LinkSource {
        LinkSource { path: path.into(), trust, digests_known: false, bad: None }
    }
}

impl fmt::Debug for LinkSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinkSource")
            .field("path", &self.path)
            .field("trust", &self.trust)
            .field("digests_known", &self.digests_known)
            .finish_non_exhaustive()
    }
}

/// Everything a mirror can be told. Made by [`Options::default`], which preserves all and
/// deletes nothing.
///
/// ```
/// use efsbackup_core::mirror::{Filter, MaxDelete, Options};
///
/// let mut options = Options::default();
/// options.delete = true;
/// options.max_delete = MaxDelete::Count(1_000);
/// options.filter = Filter::new().exclude("*.tmp")?;
/// # Ok::<(), efsbackup_core::Error>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// Remove what the source lacks.
    pub delete: bool,
    /// Compare contents, not size and time.
    pub checksum: bool,
    /// Take files of equal size as equal in content, whatever their time.
    pub size_only: bool,
    /// Rewrite existing files where they are, only the blocks that differ, instead of
    /// replacing them; holes over old data become zeros. A run that is stopped leaves a mix
    /// of old and new content in the file in hand. Files with several names are replaced all
    /// the same. Not with `strict`.
    pub in_place: bool,
    /// Do nothing, only report what would be done.
    pub dry_run: bool,
    /// Leave out what these rules exclude.
    pub filter: Filter,
    /// Leave out what is on other file systems (mount points become empty directories).
    pub one_file_system: bool,
    /// Preserve extended attributes.
    pub xattrs: bool,
    /// Preserve POSIX ACLs.
    pub acls: bool,
    /// Preserve hard links.
    pub hard_links: bool,
    /// Preserve owner and group (as far as the user may).
    pub owner: bool,
    /// Preserve fifos, sockets and devices.
    pub specials: bool,
    /// Above this, nothing is removed.
    pub max_delete: MaxDelete,
    /// Accept an empty source although `delete` is on.
    pub allow_empty: bool,
    /// Where a file keeps changing, keep the destination's previous version.
    pub strict: bool,
    /// End the run after this long: files in hand are finished, nothing is removed.
    pub stop_after: Option<Duration>,
    /// How many threads.
    pub jobs: Jobs,
    /// How many bytes of file content all threads together may copy or compare in a second.
    pub limit_bytes: Option<NonZeroU64>,
    /// How many operations on the file systems all threads together may do in a second. Each
    /// system call counts, so an unchanged file takes a handful, a new one about ten.
    pub limit_ops: Option<NonZeroU64>,
    /// When data is made durable.
    pub fsync: Fsync,
    /// How often a file that changes while it is read is read again.
    pub retries: u32,
    /// Trees to hard-link equal files from; the first match wins.
    pub link_sources: Vec<LinkSource>,
    /// The most names a file may have at the destination (EFS: 177). Where linking would
    /// exceed it, the file is copied.
    pub max_links: Option<u32>,
    /// The destination is new and nobody reads it before the run ends: files are written
    /// under their own names.
    pub fresh: bool,
    /// Which share of the tree is made.
    pub share: Share,
    /// Files whose content others copied in pieces.
    pub prepared: Vec<Prepared>,
    /// Where an entry can't be read, take it from the first link source instead. It is
    /// still counted as failed.
    pub stale_from_link_source: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            delete: false,
            checksum: false,
            size_only: false,
            in_place: false,
            dry_run: false,
            filter: Filter::new(),
            one_file_system: false,
            xattrs: true,
            acls: true,
            hard_links: true,
            owner: true,
            specials: true,
            max_delete: MaxDelete::default(),
            allow_empty: false,
            strict: false,
            stop_after: None,
            jobs: Jobs::Auto,
            limit_bytes: None,
            limit_ops: None,
            fsync: Fsync::Auto,
            retries: 3,
            link_sources: Vec::new(),
            max_links: None,
            fresh: false,
            share: Share::Whole,
            prepared: Vec::new(),
            stale_from_link_source: false,
        }
    }
}

/// A mirror about to run: makes `destination`'s contents equal `source`'s.
///
/// The destination directory is made if it is missing (its parent must exist).
///
/// A source that is no directory, nor a symbolic link to one, is copied as `rsync -a` does,
/// a symbolic link as itself: into the destination that is a directory, or ends in a slash and
/// is then made if it is missing; else under the destination's name, in place of what has it.
/// Nothing else is changed, nor deleted. (A listener that keeps a record wants a directory.)
///
/// ```
/// use efsbackup_core::mirror::Mirror;
///
/// # let dir = tempfile::tempdir()?;
/// # std::env::set_current_dir(&dir)?;
/// # std::fs::create_dir("source")?;
/// std::fs::write("source/file", "hello")?;
/// let report = Mirror::new("source", "copy").delete(true).run()?.into_result()?;
/// assert_eq!((report.entries.created.file, report.bytes.copied), (1, 5));
/// let again = Mirror::new("source", "copy").delete(true).run()?;
/// assert_eq!(again.entries.unchanged.file, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Mirror<'a> {
    pub(super) source: PathBuf,
    pub(super) destination: PathBuf,
    pub(super) options: Options,
    pub(super) cancel: CancelToken,
    pub(super) observer: Option<&'a mut dyn Observer>,
    pub(super) listener: Option<&'a dyn Listener>,
}

impl<'a> Mirror<'a> {
    /// A mirror of the directory `source` into the directory `destination`, or of one entry.
    pub fn new(source: impl AsRef<Path>, destination: impl AsRef<Path>) -> Self {
        Mirror {
            source: source.as_ref().to_owned(),
            destination: destination.as_ref().to_owned(),
            options: Options::default(),
            cancel: CancelToken::new(),
            observer: None,
            listener: None,
        }
    }

    setters! {
        /// Sets all options at once.
        options: Options;
    }

    /// See [`Options::delete`].
    #[must_use]
    pub fn delete(mut self, delete: bool) -> Self {
        self.options.delete = delete;
        self
    }

    /// See [`Options::checksum`].
    #[must_use]
    pub fn checksum(mut self, checksum: bool) -> Self {
        self.options.checksum = checksum;
        self
    }

    /// See [`Options::dry_run`].
    #[must_use]
    pub fn dry_run(mut self, dry_run: bool) -> Self {
        self.options.dry_run = dry_run;
        self
    }

    /// See [`Options::jobs`].
    #[must_use]
    pub fn jobs(mut self, jobs: Jobs) -> Self {
        self.options.jobs = jobs;
        self
    }

    setters! {
        /// Stops the run when the token is cancelled.
        cancel;

        /// Tells `observer` how far the run is; see [`Observer`].
        progress;

        /// Tells `listener` of every entry; see [`Listener`].
        listener;
    }
}

impl Options {
    /// Whether what the source lacks is removed.
    pub(super) fn removes(&self) -> bool {
        self.delete || self.share == Share::Rest
    }

    /// Whether any number of entries may be removed.
    pub(super) fn removes_any_number(&self) -> bool {
        self.share == Share::Rest || matches!(self.max_delete, MaxDelete::Percent(100..))
    }

    /// The options that differ from their defaults, as the command would be told them.
    pub(super) fn differing(&self) -> Vec<String> {
        let mut words = Vec::new();
        let mut switch = |on: bool, word: &str| {
            if on {
                words.push(word.to_owned());
            }
        };
        switch(self.delete, "--delete");
        switch(self.checksum, "--checksum");
        switch(self.size_only, "--size-only");
        switch(self.in_place, "--in-place");
        switch(self.dry_run, "--dry-run");
        switch(self.one_file_system, "--one-file-system");
        switch(!self.xattrs, "--no-xattrs");
        switch(!self.acls, "--no-acls");
        switch(!self.hard_links, "--no-hard-links");
        switch(!self.owner, "--no-owner");
        switch(!self.specials, "--no-specials");
        switch(self.allow_empty, "--allow-empty");
        switch(self.strict, "--strict");
        let mut value = |on: bool, word: &str, value: String| {
            if on {
                words.push(format!("{word}={value}"));
            }
        };
        let default = Options::default();
        let max_delete = match self.max_delete {
            MaxDelete::Count(count) => count.to_string(),
            MaxDelete::Percent(share) => format!("{share}%"),
        };
        value(self.max_delete != default.max_delete, "--max-delete", max_delete);
        let stop_after = self.stop_after.unwrap_or_default();
        value(self.stop_after.is_some(), "--stop-after", format!("{}s", stop_after.as_secs()));
        if let Jobs::Count(count) = self.jobs {
            value(true, "--jobs", count.to_string());
        }
        for (word, limit) in [("--limit-bytes", self.limit_bytes), ("--limit-ops", self.limit_ops)]
        {
            value(limit.is_some(), word, limit.map_or(0, NonZeroU64::get).to_string());
        }
        let fsync = match self.fsync {
            Fsync::Auto => "auto",
            Fsync::None => "none",
            Fsync::Files => "files",
            Fsync::End => "end",
        };
        value(self.fsync != default.fsync, "--fsync", fsync.to_owned());
        value(self.retries != default.retries, "--retries", self.retries.to_string());
        let max_links = self.max_links.unwrap_or_default();
        value(self.max_links.is_some(), "--max-links", max_links.to_string());
        for link in &self.link_sources {
            value(true, "--link-dest", BytePath::from(link.path.as_path()).to_string());
        }
        words.extend(self.filter.words());
        words
    }
}
