//! Putting changed lists into a template's own text, so that its comments and layout stay.

use super::super::yaml;
use crate::pipeline::Node;

/// `text` with the values of some properties of the pipeline `id` replaced. None where the
/// text is not laid out in lines as people lay it out; whoever calls this makes sure that
/// the result says what it should.
pub(super) fn replaced(text: &str, id: &str, changed: &[(&str, Node)]) -> Option<String> {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let resources = inside(&lines, 0..lines.len(), "Resources")?;
    let pipeline = inside(&lines, resources, id)?;
    let properties = inside(&lines, pipeline, "Properties")?;
    let mut out: Vec<String> = lines.iter().map(|&line| line.to_owned()).collect();
    for (key, value) in changed {
        let (at, indent) = entry(&lines, properties.clone(), key)?;
        let end = end(&lines, at, indent, properties.end);
        let new = yaml::write_entry(key, value, indent);
        out.get_mut(at..end)?.iter_mut().for_each(String::clear);
        *out.get_mut(at)? = new;
    }
    Some(out.concat())
}

/// The lines below the entry called `key`, the first of its depth among `lines`.
fn inside(
    lines: &[&str],
    range: std::ops::Range<usize>,
    key: &str,
) -> Option<std::ops::Range<usize>> {
    let (at, indent) = entry(lines, range.clone(), key)?;
    Some(at + 1..end(lines, at, indent, range.end))
}

/// The line of an entry and its indentation, which is that of the range's first line.
fn entry(lines: &[&str], range: std::ops::Range<usize>, key: &str) -> Option<(usize, usize)> {
    let mut content = range.clone().filter(|&at| lines.get(at).is_some_and(|line| says(line)));
    let indent = depth(lines.get(content.next()?)?);
    let names = |line: &str| {
        let rest = line.get(indent..).and_then(|line| line.strip_prefix(key));
        rest.is_some_and(|rest| rest.starts_with(':'))
    };
    range
        .into_iter()
        .find(|&at| lines.get(at).is_some_and(|line| depth(line) == indent && names(line)))
        .map(|at| (at, indent))
}

/// Where the entry at line `at` ends: before the next line that is not further in, but for
/// the dashes of its own list. Comments and empty lines before that line stay with it.
fn end(lines: &[&str], at: usize, indent: usize, limit: usize) -> usize {
    let mut end = at + 1;
    for (index, line) in lines.iter().enumerate().take(limit).skip(at + 1) {
        let dash = depth(line) == indent && line.trim_start().starts_with("- ");
        if says(line) {
            if depth(line) <= indent && !dash {
                break;
            }
            end = index + 1;
        }
    }
    end
}

/// Whether there is more in a line than blanks and a comment.
fn says(line: &str) -> bool {
    let content = line.trim();
    !(content.is_empty() || content.starts_with('#'))
}

fn depth(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}
