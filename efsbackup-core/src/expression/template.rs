//! A text with expressions in it.

use super::evaluate::evaluate_whole;
use super::fault::Fault;
use super::syntax::Expression;
use super::{Scope, Value, functions, parser};
use crate::Result;
use std::collections::HashSet;

/// A text that may hold `#{…}` expressions, parsed.
///
/// ```
/// use efsbackup_core::expression::{Template, Value};
/// use std::collections::HashMap;
///
/// let template = Template::parse("s3://logs/#{format(myTime, 'YYYY-MM-dd')}/#{myHost}")?;
/// assert_eq!(template.names(), ["myTime", "myHost"]);
/// let known = HashMap::from([("myTime", Value::time("2026-03-01T02:00:00")?)]);
/// let text = template.evaluate_partially(&known)?;
/// assert_eq!(text.to_string(), "s3://logs/2026-03-01/#{myHost}");
/// # Ok::<(), efsbackup_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    text: String,
    parts: Vec<Part>,
}

/// A stretch of the text, by byte offsets.
#[derive(Clone, Debug, PartialEq)]
struct Part {
    start: usize,
    end: usize,
    /// `None` for plain text.
    expression: Option<Expression>,
}

impl Template {
    /// Parses `text`.
    ///
    /// # Errors
    /// `InvalidDefinition`, with the place, where an expression is not closed or is not
    /// of the language.
    pub fn parse(text: &str) -> Result<Template> {
        let mut parts = Vec::new();
        let mut at = 0;
        while let Some(found) = text.get(at..).and_then(|rest| rest.find("#{")) {
            let start = at + found;
            if start > at {
                parts.push(Part { start: at, end: start, expression: None });
            }
            let (expression, end) = parser::parse(text, start + 2).map_err(|(fault, place)| {
                let (line, column) = position(text, place);
                let source = text.get(start..).unwrap_or_default();
                fault.into_error(&excerpt(source), line, column)
            })?;
            parts.push(Part { start, end, expression: Some(expression) });
            at = end;
        }
        if at < text.len() {
            parts.push(Part { start: at, end: text.len(), expression: None });
        }
        Ok(Template { text: text.to_owned(), parts })
    }

    /// The text as it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether there is no expression in it.
    pub fn is_plain(&self) -> bool {
        self.parts.iter().all(|part| part.expression.is_none())
    }

    /// Whether the whole text is one name in `#{…}`.
    pub fn is_one_name(&self) -> bool {
        matches!(self.parts.as_slice(), [Part { expression: Some(Expression::Name(_)), .. }])
    }

    /// The names it uses, in the order of use, each once.
    pub fn names(&self) -> Vec<&str> {
        let mut names = Vec::new();
        self.walk(&mut |tree| {
            if let Expression::Name(name) = tree {
                names.push(name.as_str());
            }
        });
        // Most texts use one.
        if names.len() > 1 {
            let mut seen = HashSet::with_capacity(names.len());
            names.retain(|name| seen.insert(*name));
        }
        names
    }

    /// The functions it calls that do not exist, in the order of use.
    pub fn unknown_functions(&self) -> Vec<&str> {
        let mut unknown = Vec::new();
        self.walk(&mut |tree| {
            if let Expression::Call(name, _) = tree
                && !functions::exists(name)
            {
                unknown.push(name.as_str());
            }
        });
        unknown
    }

    fn walk<'a>(&'a self, visit: &mut dyn FnMut(&'a Expression)) {
        self.parts.iter().filter_map(|part| part.expression.as_ref()).for_each(|e| e.walk(visit));
    }

    /// Its value: that of the expression where the whole text is one, else text.
    ///
    /// # Errors
    /// `UnresolvedParameter` where a name has no value, `InvalidDefinition` where a
    /// function or operator cannot work on what it is given.
    pub fn evaluate(&self, scope: &dyn Scope) -> Result<Value> {
        self.join(|part, expression| {
            evaluate_whole(expression, scope).map(Some).map_err(|fault| self.error(part, fault))
        })
    }

    /// Its value as far as it is known: an expression with a name that has no value
    /// stays as it was written.
    ///
    /// So does one whose value holds `#{`, because in the resulting text that would
    /// be taken for an expression.
    ///
    /// # Errors
    /// As [`evaluate`](Self::evaluate), but for names without a value.
    pub fn evaluate_partially(&self, scope: &dyn Scope) -> Result<Value> {
        self.join(|part, expression| match evaluate_whole(expression, scope) {
            Ok(value) if value.to_string().contains("#{") => Ok(None),
            Ok(value) => Ok(Some(value)),
            Err(Fault::Unresolved(_)) => Ok(None),
            Err(fault) => Err(self.error(part, fault)),
        })
    }

    /// The parts, evaluated and joined; `None` leaves an expression as it is written.
    fn join(
        &self,
        value_of: impl Fn(&Part, &Expression) -> Result<Option<Value>>,
    ) -> Result<Value> {
        if let [part @ Part { expression: Some(expression), .. }] = self.parts.as_slice() {
            let value = value_of(part, expression)?;
            return Ok(value.unwrap_or_else(|| Value::Text(self.text.clone())));
        }
        let mut joined = String::with_capacity(self.text.len());
        for part in &self.parts {
            let value = match &part.expression {
                Some(expression) => value_of(part, expression)?,
                None => None,
            };
            match value {
                Some(value) => joined.push_str(&value.to_string()),
                None => joined.push_str(self.source(part)),
            }
        }
        Ok(Value::Text(joined))
    }

    fn source(&self, part: &Part) -> &str {
        self.text.get(part.start..part.end).unwrap_or_default()
    }

    fn error(&self, part: &Part, fault: Fault) -> crate::Error {
        let (line, column) = position(&self.text, part.start);
        fault.into_error(&excerpt(self.source(part)), line, column)
    }
}

/// The 1-based line and column (in characters) of a byte offset.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
    (before.matches('\n').count() + 1, column)
}

/// The first line of an expression, cut short for a message.
fn excerpt(source: &str) -> String {
    const LONGEST: usize = 60;
    let line = source.lines().next().unwrap_or_default();
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line.to_owned(),
    }
}
