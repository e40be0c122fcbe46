//! `efsbackup pipeline draw`: a definition as a picture.

use super::Context;
use super::definition_file::{Input, Target};
use super::exit::Exit;
use crate::draw;
use crate::error::Result;
use clap::ValueEnum;

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    input: Input,
    /// What to draw it as (default: by FILE's ending, else svg)
    #[arg(long, value_enum, value_name = "KIND")]
    to: Option<Kind>,
    #[command(flatten)]
    target: Target,
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
    let picture = match kind {
        Kind::Svg => draw::svg(&definition),
        Kind::Dot => draw::dot(&definition),
        Kind::Mermaid => draw::mermaid(&definition),
        Kind::Text => draw::text(&definition),
    };
    let written = args.target.write(kind.name(), &picture, context)?;
    context.output.document(&written)?;
    Ok(Exit::COMPLETE)
}
