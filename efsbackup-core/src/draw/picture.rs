//! Kinds of pictures and themes by their names.

use super::{Options, Theme, dot, mermaid, svg, text};
use crate::error::{Error, ErrorKind, Result};
use crate::pipeline::Definition;
use std::str::FromStr;

/// A kind of picture, parsed from `svg`, `dot`, `mermaid` or `text`.
///
/// ```
/// use efsbackup_core::draw::{Options, Picture};
/// use efsbackup_core::pipeline::{Definition, ShellCommandActivity};
///
/// let definition = Definition::default()
///     .with(ShellCommandActivity::new("Run").worker_group("here").command("date"));
/// assert!(Picture::Text.draw(&definition, &Options::default()).contains("Run"));
/// assert!(Picture::Svg.draw(&definition, &Options::default()).starts_with("<svg"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Picture {
    /// A picture of its own.
    Svg,
    /// For Graphviz.
    Dot,
    /// For web pages that draw Mermaid.
    Mermaid,
    /// For a terminal.
    Text,
}

impl Picture {
    /// Draws the definition.
    pub fn draw(self, definition: &Definition, options: &Options) -> String {
        match self {
            Picture::Svg => svg(definition, options),
            Picture::Dot => dot(definition, options),
            Picture::Mermaid => mermaid(definition, options),
            Picture::Text => text(definition, options),
        }
    }
}

/// How much of an unknown name is told, in characters.
const LONGEST: usize = 100;

impl FromStr for Picture {
    type Err = Error;

    fn from_str(name: &str) -> Result<Picture> {
        match name {
            "svg" => Ok(Picture::Svg),
            "dot" => Ok(Picture::Dot),
            "mermaid" => Ok(Picture::Mermaid),
            "text" => Ok(Picture::Text),
            _ => Err(unknown("picture", name, "svg, dot, mermaid and text")),
        }
    }
}

impl FromStr for Theme {
    type Err = Error;

    fn from_str(name: &str) -> Result<Theme> {
        match name {
            "auto" => Ok(Theme::Auto),
            "light" => Ok(Theme::Light),
            "dark" => Ok(Theme::Dark),
            _ => Err(unknown("theme", name, "auto, light and dark")),
        }
    }
}

fn unknown(what: &str, name: &str, known: &str) -> Error {
    let name: String = name.chars().take(LONGEST).collect();
    let message = format!("{name:?} is no {what}; there are {known}");
    Error::new(ErrorKind::InvalidInput, "draw").with_message(message)
}
