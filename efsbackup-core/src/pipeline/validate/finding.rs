//! What validation finds, each kind under a code that stays.

use crate::pipeline::nearest;
use crate::{Error, ErrorKind, Result};
use std::borrow::Cow;
use std::fmt;

/// Whether a finding keeps a definition from running.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The service would refuse the definition, or it could not run as it is meant.
    Error,
    /// It would run, but probably not as its author thinks; or this library cannot tell.
    Warning,
}

/// Declares the codes from one table.
macro_rules! codes {
    ($($variant:ident = $code:literal, $meaning:literal;)+) => {
        /// The kind of a finding. Codes beginning with `E` are errors, with `W` warnings.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $(#[doc = $meaning] $variant,)+
        }

        impl Code {
            /// Every code, in the order of the documentation.
            pub const ALL: &'static [Code] = &[$(Code::$variant),+];

            /// The code, such as `E301`. It never changes its meaning.
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$variant => $code),+ }
            }

            /// What it means in general.
            pub fn meaning(self) -> &'static str {
                match self { $(Code::$variant => $meaning),+ }
            }
        }
    };
}

codes! {
    NoId = "E101", "An object has no id or no name.";
    DuplicateId = "E102", "Two objects have the same id.";
    NoType = "E103", "An object has no type, and is no one's parent.";
    UnknownType = "W101", "AWS documents no such type of object.";
    RequiredField = "E201", "A field that the type requires is neither set nor inherited.";
    RequiredGroup = "E202", "None of several fields is set, of which the type requires one.";
    ForbiddenField = "E203", "The field may not be used on this type.";
    EmptyValue = "E204", "A value is empty; the service does not save such a definition.";
    WrongValue = "E205", "A value is not of the kind that the field takes.";
    NotAllowed = "E206", "A value is none of those that the field takes.";
    NeedsReference = "E207", "The field takes a reference, not text.";
    NeedsText = "E208", "The field takes text, not a reference.";
    UnknownField = "W201", "AWS documents no such field of this type.";
    RuntimeField = "W202", "The service sets this field; a definition does not.";
    OneOfGroup = "W203", "Several fields are set, of which only one counts.";
    RepeatedField = "W204", "The field is given more than once, but takes one value.";
    Dangling = "E301", "A reference leads to no object.";
    WrongTarget = "E302", "A reference leads to an object of a type that the field does not take.";
    Cycle = "E303", "Objects wait for each other, or inherit from each other, in a circle.";
    BadExpression = "E401", "An expression is not of the language.";
    UnknownFunction = "E402", "An expression calls a function that does not exist.";
    Undeclared = "E403", "An expression uses a parameter that the definition does not declare.";
    MaybeUndeclared = "W401", "An expression uses a parameter, and the definition declares none.";
    UnknownName = "W402", "An expression uses a name that the object does not have.";
    TooManyFields = "E501", "An object has more than 50 fields.";
    FieldTooLong = "E502", "A value is longer than 10,240 bytes.";
    ObjectTooLong = "E503", "The fields of an object are longer than 15,360 bytes in all.";
    TooManyParameters = "E504", "There are more than 50 parameters.";
    NameTooLong = "E505", "An id or a field's name is longer than 256 bytes.";
    TooManyObjects = "W501", "There are more than 100 objects; AWS can raise this limit.";
    PeriodRange = "E601", "A schedule's period is under 15 minutes or over 3 years.";
    ScheduleConflict = "E602", "Two fields of a schedule exclude each other.";
    EndBeforeStart = "E603", "A schedule ends before it starts.";
    NoSchedule = "W601", "An object that runs on a schedule has none.";
    OnDemandWithSchedule = "W602", "A pipeline on demand has a schedule, or not all of it is on demand.";
    NoTerminateAfter = "W603", "A resource has no terminateAfter: it may run, and cost, for ever.";
    NoLogs = "W604", "No pipelineLogUri is set: a failure leaves no log.";
    TooManyRetries = "W605", "More than 5 retries, or less than 2 minutes between them, exceed the service's limits.";
    DuplicateParameter = "E701", "Two parameters have the same id.";
    ParameterId = "E702", "The id of a parameter does not begin with my, or is not made of letters, digits and underscores.";
    ParameterType = "E703", "A parameter is of an unknown type.";
    ParameterValue = "E704", "A parameter's value or default is not of its type, or not allowed.";
    SeveralValues = "W701", "A parameter has several values but is no array.";
    UndeclaredValue = "W702", "A value is given to a parameter that is not declared.";
    UnusedParameter = "W703", "A parameter is used nowhere.";
    NotS3Uri = "W704", "A value of the type AWS::S3::ObjectKey is no s3:// URI.";
    OutlivesPeriod = "W801", "A resource may outlive its schedule's period, so that two runs overlap.";
    SourceIsTarget = "W802", "Source and target of a backup are one, or one is within the other.";
    UnquotedArgument = "W803", "A script uses an argument without quotes.";
    UncheckedMount = "W804", "A script mounts something and goes on whether that succeeded or not.";
    NotHostPath = "W805", "The name of a file system is not written as HOST:/PATH.";
}

