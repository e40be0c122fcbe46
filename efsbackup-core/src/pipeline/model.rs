//! Objects, fields, parameters and values, in the order their author gave them.

/// A pipeline definition: objects, parameter objects and parameter values.
///
/// The model keeps everything in order, repeated keys and unknown types included, so
/// that reading and writing a definition loses nothing.
///
/// ```
/// use efsbackup_core::pipeline::{Defaults, Definition, ShellCommandActivity};
///
/// let definition = Definition::default()
///     .with(Defaults::new().schedule_type("ondemand"))
///     .with(ShellCommandActivity::new("Run").worker_group("here").command("date"));
/// definition.validate().into_result()?;
/// let run = definition.object("Run").ok_or("no such object")?;
/// assert_eq!(run.first_text("command"), Some("date"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Definition {
    /// The pipeline's objects.
    pub objects: Vec<Object>,
    /// The parameters it declares (parameter objects).
    pub parameters: Vec<Parameter>,
    /// Values given to parameters. A repeated id gives a list.
    pub values: Vec<ParameterValue>,
}

/// One object of a definition.
///
/// ```
/// use efsbackup_core::pipeline::Object;
///
/// let object = Object::new("Table").text("type", "SqlTable").reference("database", "Orders");
/// assert_eq!(object.type_name(), Some("SqlTable"));
/// assert_eq!(object.first_reference("database"), Some("Orders"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Object {
    /// Unique in the definition.
    pub id: String,
    /// A label; the id where the author gave none.
    pub name: String,
    /// Key and value pairs. A repeated key gives a list, in this order.
    pub fields: Vec<Field>,
}

/// One key and value of an object or parameter.
#[derive(Clone, PartialEq, Eq)]
pub struct Field {
    /// The field's name, such as `scriptArgument`.
    pub key: String,
    /// Its value.
    pub value: FieldValue,
}

/// A field's value: text (numbers and booleans are text too) or a reference.
///
/// ```
/// use efsbackup_core::pipeline::FieldValue;
///
/// let text = FieldValue::from("1 hours");
/// assert_eq!((text.as_text(), text.as_reference()), (Some("1 hours"), None));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldValue {
    /// `stringValue`: text, which may hold `#{…}` expressions.
    Text(String),
    /// `refValue`: the id of another object.
    Reference(String),
    /// A CloudFormation function or Terraform expression that gives the text when a stack is
    /// made. Only its own form can carry it; nothing else knows what it will give.
    Intrinsic(Box<Intrinsic>),
}

/// A CloudFormation function with its argument, such as `!Ref InstanceType`, or a Terraform
/// expression, such as `aws_iam_role.backup.name`.
///
/// ```
/// use efsbackup_core::pipeline::Intrinsic;
///
/// let role = Intrinsic::terraform("aws_iam_role.backup.name");
/// assert_eq!(role.as_terraform(), Some("aws_iam_role.backup.name"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intrinsic {
    /// Its long name: `Ref`, `Condition` or `Fn::…`; [`Intrinsic::TERRAFORM`] for an expression
    /// of Terraform, whose text is then the argument.
    pub function: String,
    /// Whether it was written in the short form (`!Sub`), which YAML alone has.
    pub short: bool,
    /// What it is applied to.
    pub argument: Node,
}

/// Data of a template that this library carries but does not interpret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// Text.
    Text(String),
    /// A number, boolean or null, as it was written.
    Plain(String),
    /// A list.
    List(Vec<Node>),
    /// Keys and values in order.
    Map(Vec<(String, Node)>),
    /// A function in short form (in long form it is a map of one key), or a Terraform
    /// expression.
    Intrinsic(Box<Intrinsic>),
}

/// A parameter object: an id such as `myPeriod` and its attributes (`type`,
/// `description`, `default`, `allowedValues`, …) in order; a repeated key gives a list.
///
/// ```
/// use efsbackup_core::pipeline::Parameter;
///
/// let period = Parameter::new("myPeriod").with("type", "String").with("default", "1 hours");
/// assert_eq!(period.attribute("default"), Some("1 hours"));
/// assert!(Parameter::new("*myPassword").is_secret());
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Parameter {
    /// The parameter's name. A leading `*` marks a secret.
    pub id: String,
    /// Key and value pairs; the value is never a reference.
    pub attributes: Vec<(String, FieldValue)>,
}

/// One value given to a parameter.
///
/// ```
/// use efsbackup_core::pipeline::{Definition, ParameterValue};
///
/// let mut definition = Definition::default();
/// definition.values.push(ParameterValue::new("myPeriod", "1 hours"));
/// assert_eq!(definition.values_of("myPeriod").collect::<Vec<_>>(), ["1 hours"]);
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ParameterValue {
    /// The parameter's id.
    pub id: String,
    /// The value; never a reference.
    pub value: FieldValue,
}

