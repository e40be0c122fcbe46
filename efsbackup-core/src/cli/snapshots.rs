//! `efsbackup snapshots`: list them.

use super::Context;
use super::exit::Exit;
use super::repository_args::RepositoryArgs;
use crate::error::Result;
use crate::snapshot::Snapshot;
use indicatif::{BinaryBytes, HumanCount};
use serde::Serialize;

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    repository: RepositoryArgs,
}

#[derive(Serialize)]
struct Document<'a> {
    name: &'a str,
    snapshots: &'a [Snapshot],
}

pub(crate) fn run(args: Args, context: &mut Context) -> Result<Exit> {
    let repository = args.repository.repository()?;
    let snapshots = repository.snapshots()?;
    context.output.document(&Document { name: repository.name(), snapshots: &snapshots })?;
    let heading = ["SNAPSHOT", "TIME", "STATE", "ENTRIES", "BYTES", "NEW BYTES"];
    let mut rows = vec![heading.map(str::to_owned)];
    rows.extend(snapshots.iter().map(row));
    for line in table(&rows) {
        context.output.line(line);
    }
    Ok(Exit::COMPLETE)
}

fn row(snapshot: &Snapshot) -> [String; 6] {
    let known = |text: String| match snapshot.time {
        Some(_) => text,
        None => "-".to_owned(),
    };
    [
        snapshot.id.clone(),
        snapshot.time.map_or("-".to_owned(), |time| format!("{time:.0}")),
        snapshot.state.name().to_owned(),
        known(HumanCount(snapshot.entries.total()).to_string()),
        known(BinaryBytes(snapshot.bytes).to_string()),
        known(BinaryBytes(snapshot.new_bytes).to_string()),
    ]
}

/// Words to the left, numbers to the right.
fn table(rows: &[[String; 6]]) -> Vec<String> {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> = (0..6).map(|column| width(column).unwrap_or_default()).collect();
    let cell = |(column, text): (usize, &String)| match column {
        0..3 => format!("{text:<0$}", widths[column]),
        _ => format!("{text:>0$}", widths[column]),
    };
    rows.iter().map(|row| row.iter().enumerate().map(cell).collect::<Vec<_>>().join("  ")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let row = |id: &str, bytes: &str| [id, "t", "s", "1", bytes, "0"].map(str::to_owned);
        assert_eq!(
            table(&[row("a", "10"), row("bcd", "5")]),
            ["a    t  s  1  10  0", "bcd  t  s  1   5  0"]
        );
    }
}
