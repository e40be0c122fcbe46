//! Arguments of a command folded into the command, for forms that lose their order.

use crate::pipeline::{Definition, Object};
use crate::{Error, ErrorKind, Result};

const ARGUMENT: &str = "scriptArgument";
const COMMAND: &str = "command";

/// Puts the arguments of every command that has several into the command itself, which then
/// sets them as `$1`, `$2` and so on. Gives the ids of the objects that it changed.
///
/// An argument without `#{…}` is quoted for the shell. One with `#{…}` stands in a quoted
/// here-document, since no one knows yet what it becomes: it may hold any characters, but
/// line breaks at its end are dropped, and no line of it may be `END_OF_ARGUMENT`.
///
/// # Errors
/// `CannotRepresent` where there is no command in the same object (`scriptUri`), where the
/// command begins with `#!` and another program than a shell, and where another object
/// inherits the arguments or the command but not both.
///
/// ```
/// use efsbackup_core::formats::fold_arguments;
/// use efsbackup_core::pipeline::{Definition, ShellCommandActivity};
///
/// let mut definition = Definition::default().with(
///     ShellCommandActivity::new("Copy").command("cp \"$1\" \"$2\"").argument("a").argument("b"),
/// );
/// assert_eq!(fold_arguments(&mut definition)?, ["Copy"]);
/// let copy = definition.object("Copy").ok_or("none")?;
/// assert_eq!(copy.all("scriptArgument").count(), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn fold_arguments(definition: &mut Definition) -> Result<Vec<String>> {
    let mut folded = Vec::new();
    let several = |object: &Object| object.all(ARGUMENT).count() > 1;
    for object in definition.objects.iter().filter(|object| several(object)) {
        let id = &object.id;
        let refused = |text: String| {
            Error::new(ErrorKind::CannotRepresent, "fold arguments")
                .with_message(format!("{id}.{ARGUMENT}: {text}"))
        };
        let mut arguments = Vec::new();
        for argument in object.all(ARGUMENT) {
            let text = argument.as_text();
            arguments.push(text.ok_or_else(|| refused("only text can be an argument".to_owned()))?);
        }
        let command = object.first_text(COMMAND);
        let command = command.ok_or_else(|| {
            refused("there is no command in the same object to put them into".to_owned())
        })?;
        let splits = |other: &&Object| {
            other.id != *id
                && definition.ancestry(other).iter().any(|from| from.id == *id)
                && (other.all(ARGUMENT).count() > 0 || other.all(COMMAND).count() > 0)
        };
        if let Some(other) = definition.objects.iter().find(splits) {
            return Err(refused(format!("{} inherits them or the command, not both", other.id)));
        }
        let command = with_arguments(command, &arguments)
            .ok_or_else(|| refused("the command begins with #! and is no shell's".to_owned()))?;
        folded.push((id.clone(), command));
    }
    let mut changed = Vec::new();
    for (id, command) in folded {
        for object in definition.objects.iter_mut().filter(|object| object.id == id) {
            object.fields.retain(|field| field.key != ARGUMENT);
            let fields = object.fields.iter_mut().filter(|field| field.key == COMMAND);
            fields.for_each(|field| field.value = command.as_str().into());
        }
        changed.push(id);
    }
    Ok(changed)
}

/// The command with its arguments set first, after a line `#!`; none where that is not of a
/// shell.
fn with_arguments(command: &str, arguments: &[&str]) -> Option<String> {
    let (first, rest) = match command.split_once('\n') {
        Some((first, rest)) if first.starts_with("#!") => (Some(first), rest),
        None if command.starts_with("#!") => (Some(command), ""),
        _ => (None, command),
    };
    let mut out = String::new();
    if let Some(first) = first {
        let program = first.rsplit(['/', ' ']).find(|word| !word.starts_with('-'))?;
        if !["sh", "bash", "dash", "ksh", "zsh"].contains(&program.trim_end()) {
            return None;
        }
        out.push_str(first);
        out.push('\n');
    }
    out.push_str("set --\n");
    for argument in arguments {
        let argument = match argument.contains("#{") {
            true => format!("\"$(cat <<'END_OF_ARGUMENT'\n{argument}\nEND_OF_ARGUMENT\n)\""),
            false => format!("'{}'", argument.replace('\'', "'\\''")),
        };
        out.push_str(&format!("set -- \"$@\" {argument}\n"));
    }
    out.push_str(rest);
    // Forms that have a way to write lines want the last one ended too.
    if !out.ends_with('\n') {
        out.push('\n');
    }
    Some(out)
}