impl Intrinsic {
    /// What stands for the function where the value is a Terraform expression.
    pub const TERRAFORM: &str = "Terraform";

    /// A Terraform expression, as HCL writes it.
    pub fn terraform(expression: impl Into<String>) -> Self {
        let argument = Node::Text(expression.into());
        Intrinsic { function: Intrinsic::TERRAFORM.to_owned(), short: false, argument }
    }

    /// The Terraform expression, if it is one.
    pub fn as_terraform(&self) -> Option<&str> {
        match &self.argument {
            Node::Text(expression) if self.function == Intrinsic::TERRAFORM => Some(expression),
            _ => None,
        }
    }
}

impl Definition {
    /// The object with this id.
    pub fn object(&self, id: &str) -> Option<&Object> {
        self.objects.iter().find(|object| object.id == id)
    }

    /// The parameter with this id.
    pub fn parameter(&self, id: &str) -> Option<&Parameter> {
        self.parameters.iter().find(|parameter| parameter.id == id)
    }

    /// All texts given to the parameter with this id, in order.
    pub fn values_of<'a>(&'a self, id: &str) -> impl Iterator<Item = &'a str> {
        self.values.iter().filter(move |value| value.id == id).filter_map(|v| v.value.as_text())
    }
}

impl Object {
    /// An object without fields, its name equal to its id.
    pub fn new(id: impl Into<String>) -> Self {
        let id = id.into();
        Object { name: id.clone(), id, fields: Vec::new() }
    }

    /// Appends a text field; a key used before becomes a list.
    #[must_use]
    pub fn text(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.fields.push(Field { key: key.into(), value: FieldValue::Text(value.into()) });
        self
    }

    /// Appends a reference to the object with the id `target`.
    #[must_use]
    pub fn reference(mut self, key: impl Into<String>, target: impl Into<String>) -> Self {
        self.fields.push(Field { key: key.into(), value: FieldValue::Reference(target.into()) });
        self
    }

    /// The object's `type` field.
    pub fn type_name(&self) -> Option<&str> {
        self.first_text("type")
    }

    /// All values of `key`, in order.
    pub fn all<'a>(&'a self, key: &str) -> impl Iterator<Item = &'a FieldValue> {
        self.fields.iter().filter(move |field| field.key == key).map(|field| &field.value)
    }

    /// The first text value of `key`.
    pub fn first_text(&self, key: &str) -> Option<&str> {
        self.fields.iter().filter(|field| field.key == key).find_map(|field| field.value.as_text())
    }

    /// The first reference of `key`.
    pub fn first_reference(&self, key: &str) -> Option<&str> {
        self.fields
            .iter()
            .filter(|field| field.key == key)
            .find_map(|field| field.value.as_reference())
    }
}

impl FieldValue {
    /// The text of a text value.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            FieldValue::Text(text) => Some(text),
            FieldValue::Reference(_) | FieldValue::Intrinsic(_) => None,
        }
    }

    /// The target id of a reference.
    pub fn as_reference(&self) -> Option<&str> {
        match self {
            FieldValue::Reference(id) => Some(id),
            FieldValue::Text(_) | FieldValue::Intrinsic(_) => None,
        }
    }
}

impl From<&str> for FieldValue {
    fn from(text: &str) -> Self {
        FieldValue::Text(text.to_owned())
    }
}

impl From<String> for FieldValue {
    fn from(text: String) -> Self {
        FieldValue::Text(text)
    }
}

impl ParameterValue {
    /// The text `value` for the parameter `id`.
    pub fn new(id: impl Into<String>, value: impl Into<String>) -> Self {
        ParameterValue { id: id.into(), value: FieldValue::Text(value.into()) }
    }
}

impl Parameter {
    /// A parameter without attributes.
    pub fn new(id: impl Into<String>) -> Self {
        Parameter { id: id.into(), attributes: Vec::new() }
    }

    /// Appends an attribute; a key used before becomes a list.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.attributes.push((key.into(), FieldValue::Text(value.into())));
        self
    }

    /// The first text of the attribute called `key`.
    pub fn attribute(&self, key: &str) -> Option<&str> {
        self.all(key).find_map(FieldValue::as_text)
    }

    /// All values of the attribute called `key`, in order.
    pub fn all<'a>(&'a self, key: &str) -> impl Iterator<Item = &'a FieldValue> {
        self.attributes.iter().filter(move |(name, _)| name == key).map(|(_, value)| value)
    }

    /// Whether the attribute called `key` is `true`, in any case.
    pub fn is(&self, key: &str) -> bool {
        self.attribute(key).is_some_and(|text| text.eq_ignore_ascii_case("true"))
    }

    /// Whether the value is a secret: its id begins with `*`.
    pub fn is_secret(&self) -> bool {
        self.id.starts_with('*')
    }
}
