//! Trees of runs that did not publish: what they copied serves the next.

use super::bad::BadFiles;
use super::journal;
use super::lock::Lock;
use super::name;
use super::shared::SharedRun;
use super::snapshot::Snapshot;
use super::store::{Store, journal_name, unnamed_manifest};
use crate::error::Result;
use crate::mirror::{LinkSource, Trust};

/// From how many runs that did not publish a run links, the newest first. Each costs
/// a look at every directory, and what an older one has the newer ones mostly have too.
const MAX_RUNS: usize = 8;
/// From how many trees at most: those of units are parts of one.
const MAX_TREES: usize = 64;

/// The trees to link from, each with its token: those for which `is_left` says so.
pub(super) fn trees(
    store: &Store,
    is_left: impl Fn(&str, &str) -> bool,
) -> Result<Vec<(String, String)>> {
    let mut trees: Vec<(String, String)> = Vec::new();
    let (mut runs, mut last) = (0, String::new());
    for (folder, token) in store.incomplete()? {
        if !is_left(&folder, &token) {
            continue;
        }
        let instant = folder.strip_suffix(token.as_str()).unwrap_or(&folder);
        if instant != last {
            (runs, last) = (runs + 1, instant.to_owned());
        }
        if runs > MAX_RUNS || trees.len() == MAX_TREES {
            break;
        }
        trees.push((folder, token));
    }
    Ok(trees)
}

/// What a unit of `run` links beside the snapshot `base`: the trees of units of runs since then
/// that did not publish, and of tries of its own run that were killed. In these each file has a
/// single name, as in what they were linked from, so that no other unit takes it by another.
pub(super) fn of_unit(
    store: &Store,
    lock: &Lock,
    run: &SharedRun,
    base: Option<&Snapshot>,
    bad: &BadFiles,
) -> Result<Vec<LinkSource>> {
    let holders = lock.holders()?;
    let of_this_run = name::incomplete(run.time, "");
    let oldest = base.and_then(|base| base.time).map(|time| name::incomplete(time, ""));
    let manifests = store.records.names(rustix::fs::FileType::RegularFile)?;
    let left = trees(store, |folder, token| {
        let is_killed = || !manifests.contains(&unnamed_manifest(token));
        !holders.iter().any(|holder| holder == token)
            && oldest.as_deref().is_none_or(|oldest| folder > oldest)
            && (!folder.starts_with(&of_this_run) || is_killed())
    })?;
    let mut sources = Vec::new();
    for (folder, token) in left {
        let Some(journal) = store.control.file(&journal_name(&token))? else { continue };
        if journal::is_of_unit(&journal)? {
            let whole = journal::whole_files_later(journal, lock.control()?);
            let mut link = LinkSource::new(store.dir.path.join(folder), Trust::WholeOnly(whole));
            link.bad = bad.of_others();
            sources.push(link);
        }
    }
    Ok(sources)
}
