//! A tree to its value.

use super::fault::Fault;
use super::syntax::{Expression, Operator};
use super::{Scope, Value, functions};

/// The value of the whole of a `#{…}`.
pub(super) fn evaluate_whole(tree: &Expression, scope: &dyn Scope) -> Result<Value, Fault> {
    match tree {
        Expression::Name(name) => known(name, scope.lookup_as_written(name)),
        tree => evaluate(tree, scope),
    }
}

fn known(name: &str, found: crate::Result<Option<Value>>) -> Result<Value, Fault> {
    match found.map_err(Fault::Scope)? {
        Some(value) => Ok(value),
        None => Err(Fault::Unresolved(name.to_owned())),
    }
}

/// The value of `expression` in `scope`.
fn evaluate(expression: &Expression, scope: &dyn Scope) -> Result<Value, Fault> {
    match expression {
        Expression::Text(text) => Ok(Value::Text(text.clone())),
        Expression::Integer(number) => Ok(Value::Integer(*number)),
        Expression::Double(number) => Ok(Value::Double(*number)),
        Expression::Name(name) => known(name, scope.lookup(name)),
        Expression::Negate(operand) => {
            each(evaluate(operand, scope)?, &|value| match number(&value)? {
                Number::Integer(number) => {
                    number.checked_neg().map(Value::Integer).ok_or_else(overflow)
                }
                Number::Double(number) => Ok(Value::Double(-number)),
            })
        }
        Expression::Binary(operator, left, right) => {
            apply(*operator, evaluate(left, scope)?, evaluate(right, scope)?)
        }
        Expression::Call(name, arguments) => {
            // A function must exist before its arguments are asked for: a wrong name is
            // wrong whatever the scope knows.
            let function = functions::find(name, arguments.len())?;
            let values = arguments.iter().map(|argument| evaluate(argument, scope));
            functions::call(function, values.collect::<Result<Vec<_>, _>>()?)
        }
    }
}

/// Applies `work` to a value, or to each element of a list.
pub(super) fn each(
    value: Value,
    work: &dyn Fn(Value) -> Result<Value, Fault>,
) -> Result<Value, Fault> {
    match value {
        Value::List(values) => values
            .into_iter()
            .map(|value| each(value, work))
            .collect::<Result<Vec<_>, _>>()
            .map(Value::List),
        value => work(value),
    }
}

/// An operator works on each element of a list.
fn apply(operator: Operator, left: Value, right: Value) -> Result<Value, Fault> {
    match (left, right) {
        (Value::List(_), Value::List(_)) => {
            Err(Fault::invalid("an operator cannot take a list on both sides"))
        }
        (left @ Value::List(_), right) => each(left, &|left| apply(operator, left, right.clone())),
        (left, right @ Value::List(_)) => {
            each(right, &|right| apply(operator, left.clone(), right))
        }
        (left, right) if operator == Operator::Add && !(is_number(&left) && is_number(&right)) => {
            Ok(Value::Text(format!("{left}{right}")))
        }
        (left, right) => arithmetic(operator, number(&left)?, number(&right)?),
    }
}

/// A number that an operand stands for.
#[derive(Clone, Copy)]
enum Number {
    Integer(i64),
    Double(f64),
}

fn is_number(value: &Value) -> bool {
    matches!(value, Value::Integer(_) | Value::Double(_))
}

fn number(value: &Value) -> Result<Number, Fault> {
    let from_text = |text: &str| {
        let text = text.trim();
        let double = || text.parse().ok().filter(|n: &f64| n.is_finite()).map(Number::Double);
        text.parse().map(Number::Integer).ok().or_else(double)
    };
    match value {
        Value::Integer(number) => Ok(Number::Integer(*number)),
        Value::Double(number) => Ok(Number::Double(*number)),
        Value::Text(text) => from_text(text)
            .ok_or_else(|| Fault::invalid(format!("a number is needed, not the text '{text}'"))),
        value => Err(Fault::invalid(format!("a number is needed, not {value}"))),
    }
}

/// A whole number, for a function's argument.
pub(super) fn integer(value: &Value) -> Result<i64, Fault> {
    match number(value)? {
        Number::Integer(number) => Ok(number),
        Number::Double(_) => Err(Fault::invalid(format!("a whole number is needed, not {value}"))),
    }
}

fn arithmetic(operator: Operator, left: Number, right: Number) -> Result<Value, Fault> {
    if let (Number::Integer(left), Number::Integer(right)) = (left, right) {
        let whole = match operator {
            Operator::Add => left.checked_add(right),
            Operator::Subtract => left.checked_sub(right),
            Operator::Multiply => left.checked_mul(right),
            Operator::Divide if right == 0 => return Err(Fault::invalid("division by zero")),
            Operator::Divide => left.checked_div(right),
            // A power is a double even of whole numbers, by the guide.
            Operator::Power => return double((left as f64).powf(right as f64)),
        };
        return whole.map(Value::Integer).ok_or_else(overflow);
    }
    let (left, right) = (left.as_double(), right.as_double());
    double(match operator {
        Operator::Add => left + right,
        Operator::Subtract => left - right,
        Operator::Multiply => left * right,
        Operator::Divide => left / right,
        Operator::Power => left.powf(right),
    })
}

impl Number {
    fn as_double(self) -> f64 {
        match self {
            Number::Integer(number) => number as f64,
            Number::Double(number) => number,
        }
    }
}

fn double(number: f64) -> Result<Value, Fault> {
    if number.is_finite() {
        return Ok(Value::Double(number));
    }
    Err(Fault::invalid("the result is not a finite number"))
}

fn overflow() -> Fault {
    Fault::invalid("the result is too large")
}
