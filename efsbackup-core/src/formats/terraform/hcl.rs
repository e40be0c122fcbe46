//! HCL text to trees of the two resources that make a pipeline.

use super::file::{File, Resource, of_interest};
use super::{nesting, text};
use crate::pipeline::{Intrinsic, Node};
use crate::{Error, ErrorKind, Result};
use hcl_edit::Span;
use hcl_edit::expr::{Expression, ObjectKey, UnaryOperator};
use hcl_edit::structure::{Block, Body, Structure};
use hcl_edit::template::{Element, Template};
use std::collections::{HashMap, HashSet};
use std::ops::Range;

/// Reads a file of Terraform's native syntax, that of Terraform 0.11 included.
pub(super) fn parse(source: &str) -> Result<File> {
    nesting::check(source)?;
    let body = hcl_edit::parser::parse_body(source).map_err(|error| {
        let at = error.location();
        let message = error.message().replace('\n', "; ");
        Error::new(ErrorKind::InvalidDefinition, "read HCL").with_message(format!(
            "line {}, column {}: {message}",
            at.line(),
            at.column()
        ))
    })?;
    let mut file = File::default();
    for structure in &body {
        let Structure::Block(block) = structure else { continue };
        let labels: Vec<&str> = block.labels.iter().map(|label| label.as_str()).collect();
        match (block.ident.as_str(), labels.as_slice()) {
            ("resource", [kind, name]) if of_interest(kind) => {
                file.resources.push(resource(kind, name, block, source)?);
            }
            ("resource", labels) => file.others.push(labels.join(".")),
            (ident, labels) => file.others.push([&[ident], labels].concat().join(".")),
        }
    }
    Ok(file)
}

fn resource(kind: &str, name: &str, block: &Block, source: &str) -> Result<Resource> {
    let address = format!("{kind}.{name}");
    let blocks = block
        .body
        .blocks()
        .filter_map(|inner| Some((inner.ident.as_str().to_owned(), inner.span()?)));
    Ok(Resource {
        kind: kind.to_owned(),
        name: name.to_owned(),
        body: body(&block.body, source, &address)?,
        blocks: blocks.collect(),
        span: block.span().unwrap_or_default(),
    })
}

/// A body as a map: an attribute is its value, blocks of one name a list of maps.
fn body(body: &Body, source: &str, path: &str) -> Result<Node> {
    let mut entries: Vec<(String, Node)> = Vec::new();
    let twice = |name: &str| {
        Error::new(ErrorKind::InvalidDefinition, "read definition")
            .with_message(format!("{path}: {name} is an argument and a block; keep one of them"))
    };
    let blocks: HashSet<&str> = body.blocks().map(|block| block.ident.as_str()).collect();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for structure in body {
        match structure {
            Structure::Attribute(attribute) => {
                if blocks.contains(attribute.key.as_str()) {
                    return Err(twice(attribute.key.as_str()));
                }
                let value = value(&attribute.value, source);
                entries.push((attribute.key.as_str().to_owned(), value));
            }
            Structure::Block(block) => {
                let name = block.ident.as_str();
                if let Some(label) = block.labels.first() {
                    return Err(Error::new(ErrorKind::InvalidDefinition, "read definition")
                        .with_message(format!(
                            "{path}: only Terraform knows what the block {name} \"{}\" gives",
                            label.as_str()
                        )));
                }
                let inner = self::body(&block.body, source, &format!("{path}.{name}"))?;
                let place = *places.entry(name).or_insert(entries.len());
                match entries.get_mut(place) {
                    Some((_, Node::List(list))) => list.push(inner),
                    _ => entries.push((name.to_owned(), Node::List(vec![inner]))),
                }
            }
        }
    }
    Ok(Node::Map(entries))
}

