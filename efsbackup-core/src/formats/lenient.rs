//! JSON with what people add to it and JSON forbids: comments, trailing commas, raw line
//! breaks and tabs in strings.

use super::json::{parse_tree, position};
use crate::pipeline::Node;
use crate::{Error, ErrorKind, Result};

/// Parses JSON, and gives what had to be tolerated, each with its place.
pub(super) fn parse(text: &str) -> Result<(Node, Vec<String>)> {
    let strict = Strict::from(text)?;
    match parse_tree(&strict.text) {
        Ok(tree) => Ok((tree, strict.tolerated)),
        Err(mut wrong) => {
            wrong.offset = strict.origin(wrong.offset);
            Err(wrong.place(text))
        }
    }
}

/// The same text as JSON allows it. Comments and commas become blanks, so that only what
/// is escaped in a string moves anything.
#[derive(Default)]
struct Strict {
    text: String,
    /// From where on a byte of `text` lies how far on in the original: (here, there).
    moved: Vec<(usize, usize)>,
    tolerated: Vec<String>,
}

impl Strict {
    fn from(original: &str) -> Result<Strict> {
        let mut strict = Strict::default();
        // The last comma, while only blanks and comments follow it.
        let mut comma = None;
        let mut last = '[';
        let mut rest = original;
        while let Some(first) = rest.chars().next() {
            let at = original.len() - rest.len();
            let length = if first == '"' {
                (comma, last) = (None, first);
                strict.string(rest, original, at)
            } else if let Some(length) = comment(rest) {
                let length = length.ok_or_else(|| never_closed(original, at))?;
                strict.tolerate(original, at, "a comment");
                let comment = rest.get(..length).unwrap_or(rest);
                let blank = |byte| if byte == b'\n' { '\n' } else { ' ' };
                strict.text.extend(comment.bytes().map(blank));
                length
            } else {
                match first {
                    // A comma trails only what it could follow.
                    ',' if !"[{,:".contains(last) => comma = Some((strict.text.len(), at)),
                    ']' | '}' => {
                        if let Some((here, there)) = comma.take() {
                            strict.text.replace_range(here..=here, " ");
                            strict.tolerate(original, there, "a trailing comma");
                        }
                    }
                    c if c.is_ascii_whitespace() => {}
                    _ => comma = None,
                }
                if !first.is_ascii_whitespace() {
                    last = first;
                }
                strict.text.push(first);
                first.len_utf8()
            };
            rest = rest.get(length..).unwrap_or_default();
        }
        Ok(strict)
    }

    /// Takes over the string that `rest` begins with, and gives its length in the original.
    fn string(&mut self, rest: &str, original: &str, at: usize) -> usize {
        let mut escaped = false;
        for (index, c) in rest.char_indices() {
            let next = index + c.len_utf8();
            if c < ' ' && escaped {
                // No escape at all; the parser says so here.
                self.text.push(' ');
            } else if c < ' ' {
                self.text.push_str(&match c {
                    '\n' => "\\n".to_owned(),
                    '\r' => "\\r".to_owned(),
                    '\t' => "\\t".to_owned(),
                    c => format!("\\u{:04x}", u32::from(c)),
                });
                self.moved.push((self.text.len(), at + next));
                // The carriage return before a line feed is part of the same break.
                if c != '\n' || !rest.get(..index).is_some_and(|before| before.ends_with('\r')) {
                    let what = match c {
                        '\n' | '\r' => "a raw line break in a string",
                        '\t' => "a raw tab in a string",
                        _ => "a raw control character in a string",
                    };
                    self.tolerate(original, at + index, what);
                }
            } else {
                self.text.push(c);
                if c == '"' && index > 0 && !escaped {
                    return next;
                }
            }
            escaped = c == '\\' && !escaped;
        }
        rest.len()
    }

    fn tolerate(&mut self, original: &str, at: usize, what: &str) {
        let (line, column) = position(original, at);
        self.tolerated.push(format!("line {line}, column {column}: {what}"));
    }

    /// The byte of the original that became the byte `at` of the text.
    fn origin(&self, at: usize) -> usize {
        let moved = self.moved.iter().rev().find(|(here, _)| *here <= at);
        moved.map_or(at, |(here, there)| there + (at - here))
    }
}

/// The length of the comment that `text` begins with, if it does: `Some(None)` where it
/// never ends.
fn comment(text: &str) -> Option<Option<usize>> {
    if let Some(body) = text.strip_prefix("/*") {
        return Some(body.find("*/").map(|end| end + 4));
    }
    let line = text.starts_with("//") || text.starts_with('#');
    line.then(|| Some(text.find('\n').unwrap_or(text.len())))
}

fn never_closed(text: &str, at: usize) -> Error {
    let (line, column) = position(text, at);
    Error::new(ErrorKind::InvalidDefinition, "read JSON")
        .with_message(format!("line {line}, column {column}: the comment is never closed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_json_forbids_is_read_and_told() {
        let text = "// a\n{ \"k//#\": [1, 2, /* b, */\n ], # c\n \"s\": \"é\n\t\\\"x\r\n\",\n}";
        let (tree, tolerated) = parse(text).unwrap();
        let strict = r#"{"k//#": [1, 2], "s": "é\n\t\"x\r\n"}"#;
        assert_eq!(tree, super::super::json::parse(strict).unwrap());
        assert_eq!(
            tolerated,
            [
                "line 1, column 1: a comment",
                "line 2, column 18: a comment",
                "line 2, column 16: a trailing comma",
                "line 3, column 5: a comment",
                "line 4, column 9: a raw line break in a string",
                "line 5, column 1: a raw tab in a string",
                "line 5, column 5: a raw line break in a string",
                "line 6, column 2: a trailing comma",
            ]
        );
    }

    #[test]
    fn json_stays_as_it_is() {
        for text in ["{\"a\": [1, \"x, ]\"], \"b\\\\\": {}}", "[]", "{\"a\": \"//\"}"] {
            let (tree, tolerated) = parse(text).unwrap();
            assert_eq!((tree, tolerated), (super::super::json::parse(text).unwrap(), vec![]));
        }
    }

    #[test]
    fn what_is_still_wrong_has_its_place_in_the_original() {
        for (text, expected) in [
            ("{\"a\": \"x\ny\n\", 5}", "line 3, column 4: key must be a string"),
            ("{\"a\": 1 // b\n \"c\": 2}", "line 2, column 2: expected `,` or `}`"),
            ("[,]", "line 1, column 2: expected value"),
            ("[1,,]", "line 1, column 4: expected value"),
            ("{\"a\": 1} /* b", "line 1, column 10: the comment is never closed"),
            ("{\"a\": \"\n", "line 2, column 1: EOF while parsing a string"),
            ("{\"a\": \"\\\n\"}", "line 1, column 9: invalid escape"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
