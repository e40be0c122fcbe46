//! How deep brackets nest in long expressions.
//!
//! The parser of HCL reads what stands in a bracket twice where the bracket follows two operators
//! and cannot be read, and what nests in it four times, eight times and so on. People write a
//! level or two of that.

use crate::{Error, ErrorKind, Result};

/// The most brackets within one another that follow two operators each.
const DEEPEST: usize = 5;

/// Refuses what would take the parser long: a file or expression.
pub(super) fn check(text: &str) -> Result<()> {
    Scanner::new(text, Kind::Code).run()
}

/// The same for a template.
pub(super) fn check_template(text: &str) -> Result<()> {
    Scanner::new(text, Kind::Heredoc(None)).run()
}

#[derive(Clone, Copy)]
enum Kind<'a> {
    /// Blocks and expressions.
    Code,
    /// Between quotes.
    Quote,
    /// Up to the line that begins with the word, if it ends before the text.
    Heredoc(Option<&'a str>),
}

struct Level<'a> {
    kind: Kind<'a>,
    /// How many operators its expression has so far.
    operators: usize,
    /// Whether it may be read twice.
    twice: bool,
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    levels: Vec<Level<'a>>,
    /// How many of the levels may be read twice.
    twice: usize,
    /// Whether a name or string was last, after which a brace begins a block.
    after_word: bool,
}

impl<'a> Scanner<'a> {
    fn new(text: &'a str, kind: Kind<'a>) -> Self {
        let levels = vec![Level { kind, operators: 0, twice: false }];
        Scanner { text, at: 0, levels, twice: 0, after_word: false }
    }

