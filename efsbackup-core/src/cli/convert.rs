//! `efsbackup pipeline convert`: the same definition in another form.

use super::Context;
use super::definition_file::{Input, Target, format};
use super::exit::Exit;
use crate::error::Result;
use crate::formats::{Format, fold_arguments};

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    input: Input,
    /// The form to write: cli, api, cfn-yaml, cfn-json, terraform or terraform-json
    #[arg(long, value_name = "FORM", value_parser = format)]
    to: Format,
    /// Put several arguments of a command into the command itself: Terraform keeps no order
    #[arg(long)]
    fold_arguments: bool,
    #[command(flatten)]
    target: Target,
}

pub(crate) fn run(args: Args, context: &mut Context) -> Result<Exit> {
    let mut document = args.input.read_for(args.to)?;
    let folded = match args.fold_arguments {
        true => fold_arguments(&mut document.definition)?,
        false => Vec::new(),
    };
    let text = document.write(args.to)?;
    let left = document.left_behind(args.to);
    let written = args.target.write(args.to.name(), &text, context)?;
    context.output.document(&written)?;
    if !folded.is_empty() {
        let folded = folded.join(", ");
        context.output.note(&format!("rewritten, arguments are now in the command: {folded}"));
    }
    if !document.tolerated.is_empty() {
        context.output.note(&format!("not JSON, but read: {}", document.tolerated.join("; ")));
    }
    if !left.is_empty() {
        let form = args.to.name();
        context.output.note(&format!("left behind, {form} cannot carry it: {}", left.join(", ")));
    }
    Ok(Exit::COMPLETE)
}
