//! Which unquoted scalars are text, and how text is written so that it stays text.

/// Words that YAML 1.1 or 1.2 take for a boolean or null, in lower case.
const WORDS: [&str; 11] =
    ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "none", "~"];

/// Whether an unquoted scalar may be read as something else than text: a boolean, null,
/// number, date or time. It says so of some that are text, never the other way.
pub(super) fn is_ambiguous(text: &str) -> bool {
    let first = text.chars().next();
    first.is_none_or(|c| c.is_ascii_digit() || "+-.=<~".contains(c))
        || WORDS.contains(&text.to_ascii_lowercase().as_str())
}

/// Text on one line: unquoted where every YAML reader takes it for the same text, else in
/// double quotes.
pub(super) fn inline(text: &str) -> String {
    if is_plain(text) { text.to_owned() } else { quoted(text) }
}

/// A short list of what is surely safe, rather than rules for what is not.
fn is_plain(text: &str) -> bool {
    let mut chars = text.chars();
    let safe = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
    // `::`, as in `AWS::StackName` and `Fn::Sub`, is safe: no blank follows.
    let body = text.replace("::", "");
    chars.next().is_some_and(|c| c.is_ascii_alphabetic())
        && body.chars().all(safe)
        && !text.ends_with(':')
        && !is_ambiguous(text)
}

fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if is_printable(c) => out.push(c),
            c if u32::from(c) <= 0xff => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            c if u32::from(c) <= 0xffff => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push_str(&format!("\\U{:08x}", u32::from(c))),
        }
    }
    out.push('"');
    out
}

/// YAML's printable characters, less those that some readers take for a line break.
fn is_printable(c: char) -> bool {
    matches!(c, ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
        && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}')
}

/// The header of a literal block (`|` and how it ends), where `text` can be one: several
/// lines, none of which needs quotes or begins in a way that readers disagree on.
pub(super) fn literal_header(text: &str) -> Option<&'static str> {
    let first = text.chars().next()?;
    let blank = |line: &str| !line.is_empty() && line.trim_matches([' ', '\t']).is_empty();
    let fits = text.contains('\n')
        && !matches!(first, ' ' | '\t' | '\n')
        && text.chars().all(|c| c == '\n' || c == '\t' || is_printable(c))
        && !text.split('\n').any(blank);
    if !fits {
        return None;
    }
    Some(match text.chars().rev().take_while(|&c| c == '\n').count() {
        0 => "|-",
        1 => "|",
        _ => "|+",
    })
}