/// A literal as what it is, all else as an expression.
fn value(expression: &Expression, source: &str) -> Node {
    match expression {
        Expression::Null(_) => Node::Plain("null".to_owned()),
        Expression::Bool(value) => Node::Plain(value.value().to_string()),
        Expression::Number(_) => Node::Plain(slice(source, expression.span()).trim().to_owned()),
        Expression::UnaryOp(negated)
            if *negated.operator.value() == UnaryOperator::Neg
                && matches!(negated.expr, Expression::Number(_)) =>
        {
            let number = slice(source, negated.expr.span());
            Node::Plain(format!("-{}", number.trim()))
        }
        Expression::String(text) => Node::Text(text.value().clone()),
        Expression::HeredocTemplate(heredoc) => match literal(&heredoc.template) {
            Some(text) => Node::Text(text),
            None => computed(&slice(source, expression.span())),
        },
        // "${x}", which Terraform 0.11 needed, is x.
        Expression::StringTemplate(template) => {
            let inner = match template.as_single_element() {
                Some(Element::Interpolation(inner)) => slice(source, inner.expr.span()),
                _ => String::new(),
            };
            match stands_alone(&inner) {
                true => computed(&inner),
                false => computed(&slice(source, expression.span())),
            }
        }
        Expression::Array(items) => {
            Node::List(items.iter().map(|item| value(item, source)).collect())
        }
        Expression::Object(object) => {
            let entry = |(key, item): (&ObjectKey, &hcl_edit::expr::ObjectValue)| {
                Some((key_text(key)?, value(item.expr(), source)))
            };
            match object.iter().map(entry).collect() {
                Some(entries) => Node::Map(entries),
                None => computed(&slice(source, expression.span())),
            }
        }
        _ => computed(&slice(source, expression.span())),
    }
}

/// Whether an expression needs no `"${…}"`, in which alone it may go over several lines.
fn stands_alone(expression: &str) -> bool {
    !expression.is_empty() && !expression.contains(['\n', '\r'])
}

fn key_text(key: &ObjectKey) -> Option<String> {
    match key {
        ObjectKey::Ident(name) => Some(name.as_str().to_owned()),
        ObjectKey::Expression(Expression::String(text)) => Some(text.value().clone()),
        ObjectKey::Expression(Expression::Variable(name)) => Some(name.as_str().to_owned()),
        ObjectKey::Expression(_) => None,
    }
}

/// The text of a template in which nothing is computed.
fn literal(template: &Template) -> Option<String> {
    let part = |element: &Element| match element {
        Element::Literal(text) => Some(text.as_str().to_owned()),
        Element::Interpolation(_) | Element::Directive(_) => None,
    };
    template.iter().map(part).collect()
}

fn computed(expression: &str) -> Node {
    Node::Intrinsic(Box::new(Intrinsic::terraform(expression.trim())))
}

fn slice(source: &str, span: Option<Range<usize>>) -> String {
    span.and_then(|span| source.get(span)).unwrap_or_default().to_owned()
}

/// A string of Terraform's JSON, which is a template.
pub(super) fn from_json_string(template: &str) -> Result<Node> {
    if !text::is_template(template) {
        return Ok(Node::Text(template.to_owned()));
    }
    let unreadable = |what: &str| {
        Error::new(ErrorKind::InvalidDefinition, "read Terraform JSON")
            .with_message(format!("{what} in the template {template:?}"))
    };
    nesting::check_template(template)?;
    let parsed = hcl_edit::parser::parse_template(template)
        .map_err(|error| unreadable(&error.message().replace('\n', "; ")))?;
    if let Some(text) = literal(&parsed) {
        return Ok(Node::Text(text));
    }
    let mut quoted = String::from('"');
    for element in parsed.iter() {
        match element {
            Element::Literal(literal) => quoted.push_str(&text::escaped(literal)),
            Element::Interpolation(inner) => {
                let expression = slice(template, inner.expr.span());
                if parsed.len() == 1 && stands_alone(&expression) {
                    return Ok(computed(&expression));
                }
                quoted.push_str(&slice(template, element.span()));
            }
            Element::Directive(_) => return Err(unreadable("%{…} is not known here")),
        }
    }
    quoted.push('"');
    Ok(computed(&quoted))
}

/// An expression as a string of Terraform's JSON.
pub(super) fn to_json_string(expression: &str) -> String {
    let whole = || format!("${{{expression}}}");
    let parsed = nesting::check(expression).ok();
    let parsed = parsed.and_then(|()| hcl_edit::parser::parse_expr(expression).ok());
    let Some(parsed) = parsed else { return whole() };
    let template: &Template = match &parsed {
        Expression::StringTemplate(template) => template,
        Expression::HeredocTemplate(heredoc) => &heredoc.template,
        _ => return whole(),
    };
    let part = |element: &Element| match element {
        Element::Literal(literal) => Some(text::template(literal)),
        Element::Interpolation(_) => Some(slice(expression, element.span())),
        Element::Directive(_) => None,
    };
    template.iter().map(part).collect::<Option<String>>().unwrap_or_else(whole)
}
