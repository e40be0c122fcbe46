//! `efsbackup pipeline validate`: what is wrong with a definition.

use super::Context;
use super::definition_file::Input;
use super::exit::Exit;
use crate::error::Result;
use crate::pipeline::Finding;
use serde::Serialize;

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    input: Input,
}

#[derive(Serialize)]
struct Document<'a> {
    file: String,
    format: &'static str,
    valid: bool,
    findings: &'a [Finding],
}

pub(crate) fn run(args: Args, context: &mut Context) -> Result<Exit> {
    let document = args.input.read()?;
    let validation = document.definition.validate();
    for finding in &validation.findings {
        context.output.line(finding.to_string());
    }
    context.output.document(&Document {
        file: args.input.name(),
        format: document.format.name(),
        valid: validation.is_valid(),
        findings: &validation.findings,
    })?;
    let count = |count: usize, what: &str| match count {
        1 => format!("1 {what}"),
        count => format!("{count} {what}s"),
    };
    let objects = count(document.definition.objects.len(), "object");
    let errors = count(validation.errors().count(), "error");
    let warnings = count(validation.warnings().count(), "warning");
    context.output.note(&format!("{objects}: {errors}, {warnings}"));
    Ok(if validation.is_valid() { Exit::COMPLETE } else { Exit::FAILED })
}
