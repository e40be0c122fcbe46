//! `efsbackup pipeline convert`: the same definition in another form.

use super::Context;
use super::definition_file::{Input, Target, format};
use super::exit::Exit;
use crate::error::Result;
use crate::formats::Format;

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    input: Input,
    /// The form to write: cli, api, cfn-yaml or cfn-json
    #[arg(long, value_name = "FORM", value_parser = format)]
    to: Format,
    #[command(flatten)]
    target: Target,
}

pub(crate) fn run(args: Args, context: &mut Context) -> Result<Exit> {
    let document = args.input.read_for(args.to)?;
    let text = document.write(args.to)?;
    let left = document.left_behind(args.to);
    let written = args.target.write(args.to.name(), &text, context)?;
    context.output.document(&written)?;
    if !document.tolerated.is_empty() {
        context.output.note(&format!("not JSON, but read: {}", document.tolerated.join("; ")));
    }
    if !left.is_empty() {
        let form = args.to.name();
        context.output.note(&format!("left behind, {form} cannot carry it: {}", left.join(", ")));
    }
    Ok(Exit::COMPLETE)
}
