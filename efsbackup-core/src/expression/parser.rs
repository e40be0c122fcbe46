//! Tokens to a tree.

use super::fault::Fault;
use super::lexer::{self, Kind, Token};
use super::syntax::{Expression, Operator};

/// How deep calls and parentheses may nest, which bounds the parser's stack.
const MAX_DEPTH: usize = 64;
/// How many operators and calls an expression may have, which bounds the depth of the
/// tree: a long chain of operators leans to the left.
const MAX_SIZE: usize = 1000;

/// Parses the expression that begins at byte `start` of `text`, just after `#{`.
/// Gives the tree and the byte offset after the closing `}`.
pub(super) fn parse(text: &str, start: usize) -> Result<(Expression, usize), (Fault, usize)> {
    let mut parser = Parser { text, at: start, token_start: start, depth: 0, size: 0 };
    match parser.whole() {
        Ok(tree) => Ok((tree, parser.at)),
        Err(fault) => Err((fault, parser.token_start)),
    }
}

struct Parser<'a> {
    text: &'a str,
    /// The byte offset after the last token taken.
    at: usize,
    /// Where the token last looked at begins, for messages.
    token_start: usize,
    depth: usize,
    size: usize,
}

impl<'a> Parser<'a> {
    fn peek(&mut self) -> Result<Token<'a>, Fault> {
        let token = lexer::next(self.text, self.at)?;
        self.token_start = token.start;
        Ok(token)
    }

    fn take(&mut self) -> Result<Kind<'a>, Fault> {
        let token = self.peek()?;
        self.at = token.end;
        Ok(token.kind)
    }

    fn take_symbol(&mut self, symbol: char) -> Result<bool, Fault> {
        let token = self.peek()?;
        let found = token.kind == Kind::Symbol(symbol);
        if found {
            self.at = token.end;
        }
        Ok(found)
    }

    fn expect(&mut self, symbol: char) -> Result<(), Fault> {
        if self.take_symbol(symbol)? {
            return Ok(());
        }
        let found = describe(&self.peek()?.kind);
        Err(Fault::Syntax(format!("'{symbol}' is missing before {found}")))
    }

    fn whole(&mut self) -> Result<Expression, Fault> {
        let tree = self.expression(0)?;
        self.expect('}')?;
        Ok(tree)
    }

    /// An expression of operators that bind tighter than `floor`.
    fn expression(&mut self, floor: u8) -> Result<Expression, Fault> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Fault::Syntax(format!("it nests more than {MAX_DEPTH} deep")));
        }
        let mut left = self.unary()?;
        loop {
            let token = self.peek()?;
            let Some(operator) = operator(&token.kind).filter(|o| o.precedence() > floor) else {
                break;
            };
            self.at = token.end;
            self.grow()?;
            // `^` groups to the right, the others to the left.
            let floor = operator.precedence() - u8::from(operator == Operator::Power);
            let right = self.expression(floor)?;
            left = Expression::Binary(operator, Box::new(left), Box::new(right));
        }
        self.depth -= 1;
        Ok(left)
    }

    fn unary(&mut self) -> Result<Expression, Fault> {
        if self.take_symbol('-')? {
            // Looser than `^`, tighter than the rest: -2 ^ 2 is -(2 ^ 2).
            return Ok(Expression::Negate(Box::new(self.expression(3)?)));
        }
        let mut tree = self.primary()?;
        while self.take_symbol('.')? {
            self.grow()?;
            let asterisk = if self.take_symbol('*')? { "*" } else { "" };
            let method = self.word("the dot")?;
            tree = match tree {
                _ if self.take_symbol('(')? => {
                    let method = [asterisk, method].concat();
                    Expression::Call(method, self.arguments(vec![tree])?)
                }
                Expression::Name(name) => Expression::Name([&name, ".", asterisk, method].concat()),
                _ => {
                    let text = format!("'.{asterisk}{method}' must follow a name");
                    return Err(Fault::Syntax(text));
                }
            };
        }
        Ok(tree)
    }

    fn grow(&mut self) -> Result<(), Fault> {
        self.size += 1;
        if self.size > MAX_SIZE {
            return Err(Fault::Syntax(format!("it has more than {MAX_SIZE} operators and calls")));
        }
        Ok(())
    }

    fn primary(&mut self) -> Result<Expression, Fault> {
        match self.take()? {
            Kind::Text(text) => Ok(Expression::Text(text)),
            Kind::Integer(number) => Ok(Expression::Integer(number)),
            Kind::Double(number) => Ok(Expression::Double(number)),
            Kind::Word(name) if self.take_symbol('(')? => {
                Ok(Expression::Call(name.to_owned(), self.arguments(Vec::new())?))
            }
            Kind::Word(name) => Ok(Expression::Name(name.to_owned())),
            // A parameter whose id begins with an asterisk: `*myPassword`.
            Kind::Symbol('*') => Ok(Expression::Name(["*", self.word("'*'")?].concat())),
            Kind::Symbol('(') => {
                let tree = self.expression(0)?;
                self.expect(')')?;
                Ok(tree)
            }
            // Some write `#{format(#{myTime}, …)}`; the inner braces only group.
            Kind::Open => self.whole(),
            kind => Err(Fault::Syntax(format!("a value is missing before {}", describe(&kind)))),
        }
    }

    /// The part of a name that stands after `place`.
    fn word(&mut self, place: &str) -> Result<&'a str, Fault> {
        match self.take()? {
            Kind::Word(word) => Ok(word),
            _ => Err(Fault::Syntax(format!("a name must follow {place}"))),
        }
    }

    /// The rest of an argument list, after its `(`.
    fn arguments(&mut self, mut arguments: Vec<Expression>) -> Result<Vec<Expression>, Fault> {
        if self.take_symbol(')')? {
            return Ok(arguments);
        }
        loop {
            arguments.push(self.expression(0)?);
            if !self.take_symbol(',')? {
                self.expect(')')?;
                return Ok(arguments);
            }
        }
    }
}

fn operator(kind: &Kind<'_>) -> Option<Operator> {
    match kind {
        Kind::Symbol('+') => Some(Operator::Add),
        Kind::Symbol('-') => Some(Operator::Subtract),
        Kind::Symbol('*') => Some(Operator::Multiply),
        Kind::Symbol('/') => Some(Operator::Divide),
        Kind::Symbol('^') => Some(Operator::Power),
        _ => None,
    }
}

fn describe(kind: &Kind<'_>) -> String {
    match kind {
        Kind::Text(text) => format!("'{text}'"),
        Kind::Integer(number) => number.to_string(),
        Kind::Double(number) => number.to_string(),
        Kind::Word(word) => format!("'{word}'"),
        Kind::Symbol(symbol) => format!("'{symbol}'"),
        Kind::Open => "'#{'".to_owned(),
        Kind::End => "the end of the text".to_owned(),
    }
}
