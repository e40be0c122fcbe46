//! The tree that an expression is parsed into.

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expression {
    /// A quoted string.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// A number with a decimal point.
    Double(f64),
    /// A field, parameter or chain of them, as written.
    Name(String),
    /// A function with its arguments. In method form the object is the first argument.
    Call(String, Vec<Expression>),
    /// Unary minus.
    Negate(Box<Expression>),
    /// Two operands.
    Binary(Operator, Box<Expression>, Box<Expression>),
}

/// An operator with two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Power,
}

impl Operator {
    /// How tightly it binds; more binds tighter.
    pub(super) fn precedence(self) -> u8 {
        match self {
            Operator::Add | Operator::Subtract => 1,
            Operator::Multiply | Operator::Divide => 2,
            Operator::Power => 4,
        }
    }
}

impl Expression {
    /// Calls `visit` with this expression and all within it.
    pub(super) fn walk<'a>(&'a self, visit: &mut dyn FnMut(&'a Expression)) {
        visit(self);
        match self {
            Expression::Text(_)
            | Expression::Integer(_)
            | Expression::Double(_)
            | Expression::Name(_) => {}
            Expression::Call(_, arguments) => arguments.iter().for_each(|a| a.walk(visit)),
            Expression::Negate(operand) => operand.walk(visit),
            Expression::Binary(_, left, right) => {
                left.walk(visit);
                right.walk(visit);
            }
        }
    }
}
