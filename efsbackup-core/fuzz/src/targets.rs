//! What must hold whatever bytes a parser is given: it ends, without a panic, and what it
//! read comes out again as it was.
//!
//! The fuzzer searches with these, and a test replays the corpus with them.

use efsbackup_core::expression::{Period, Scope, Template, Value};
use efsbackup_core::formats::{Format, api, cli, cloudformation, read, terraform};
use efsbackup_core::mirror::Filter;
use efsbackup_core::mount::{MountTable, Target as MountTarget};
use efsbackup_core::pipeline::{Definition, Object, Parameter, ParameterValue};
use efsbackup_core::{Result, draw, params, snapshot};
use std::path::Path;

pub(crate) type Target = fn(&[u8]);

/// Every target with its name, which is that of its folder in the corpus too.
pub(crate) const TARGETS: &[(&str, Target)] = &[
    ("expression", expression),
    ("date-pattern", date_pattern),
    ("period", period),
    ("cli", cli_json),
    ("values", values),
    ("api", api_json),
    ("cfn-yaml", cfn_yaml),
    ("cfn-json", cfn_json),
    ("terraform", terraform_either),
    ("any-form", any_form),
    ("definition", definition),
    ("filter", filter),
    ("mountinfo", mountinfo),
    ("mount-target", mount_target),
    ("manifest", manifest),
    ("manifest-block", manifest_block),
];

/// Names of every kind of value; `deep` has an expression in it.
struct Names;

impl Scope for Names {
    fn lookup(&self, name: &str) -> Result<Option<Value>> {
        Ok(match name {
            "t" => Some(Value::time("2024-02-29T23:59:58")?),
            "n" => Some(Value::Integer(7)),
            "d" => Some(Value::Double(0.5)),
            "s" => Some(Value::from("text #{t}")),
            "l" => Some(Value::List(vec!["one".into(), "2".into()])),
            _ => None,
        })
    }
}

fn expression(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(template) = Template::parse(text) else { return };
    assert_eq!(template.as_str(), text);
    let whole = template.evaluate(&Names);
    let Ok(part) = template.evaluate_partially(&Names) else { return };
    match (whole, part) {
        // Where all of it is known, both say the same, but for values that look like
        // expressions, which stay as they were written.
        (Ok(whole), part) if !whole.to_string().contains("#{") => assert_eq!(whole, part),
        // What is left over is of the language again.
        (_, part) if template.is_one_name() => drop(Template::parse(&part.to_string())),
        _ => {}
    }
}

fn date_pattern(bytes: &[u8]) {
    let Ok(pattern) = std::str::from_utf8(bytes) else { return };
    let literal = pattern.replace('\\', "\\\\").replace('\'', "''");
    for time in ["t", "inTimeZone(t, 'America/St_Johns')", "makeDate(-44, 3, 15)"] {
        let text = format!("#{{format({time}, '{literal}')}}");
        let template = Template::parse(&text).expect("a quoted pattern parses");
        let _ = template.evaluate(&Names);
    }
}

fn period(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(period) = text.parse::<Period>() {
        assert_eq!(period.to_string().parse::<Period>().ok(), Some(period));
    }
    if let Ok(time) = Value::time(text) {
        // A fraction of a second is not printed.
        let again = Value::time(&time.to_string()).expect("what is printed can be read");
        assert_eq!(again.to_string(), time.to_string());
    }
}

/// What was read and written is the same when it is read again.
fn there_and_back(
    definition: &Definition,
    write: impl Fn(&Definition) -> Result<String>,
    read: impl Fn(&str) -> Result<Definition>,
) {
    // What the form cannot carry is refused with a reason.
    let Ok(text) = write(definition) else { return };
    let again = read(&text).unwrap_or_else(|error| panic!("{error} in\n{text}"));
    assert_eq!(&again, definition, "{text}");
    assert_eq!(write(&again).ok(), Some(text));
}

fn cli_json(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(definition) = cli::read(text) {
        there_and_back(&definition, cli::write, cli::read);
        there_and_back(&definition, api::write, api::read);
    }
}

fn values(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let _ = cli::read_values(text);
    let _ = params::parse_assignment(text);
}

fn api_json(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(definition) = api::read(text) {
        there_and_back(&definition, api::write, api::read);
    }
}

fn cfn_yaml(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(template) = cloudformation::read_yaml(text) {
        let kept = template.write_yaml().expect("what was read can be written");
        assert_eq!(kept, text);
        let anew = template.clone().without_layout();
        let written = anew.write_yaml().expect("what was read can be written");
        let again = cloudformation::read_yaml(&written);
        assert_eq!(again.as_ref().ok(), Some(&template), "{again:?} in\n{written}");
        let mut changed = template;
        changed.definition.objects.push(Object::new("New"));
        // It may have no place for a definition.
        let Ok(written) = changed.write_yaml() else { return };
        let again = cloudformation::read_yaml(&written).map(|template| template.definition);
        assert_eq!(again.as_ref().ok(), Some(&changed.definition), "{again:?} in\n{written}");
    }
}

