//! `efsbackup pipeline validate`: what is wrong with a definition.

use super::Context;
use super::definition_file::Input;
use super::exit::Exit;
use crate::error::Result;
use crate::pipeline::{Finding, Severity};
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
    findings: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    severity: &'static str,
    code: &'static str,
    object: Option<&'a str>,
    field: Option<&'a str>,
    text: &'a str,
}

impl<'a> From<&'a Finding> for Entry<'a> {
    fn from(finding: &'a Finding) -> Self {
        Entry {
            severity: match finding.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            },
            code: finding.code.as_str(),
            object: finding.object.as_deref(),
            field: finding.field.as_deref(),
            text: &finding.text,
        }
    }
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
        findings: validation.findings.iter().map(Entry::from).collect(),
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