impl Code {
    /// Whether it is an error or a warning.
    pub fn severity(self) -> Severity {
        if self.as_str().starts_with('E') { Severity::Error } else { Severity::Warning }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One thing that is wrong or doubtful. `Display` is one line: `E301 Run.schedule: …`.
///
/// ```
/// use efsbackup_core::pipeline::{Definition, ShellCommandActivity};
///
/// let definition = Definition::default()
///     .with(ShellCommandActivity::new("Run").runs_on("Nowhere").command("date"));
/// let findings = definition.validate().findings;
/// let finding = findings.iter().find(|finding| finding.code.as_str() == "E301").ok_or("none")?;
/// assert_eq!(finding.place(), "Run.runsOn");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Whether it keeps the definition from running.
    pub severity: Severity,
    /// Its kind.
    pub code: Code,
    /// The object's or parameter's id, unless it is about the definition as a whole.
    pub object: Option<String>,
    /// The field's or attribute's key.
    pub field: Option<String>,
    /// What is wrong, and how to mend it.
    pub text: String,
}

impl Finding {
    /// Where it is: `object.field`, `object`, or `definition`.
    pub fn place(&self) -> String {
        match (&self.object, &self.field) {
            (Some(object), Some(field)) => format!("{object}.{field}"),
            (Some(object), None) => object.clone(),
            (None, _) => "definition".to_owned(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Ids come from the file and may hold anything; a finding stays one line.
        let place = self.place();
        write!(f, "{} {}: ", self.code, place.escape_debug())?;
        let text: Vec<&str> = self.text.lines().map(str::trim).collect();
        f.write_str(&text.join(" "))
    }
}

/// Findings after which none tells what was probably meant.
const HINTED: usize = 200;
/// The longest id in a finding, in characters: longer ones are a finding of their own.
const LONGEST_NAME: usize = 256;
/// The longest text of a finding, in characters.
const LONGEST_TEXT: usize = 2000;

/// The text, cut short with an ellipsis where it is longer: what many findings tell may be as
/// large as the whole definition.
pub(super) fn cut<'a>(text: impl Into<Cow<'a, str>>, longest: usize) -> Cow<'a, str> {
    let text = text.into();
    // Most are short, and no text has more characters than bytes.
    if text.len() <= longest {
        return text;
    }
    match text.char_indices().nth(longest).map(|(end, _)| end) {
        Some(end) => format!("{}…", text.get(..end).unwrap_or_default()).into(),
        None => text,
    }
}

/// All that validation found, in the order of the definition.
///
/// ```
/// use efsbackup_core::pipeline::{Definition, ShellCommandActivity};
///
/// let definition = Definition::default()
///     .with(ShellCommandActivity::new("Run").runs_on("Nowhere").command("date"));
/// let validation = definition.validate();
/// let codes: Vec<_> = validation.errors().map(|finding| finding.code.as_str()).collect();
/// assert!(codes.contains(&"E301"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Validation {
    /// The findings.
    pub findings: Vec<Finding>,
}

impl Validation {
    /// The findings that are errors.
    pub fn errors(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.severity == Severity::Error)
    }

    /// The findings that are warnings.
    pub fn warnings(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.severity == Severity::Warning)
    }

    /// Whether there is no error. There may be warnings.
    pub fn is_valid(&self) -> bool {
        self.errors().next().is_none()
    }

    /// An error where there is one among the findings.
    ///
    /// # Errors
    /// `InvalidDefinition` with the first error, and how many more there are.
    pub fn into_result(self) -> Result<()> {
        let mut errors = self.errors();
        let Some(first) = errors.next() else { return Ok(()) };
        let more = match errors.count() {
            0 => String::new(),
            1 => " (and 1 more error)".to_owned(),
            count => format!(" (and {count} more errors)"),
        };
        Err(Error::new(ErrorKind::InvalidDefinition, "validate")
            .with_message(format!("{first}{more}")))
    }

    /// "; did you mean …?" where a candidate is like `name`. Looking takes its time, and nobody
    /// reads thousands of hints.
    pub(super) fn hint<'a>(&self, name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
        let near = if self.findings.len() < HINTED { nearest(name, known) } else { None };
        near.map(|near| format!("; did you mean {near}?")).unwrap_or_default()
    }

    /// Adds a finding about a field or, without one, an object or parameter.
    pub(super) fn add<'a>(
        &mut self,
        code: Code,
        object: &str,
        field: Option<&str>,
        text: impl Into<Cow<'a, str>>,
    ) {
        self.findings.push(Finding {
            severity: code.severity(),
            code,
            object: Some(cut(object, LONGEST_NAME).into_owned()),
            field: field.map(|field| cut(field, LONGEST_NAME).into_owned()),
            text: cut(text, LONGEST_TEXT).into_owned(),
        });
    }

    /// Adds a finding about the whole definition.
    pub(super) fn add_general(&mut self, code: Code, text: impl Into<String>) {
        let (severity, text) = (code.severity(), text.into());
        self.findings.push(Finding { severity, code, object: None, field: None, text });
    }
}
