//! Tokens to a program, with types checked on the way. Loosest to tightest: `or`, `and`, `not`, comparisons, `+ -`,
//! `* /`, the sign, and then parentheses, calls, columns and numbers.

use std::collections::BTreeMap;

use super::error::RuleError;
use super::functions::{Constant, Function, column, function, indicator, names};
use super::lexer::{Kind, Token};
use super::nearest::nearest;
use super::program::{Arithmetic, Id, Node, Program};

/// Deepest nesting of parentheses, calls, `not` and signs.
pub const MAX_DEPTH: usize = 32;
/// Most operations in one rule, equal ones counted once.
pub const MAX_OPERATIONS: usize = 500;
/// Shortest window of an indicator, in bars.
pub const MIN_WINDOW: u16 = 1;
/// Longest window of an indicator, in bars.
pub const MAX_WINDOW: u16 = 1_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    Number,
    Condition,
}

/// A parsed piece: its node, its type, and where it began.
#[derive(Clone, Copy, Debug)]
struct Term {
    id: Id,
    type_: Type,
    column: usize,
}

struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
    depth: usize,
    parameters: Option<&'a BTreeMap<String, f64>>,
    program: Program,
    indicators: Vec<Call>,
}

/// An indicator with its arguments and position.
pub(super) struct Call {
    pub(super) id: Id,
    /// First and last column, from 1.
    columns: (usize, usize),
}

impl Call {
    /// As the rule writes it, in lower case with a blank after each comma.
    pub(super) fn name(&self, letters: &[char]) -> String {
        let (first, last) = self.columns;
        let written = letters.get(first.saturating_sub(1)..last).unwrap_or_default().iter();
        let close: String = written.filter(|letter| !letter.is_whitespace()).collect();
        close.to_lowercase().replace(',', ", ")
    }
}

/// A parsed rule.
pub(super) struct Parsed {
    pub(super) program: Program,
    /// The node of its result.
    pub(super) root: Id,
    /// The indicators in it, in the order in which they end.
    pub(super) indicators: Vec<Call>,
}

/// Reads a rule; `tokens` end with [`Kind::End`].
pub(super) fn parse(tokens: &[Token], parameters: Option<&BTreeMap<String, f64>>) -> Result<Parsed, RuleError> {
    let mut parser =
        Parser { tokens, at: 0, depth: 0, parameters, program: Program::default(), indicators: Vec::new() };
    if *parser.peek() == Kind::End {
        return Err(RuleError::new(1, "the rule is empty: write a condition, as in `close > sma(50)`"));
    }
    let rule = parser.disjunction()?;
    parser.end()?;
    if rule.type_ == Type::Number {
        return Err(RuleError::new(
            rule.column,
            "a rule must be a condition and this is a number: compare it with something, as in `close > sma(50)`",
        ));
    }
    Ok(Parsed { program: parser.program, root: rule.id, indicators: parser.indicators })
}

