//! Reading a definition and writing what came of it, for the verbs of `efsbackup pipeline`.

use super::Context;
use crate::bytepath::BytePath;
use crate::error::{Error, Result};
use crate::formats::{Document, Format, Reader};
use serde::Serialize;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The file that a verb reads.
#[derive(clap::Args)]
pub(crate) struct Input {
    /// The definition in any form (AWS CLI, API, CloudFormation, Terraform); - reads stdin
    file: PathBuf,
    /// Read JSON with comments, trailing commas, and raw line breaks and tabs in strings
    #[arg(long)]
    lenient: bool,
    /// Which pipeline to take where the file has several: its name in the file
    #[arg(long, value_name = "NAME")]
    pipeline: Option<String>,
}

impl Input {
    /// Another file, read as leniently.
    pub(crate) fn other(&self, file: PathBuf, pipeline: Option<String>) -> Input {
        Input { file, lenient: self.lenient, pipeline }
    }

    /// The definition in it.
    pub(crate) fn read(&self) -> Result<Document> {
        self.with_bytes(|reader, bytes| reader.read(bytes))
    }

    /// The definition in it to be written as `format`. Of a template's several pipelines it
    /// is the first where the others go with it anyway.
    pub(crate) fn read_for(&self, format: Format) -> Result<Document> {
        self.with_bytes(|reader, bytes| {
            let first = reader.read_all(bytes)?.into_iter().next();
            match first {
                Some(first) if first.carries_all(format) => Ok(first),
                _ => reader.read(bytes),
            }
        })
    }

    fn with_bytes<T>(&self, read: impl FnOnce(Reader, &[u8]) -> Result<T>) -> Result<T> {
        let mut reader = Reader::new().lenient(self.lenient);
        if let Some(name) = &self.pipeline {
            reader = reader.pipeline(name);
        }
        if self.file.as_os_str() != "-" {
            let named = |error: Error| error.with_path(self.file.as_path());
            let bytes = std::fs::read(&self.file);
            let bytes = bytes.map_err(|error| named(Error::from_io("read", error)))?;
            return read(reader, &bytes).map_err(named);
        }
        let mut bytes = Vec::new();
        let result = std::io::stdin().lock().read_to_end(&mut bytes);
        result.map_err(|error| Error::from_io("read stdin", error))?;
        read(reader, &bytes)
    }

    /// The file as it was named.
    pub(crate) fn path(&self) -> &Path {
        &self.file
    }

    /// Its name for the JSON document.
    pub(crate) fn name(&self) -> String {
        BytePath::from(self.file.as_path()).to_text()
    }
}

/// Where a verb writes to.
#[derive(clap::Args)]
pub(crate) struct Target {
    /// Where to write it (default: stdout)
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// What the JSON document says of a text that was made.
#[derive(Serialize)]
pub(crate) struct Written<'a> {
    format: &'a str,
    file: Option<String>,
    /// The text itself, where it went into no file.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
}

impl Target {
    /// Writes `text` to the file or to stdout, and gives what the JSON document says of it.
    pub(crate) fn write<'a>(
        &self,
        format: &'a str,
        text: &'a str,
        context: &Context,
    ) -> Result<Written<'a>> {
        match &self.output {
            Some(path) => std::fs::write(path, text)
                .map_err(|error| Error::from_io("write", error).with_path(path.as_path()))?,
            None => context.output.line(text.trim_end_matches('\n')),
        }
        let file = self.output.as_deref().map(|path| BytePath::from(path).to_text());
        let text = file.is_none().then_some(text);
        Ok(Written { format, file, text })
    }

    /// The file, if it is one.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.output.as_deref()
    }
}

/// The form that a file's ending stands for; JSON is the AWS CLI's.
pub(crate) fn format_of(path: &Path) -> Option<Format> {
    let stem = path.file_stem().map(Path::new);
    match path.extension()?.to_str()? {
        "yaml" | "yml" => Some(Format::CloudFormationYaml),
        "tf" => Some(Format::Terraform),
        "json" if stem?.extension().is_some_and(|ending| ending == "tf") => {
            Some(Format::TerraformJson)
        }
        "json" => Some(Format::Cli),
        _ => None,
    }
}

/// Parses the name of a form.
pub(crate) fn format(name: &str) -> std::result::Result<Format, String> {
    name.parse().map_err(|error: Error| error.message())
}
