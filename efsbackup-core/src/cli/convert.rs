//! `efsbackup pipeline convert`: the same definition in another form.

use super::Context;
use super::definition_file::{Input, Target, format, format_of};
use super::exit::Exit;
use crate::error::{Error, ErrorKind, Result};
use crate::formats::{Format, fold_arguments};

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    input: Input,
    /// The form to write: cli, api, cfn-yaml, cfn-json, terraform or terraform-json (default: by
    /// the ending of -o: .json is cli, .yaml cfn-yaml, .tf terraform, .tf.json terraform-json)
    #[arg(long, value_name = "FORM", value_parser = format)]
    to: Option<Format>,
    /// Put several arguments of a command into the command itself: Terraform keeps no order
    #[arg(long)]
    fold_arguments: bool,
    #[command(flatten)]
    target: Target,
}

pub(crate) fn run(args: Args, context: &mut Context) -> Result<Exit> {
    let to = args.to.or_else(|| format_of(args.target.path()?)).ok_or_else(|| {
        Error::new(ErrorKind::InvalidInput, "arguments")
            .with_message("say the form: --to FORM, or -o FILE with an ending that stands for one")
    })?;
    let mut document = args.input.read_for(to)?;
    let folded = match args.fold_arguments {
        true => fold_arguments(&mut document.definition)?,
        false => Vec::new(),
    };
    let text = document.write(to)?;
    let left = document.left_behind(to);
    let written = args.target.write(to.name(), &text, context)?;
    context.output.document(&written)?;
    if !folded.is_empty() {
        let folded = folded.join(", ");
        context.output.note(&format!("rewritten, arguments are now in the command: {folded}"));
    }
    if !document.tolerated.is_empty() {
        context.output.note(&format!("not JSON, but read: {}", document.tolerated.join("; ")));
    }
    if !left.is_empty() {
        let form = to.name();
        context.output.note(&format!("left behind, {form} cannot carry it: {}", left.join(", ")));
    }
    Ok(Exit::COMPLETE)
}
