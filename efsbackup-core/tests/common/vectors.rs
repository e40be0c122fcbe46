//! The vectors of tests/vectors, and what every language's results are compared with. The C
//! interface's tests use this file too.

use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// The file `name` of tests/vectors.
pub(crate) fn vectors(name: &str) -> Value {
    let path = format!("{}/../tests/vectors/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// One case of a file.
pub(crate) struct Case<'a>(&'a Value);

impl<'a> Case<'a> {
    /// Every case of a file.
    pub(crate) fn all(vectors: &'a Value) -> Vec<Case<'a>> {
        let cases: Vec<_> = vectors["cases"].as_array().unwrap().iter().map(Case).collect();
        assert!(cases.len() > 3);
        cases
    }

    pub(crate) fn name(&self) -> &'a str {
        self.0["name"].as_str().unwrap()
    }

    pub(crate) fn get(&self, key: &str) -> &'a Value {
        &self.0[key]
    }

    pub(crate) fn text(&self, key: &str) -> Option<&'a str> {
        self.0[key].as_str()
    }

    /// A list of texts; none where the key is not there.
    pub(crate) fn texts(&self, key: &str) -> Vec<&'a str> {
        let list = self.0[key].as_array().map(Vec::as_slice).unwrap_or_default();
        list.iter().map(|text| text.as_str().unwrap()).collect()
    }

    /// What is said of parameters, and of what has no value.
    pub(crate) fn check_resolved(&self, said: &Value) {
        assert_eq!(self.text("fails"), None, "{}", self.name());
        for (id, expected) in self.get("parameters").as_object().into_iter().flatten() {
            let found = said["parameters"].as_array().unwrap().iter().find(|one| one["id"] == *id);
            let found = found.unwrap_or_else(|| panic!("{}: no {id}", self.name()));
            assert_eq!(&json!([found["origin"], found["values"]]), expected, "{}", self.name());
        }
        let left = said["unresolved"].as_array().unwrap().iter().map(|left| {
            let text = |key: &str| left[key].as_str().unwrap();
            format!("{}.{} {}", text("object"), text("field"), text("name"))
        });
        assert_eq!(left.collect::<Vec<_>>(), self.texts("unresolved"), "{}", self.name());
    }

    /// The runs and messages of a simulation's document.
    pub(crate) fn check_played(&self, document: &Value) {
        assert_eq!(self.text("fails"), None, "{}", self.name());
        let rows = |list: &str, keys: &[&str]| -> Value {
            let list = document[list].as_array().unwrap().iter();
            list.map(|one| keys.iter().map(|key| one[*key].clone()).collect::<Value>()).collect()
        };
        let keys = ["component", "scheduledStart", "status", "attempts", "end"];
        assert_eq!(&rows("instances", &keys), self.get("runs"), "{}", self.name());
        let messages = rows("messages", &["time", "event", "subject"]);
        assert_eq!(&messages, self.get("messages"), "{}", self.name());
    }

    /// The counts of a report's document.
    pub(crate) fn check_report(&self, report: &Value) {
        assert_eq!(self.text("fails"), None, "{}", self.name());
        assert_eq!(report["outcome"], self.0["outcome"], "{}", self.name());
        let bytes = &report["bytes"];
        let bytes = json!([bytes["scanned"], bytes["copied"], bytes["linked"]]);
        assert_eq!(&bytes, self.get("bytes"), "{}", self.name());
        let mut entries = Map::new();
        for (what, counts) in report["entries"].as_object().unwrap() {
            let counts = counts.as_object().unwrap().iter();
            let some: Map<_, _> = counts
                .filter(|(_, count)| **count != 0)
                .map(|(kind, count)| (kind.clone(), count.clone()))
                .collect();
            if !some.is_empty() {
                entries.insert(what.clone(), some.into());
            }
        }
        assert_eq!(&Value::Object(entries), self.get("entries"), "{}", self.name());
    }

    /// The paths that are at the destination afterwards.
    pub(crate) fn check_left(&self, source: &BTreeSet<String>, destination: &BTreeSet<String>) {
        let left = self.texts("left");
        if self.get("left").is_null() {
            assert_eq!(destination, source, "{}", self.name());
        } else {
            let left: BTreeSet<String> = left.into_iter().map(str::to_owned).collect();
            assert_eq!(destination, &left, "{}", self.name());
        }
    }
}

