//! The script that an activity becomes.
//!
//! Arguments stand in the script file itself, which only its owner can read, and not on
//! a command line that every user of the machine can see.

use std::fmt::Write as _;

/// A script for bash.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Script {
    /// The file's contents.
    pub(super) text: String,
    /// Options of bash, from the `#!` line.
    pub(super) options: Option<String>,
}

impl Script {
    /// `source` with `$1`, `$2` and so on set to `arguments`; its line numbers stay.
    ///
    /// # Errors
    /// A sentence, where the `#!` line wants another interpreter than a shell or an
    /// argument holds a NUL, which no program can be given.
    pub(super) fn new(source: &str, arguments: &[&str]) -> Result<Script, String> {
        let mut text = String::with_capacity(source.len() + 64);
        text.push_str("set --");
        for (index, argument) in arguments.iter().enumerate() {
            if argument.contains('\0') {
                return Err(format!("scriptArgument {} holds a NUL character", index + 1));
            }
            text.push(' ');
            quote(argument, &mut text);
        }
        text.push_str("; ");
        text.push_str(source);
        Ok(Script { text, options: interpreter_options(source)? })
    }
}

/// The options on the `#!` line, if there are any.
fn interpreter_options(source: &str) -> Result<Option<String>, String> {
    let Some(line) = source.lines().next().and_then(|line| line.strip_prefix("#!")) else {
        return Ok(None);
    };
    let mut words = line.trim().splitn(2, char::is_whitespace);
    let mut program = words.next().unwrap_or_default();
    let mut rest = words.next().map(str::trim).filter(|rest| !rest.is_empty());
    if program.ends_with("/env") {
        let mut words = rest.unwrap_or_default().splitn(2, char::is_whitespace);
        program = words.next().unwrap_or_default();
        rest = words.next().map(str::trim);
    }
    match program.rsplit('/').next() {
        Some("bash" | "sh" | "dash") => Ok(rest.map(str::to_owned)),
        _ => Err(format!("the script asks for {program}; only shell scripts are run here")),
    }
}

/// `text` as one word on one line of bash.
fn quote(text: &str, out: &mut String) {
    if text.chars().any(char::is_control) {
        out.push_str("$'");
        for character in text.chars() {
            match character {
                '\'' | '\\' => {
                    out.push('\\');
                    out.push(character);
                }
                control @ '\u{1}'..='\u{7f}' if control.is_control() => {
                    // Writing to a string does not fail.
                    let _ = write!(out, "\\{:03o}", u32::from(control));
                }
                other => out.push(other),
            }
        }
    } else {
        out.push('\'');
        out.push_str(&text.replace('\'', r"'\''"));
    }
    out.push('\'');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_stand_quoted_before_the_first_line() {
        let script = Script::new("echo \"$1\"\n", &["it's", "a b", "two\nlines\\"]).unwrap();
        let line = r#"set -- 'it'\''s' 'a b' $'two\012lines\\'; echo "$1""#;
        assert_eq!(script.text, format!("{line}\n"));
    }

    #[test]
    fn only_shells_are_taken_from_the_first_line() {
        let options = |source: &str| Script::new(source, &[]).map(|script| script.options);
        assert_eq!(options("#!/bin/bash -eu\n").unwrap().as_deref(), Some("-eu"));
        assert_eq!(options("#!/usr/bin/env bash\n").unwrap(), None);
        assert_eq!(options("echo\n").unwrap(), None);
        assert!(options("#!/usr/bin/python3\n").unwrap_err().contains("/usr/bin/python3"));
    }
}
