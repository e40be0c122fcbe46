//! `efsbackup pipeline diff`: what is different between two definitions.

use super::Context;
use super::definition_file::Input;
use super::exit::Exit;
use crate::error::Result;
use crate::pipeline::{Change, FieldValue, MASK};
use serde::Serialize;
use similar::{ChangeTag, TextDiff};
use std::path::PathBuf;

/// Lines shown around those that differ.
const AROUND: usize = 2;

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    input: Input,
    /// The newer definition, in any form
    other: PathBuf,
    /// Which pipeline of OTHER to take, where it has several
    #[arg(long, value_name = "NAME")]
    other_pipeline: Option<String>,
    /// Exit with 1 where they differ
    #[arg(long)]
    exit_code: bool,
}

#[derive(Serialize)]
struct Document<'a> {
    equal: bool,
    changes: &'a [Change],
}

pub(crate) fn run(args: Args, context: &mut Context) -> Result<Exit> {
    let old = args.input.read()?.definition;
    let new = args.input.other(args.other, args.other_pipeline).read()?.definition;
    let changes = old.diff(&new);
    for change in &changes {
        show(change, context);
    }
    context.output.document(&Document { equal: changes.is_empty(), changes: &changes })?;
    if changes.is_empty() {
        context.output.note("both mean the same");
    }
    Ok(if args.exit_code && !changes.is_empty() { Exit::FAILED } else { Exit::COMPLETE })
}

/// A line that says where, and below it the lines that differ.
pub(super) fn show(change: &Change, context: &Context) {
    let sign = match change.kind() {
        "added" => '+',
        "removed" => '-',
        _ => '~',
    };
    let place = change.place();
    context.output.line(format!("{sign} {} {}", change.part.name(), printable(&place)));
    if change.is_secret() {
        if !(change.old.is_empty() && change.new.is_empty()) {
            context.output.line(format!("    {MASK} (a secret)"));
        }
        return;
    }
    let [old, new] = [&change.old, &change.new]
        .map(|values| values.iter().flat_map(lines).map(|line| printable(&line)).collect());
    let (old, new): (Vec<String>, Vec<String>) = (old, new);
    let [old, new] = [&old, &new].map(|lines| lines.iter().map(String::as_str).collect::<Vec<_>>());
    let diff = TextDiff::from_slices(&old, &new);
    for (index, group) in diff.grouped_ops(AROUND).iter().enumerate() {
        if index > 0 {
            context.output.line("    …");
        }
        for line in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let sign = match line.tag() {
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
                ChangeTag::Equal => ' ',
            };
            context.output.line(format!("    {sign} {}", line.value()));
        }
    }
}

/// The lines of one value.
fn lines(value: &FieldValue) -> Vec<String> {
    match value {
        FieldValue::Text(text) => text.split('\n').map(str::to_owned).collect(),
        FieldValue::Reference(id) => vec![format!("→ {id}")],
        FieldValue::Intrinsic(_) => vec![value.to_json().to_string()],
    }
}

/// The text without what a terminal would obey.
fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => shown.push(c),
            c if c.is_control() => shown.extend(c.escape_default()),
            c => shown.push(c),
        }
    }
    shown
}
