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

impl FromStr for Picture {
    type Err = Error;

    fn from_str(name: &str) -> Result<Picture> {
        match name {
            "svg" => Ok(Picture::Svg),
            "dot" => Ok(Picture::Dot),
            "mermaid" => Ok(Picture::Mermaid),
            "text" => Ok(Picture::Text),
            _ => Err(unknown("a picture is svg, dot, mermaid or text")),
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
            _ => Err(unknown("a theme is auto, light or dark")),
        }
    }
}

fn unknown(message: &str) -> Error {
    Error::new(ErrorKind::InvalidInput, "draw").with_message(message)
}
