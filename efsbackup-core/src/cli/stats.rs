//! `--stats rpc`: the calls that a run made to its NFS servers.

use super::Context;
use super::mirror_args::Stats;
use crate::error::Result;
use crate::mount::{Mount, RpcCounts};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;

/// The mounts watched, with their counts before the run.
pub(super) struct Watch(Vec<(&'static str, Mount, RpcCounts)>);

/// The calls to one server.
#[derive(Serialize)]
pub(super) struct Calls {
    /// `source`, `destination`, or `both` where they are on one mount.
    side: &'static str,
    server: String,
    calls: BTreeMap<String, u64>,
}

/// A document with the calls added, where they were asked for.
#[derive(Serialize)]
pub(super) struct WithCalls<'a, T> {
    #[serde(flatten)]
    document: &'a T,
    #[serde(skip_serializing_if = "Option::is_none")]
    rpc: Option<&'a [Calls]>,
}

impl Watch {
    /// Begins to count, if `stats` asks for it. What is on no NFS mount has nothing to count.
    ///
    /// # Errors
    /// When a side cannot be opened.
    pub(super) fn begin(
        stats: Option<Stats>,
        source: &Path,
        destination: &Path,
    ) -> Result<Option<Watch>> {
        if stats != Some(Stats::Rpc) {
            return Ok(None);
        }
        let mut watched: Vec<(&'static str, Mount, RpcCounts)> = Vec::new();
        for (side, path) in [("source", source), ("destination", destination)] {
            let above = path.parent().filter(|above| !above.as_os_str().is_empty());
            let there = if path.exists() { path } else { above.unwrap_or(Path::new(".")) };
            let mount = Mount::containing(there)?;
            if let Some(same) = watched.iter_mut().find(|(_, other, _)| other.id == mount.id) {
                same.0 = "both";
            } else if let Some(counts) = RpcCounts::of(&mount)? {
                watched.push((side, mount, counts));
            }
        }
        Ok(Some(Watch(watched)))
    }

    fn end(self) -> Result<Vec<Calls>> {
        let mut calls = Vec::new();
        for (side, mount, before) in self.0 {
            let now = RpcCounts::of(&mount)?.unwrap_or_default();
            calls.push(Calls {
                side,
                server: mount.source.to_text(),
                calls: now.since(&before).calls,
            });
        }
        Ok(calls)
    }
}

/// Writes the document of a run over `entries` entries, and the calls, if they were counted.
pub(super) fn write<T: Serialize>(
    context: &Context,
    watch: Option<Watch>,
    document: &T,
    entries: u64,
) -> Result<()> {
    let calls = watch.map(Watch::end).transpose()?;
    context.output.document(&WithCalls { document, rpc: calls.as_deref() })?;
    for Calls { side, server, calls } in calls.iter().flatten() {
        let each: Vec<String> = calls.iter().map(|(kind, n)| format!("{kind} {n}")).collect();
        let average = calls.values().sum::<u64>() as f64 / entries.max(1) as f64;
        let each = each.join(", ");
        context.output.note(&format!("calls to {server} ({side}): {each}; {average:.2} an entry"));
    }
    Ok(())
}
