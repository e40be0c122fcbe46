//! Text that fits: how wide it is, cut short, and escaped.

/// A script longer than this is told by its length: its first command is but preparation.
const SHORT_SCRIPT: usize = 5;

/// The first line that says something, without what a script begins with.
pub(super) fn first_line(text: &str) -> String {
    let count = text.trim().lines().count();
    if count > SHORT_SCRIPT {
        return format!("({count} lines)");
    }
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let telling = |line: &&str| {
        let comment = line.starts_with('#') && !line.starts_with("#{");
        !comment && !line.starts_with("set -")
    };
    let first = lines.clone().find(telling).or_else(|| lines.next()).unwrap_or_default();
    if count > 1 { format!("{first} …") } else { first.to_owned() }
}

/// The name of a type, cut where it cannot be one: many objects may inherit it.
pub(super) fn type_name(name: &str) -> String {
    match name.char_indices().nth(100) {
        Some((end, _)) => format!("{}…", name.get(..end).unwrap_or_default()),
        None => name.to_owned(),
    }
}

/// About how wide a text is, in ems of a sans-serif font.
pub(super) fn width(text: &str) -> f64 {
    text.chars().map(char_width).sum()
}

fn char_width(c: char) -> f64 {
    match c {
        'i' | 'j' | 'l' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' => 0.28,
        'f' | 't' | 'r' | '(' | ')' | '[' | ']' | '/' | ' ' | '-' | '"' => 0.36,
        'm' | 'w' | 'M' | 'W' | '@' | '%' | '…' => 0.9,
        'A'..='Z' | '#' | '$' | '&' | '_' | '+' | '=' | '<' | '>' => 0.68,
        c if c.is_ascii() => 0.56,
        // Chinese, Japanese and Korean letters, and emoji, are square.
        '\u{1100}'..='\u{11ff}' | '\u{2e80}'..='\u{d7ff}' | '\u{f900}'..='\u{faff}' => 1.0,
        '\u{ff00}'..='\u{ff60}' | '\u{1f000}'.. => 1.0,
        _ => 0.62,
    }
}

/// The text, cut at the end to about `ems`, with an ellipsis.
pub(super) fn fit(text: &str, ems: f64) -> String {
    if width(text) <= ems {
        return text.to_owned();
    }
    let room = ems - char_width('…');
    let mut used = 0.0;
    let mut cut: String = text
        .chars()
        .take_while(|&c| {
            used += char_width(c);
            used <= room
        })
        .collect();
    cut.truncate(cut.trim_end().len());
    cut.push('…');
    cut
}

/// The text for XML, in content and in attributes. What XML cannot carry becomes `\u{fffd}`.
pub(super) fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\t' | '\n' | '\r' => out.push(' '),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_shows_its_first_command() {
        assert_eq!(first_line("#!/bin/bash\n# note\nset -eu\nrun it\n"), "run it …");
        assert_eq!(first_line("#{myCommand}"), "#{myCommand}");
        assert_eq!(first_line("# only"), "# only");
        assert_eq!(first_line(""), "");
        assert_eq!(first_line(&"a\n".repeat(6)), "(6 lines)");
    }

    #[test]
    fn long_text_is_cut_where_it_fits() {
        let cut = fit("a long text that does not fit", 6.0);
        assert!(cut.ends_with('…') && width(&cut) <= 6.0 && cut.starts_with("a long"), "{cut}");
        assert_eq!(fit("short", 6.0), "short");
        assert_eq!(xml("<a href=\"x\">'&\0\n"), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;\u{fffd} ");
    }
}
