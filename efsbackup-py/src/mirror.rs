//! The core's `mirror`.

use crate::errors;
use crate::gate::{self, Caller, CancelToken};
use crate::paths::PathArgument;
use efsbackup_core::mirror::{
    Filter, Fsync, Jobs, LinkSource, MaxDelete, Mirror, Options, Outcome, Trust,
};
use efsbackup_core::progress::Progress;
use efsbackup_core::{Error, ErrorKind};
use pyo3::prelude::*;
use std::num::NonZeroU64;
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

/// The keyword arguments of `efsbackup.mirror`, as the Python half passes them on.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct MirrorOptions {
    delete: bool,
    checksum: bool,
    size_only: bool,
    in_place: bool,
    dry_run: bool,
    filter: Vec<PathArgument>,
    one_file_system: bool,
    xattrs: bool,
    acls: bool,
    hard_links: bool,
    owner: bool,
    specials: bool,
    max_delete: NumberOrText,
    allow_empty: bool,
    strict: bool,
    stop_after: Option<f64>,
    jobs: NumberOrText,
    limit_bytes: Option<i64>,
    limit_ops: Option<i64>,
    fsync: String,
    retries: u32,
    link_dest: Vec<PathArgument>,
    max_links: Option<u32>,
    fresh: bool,
    stale_from_link_dest: bool,
}

#[derive(FromPyObject)]
enum NumberOrText {
    #[pyo3(annotation = "int")]
    Number(u64),
    #[pyo3(annotation = "str")]
    Text(String),
}

impl MirrorOptions {
    pub(crate) fn translate(self) -> efsbackup_core::Result<Options> {
        let mut options = Options::default();
        options.delete = self.delete;
        options.checksum = self.checksum;
        options.size_only = self.size_only;
        options.in_place = self.in_place;
        options.dry_run = self.dry_run;
        options.filter = filter(&self.filter)?;
        options.one_file_system = self.one_file_system;
        options.xattrs = self.xattrs;
        options.acls = self.acls;
        options.hard_links = self.hard_links;
        options.owner = self.owner;
        options.specials = self.specials;
        options.max_delete = max_delete(&self.max_delete)?;
        options.allow_empty = self.allow_empty;
        options.strict = self.strict;
        options.stop_after = self.stop_after.map(stop_after).transpose()?;
        options.jobs = jobs(&self.jobs)?;
        options.limit_bytes = limit("limit_bytes", self.limit_bytes)?;
        options.limit_ops = limit("limit_ops", self.limit_ops)?;
        options.fsync = fsync(&self.fsync)?;
        options.retries = self.retries;
        options.link_sources = self.link_dest.iter().map(link_source).collect();
        options.max_links = self.max_links;
        options.fresh = self.fresh;
        options.stale_from_link_source = self.stale_from_link_dest;
        Ok(options)
    }
}

fn invalid(message: &str) -> Error {
    Error::new(ErrorKind::InvalidInput, "mirror").with_message(message)
}

/// Rules are given as paths are: text or bytes without a NUL.
fn filter(rules: &[PathArgument]) -> efsbackup_core::Result<Filter> {
    let add =
        |filter: Filter, rule: &PathArgument| filter.rule(rule.as_path().as_os_str().as_bytes());
    rules.iter().try_fold(Filter::new(), add)
}

fn max_delete(value: &NumberOrText) -> efsbackup_core::Result<MaxDelete> {
    match value {
        NumberOrText::Number(count) => Some(MaxDelete::Count(*count)),
        NumberOrText::Text(text) => percent(text).map(MaxDelete::Percent),
    }
    .ok_or_else(|| invalid("max_delete: give a number of entries, or a share such as '50%'"))
}

/// A share such as `50%`.
pub(crate) fn percent(text: &str) -> Option<u8> {
    let percent = text.strip_suffix('%')?.parse().ok()?;
    (percent <= 100).then_some(percent)
}

fn stop_after(seconds: f64) -> efsbackup_core::Result<Duration> {
    Duration::try_from_secs_f64(seconds)
        .map_err(|error| invalid("stop_after: give seconds, from 0 up").with_source(error))
}

fn jobs(value: &NumberOrText) -> efsbackup_core::Result<Jobs> {
    match value {
        NumberOrText::Text(text) if text == "auto" => Some(Jobs::Auto),
        NumberOrText::Text(_) | NumberOrText::Number(0) => None,
        NumberOrText::Number(count) => usize::try_from(*count).ok().map(Jobs::Count),
    }
    .ok_or_else(|| invalid("jobs: give a number from 1 up, or 'auto'"))
}

fn limit(name: &str, rate: Option<i64>) -> efsbackup_core::Result<Option<NonZeroU64>> {
    let rate = rate.map(|rate| u64::try_from(rate).ok().and_then(NonZeroU64::new).ok_or(rate));
    rate.transpose()
        .map_err(|rate| invalid(&format!("{name} is {rate}: give a number a second, from 1 up")))
}

fn fsync(text: &str) -> efsbackup_core::Result<Fsync> {
    Ok(match text {
        "auto" => Fsync::Auto,
        "none" => Fsync::None,
        "files" => Fsync::Files,
        "end" => Fsync::End,
        _ => return Err(invalid("fsync: give 'auto', 'none', 'files' or 'end'")),
    })
}

fn link_source(path: &PathArgument) -> LinkSource {
    LinkSource::new(path.as_path(), Trust::Metadata)
}

/// Runs a mirror. Returns its report as JSON, and the exception to raise unless the caller
/// wants to check the report itself.
#[pyfunction]
pub(crate) fn mirror<'py>(
    py: Python<'py>,
    source: PathArgument,
    destination: PathArgument,
    options: MirrorOptions,
    progress: Option<Bound<'py, PyAny>>,
    cancel: Option<Bound<'py, CancelToken>>,
) -> PyResult<(String, Option<Bound<'py, PyAny>>)> {
    let options = options.translate().map_err(|error| errors::raise(py, &error))?;
    let caller = Caller { progress, cancel };
    let result = gate::run(py, &caller, |work| {
        let mut observer = |progress: &Progress| work.update(progress);
        let mirror = Mirror::new(source.as_path(), destination.as_path())
            .options(options)
            .cancel(&work.cancel)
            .progress(&mut observer);
        let report = match work.entries() {
            Some(listener) => mirror.listener(listener).run(),
            None => mirror.run(),
        }?;
        report.log(work.records);
        Ok(report)
    })?;
    let report = result.map_err(|error| errors::raise(py, &error))?;
    let json = report.to_json().to_string();
    Ok((json, errors::of_outcome(py, report.into_result())?))
}

/// The names of the outcomes that a report can have.
#[pyfunction]
pub(crate) fn outcomes() -> Vec<&'static str> {
    Outcome::ALL.iter().map(|outcome| outcome.name()).collect()
}
