//! `efsbackup pipeline fields`: every field that counts for an object, and who set it.

use super::Context;
use super::definition_file::Input;
use super::exit::Exit;
use crate::error::{Error, ErrorKind, Result};
use crate::params;
use crate::pipeline::{Definition, FieldValue, Object};
use serde::Serialize;

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    input: Input,
    /// Show this object alone
    #[arg(long, value_name = "ID")]
    object: Option<String>,
}

#[derive(Serialize)]
struct Entry<'a> {
    object: &'a str,
    field: &'a str,
    /// Text, or the id that a reference leads to.
    value: Option<&'a str>,
    reference: bool,
    from: &'a str,
}

pub(crate) fn run(args: Args, context: &mut Context) -> Result<Exit> {
    let definition = params::mask(&args.input.read()?.definition);
    let chosen = |object: &&Object| args.object.as_ref().is_none_or(|id| object.id == *id);
    let objects: Vec<&Object> = definition.objects.iter().filter(chosen).collect();
    if let (Some(id), true) = (&args.object, objects.is_empty()) {
        return Err(Error::new(ErrorKind::NotFound, "fields")
            .with_message(format!("the definition has no object {id}")));
    }
    let entries: Vec<Entry<'_>> =
        objects.into_iter().flat_map(|object| entries(&definition, object)).collect();
    for entry in &entries {
        let arrow = if entry.reference { "→ " } else { "" };
        let value = entry.value.unwrap_or("(a CloudFormation function)").escape_debug();
        let from = match entry.from == entry.object {
            true => String::new(),
            false => format!("  (from {})", entry.from),
        };
        context.output.line(format!("{}.{}: {arrow}{value}{from}", entry.object, entry.field));
    }
    context.output.document(&entries)?;
    Ok(Exit::COMPLETE)
}

fn entries<'a>(definition: &'a Definition, object: &'a Object) -> Vec<Entry<'a>> {
    let fields = definition.effective_fields(object).into_iter();
    let entry = fields.map(|effective| {
        let value = &effective.field.value;
        Entry {
            object: &object.id,
            field: &effective.field.key,
            value: value.as_text().or_else(|| value.as_reference()),
            reference: matches!(value, FieldValue::Reference(_)),
            from: &effective.from.id,
        }
    });
    entry.collect()
}
