//! What is drawn: a card for each object, a line for each reference.

use super::words::first_line;
use crate::pipeline::{Catalogue, DEFAULT_ID, Definition, FieldValue, Object};
use std::collections::HashMap;

/// The objects and references of a definition.
pub(super) struct Graph {
    pub(super) nodes: Vec<Node>,
    pub(super) edges: Vec<Edge>,
}

/// One object.
pub(super) struct Node {
    pub(super) id: String,
    /// Its type, or what is known instead.
    pub(super) kind: String,
    pub(super) role: Role,
    /// The most telling fields.
    pub(super) facts: Vec<Fact>,
    /// Its status at a service.
    pub(super) state: Option<String>,
}

impl Node {
    pub(super) fn set_state(&mut self, state: &str) {
        self.state = Some(state.to_owned());
        self.facts.insert(0, Fact { key: "status".to_owned(), value: state.to_owned() });
    }
}

/// A field that a card shows.
pub(super) struct Fact {
    pub(super) key: String,
    pub(super) value: String,
}

/// What an object is for. It gives the colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Default,
    Schedule,
    Resource,
    Activity,
    Data,
    Precondition,
    Action,
    Other,
    /// A reference leads here, but there is no such object.
    Missing,
}

/// One or more references from one object to another.
pub(super) struct Edge {
    pub(super) from: usize,
    pub(super) to: usize,
    /// The fields, joined with commas.
    pub(super) label: String,
    /// Whether the target comes after the object that refers to it: an output or an alarm.
    pub(super) forward: bool,
}

/// The fields whose targets come after the object.
const FORWARD: [&str; 4] = ["output", "onSuccess", "onFail", "onLateAction"];

/// The fields worth a line on a card, the most telling first.
const TELLING: [&str; 22] = [
    "period",
    "startAt",
    "startDateTime",
    "scheduleType",
    "instanceType",
    "masterInstanceType",
    "terminateAfter",
    "command",
    "scriptUri",
    "script",
    "hiveScript",
    "step",
    "workerGroup",
    "directoryPath",
    "filePath",
    "tableName",
    "table",
    "subject",
    "s3Key",
    "s3Prefix",
    "failureAndRerunMode",
    "pipelineLogUri",
];

/// The most lines of facts on a card.
const FACTS: usize = 3;

impl Graph {
    /// The graph of a definition. Of objects with the same id the first is drawn.
    pub(super) fn of(definition: &Definition) -> Graph {
        let mut graph = Graph { nodes: Vec::new(), edges: Vec::new() };
        let mut places: HashMap<&str, usize> = HashMap::new();
        for object in &definition.objects {
            if !places.contains_key(object.id.as_str()) {
                places.insert(&object.id, graph.nodes.len());
                graph.nodes.push(Node::of(definition, object));
            }
        }
        let mut lines: HashMap<(usize, usize, bool), usize> = HashMap::new();
        for object in &definition.objects {
            for field in &object.fields {
                let FieldValue::Reference(target) = &field.value else { continue };
                let Some(&from) = places.get(object.id.as_str()) else { continue };
                let to = *places.entry(target).or_insert_with(|| {
                    graph.nodes.push(Node::missing(target));
                    graph.nodes.len() - 1
                });
                let forward = FORWARD.contains(&field.key.as_str());
                let line = *lines.entry((from, to, forward)).or_insert_with(|| {
                    graph.edges.push(Edge { from, to, label: String::new(), forward });
                    graph.edges.len() - 1
                });
                let Some(edge) = graph.edges.get_mut(line) else { continue };
                if !edge.label.split(", ").any(|key| key == field.key) {
                    let comma = if edge.label.is_empty() { "" } else { ", " };
                    edge.label = format!("{}{comma}{}", edge.label, field.key);
                }
            }
        }
        graph
    }

    /// What is on the left and on the right of an edge.
    pub(super) fn flow(&self, edge: &Edge) -> (usize, usize) {
        if edge.forward { (edge.from, edge.to) } else { (edge.to, edge.from) }
    }
}

impl Node {
    fn of(definition: &Definition, object: &Object) -> Node {
        let type_name = definition.type_of(object);
        let is_parent = || {
            let parents = definition.objects.iter().filter_map(|o| o.first_reference("parent"));
            parents.into_iter().any(|parent| parent == object.id)
        };
        let kind = match type_name {
            Some(DEFAULT_ID) => "for all objects".to_owned(),
            Some(name) => name.to_owned(),
            None if is_parent() => "for its children".to_owned(),
            None => "no type".to_owned(),
        };
        let texts = |key: &str| object.first_text(key).map(|text| (key.to_owned(), text));
        let facts = TELLING.iter().filter_map(|key| texts(key)).take(FACTS);
        let facts = facts.map(|(key, text)| Fact { key, value: first_line(text) }).collect();
        Node { id: object.id.clone(), kind, role: role(type_name), facts, state: None }
    }

    fn missing(id: &str) -> Node {
        let kind = "there is no such object".to_owned();
        Node { id: id.to_owned(), kind, role: Role::Missing, facts: Vec::new(), state: None }
    }
}

fn role(type_name: Option<&str>) -> Role {
    let kind = type_name.and_then(|name| Catalogue::current().get(name));
    match (type_name, kind.and_then(|kind| kind.family.as_deref())) {
        (Some(DEFAULT_ID), _) => Role::Default,
        (Some("Schedule"), _) => Role::Schedule,
        (_, Some("Resource")) => Role::Resource,
        (_, Some("Activity")) => Role::Activity,
        (_, Some("DataNode" | "Database")) => Role::Data,
        (_, Some("Precondition")) => Role::Precondition,
        (_, Some("Action")) => Role::Action,
        _ => Role::Other,
    }
}
