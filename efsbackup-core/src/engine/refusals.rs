//! What this service refuses, however good it is for AWS.

use super::kinds::{Kind, kind_of};
use super::links::Links;
use crate::deploy::ObjectFindings;
use crate::params;
use crate::pipeline::{Catalogue, Definition, Object};

const NO_S3: &str = "is on S3, which this service was not given access to";

/// Why this service can't run `definition`; `s3` says whether its workers reach S3.
pub(super) fn not_run_here(definition: &Definition, s3: bool) -> Vec<ObjectFindings> {
    // With the values of parameters, as far as they are known. What can't be resolved is told
    // by validation.
    let resolved = params::resolve(definition, &[], params::Options::default());
    let known = resolved.map(|resolved| resolved.definition);
    let known = known.as_ref().unwrap_or(definition);
    let links = Links::of(known);
    let mut findings = Vec::new();
    for object in &known.objects {
        let messages = match kind_of(known, object) {
            Ok(Kind::Activity) => activity(known, object, s3),
            Ok(Kind::Precondition) => precondition(known, &links, object, s3),
            Ok(_) => Vec::new(),
            Err(kind) => unknown(kind),
        };
        if !messages.is_empty() {
            findings.push(ObjectFindings { id: object.id.clone(), messages });
        }
    }
    // It would be over at once, and look as if all were well.
    let runs = |object| !matches!(kind_of(known, object), Ok(kind) if kind != Kind::Activity);
    if !known.objects.iter().any(runs) {
        let message = "it has no activity, so nothing would run".to_owned();
        findings.push(ObjectFindings { id: String::new(), messages: vec![message] });
    }
    findings
}

fn unknown(kind: &str) -> Vec<String> {
    let text = match Catalogue::current().get(kind).map(|known| known.family.as_deref()) {
        // Validation finds that.
        None => return Vec::new(),
        Some(Some("Precondition")) => "is checked by AWS only: this machine has no DynamoDB",
        Some(_) => "does not run on this machine, only on AWS",
    };
    vec![format!("type: {kind} {text}")]
}

fn activity(definition: &Definition, object: &Object, s3: bool) -> Vec<String> {
    let fields = definition.effective_fields(object);
    let text = |key: &str| {
        let found = fields.iter().find(|found| found.field.key == key)?;
        found.field.value.as_text()
    };
    let mut messages = Vec::new();
    messages.extend(script_on_s3(text("scriptUri"), s3));
    if text("stage").is_some_and(|stage| stage.eq_ignore_ascii_case("true")) {
        for key in ["input", "output"] {
            let nodes = fields.iter().filter(|found| found.field.key == key);
            for node in nodes.filter_map(|found| found.field.value.as_reference()) {
                let Some(target) = definition.object(node) else { continue };
                let Some((place, uri)) = location(definition, target) else {
                    messages.push(format!("stage: {node} has neither filePath nor directoryPath"));
                    continue;
                };
                if key == "output" && place != "directoryPath" {
                    messages.push(format!("stage: the output {node} needs a directoryPath"));
                }
                if is_s3(&uri) && !s3 {
                    messages.push(format!("stage: {node} ({uri}) {NO_S3}"));
                }
            }
        }
    }
    messages
}

fn precondition(definition: &Definition, links: &Links, object: &Object, s3: bool) -> Vec<String> {
    let mut messages = Vec::new();
    let guarded = links.guarded(&object.id);
    let fields = definition.effective_fields(object);
    let names_node = fields.iter().any(|found| {
        let text = found.field.value.as_text().unwrap_or_default();
        text.contains("#{") && text.contains("node.")
    });
    let kind = definition.type_of(object).unwrap_or_default();
    if guarded.len() > 1 && (names_node || kind == "Exists") {
        let list = guarded.join(", ");
        messages.push(format!(
            "it is checked once for {list}, but looks at the one it is of: give each its own"
        ));
    }
    match kind {
        "S3KeyExists" | "S3PrefixNotEmpty" if !s3 => {
            messages
                .push(format!("type: {kind} asks S3, which this service was not given access to"));
        }
        "Exists" => {
            for id in guarded {
                let Some(target) = definition.object(id) else { continue };
                match location(definition, target) {
                    None => {
                        messages.push(format!("type: Exists looks for a file, and {id} names none"))
                    }
                    Some((_, uri)) if is_s3(&uri) && !s3 => {
                        messages.push(format!("{id} ({uri}) {NO_S3}"));
                    }
                    Some(_) => {}
                }
            }
        }
        _ => {}
    }
    let script = object.first_text("scriptUri");
    messages.extend(script_on_s3(script, s3));
    messages
}

fn script_on_s3(uri: Option<&str>, s3: bool) -> Option<String> {
    let uri = uri.filter(|uri| is_s3(uri) && !s3)?;
    Some(format!("scriptUri: {uri} {NO_S3}"))
}

fn is_s3(uri: &str) -> bool {
    uri.starts_with("s3://")
}

/// Where a data node's data is, and which field says so.
fn location(definition: &Definition, node: &Object) -> Option<(&'static str, String)> {
    let fields = definition.effective_fields(node);
    ["filePath", "directoryPath"].into_iter().find_map(|key| {
        let found = fields.iter().find(|found| found.field.key == key)?;
        Some((key, found.field.value.as_text()?.to_owned()))
    })
}
