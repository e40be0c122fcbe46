//! A report as JSON: the same fields in the command's `--json`, in C, in Python and in the
//! reports kept beside snapshots.

use super::report::{Bytes, Entries, EntryError, Outcome, Report};
use crate::bytepath::BytePath;
use crate::error::{Error, ErrorKind, Result};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use std::borrow::Cow;
use std::time::{Duration, SystemTime};

/// [`Report`] as it is written.
#[derive(Serialize, Deserialize)]
struct WrittenReport<'a> {
    outcome: Cow<'a, str>,
    entries: Entries,
    bytes: Bytes,
    started: Timestamp,
    finished: Timestamp,
    seconds: f64,
    errors: Vec<WrittenError<'a>>,
    errors_total: u64,
    options: Cow<'a, [String]>,
    version: Cow<'a, str>,
}

/// [`EntryError`] as it is written.
#[derive(Serialize, Deserialize)]
struct WrittenError<'a> {
    /// For people: escaped as [`BytePath`] shows it where the bytes are not UTF-8.
    path: Cow<'a, str>,
    /// The bytes in base64, only where they are not UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path_b64: Option<String>,
    op: Cow<'a, str>,
    errno: Option<i32>,
    kind: Cow<'a, str>,
    message: Cow<'a, str>,
}

impl Serialize for Report {
    /// Writes the fields of [`Report`] with `seconds` for `elapsed`, times in RFC 3339 (UTC)
    /// and the library's `version`.
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        WrittenReport {
            outcome: self.outcome.name().into(),
            entries: self.entries,
            bytes: self.bytes,
            started: timestamp(self.started),
            finished: timestamp(self.finished),
            seconds: self.elapsed.as_secs_f64(),
            errors: self.errors.iter().map(WrittenError::from).collect(),
            errors_total: self.errors_total,
            options: self.options.as_slice().into(),
            version: crate::VERSION.into(),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Report {
    /// Reads what [`Report::to_json`] wrote; see [`Report::from_json`].
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        Report::from_json(Value::deserialize(from)?).map_err(serde::de::Error::custom)
    }
}

impl<'a> From<&'a EntryError> for WrittenError<'a> {
    fn from(error: &'a EntryError) -> Self {
        let base64 = || data_encoding::BASE64.encode(error.path.as_bytes());
        WrittenError {
            path: error.path.to_text().into(),
            path_b64: error.path.to_utf8().is_none().then(base64),
            op: error.op.as_ref().into(),
            errno: error.errno,
            kind: error.kind.name().into(),
            message: error.message.as_str().into(),
        }
    }
}

impl Report {
    /// The report as JSON.
    pub fn to_json(&self) -> Value {
        serde_json::json!(self)
    }

    /// The report that [`Report::to_json`] wrote. `version` is not kept; kinds of errors
    /// that this version does not know become [`ErrorKind::Io`].
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when it is not a report.
    pub fn from_json(json: Value) -> Result<Report> {
        let written: WrittenReport<'_> =
            serde_json::from_value(json).map_err(|error| not_a_report(error.to_string()))?;
        let outcome = Outcome::ALL.iter().find(|outcome| outcome.name() == written.outcome);
        let elapsed = Duration::try_from_secs_f64(written.seconds);
        Ok(Report {
            outcome: *outcome
                .ok_or_else(|| not_a_report(format!("unknown outcome {:?}", written.outcome)))?,
            entries: written.entries,
            bytes: written.bytes,
            started: written.started.into(),
            finished: written.finished.into(),
            elapsed: elapsed.map_err(|error| not_a_report(format!("seconds: {error}")))?,
            errors: written.errors.into_iter().map(entry_error).collect::<Result<_>>()?,
            errors_total: written.errors_total,
            options: written.options.into_owned(),
        })
    }
}

fn entry_error(written: WrittenError<'_>) -> Result<EntryError> {
    let path = match written.path_b64 {
        Some(base64) => data_encoding::BASE64
            .decode(base64.as_bytes())
            .map_err(|error| not_a_report(format!("path_b64: {error}")))?,
        None => written.path.into_owned().into_bytes(),
    };
    let kind = ErrorKind::ALL.iter().find(|kind| kind.name() == written.kind);
    Ok(EntryError {
        path: BytePath::from(path),
        op: written.op.into_owned().into(),
        errno: written.errno,
        kind: kind.copied().unwrap_or(ErrorKind::Io),
        message: written.message.into_owned(),
    })
}

/// The instant, or the nearest one that a timestamp can hold (years -9999 to 9999).
fn timestamp(time: SystemTime) -> Timestamp {
    let nearest = if time < SystemTime::UNIX_EPOCH { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::try_from(time).unwrap_or(nearest)
}

fn not_a_report(why: String) -> Error {
    Error::new(ErrorKind::InvalidInput, "read report").with_message(why)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn report() -> Report {
        let started = SystemTime::UNIX_EPOCH + Duration::new(1_000_000_000, 5);
        let mut entries = Entries::default();
        entries.created.file = 2;
        entries.failed.dir = 1;
        let denied = Error::from_errno("open", 13);
        Report {
            outcome: Outcome::Partial,
            entries,
            bytes: Bytes { scanned: 30, copied: 20, linked: 10 },
            started,
            finished: started + Duration::from_millis(1_500),
            elapsed: Duration::from_millis(1_500),
            errors: vec![
                EntryError::new(BytePath::from(&b"plain"[..]), &denied),
                EntryError::new(BytePath::from(&b"odd\xff\n"[..]), &denied),
            ],
            errors_total: 2,
            options: vec!["--delete".into()],
        }
    }

    #[test]
    fn a_report_has_the_fields_that_scripts_rely_on() {
        let json = report().to_json();
        assert_eq!(json["outcome"], "partial");
        assert_eq!(json["entries"]["created"]["file"], 2);
        assert_eq!(json["entries"]["failed"]["dir"], 1);
        assert_eq!(json["bytes"], json!({"scanned": 30, "copied": 20, "linked": 10}));
        assert_eq!(json["started"], "2001-09-09T01:46:40.000000005Z");
        assert_eq!(json["seconds"], 1.5);
        assert_eq!(json["version"], crate::VERSION);
        assert_eq!(
            json["errors"],
            json!([
                {"path": "plain", "op": "open", "errno": 13,
                 "kind": "permission-denied", "message": "permission denied"},
                {"path": "odd\\xff\\n", "path_b64": "b2Rk/wo=", "op": "open", "errno": 13,
                 "kind": "permission-denied", "message": "permission denied"},
            ])
        );
        let names: Vec<_> = json.as_object().unwrap().keys().map(String::as_str).collect();
        let expected = "outcome entries bytes started finished seconds errors errors_total \
                        options version";
        assert_eq!(names, expected.split_whitespace().collect::<Vec<_>>());
    }

    #[test]
    fn a_report_read_back_is_the_same() {
        let before = report();
        let after = Report::from_json(before.to_json()).unwrap();
        assert_eq!(after.to_json(), before.to_json());
        assert_eq!(after.errors, before.errors);
        assert_eq!((after.started, after.elapsed), (before.started, before.elapsed));
    }

    #[test]
    fn what_is_no_report_is_refused_in_one_line() {
        for (key, value) in
            [("outcome", json!("fine")), ("seconds", json!(-1)), ("bytes", json!(0))]
        {
            let mut json = report().to_json();
            json[key] = value;
            let error = Report::from_json(json).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(!error.to_string().contains('\n'));
        }
    }
}
