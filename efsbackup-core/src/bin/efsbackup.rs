//! The `efsbackup` command; see `efsbackup_core::cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    efsbackup_core::cli::main_of_program(std::env::args_os()).into()
}
