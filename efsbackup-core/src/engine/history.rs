//! Removing what is long over.

use super::database::failed;
use super::store::Store;
use crate::error::Result;

/// Instances removed in one transaction.
pub(super) const PART: usize = 500;

/// Removes a part of what ended before `before`, and gives the number of instances.
pub(super) fn prune(db: &Store, before: i64) -> Result<usize> {
    let old = "DELETE FROM instance WHERE rowid IN (SELECT old.rowid FROM instance AS old \
         WHERE old.open = 0 AND old.actual_end < ?1 AND old.scheduled_start < \
         (SELECT max(scheduled_start) FROM instance AS last WHERE last.pipeline = old.pipeline \
         AND last.component = old.component) LIMIT ?2)";
    let removed = db.execute(old, (before, PART as i64)).map_err(failed)?;
    if removed < PART {
        let rest = "DELETE FROM notification WHERE delivered < ?1; \
             DELETE FROM deleted WHERE time < ?1; \
             DELETE FROM definition WHERE NOT EXISTS (SELECT 1 FROM pipeline WHERE \
             pipeline.id = definition.pipeline AND definition.version IN (latest, active)) \
             AND NOT EXISTS (SELECT 1 FROM instance WHERE \
             instance.pipeline = definition.pipeline AND instance.version = definition.version)";
        for query in rest.split("; ") {
            let parameters: &[&dyn rusqlite::ToSql] =
                if query.contains("?1") { &[&before] } else { &[] };
            db.execute(query, parameters).map_err(failed)?;
        }
    }
    Ok(removed)
}
