//! Values of parameters, for the verbs that need them.

use crate::error::{Error, Result};
use crate::formats::cli;
use crate::params::{Given, Source, parse_assignment};
use crate::pipeline::{Definition, ParameterValue};
use std::path::PathBuf;

#[derive(clap::Args)]
pub(crate) struct ValueArgs {
    /// Give a parameter a value (repeat the name for a list)
    #[arg(long = "value", value_name = "NAME=VALUE", value_parser = value)]
    values: Vec<ParameterValue>,
    /// Take values from a file as the AWS CLI's --parameter-values-uri does; --value beats it,
    /// and it beats variables such as EFSBACKUP_VALUE_myBucket
    #[arg(long, value_name = "FILE")]
    values_file: Option<PathBuf>,
}

fn value(text: &str) -> std::result::Result<ParameterValue, String> {
    parse_assignment(text).map_err(|error| error.message())
}

impl ValueArgs {
    /// The values of the command line, of the file and of the environment.
    pub(crate) fn given(&self, definition: &Definition) -> Result<Given> {
        let mut given = Given::default();
        given.add(Source::Argument, self.values.iter().cloned());
        if let Some(path) = &self.values_file {
            let named = |error: Error| error.with_path(path.as_path());
            let text =
                std::fs::read_to_string(path).map_err(|e| named(Error::from_io("read", e)))?;
            given.add(Source::File, cli::read_values(&text).map_err(named)?);
        }
        given.add_environment(definition, std::env::vars_os())?;
        Ok(given)
    }
}