    fn run(mut self) -> Result<()> {
        while let Some(first) = self.rest().chars().next() {
            let kind = self.levels.last().map_or(Kind::Code, |level| level.kind);
            match kind {
                Kind::Code => self.code(first),
                Kind::Quote => self.quote(first),
                Kind::Heredoc(end) => self.heredoc(first, end),
            }
            if self.twice > DEEPEST {
                return Err(self.error());
            }
        }
        Ok(())
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Goes on to behind what `pattern` finds, or to the end.
    fn skip_past(&mut self, pattern: &str) {
        let rest = self.rest();
        self.at += rest.find(pattern).map_or(rest.len(), |found| found + pattern.len());
    }

    fn push(&mut self, kind: Kind<'a>, is_operand: bool, length: usize) {
        let below = self.levels.last().map_or(0, |level| level.operators);
        let twice = is_operand && below >= 2;
        self.twice += usize::from(twice);
        self.levels.push(Level { kind, operators: 0, twice });
        self.at += length;
        self.after_word = false;
    }

    fn pop(&mut self) {
        if self.levels.len() > 1
            && let Some(level) = self.levels.pop()
        {
            self.twice -= usize::from(level.twice);
        }
        self.after_word = true;
    }

    fn code(&mut self, first: char) {
        let rest = self.rest();
        let length = first.len_utf8();
        if first.is_alphanumeric() || first == '_' {
            let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
            self.at += rest.find(|c| !is_part(c)).unwrap_or(rest.len());
            self.after_word = true;
            return;
        }
        match first {
            '"' => return self.push(Kind::Quote, true, 1),
            '#' => return self.skip_past("\n"),
            '/' if rest.starts_with("//") => return self.skip_past("\n"),
            '/' if rest.starts_with("/*") => return self.skip_past("*/"),
            '<' if let Some((word, length)) = heredoc(rest) => {
                return self.push(Kind::Heredoc(Some(word)), true, length);
            }
            '(' | '[' => return self.push(Kind::Code, true, 1),
            '{' => return self.push(Kind::Code, !self.after_word, 1),
            ')' | ']' | '}' => {
                self.pop();
                self.at += 1;
                return;
            }
            _ => {}
        }
        let operators = ["==", "!=", "<=", ">=", "&&", "||"];
        let is_long = operators.iter().any(|operator| rest.starts_with(operator));
        if let Some(level) = self.levels.last_mut() {
            match first {
                _ if is_long => level.operators += 1,
                '+' | '-' | '*' | '/' | '%' | '<' | '>' => level.operators += 1,
                // Here another expression begins.
                '=' | ',' | '?' | ':' => level.operators = 0,
                _ => {}
            }
        }
        self.at += if is_long { 2 } else { length };
        self.after_word &= first.is_whitespace();
    }

    fn quote(&mut self, first: char) {
        match first {
            '"' => {
                self.pop();
                self.at += 1;
            }
            '\\' => {
                let escaped = self.rest().chars().nth(1).map_or(0, char::len_utf8);
                self.at += 1 + escaped;
            }
            _ => self.template(first),
        }
    }

    fn heredoc(&mut self, first: char, end: Option<&str>) {
        let begins_line = self.text.get(..self.at).is_some_and(|before| before.ends_with('\n'));
        if let Some(end) = end.filter(|_| begins_line) {
            let line = self.rest().trim_start_matches([' ', '\t']);
            let after = line.strip_prefix(end).map(|after| after.chars().next());
            let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
            if after.is_some_and(|after| !after.is_some_and(is_part)) {
                self.at = self.text.len() - line.len() + end.len();
                return self.pop();
            }
        }
        self.template(first);
    }

    /// Text in which `${` and `%{` begin code, unless they are doubled.
    fn template(&mut self, first: char) {
        let rest = self.rest();
        if rest.starts_with("$${") || rest.starts_with("%%{") {
            self.at += 3;
        } else if rest.starts_with("${") || rest.starts_with("%{") {
            self.push(Kind::Code, false, 2);
        } else {
            self.at += first.len_utf8();
        }
    }

    fn error(&self) -> Error {
        let before = self.text.get(..self.at).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count();
        Error::new(ErrorKind::InvalidDefinition, "read HCL").with_message(format!(
            "line {line}, column {column}: brackets behind operators nest more than {DEEPEST} deep; \
             give parts of the expression names of their own"
        ))
    }
}

/// The word that ends the heredoc which begins here, and the length of its first line.
fn heredoc(rest: &str) -> Option<(&str, usize)> {
    let begin = rest.strip_prefix("<<")?;
    let begin = begin.strip_prefix('-').unwrap_or(begin);
    let (line, after) = begin.split_once('\n')?;
    let word = line.trim_end_matches('\r');
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
    (!word.is_empty() && word.chars().all(is_part)).then_some((word, rest.len() - after.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_doubles_the_time_at_each_level_is_refused() {
        for form in [
            "a+b+{k=",
            "a+b+(",
            "a+b+c[",
            "a+b+-(",
            "a==b==(",
            "a && b || {k=",
            "a+b+[for x in ",
            "a+b?c:d+e+(",
            "a+b+{a+b+",
            "a+b\n+c\n+(",
            "a+b+\"${",
            "a+b+<<A\n${",
            "a+b-c*{\n\"x\"=",
        ] {
            let deep = |levels: usize| format!("x = {}", form.repeat(levels));
            let error = check(&deep(40)).unwrap_err();
            assert!(error.to_string().contains("nest more than 5 deep"), "{form}: {error}");
            assert!(check(&deep(2)).is_ok(), "{form}");
            assert_eq!(check_template(&deep(40)).is_ok(), !form.contains("${"), "{form} as text");
            assert!(check_template(&format!("a${{{}", deep(40))).is_err(), "{form}");
        }
    }

    #[test]
    fn what_people_write_is_not() {
        let block = "a-b {\n  c = 1 - 2 - 3 - 4\n  d \"e-f\" {\n";
        let script = "x = <<-EOT\n  a - b - ( ( ( ( ( ( ( ( \"$${x-y-\"\n  EOTS ((((\n  EOT\n";
        for text in [
            block.repeat(20),
            script.repeat(20),
            "x = \"a - b - \\\" ( ( ( ( ( ( ( $${a-b-(\"\n".repeat(20),
            "# a - b - ( ( ( ( ( (\n/* - - ((((((( \n */ // - - (((((((\n".repeat(20),
            "x = [1 - 2 - 3, ".repeat(30),
            "x = [(1 - 2 - (3)), {a = b + c + (d * e * f(g))}]\n".repeat(30),
            format!("x = {}1{}", "(1 + ".repeat(30), ")".repeat(30)),
        ] {
            assert!(check(&text).is_ok(), "{text}");
        }
    }
}
