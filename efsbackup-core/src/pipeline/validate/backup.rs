//! What makes a backup go wrong although the definition is good: doubts, never errors.

use super::super::{FieldValue, Object};
use super::finding::cut;
use super::shell;
use super::{Code, Context, Validation, View};
use crate::expression::Period;

/// How many arguments, inputs or outputs of an object are compared with one another.
const COMPARED: usize = 20;

pub(super) fn check(context: &Context<'_>, view: &View<'_>, found: &mut Validation) {
    if view.kind.is_none_or(|kind| kind.is("ShellCommandActivity")) {
        check_script(view, found);
    }
    if context.parents.contains(view.object.id.as_str()) {
        return;
    }
    if view.is("Resource") {
        check_life(context, view, found);
    }
    if view.is("ShellCommandActivity") {
        check_arguments(context, view, found);
    }
    if view.is("CopyActivity") {
        check_copy(context, view, found);
    }
}

/// A machine that outlives the period runs beside the next one.
fn check_life(context: &Context<'_>, view: &View<'_>, found: &mut Validation) {
    let period = |text: Option<&str>| context.known(text?)?.parse::<Period>().ok();
    let schedule = context.fields(view, "schedule").first();
    let schedule = schedule.and_then(|field| context.view(field.value.as_reference()?));
    let every = schedule.and_then(|schedule| period(context.text(schedule, "period")));
    let Some(every) = every else { return };
    let Some(life) = period(context.text(view, "terminateAfter")) else { return };
    if life.minutes() > every.minutes() {
        let text = format!(
            "it may live for {life}, but the next run begins after {every}: two runs may work on \
             the same data at once"
        );
        found.add(Code::OutlivesPeriod, &view.object.id, Some("terminateAfter"), text);
    }
}

/// Arguments that look like file systems: how they are written, and whether two are one.
fn check_arguments(context: &Context<'_>, view: &View<'_>, found: &mut Validation) {
    let id = &view.object.id;
    let arguments = context.fields(view, "scriptArgument").iter().take(COMPARED);
    let texts = arguments.filter_map(|field| context.known(field.value.as_text()?));
    let mut places: Vec<&str> = Vec::new();
    for text in texts {
        match location(text) {
            Location::Export => {
                let equal = places.iter().find(|other| nested(other, text));
                if let Some(other) = equal {
                    let text =
                        format!("{other} and {text} are one file system, or one holds the other");
                    found.add(Code::SourceIsTarget, id, Some("scriptArgument"), text);
                }
                places.push(text);
            }
            Location::HostAlone => {
                let text = format!("'{text}' names no folder; write HOST:/PATH, such as {text}:/");
                found.add(Code::NotHostPath, id, Some("scriptArgument"), text);
            }
            Location::Relative => {
                let text = format!("the path in '{text}' is not absolute; write HOST:/PATH");
                found.add(Code::NotHostPath, id, Some("scriptArgument"), text);
            }
            Location::None => {}
        }
    }
}

enum Location {
    /// `HOST:/PATH`.
    Export,
    /// The name of an EFS file system's server and nothing else.
    HostAlone,
    /// That name with a path that is not absolute.
    Relative,
    /// Something else.
    None,
}

fn location(text: &str) -> Location {
    let host_of_efs = |host: &str| host.contains(".efs.") && host.ends_with(".amazonaws.com");
    match text.split_once(':') {
        Some((host, path)) if path.starts_with('/') && !path.starts_with("//") => {
            let is_host = |c: char| c.is_ascii_alphanumeric() || ".-_[]".contains(c);
            let named = !host.is_empty() && host.chars().all(is_host);
            if named { Location::Export } else { Location::None }
        }
        Some((host, _)) if host_of_efs(host) => Location::Relative,
        None if host_of_efs(text) => Location::HostAlone,
        _ => Location::None,
    }
}

/// Whether two places are equal or one is within the other.
fn nested(a: &str, b: &str) -> bool {
    let [a, b] = [a, b].map(|text| text.trim_end_matches('/'));
    let within = |inner: &str, outer: &str| {
        inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    within(a, b) || within(b, a)
}

fn check_script(view: &View<'_>, found: &mut Validation) {
    let id = &view.object.id;
    // Where it is written: many may inherit it.
    let Some(script) = view.object.first_text("command") else { return };
    if let Some(word) = shell::unquoted_argument(script) {
        let text = format!(
            "{word} stands without quotes: an argument with a space or * becomes several; \
             write \"{word}\""
        );
        found.add(Code::UnquotedArgument, id, Some("command"), text);
    }
    if let Some(line) = shell::unchecked_mount(script) {
        let text = format!(
            "nothing looks whether `{}` succeeded: where it fails, the script works on the \
             empty mount point; add `|| exit 1`, or `set -e` above",
            cut(line, 200)
        );
        found.add(Code::UncheckedMount, id, Some("command"), text);
    }
}

/// Input and output of a copy.
fn check_copy(context: &Context<'_>, view: &View<'_>, found: &mut Validation) {
    let places = |key: &str| -> Vec<&str> {
        let fields = context.fields(view, key).iter().take(COMPARED);
        let nodes = fields.filter_map(|field| context.view(field.value.as_reference()?));
        nodes.filter_map(|node| place_of(context, node.object)).collect()
    };
    let outputs = places("output");
    for input in places("input") {
        if let Some(output) = outputs.iter().find(|output| nested(input, output)) {
            let text =
                format!("it copies {input} to {output}: they are one, or one holds the other");
            found.add(Code::SourceIsTarget, &view.object.id, Some("output"), text);
        }
    }
}

fn place_of<'t>(context: &'t Context<'_>, node: &'t Object) -> Option<&'t str> {
    let keys = ["directoryPath", "filePath"];
    let text = keys.into_iter().find_map(|key| node.all(key).find_map(FieldValue::as_text))?;
    context.known(text).filter(|text| !text.contains("#{"))
}