fn cfn_json(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(template) = cloudformation::read_json(text) {
        let written = template.write_json().expect("what was read can be written");
        let again = cloudformation::read_json(&written);
        assert_eq!(again.as_ref().ok(), Some(&template), "{again:?} in\n{written}");
    }
}

fn terraform_either(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(module) = terraform::read_hcl(text).or_else(|_| terraform::read_json(text)) else {
        return;
    };
    let hcl = |text: &str| Ok(terraform::read_hcl(text)?.definition);
    there_and_back(&module.definition, terraform::write_hcl, hcl);
    let json = |text: &str| Ok(terraform::read_json(text)?.definition);
    // A heredoc that computes something is a string in JSON; from then on it stays one.
    if let Ok(text) = terraform::write_json(&module.definition) {
        let definition = json(&text).unwrap_or_else(|error| panic!("{error} in\n{text}"));
        there_and_back(&definition, terraform::write_json, json);
    }
    let mut changed = module;
    changed.definition.objects.push(Object::new("New"));
    if let Ok(text) = changed.write_hcl() {
        assert_eq!(hcl(&text).ok().as_ref(), Some(&changed.definition), "{text}");
    }
    if let Ok(text) = changed.write_json() {
        let objects = json(&text).map(|definition| definition.objects.len());
        assert_eq!(objects.ok(), Some(changed.definition.objects.len()), "{text}");
    }
}

fn any_form(bytes: &[u8]) {
    if let Ok(document) = read(bytes) {
        for format in Format::ALL {
            let _ = document.write(format);
        }
        work_on(&document.definition);
    }
}

/// A definition from lines, so that the fuzzer need not find JSON first: `id` alone begins
/// an object, `key=text` and `key>id` are its fields, `?id=value` gives a value, and
/// `!id=default` declares a parameter.
fn definition(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let mut definition = Definition::default();
    for line in text.lines() {
        if let Some((id, value)) = line.strip_prefix('?').and_then(|rest| rest.split_once('=')) {
            definition.values.push(ParameterValue::new(id, value));
        } else if let Some((id, value)) = line.strip_prefix('!').and_then(|r| r.split_once('=')) {
            definition.parameters.push(Parameter::new(id).with("default", value));
        } else {
            let field = line.split_once(['=', '>']).filter(|_| !definition.objects.is_empty());
            let is_reference =
                line.contains('>') && line.find('>') < line.find('=').or(Some(usize::MAX));
            let object = match field {
                Some(_) => definition.objects.pop().unwrap_or_default(),
                None => Object::new(line),
            };
            definition.objects.push(match field {
                Some((key, id)) if is_reference => object.reference(key, id),
                Some((key, text)) => object.text(key, text),
                None => object,
            });
        }
    }
    work_on(&definition);
}

/// Everything that is done with a definition before it runs.
fn work_on(definition: &Definition) {
    let findings = definition.validate().findings;
    assert!(findings.iter().all(|finding| !finding.to_string().contains('\n')));
    let _ = params::resolve(definition, &[], params::Options::default());
    assert!(definition.diff(definition).is_empty());
    let other = Definition {
        objects: definition.objects.iter().skip(1).cloned().collect(),
        ..definition.clone()
    };
    assert_eq!(definition.diff(&other).len(), other.diff(definition).len());
    let _ = params::mask(definition);
    for picture in [draw::svg, draw::dot, draw::mermaid, draw::text] {
        drop(picture(definition, &draw::Options::default()));
    }
}

fn filter(bytes: &[u8]) {
    // The first line is a path, the others are rules.
    let mut parts = bytes.splitn(2, |byte| *byte == b'\n');
    let path = parts.next().unwrap_or_default();
    let Ok(filter) = Filter::new().from_lines(parts.next().unwrap_or_default()) else { return };
    let _ = (filter.excludes(path, true), filter.excludes(path, false));
}

fn mountinfo(bytes: &[u8]) {
    if let Ok(table) = MountTable::parse(bytes) {
        for path in ["/", "/mnt/a b", "/mnt/source/x"] {
            let _ = (table.at(Path::new(path)), table.containing(Path::new(path)));
        }
    }
}

fn mount_target(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(target) = text.parse::<MountTarget>() {
        let _ = (target.path(), target.file_system_id());
    }
}

fn manifest(bytes: &[u8]) {
    let _ = snapshot::testing::read_manifest(bytes);
}

fn manifest_block(bytes: &[u8]) {
    let _ = snapshot::testing::read_manifest_block(bytes);
}
