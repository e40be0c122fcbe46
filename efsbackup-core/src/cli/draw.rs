//! `efsbackup pipeline draw`: a definition as a picture.

use super::Context;
use super::definition_file::{Input, Target};
use super::exit::Exit;
use crate::draw::{self, Options};
use crate::error::{Error, ErrorKind, Result};
use clap::ValueEnum;
use serde_json::Value as Json;
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    input: Input,
    /// What to draw it as (default: by FILE's ending, else svg)
    #[arg(long, value_enum, value_name = "KIND")]
    to: Option<Kind>,
    /// The colours of an SVG (default: dark where the viewer prefers that)
    #[arg(long, value_enum, value_name = "THEME")]
    theme: Option<Theme>,
    /// Colour and mark what ran: FILE is what `pipeline runs --json` or `simulate --json` wrote
    #[arg(long, value_name = "FILE")]
    runs: Option<PathBuf>,
    #[command(flatten)]
    target: Target,
}

/// The colours of an SVG.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Theme {
    /// Light, but dark where the viewer prefers that
    Auto,
    /// Dark on white
    Light,
    /// Light on dark blue
    Dark,
}

impl From<Option<Theme>> for draw::Theme {
    fn from(theme: Option<Theme>) -> draw::Theme {
        match theme {
            None | Some(Theme::Auto) => draw::Theme::Auto,
            Some(Theme::Light) => draw::Theme::Light,
            Some(Theme::Dark) => draw::Theme::Dark,
        }
    }
}

/// A kind of picture.
#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    /// A picture of its own
    Svg,
    /// For Graphviz
    Dot,
    /// For web pages that draw Mermaid
    Mermaid,
    /// For a terminal
    Text,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Svg => "svg",
            Kind::Dot => "dot",
            Kind::Mermaid => "mermaid",
            Kind::Text => "text",
        }
    }
}

pub(crate) fn run(args: Args, context: &mut Context) -> Result<Exit> {
    let definition = args.input.read()?.definition;
    let ending = args.target.path().and_then(|path| path.extension()).and_then(|e| e.to_str());
    let kind = args.to.unwrap_or(match ending {
        Some("dot" | "gv") => Kind::Dot,
        Some("mmd" | "mermaid") => Kind::Mermaid,
        Some("txt") => Kind::Text,
        _ => Kind::Svg,
    });
    let states = args.runs.as_deref().map(states).transpose()?.unwrap_or_default();
    let options = Options { theme: args.theme.into(), states };
    let picture = match kind {
        Kind::Svg => draw::svg(&definition, &options),
        Kind::Dot => draw::dot(&definition, &options),
        Kind::Mermaid => draw::mermaid(&definition, &options),
        Kind::Text => draw::text(&definition, &options),
    };
    let written = args.target.write(kind.name(), &picture, context)?;
    context.output.document(&written)?;
    Ok(Exit::COMPLETE)
}

/// The components and their states, in the order of the file: a list of runs, or a simulation's
/// `instances`.
fn states(path: &Path) -> Result<Vec<(String, String)>> {
    let bytes = std::fs::read(path).map_err(|e| Error::from_io("read", e).with_path(path))?;
    let bad = |text: &str| {
        Error::new(ErrorKind::InvalidInput, "read runs").with_path(path).with_message(text)
    };
    let json: Json = serde_json::from_slice(&bytes).map_err(|error| bad(&error.to_string()))?;
    let runs = json.as_array().or_else(|| json.get("instances")?.as_array());
    let runs = runs.ok_or_else(|| {
        bad("neither a list of runs nor a simulation; write it by `pipeline runs --json`")
    })?;
    let text = |run: &Json, key: &str| run.get(key).and_then(Json::as_str).map(str::to_owned);
    let state = |run| Some((text(run, "component")?, text(run, "status")?));
    let states = runs.iter().map(|run| state(run).ok_or_else(|| bad("a run without its status")));
    states.collect()
}