impl Parser<'_> {
    fn peek(&self) -> &Kind {
        self.tokens.get(self.at).map_or(&Kind::End, |token| &token.kind)
    }

    fn column(&self) -> usize {
        self.tokens.get(self.at).or(self.tokens.last()).map_or(1, |token| token.column)
    }

    fn take(&mut self, kind: &Kind) -> bool {
        let found = self.peek() == kind;
        self.at += usize::from(found);
        found
    }

    fn add(&mut self, node: Node, type_: Type, column: usize) -> Result<Term, RuleError> {
        let id = self.program.add(node);
        self.within_limits(column)?;
        Ok(Term { id, type_, column })
    }

    fn within_limits(&self, column: usize) -> Result<(), RuleError> {
        if self.program.nodes().len() > MAX_OPERATIONS {
            return Err(RuleError::new(column, format!("a rule must have at most {MAX_OPERATIONS} operations")));
        }
        Ok(())
    }

    fn nested(&mut self, inner: fn(&mut Self) -> Result<Term, RuleError>) -> Result<Term, RuleError> {
        if self.depth == MAX_DEPTH {
            return Err(RuleError::new(self.column(), format!("a rule must be at most {MAX_DEPTH} levels deep")));
        }
        self.depth += 1;
        let term = inner(self);
        self.depth -= 1;
        term
    }

    fn end(&self) -> Result<(), RuleError> {
        let message = match self.peek() {
            Kind::End => return Ok(()),
            Kind::Close => "this `)` has no matching `(`".to_owned(),
            other => format!("expected `and`, `or` or the end of the rule, found {}", other.written()),
        };
        Err(RuleError::new(self.column(), message))
    }

    fn disjunction(&mut self) -> Result<Term, RuleError> {
        let mut left = self.conjunction()?;
        while self.take(&Kind::Or) {
            let right = self.conjunction()?;
            need(Type::Condition, "`or`", left)?;
            need(Type::Condition, "`or`", right)?;
            left = self.add(Node::Or(left.id, right.id), Type::Condition, left.column)?;
        }
        Ok(left)
    }

    fn conjunction(&mut self) -> Result<Term, RuleError> {
        let mut left = self.negation()?;
        while self.take(&Kind::And) {
            let right = self.negation()?;
            need(Type::Condition, "`and`", left)?;
            need(Type::Condition, "`and`", right)?;
            left = self.add(Node::And(left.id, right.id), Type::Condition, left.column)?;
        }
        Ok(left)
    }

    fn negation(&mut self) -> Result<Term, RuleError> {
        let column = self.column();
        if !self.take(&Kind::Not) {
            return self.comparison();
        }
        let inner = self.nested(Self::negation)?;
        need(Type::Condition, "`not`", inner)?;
        self.add(Node::Not(inner.id), Type::Condition, column)
    }

    fn comparison(&mut self) -> Result<Term, RuleError> {
        let left = self.sum()?;
        let sign = self.peek().clone();
        let node: fn(Id, Id) -> Node = match sign {
            Kind::Less => Node::Less,
            Kind::LessOrEqual => Node::LessOrEqual,
            Kind::Greater => |a, b| Node::Less(b, a),
            Kind::GreaterOrEqual => |a, b| Node::LessOrEqual(b, a),
            _ => return Ok(left),
        };
        self.at += 1;
        let right = self.sum()?;
        need(Type::Number, &sign.written(), left)?;
        need(Type::Number, &sign.written(), right)?;
        if matches!(self.peek(), Kind::Less | Kind::LessOrEqual | Kind::Greater | Kind::GreaterOrEqual) {
            return Err(RuleError::new(
                self.column(),
                "comparisons cannot be chained; write `a < b and b < c` instead of `a < b < c`",
            ));
        }
        self.add(node(left.id, right.id), Type::Condition, left.column)
    }

    fn sum(&mut self) -> Result<Term, RuleError> {
        let mut left = self.product()?;
        loop {
            let (operator, sign) = match self.peek() {
                Kind::Plus => (Arithmetic::Add, "`+`"),
                Kind::Minus => (Arithmetic::Subtract, "`-`"),
                _ => return Ok(left),
            };
            self.at += 1;
            let right = self.product()?;
            left = self.arithmetic(operator, sign, left, right)?;
        }
    }

    fn product(&mut self) -> Result<Term, RuleError> {
        let mut left = self.signed()?;
        loop {
            let (operator, sign) = match self.peek() {
                Kind::Star => (Arithmetic::Multiply, "`*`"),
                Kind::Slash => (Arithmetic::Divide, "`/`"),
                _ => return Ok(left),
            };
            self.at += 1;
            let right = self.signed()?;
            left = self.arithmetic(operator, sign, left, right)?;
        }
    }

    fn arithmetic(&mut self, operator: Arithmetic, sign: &str, left: Term, right: Term) -> Result<Term, RuleError> {
        need(Type::Number, sign, left)?;
        need(Type::Number, sign, right)?;
        self.add(Node::Arithmetic(operator, left.id, right.id), Type::Number, left.column)
    }

    fn signed(&mut self) -> Result<Term, RuleError> {
        let column = self.column();
        if !self.take(&Kind::Minus) {
            return self.primary();
        }
        let inner = self.nested(Self::signed)?;
        need(Type::Number, "`-`", inner)?;
        self.add(Node::Negate(inner.id), Type::Number, column)
    }

    fn primary(&mut self) -> Result<Term, RuleError> {
        let at = self.column();
        let kind = self.peek().clone();
        match kind {
            Kind::Number(value) => {
                self.at += 1;
                self.add(Node::Literal(value), Type::Number, at)
            }
            Kind::Parameter(name) => self.parameter(&name),
            Kind::Name(name) => {
                self.at += 1;
                self.named(&name, at)
            }
            Kind::Open => {
                self.at += 1;
                let inner = self.nested(Self::disjunction)?;
                self.close(at)?;
                Ok(Term { column: at, ..inner })
            }
            other => Err(RuleError::new(
                at,
                format!("expected a column, a number, an indicator or `(`, found {}", other.written()),
            )),
        }
    }

    fn parameter(&mut self, name: &str) -> Result<Term, RuleError> {
        let column = self.column();
        let Some(parameters) = self.parameters else {
            return Err(RuleError::new(column, format!("`${name}`: parameters are only allowed in a sweep")));
        };
        match parameters.get(name) {
            Some(value) if value.is_finite() => {
                self.at += 1;
                self.add(Node::Literal(*value), Type::Number, column)
            }
            Some(_) => Err(RuleError::new(column, format!("parameter `${name}` is not a finite number"))),
            None => Err(RuleError::new(column, format!("parameter `${name}` has no values"))),
        }
    }

    fn close(&mut self, opened_at: usize) -> Result<(), RuleError> {
        if self.take(&Kind::Close) {
            return Ok(());
        }
        let found = self.peek().written();
        Err(RuleError::new(self.column(), format!("expected `)` for the `(` at column {opened_at}, found {found}")))
    }

    fn named(&mut self, name: &str, at: usize) -> Result<Term, RuleError> {
        let called = *self.peek() == Kind::Open;
        if let Some(known) = column(name) {
            if called {
                return Err(RuleError::new(at, format!("`{name}` is a column and takes no arguments")));
            }
            return self.add(Node::Column(known), Type::Number, at);
        }
        let Some(function) = function(name) else {
            let hint = match nearest(name, names()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "columns are open, high, low, close and volume".to_owned(),
            };
            return Err(RuleError::new(at, format!("unknown name `{name}`: {hint}")));
        };
        if !called {
            return Err(RuleError::new(at, format!("`{name}` needs its arguments in parentheses")));
        }
        let arguments = self.arguments()?;
        self.call(function, name, at, &arguments)
    }

    fn arguments(&mut self) -> Result<Vec<Term>, RuleError> {
        let opened_at = self.column();
        self.at += 1;
        let mut arguments = Vec::new();
        if self.take(&Kind::Close) {
            return Ok(arguments);
        }
        loop {
            arguments.push(self.nested(Self::disjunction)?);
            if !self.take(&Kind::Comma) {
                break;
            }
        }
        self.close(opened_at)?;
        Ok(arguments)
    }

    fn call(&mut self, function: Function, name: &str, at: usize, given: &[Term]) -> Result<Term, RuleError> {
        for argument in given {
            need(Type::Number, &format!("`{name}`"), *argument)?;
        }
        if let Function::CrossesAbove | Function::CrossesBelow = function {
            let [a, b] = given else {
                return Err(RuleError::new(at, arity(name, "2 arguments", given.len())));
            };
            let node = if function == Function::CrossesAbove {
                Node::CrossesAbove(a.id, b.id)
            } else {
                Node::CrossesAbove(b.id, a.id)
            };
            return self.add(node, Type::Condition, at);
        }
        let expected = function.constants().len();
        let (source, constants) = match given {
            [source, constants @ ..] if constants.len() == expected && function.takes_source() => {
                (Some(source.id), constants)
            }
            constants if constants.len() == expected => (None, constants),
            _ => return Err(RuleError::new(at, arity(name, &takes(function, expected), given.len()))),
        };
        let mut values = Vec::with_capacity(expected);
        for (meaning, term) in function.constants().iter().zip(constants) {
            values.push(self.constant(*meaning, name, *term)?);
        }
        let source = match source {
            Some(source) => source,
            None => self.program.add(Node::Column(function.default_source())),
        };
        let id = indicator(&mut self.program, function, source, &values);
        self.within_limits(at)?;
        let closed_at = self.at.checked_sub(1).and_then(|last| self.tokens.get(last)).map_or(at, |token| token.column);
        self.indicators.push(Call { id, columns: (at, closed_at) });
        Ok(Term { id, type_: Type::Number, column: at })
    }

    fn constant(&self, meaning: Constant, name: &str, term: Term) -> Result<f64, RuleError> {
        let value = self.program.literal(term.id);
        match meaning {
            Constant::Window => {
                let range = f64::from(MIN_WINDOW)..=f64::from(MAX_WINDOW);
                value.filter(|bars| range.contains(bars) && bars.fract() == 0.0).ok_or_else(|| {
                    RuleError::new(
                        term.column,
                        format!("the window of `{name}` must be a whole number from {MIN_WINDOW} to {MAX_WINDOW}"),
                    )
                })
            }
            Constant::Multiple => value.filter(|multiple| *multiple >= 0.0).ok_or_else(|| {
                RuleError::new(term.column, format!("the multiple of `{name}` must be a number of at least 0"))
            }),
        }
    }
}

fn need(type_: Type, user: &str, term: Term) -> Result<(), RuleError> {
    if term.type_ == type_ {
        return Ok(());
    }
    let message = match type_ {
        Type::Number => format!("{user} needs a number and this is a condition"),
        Type::Condition => format!("{user} needs a condition and this is a number"),
    };
    Err(RuleError::new(term.column, message))
}

fn takes(function: Function, constants: usize) -> String {
    match (function.takes_source(), constants) {
        (true, constants) => format!("{constants} or {} arguments", constants + 1),
        (false, 1) => "1 argument".to_owned(),
        (false, constants) => format!("{constants} arguments"),
    }
}

fn arity(name: &str, takes: &str, given: usize) -> String {
    format!("{name} takes {takes}, not {given}")
}
