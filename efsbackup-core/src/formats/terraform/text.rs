//! Text in Terraform's syntax: as a quoted string, a heredoc, a template.

use std::fmt::Write;

/// Text as a template that gives it: what begins an interpolation or directive is escaped.
pub(super) fn template(text: &str) -> String {
    text.replace("${", "$${").replace("%{", "%%{")
}

/// Whether a template is anything but its own text.
pub(super) fn is_template(template: &str) -> bool {
    template.contains("${") || template.contains("%{")
}

/// Text as it stands between quotes.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in template(text).chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if is_invisible(c) && u32::from(c) > 0xffff => {
                let _ = write!(out, "\\U{:08x}", u32::from(c));
            }
            c if is_invisible(c) => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

fn is_invisible(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}')
}

/// Text in quotes.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", escaped(text))
}

/// Text as the value of an attribute at `indent`: a heredoc where it has several lines, the
/// last of them ended, and every reader takes the same indentation off.
pub(super) fn value(text: &str, indent: usize) -> String {
    if !is_heredoc(text) {
        return quoted(text);
    }
    let mut end = "EOT".to_owned();
    while text.lines().any(|line| line.trim_start().starts_with(&end)) {
        end.push('_');
    }
    let mut out = format!("<<-{end}\n");
    for line in template(text).lines() {
        if !line.is_empty() {
            out.extend(std::iter::repeat_n(' ', indent + 2));
            out.push_str(line);
        }
        out.push('\n');
    }
    out.extend(std::iter::repeat_n(' ', indent));
    out + &end
}

fn is_heredoc(text: &str) -> bool {
    let Some(body) = text.strip_suffix('\n') else { return false };
    let blank = |line: &str| !line.is_empty() && line.trim().is_empty();
    let visible = |c: char| matches!(c, '\n' | '\t') || !is_invisible(c);
    body.contains('\n')
        && text.chars().all(visible)
        && !body.split('\n').any(blank)
        && body.split('\n').any(|line| !line.is_empty() && !line.starts_with(char::is_whitespace))
}

/// Whether `name` can stand without quotes.
pub(super) fn is_identifier(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_a_heredoc_and_all_else_a_string() {
        assert_eq!(quoted("a\"\\${b}%{\n\u{7}"), r#""a\"\\$${b}%%{\n\u0007""#);
        assert_eq!(value("a\n  ${b}\n\nc\n", 2), "<<-EOT\n    a\n      $${b}\n\n    c\n  EOT");
        assert_eq!(value("EOT\nx\n", 0), "<<-EOT_\n  EOT\n  x\nEOT_");
        for text in ["a", "a\n", "a\nb", " a\n b\n", "a\n \nb\n", "a\r\nb\n", "a\nb\u{7}\n", ""] {
            assert!(value(text, 0).starts_with('"'), "{text:?}");
        }
        assert!(is_identifier("a-b_1") && !is_identifier("1a") && !is_identifier("a b"));
    }
}
