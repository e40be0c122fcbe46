//! The pipeline of a restore.

use super::backup::{alarms, around, definition_of, finished, script};
use super::check::{Checked, invalid};
use super::parameters::BACKUP;
use super::script::RESTORE_SCRIPT;
use super::spec::{RestoreTo, ScheduleType};
use crate::Result;
use crate::pipeline::Definition;

/// The definition of a restore of what the spec backs up.
pub(super) fn definition(checked: &Checked<'_>, to: &RestoreTo) -> Result<Definition> {
    check(to)?;
    let mut options = vec!["--snapshot=#{mySnapshot}".to_owned()];
    options.push(match &to.folder {
        Some(_) => "--into=#{myRestoreFolder}".to_owned(),
        None => "--in-place".to_owned(),
    });
    options.extend(checked.options.iter().take(checked.script_options).cloned());
    if to.delete {
        options.push("--delete".to_owned());
    }
    let mut objects = around(checked, ScheduleType::Ondemand);
    objects.push(finished(checked, script(checked, RESTORE_SCRIPT), &options));
    objects.extend(alarms("Restore"));
    let folder = to.folder.clone().unwrap_or_default();
    let own = [
        ["mySnapshot", "String", &to.snapshot, "Snapshot to restore, by name, or latest"],
        ["myRestoreFolder", "String", &folder, "New folder in the source to restore to"],
    ];
    let parameters: Vec<_> =
        BACKUP.into_iter().chain(own).map(|parameter| parameter.map(str::to_owned)).collect();
    Ok(definition_of(checked, objects, &parameters))
}

fn check(to: &RestoreTo) -> Result<()> {
    let RestoreTo { snapshot, folder, delete } = to;
    let named = |c: char| c.is_ascii_digit() || "+-".contains(c);
    let is_name = snapshot.len() >= 16
        && snapshot.starts_with(|c: char| c.is_ascii_digit())
        && snapshot.chars().all(named);
    if snapshot != "latest" && !is_name {
        return Err(invalid(format!(
            "'{snapshot}' is no snapshot's name; write latest, or one such as 2026-01-31-04-00"
        )));
    }
    if let Some(folder) = folder {
        let inside = folder.split('/').all(|part| !part.is_empty() && part != "." && part != "..");
        if !inside || folder.chars().any(char::is_control) || folder.contains("#{") {
            return Err(invalid(format!("{folder:?} is no folder below the source")));
        }
    }
    if *delete && folder.is_some() {
        return Err(invalid("only a restore in place can delete: a new folder holds nothing"));
    }
    Ok(())
}