/// A definition with the text of a case of expressions.json in its object `X`, and all that it
/// may name as parameters; `None` where it names what is none, or a secret.
pub(crate) fn expression(vectors: &Value, case: &Case<'_>) -> Option<Value> {
    let text = case.text("text").unwrap();
    if text.contains("node.") || text.contains("#{*") {
        return None;
    }
    let (mut parameters, mut values) = (Vec::new(), Map::new());
    let scope = vectors["scope"].as_object().unwrap().iter();
    for (name, value) in scope.filter(|(name, _)| name.starts_with("my")) {
        let is_list = value.is_array().to_string();
        parameters.push(json!({"id": name, "isArray": is_list}));
        let value = if value["time"].is_null() { value } else { &value["time"] };
        values.insert(name.clone(), value.clone());
    }
    let object = json!({"id": "X", "text": text});
    Some(json!({"objects": [object], "parameters": parameters, "values": values}))
}

/// Checks what the text of a case of expressions.json has become: its values, or an error.
pub(crate) fn check_expression(case: &Case<'_>, resolved: Result<Value, String>) {
    let text = case.text("text").unwrap();
    let expected = case.text("partly").or(case.text("is"));
    match (resolved, expected) {
        (Ok(changes), Some(expected)) => {
            let texts = changes["X.text"].as_array().cloned().unwrap_or_else(|| vec![text.into()]);
            let texts: Vec<_> = texts.iter().map(|text| text.as_str().unwrap()).collect();
            assert_eq!(texts.join(","), expected, "{text}");
        }
        (Err(error), None) => {
            let kind = case.text("fails").unwrap();
            assert!(error.starts_with(&format!("{kind}: ")), "{text}: {error}");
            assert!(error.contains(case.text("says").unwrap_or("")), "{text}: {error}");
        }
        (resolved, _) => panic!("{text}: {resolved:?}"),
    }
}

/// Each field of an object that changed, with its new values, of a document of changes.
pub(crate) fn field_changes(changes: &Value) -> Value {
    let changes = changes.as_array().unwrap().iter().filter(|change| change["part"] == "object");
    let field = |change: &Value| {
        let text = |key: &str| change[key].as_str().unwrap().to_owned();
        (format!("{}.{}", text("id"), text("key")), change["new"].clone())
    };
    Value::Object(changes.map(field).collect())
}

/// Makes the tree `spec` at `root`, or nothing for `null`.
pub(crate) fn make(spec: &Value, root: &Path) {
    let Some(entries) = spec.as_array() else { return };
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let mut directories = vec![root.to_owned()];
    fs::create_dir(root).unwrap();
    for entry in entries {
        let text = |place: usize| entry[place].as_str().unwrap();
        let path = root.join(text(0));
        match text(1) {
            "dir" => {
                fs::create_dir(&path).unwrap();
                directories.push(path);
            }
            "file" => {
                fs::write(&path, text(2)).unwrap();
                let later = Duration::from_secs(entry[3].as_u64().unwrap_or(0));
                let file = fs::File::options().write(true).open(path).unwrap();
                file.set_modified(time + later).unwrap();
            }
            "symlink" => symlink(text(2), path).unwrap(),
            "hardlink" => fs::hard_link(root.join(text(2)), path).unwrap(),
            "fifo" => {
                let made = std::process::Command::new("mkfifo").arg(path).status().unwrap();
                assert!(made.success());
            }
            other => panic!("{other} is no type"),
        }
    }
    for directory in directories.iter().rev() {
        fs::File::open(directory).unwrap().set_modified(time).unwrap();
    }
}

/// The paths below `root`.
pub(crate) fn names(root: &Path) -> BTreeSet<String> {
    fn add(root: &Path, below: &Path, names: &mut BTreeSet<String>) {
        for entry in fs::read_dir(below).into_iter().flatten() {
            let path = entry.unwrap().path();
            names.insert(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
            if path.symlink_metadata().unwrap().is_dir() {
                add(root, &path, names);
            }
        }
    }
    let mut names = BTreeSet::new();
    add(root, root, &mut names);
    names
}
