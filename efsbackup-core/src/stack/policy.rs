//! Policies of IAM and of resources, in both formats.

use super::node::{list, map, text, texts};
use super::tokens;
use crate::pipeline::{Intrinsic, Node};

/// One statement of a policy. Its texts may hold tokens.
#[derive(Clone, Debug, Default)]
pub(super) struct Statement {
    pub(super) sid: String,
    pub(super) deny: bool,
    /// Who: `Service`, `AWS` or `*`, and their names. None in a policy of a role.
    pub(super) principal: Option<(&'static str, Vec<String>)>,
    pub(super) actions: Vec<String>,
    pub(super) resources: Vec<String>,
    /// Operator, key, value.
    pub(super) conditions: Vec<(&'static str, &'static str, String)>,
}

impl Statement {
    /// One that lets `service` take on a role.
    pub(super) fn assumed_by(services: &[&str]) -> Statement {
        let services = services.iter().map(|service| format!("{service}.amazonaws.com"));
        Statement {
            sid: "AssumeRole".to_owned(),
            principal: Some(("Service", services.collect())),
            actions: vec!["sts:AssumeRole".to_owned()],
            ..Statement::default()
        }
    }

    fn effect(&self) -> &'static str {
        if self.deny { "Deny" } else { "Allow" }
    }
}

/// One text alone, several as a list.
fn one_or_list(values: &[String]) -> Node {
    match values {
        [one] => tokens::cloudformation(one),
        several => list(several.iter().map(|text| tokens::cloudformation(text))),
    }
}

/// The policy as CloudFormation takes it.
pub(super) fn cloudformation(statements: &[Statement]) -> Node {
    let statement = |statement: &Statement| {
        let mut entries = vec![("Sid", text(&statement.sid)), ("Effect", text(statement.effect()))];
        match &statement.principal {
            None => {}
            Some(("*", _)) => entries.push(("Principal", text("*"))),
            Some((kind, names)) => entries.push(("Principal", map([(*kind, one_or_list(names))]))),
        }
        entries.push(("Action", one_or_list(&statement.actions)));
        if !statement.resources.is_empty() {
            entries.push(("Resource", one_or_list(&statement.resources)));
        }
        if !statement.conditions.is_empty() {
            let condition = |(operator, key, value): &(&'static str, &'static str, String)| {
                (*operator, map([(*key, tokens::cloudformation(value))]))
            };
            entries.push(("Condition", map(statement.conditions.iter().map(condition))));
        }
        map(entries)
    };
    map([("Version", text("2012-10-17")), ("Statement", list(statements.iter().map(statement)))])
}

/// The body of a block `data "aws_iam_policy_document"`.
pub(super) fn terraform(statements: &[Statement]) -> Node {
    let statement = |statement: &Statement| {
        let mut entries = vec![("sid", text(&statement.sid)), ("effect", text(statement.effect()))];
        entries.push(("actions", expressions(&statement.actions)));
        if !statement.resources.is_empty() {
            entries.push(("resources", expressions(&statement.resources)));
        }
        if let Some((kind, names)) = &statement.principal {
            let names = if *kind == "*" { texts(["*"]) } else { names.clone() };
            let principal = map([("type", text(kind)), ("identifiers", expressions(&names))]);
            entries.push(("principals", list([principal])));
        }
        let condition = |(operator, key, value): &(&'static str, &'static str, String)| {
            let values = expressions(std::slice::from_ref(value));
            map([("test", text(operator)), ("variable", text(key)), ("values", values)])
        };
        if !statement.conditions.is_empty() {
            entries.push(("condition", list(statement.conditions.iter().map(condition))));
        }
        map(entries)
    };
    map([("statement", list(statements.iter().map(statement)))])
}

/// A list of texts, each in a line of its own where there are several.
pub(super) fn expressions(values: &[String]) -> Node {
    let values: Vec<String> = values.iter().map(|text| tokens::terraform(text)).collect();
    let written = format!("[{}]", values.join(", "));
    Node::Intrinsic(Box::new(Intrinsic::terraform(written)))
}
