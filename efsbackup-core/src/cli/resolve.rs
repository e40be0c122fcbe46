//! `efsbackup pipeline resolve`: a definition with everything put in that is known before
//! it runs.

use super::Context;
use super::definition_file::{Input, Target, Written, format};
use super::exit::Exit;
use super::simulate::time;
use super::value_args::ValueArgs;
use crate::error::{Error, ErrorKind, Result};
use crate::formats::Format;
use crate::params::{self, Moment, Options, Resolved};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    values: ValueArgs,
    /// Show this object alone
    #[arg(long, value_name = "ID")]
    object: Option<String>,
    /// Replace parameters only, not the names of fields
    #[arg(long)]
    parameters_only: bool,
    /// Write each object with what it inherits
    #[arg(long)]
    inherited: bool,
    /// Also put in what the service sets in the run scheduled for TIME, in UTC
    #[arg(long, value_name = "TIME", value_parser = time, conflicts_with = "parameters_only")]
    at: Option<Timestamp>,
    /// The object that `node` means in an alarm, where several name it
    #[arg(long, value_name = "ID", requires = "at")]
    node: Option<String>,
    /// Give a runtime field a value, such as node.@status=FAILED
    #[arg(long, value_name = "NAME=VALUE", requires = "at", value_parser = runtime)]
    runtime: Vec<(String, String)>,
    /// Make up runtime fields without a value, as of a first attempt that begins when it is due
    #[arg(long, requires = "at")]
    simulated: bool,
    /// The form to write: cli, api, cfn-yaml, cfn-json, terraform or terraform-json (default: as
    /// it was read)
    #[arg(long, value_name = "FORM", value_parser = format)]
    to: Option<Format>,
    #[command(flatten)]
    target: Target,
}

#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    written: Written<'a>,
    #[serde(flatten)]
    values: Value,
}

pub(crate) fn run(args: Args, context: &mut Context) -> Result<Exit> {
    let mut document = args.input.read()?;
    let given = args.values.given(&document.definition)?;
    let options = Options::default().fields(!args.parameters_only).inherited(args.inherited);
    let mut resolved = match moment(&args) {
        Some(moment) => {
            params::resolve_at(&document.definition, &given.values(), &moment, options)?
        }
        None => params::resolve(&document.definition, &given.values(), options)?,
    };
    // What is shown to people and kept in files has no secrets.
    document.definition = params::mask(&resolved.definition);
    if let Some(id) = &args.object {
        document.definition.objects.retain(|object| object.id == *id);
        resolved.unresolved.retain(|left| left.object == *id);
        if document.definition.objects.is_empty() {
            return Err(Error::new(ErrorKind::NotFound, "resolve")
                .with_message(format!("the definition has no object {id}")));
        }
    }
    let format = args.to.unwrap_or(document.format);
    let text = document.write(format)?;
    let written = args.target.write(format.name(), &text, context)?;
    let values = resolved.to_json(&given);
    context.output.document(&Document { written, values })?;
    tell_missing(&resolved, context);
    Ok(Exit::COMPLETE)
}

fn runtime(text: &str) -> std::result::Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("a value is given as NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// The run that the arguments ask for.
fn moment(args: &Args) -> Option<Moment> {
    let mut moment = Moment::new(args.at?).simulated(args.simulated);
    if let Some(node) = &args.node {
        moment = moment.node(node);
    }
    let runtime = args.runtime.iter();
    Some(runtime.fold(moment, |moment, (name, value)| moment.runtime(name, value)))
}

/// Tells which parameters must still be given before it can run.
fn tell_missing(resolved: &Resolved, context: &Context) {
    let without = |id: &&str| resolved.parameters.get(id).is_none();
    let used = |id: &&str| resolved.unresolved.iter().any(|left| left.name == *id);
    let missing: Vec<_> = resolved.parameters.ids().filter(without).filter(used).collect();
    if !missing.is_empty() {
        context.output.note(&format!("without a value yet: {}", missing.join(", ")));
    }
}
