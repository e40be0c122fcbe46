//! Text to tokens.

use super::fault::Fault;

/// One token, with the byte offset at which it begins.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind<'a>,
    pub(super) start: usize,
    pub(super) end: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind<'a> {
    Text(String),
    Integer(i64),
    Double(f64),
    /// One part of a name: `myBucket`, `@status`. Dots are symbols.
    Word(&'a str),
    /// One of `( ) , . + - * / ^ }`.
    Symbol(char),
    /// `#{`, which may stand inside an expression too.
    Open,
    End,
}

/// The token that begins at or after byte `at` of `text`, blanks skipped.
pub(super) fn next(text: &str, at: usize) -> Result<Token<'_>, Fault> {
    let rest = text.get(at..).unwrap_or_default();
    let length = rest.len();
    let rest = rest.trim_start();
    let start = at + (length - rest.len());
    let token = |kind, length| Ok(Token { kind, start, end: start + length });
    let mut chars = rest.chars();
    let Some(first) = chars.next() else { return token(Kind::End, 0) };
    match first {
        '\'' | '"' => {
            let (value, length) = string(rest, first)
                .ok_or_else(|| Fault::Syntax(format!("the string {first}… is not closed")))?;
            token(Kind::Text(value), length)
        }
        '#' if chars.next() == Some('{') => token(Kind::Open, 2),
        '0'..='9' => number(rest, start),
        '.' if chars.next().is_some_and(|c| c.is_ascii_digit()) => number(rest, start),
        '(' | ')' | ',' | '.' | '+' | '-' | '*' | '/' | '^' | '}' => token(Kind::Symbol(first), 1),
        _ if is_word(first) || first == '@' => {
            let after = rest.char_indices().skip(1).find(|(_, c)| !is_word(*c));
            let length = after.map_or(rest.len(), |(after, _)| after);
            token(Kind::Word(rest.get(..length).unwrap_or_default()), length)
        }
        other => Err(Fault::Syntax(format!("'{other}' is not expected here"))),
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The value of the string literal at the start of `text`, and its length in bytes.
fn string(text: &str, quote: char) -> Option<(String, usize)> {
    let mut value = String::new();
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        let next = chars.peek().map(|&(_, c)| c);
        if c == quote && next == Some(quote) {
            chars.next();
        } else if c == quote {
            return Some((value, at + 1));
        } else if c == '\\' && matches!(next, Some('\\' | '\'' | '"')) {
            value.extend(chars.next().map(|(_, c)| c));
            continue;
        }
        value.push(c);
    }
    None
}

fn number(text: &str, start: usize) -> Result<Token<'_>, Fault> {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let whole = digits(text);
    let after = text.get(whole..).unwrap_or_default();
    let fraction = after.strip_prefix('.').map_or(0, digits);
    let length = if fraction == 0 { whole } else { whole + 1 + fraction };
    let source = text.get(..length).unwrap_or_default();
    let kind = if fraction == 0 {
        source.parse().map(Kind::Integer).ok()
    } else {
        source.parse().map(Kind::Double).ok()
    };
    let kind = kind.ok_or_else(|| Fault::Syntax(format!("the number {source} is too large")))?;
    Ok(Token { kind, start, end: start + length })
}
