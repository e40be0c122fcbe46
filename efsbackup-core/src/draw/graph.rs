//! What is drawn: a card for each object, a line for each reference.

use super::words::{first_line, type_name as type_name_of};
use crate::pipeline::{Catalogue, DEFAULT_ID, Definition, Lines, Object};
use std::collections::{HashMap, HashSet};

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
    /// References that the card tells in words, as a line would only tangle.
    pub(super) links: Vec<Link>,
    /// Which object refers to it in words; of several the first, and how many there are.
    pub(super) user: Option<(String, usize)>,
    /// Its status at a service.
    pub(super) state: Option<String>,
}

/// A field that a card shows.
pub(super) struct Fact {
    pub(super) key: String,
    pub(super) value: String,
}

/// One or more references by one field, in words.
pub(super) struct Link {
    pub(super) key: String,
    /// The first one's target.
    pub(super) target: String,
    pub(super) role: Role,
    /// How many there are.
    pub(super) count: usize,
}

/// What an object is for. It gives the colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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
    /// The fields.
    pub(super) keys: Vec<String>,
    /// Whether the target comes after the object that refers to it: an output or an alarm.
    pub(super) forward: bool,
}

impl Edge {
    /// What stands on the line.
    pub(super) fn label(&self) -> String {
        let named = self.keys.get(..NAMED).unwrap_or(&self.keys).join(", ");
        match self.keys.len().saturating_sub(NAMED) {
            0 => named,
            more => format!("{named} +{more}"),
        }
    }
}

/// The most fields that a line names.
const NAMED: usize = 4;

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
        let referred = definition.objects.iter().flat_map(references);
        let parents: HashSet<&str> =
            referred.filter(|(key, _)| *key == "parent").map(|(_, id)| id).collect();
        for (object, type_name) in Lines::of(definition).types() {
            if !places.contains_key(object.id.as_str()) {
                places.insert(&object.id, graph.nodes.len());
                let is_parent = parents.contains(object.id.as_str());
                graph.nodes.push(Node::of(object, type_name, is_parent));
            }
        }
        let mut lines: HashMap<(usize, usize, bool), usize> = HashMap::new();
        let mut seen: HashSet<(usize, &str)> = HashSet::new();
        for object in &definition.objects {
            let Some(&from) = places.get(object.id.as_str()) else { continue };
            for (key, target) in references(object) {
                let to = *places.entry(target).or_insert_with(|| {
                    graph.nodes.push(Node::missing(target));
                    graph.nodes.len() - 1
                });
                let forward = FORWARD.contains(&key);
                let line = *lines.entry((from, to, forward)).or_insert_with(|| {
                    graph.edges.push(Edge { from, to, keys: Vec::new(), forward });
                    graph.edges.len() - 1
                });
                let Some(edge) = graph.edges.get_mut(line) else { continue };
                if seen.insert((line, key)) {
                    edge.keys.push(key.to_owned());
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
    fn of(object: &Object, type_name: Option<&str>, is_parent: bool) -> Node {
        let kind = match type_name {
            Some(DEFAULT_ID) => "for all objects".to_owned(),
            Some(name) => type_name_of(name),
            None if is_parent => "for its children".to_owned(),
            None => "no type".to_owned(),
        };
        let texts = |key: &str| object.first_text(key).map(|text| (key.to_owned(), text));
        let facts = TELLING.iter().filter_map(|key| texts(key)).take(FACTS);
        let facts = facts.map(|(key, text)| Fact { key, value: first_line(text) }).collect();
        Node { facts, ..Node::bare(&object.id, kind, role(type_name)) }
    }

    fn missing(id: &str) -> Node {
        Node::bare(id, "there is no such object".to_owned(), Role::Missing)
    }

    fn bare(id: &str, kind: String, role: Role) -> Node {
        let (facts, links) = (Vec::new(), Vec::new());
        Node { id: id.to_owned(), kind, role, facts, links, user: None, state: None }
    }
}

/// The object's references: field and target.
fn references(object: &Object) -> impl Iterator<Item = (&str, &str)> {
    object.fields.iter().filter_map(|f| f.value.as_reference().map(|id| (f.key.as_str(), id)))
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
