//! Programs over columns: every operation runs once over all bars.

use std::borrow::Cow;

use super::columns::Columns;
use super::program::{Column, Id, Node, Program, Windowed};
use super::truth::{self, Truth};
use crate::indicators;

/// When a rule fires, by bar.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Signal<'a> {
    /// The same on every bar.
    Constant(bool),
    Truths(&'a [Truth]),
    /// Where the first number is below the second. Such a rule is evaluated only on the closes that are read: most
    /// rules have this form, and one of the two is always idle.
    Less(&'a [f64], &'a [f64]),
    LessOrEqual(&'a [f64], &'a [f64]),
}

impl Signal<'_> {
    /// The first bar from `start` up to but not including `end` on which the rule fires.
    pub(crate) fn next(&self, start: usize, end: usize) -> Option<usize> {
        if start >= end {
            return None;
        }
        let bars = match *self {
            Self::Constant(fires) => fires.then_some(0),
            Self::Truths(truths) => truths[start..end].iter().position(|truth| *truth == truth::TRUE),
            Self::Less(a, b) => a[start..end].iter().zip(&b[start..end]).position(|(a, b)| a < b),
            Self::LessOrEqual(a, b) => a[start..end].iter().zip(&b[start..end]).position(|(a, b)| a <= b),
        };
        bars.map(|bars| start + bars)
    }
}

/// The value of a node.
#[derive(Clone)]
enum Value<'a> {
    /// The same number on every bar, NaN where undefined.
    Number(f64),
    Numbers(Cow<'a, [f64]>),
    /// The same truth on every bar.
    Truth(Truth),
    Truths(Vec<Truth>),
    /// No later node reads it.
    Spent,
}

/// The values of a program; those of its roots can be read.
pub(crate) struct Evaluation<'a> {
    nodes: Vec<Node>,
    values: Vec<Value<'a>>,
}

/// Computes a program, each node once; what only a later read of a root needs is left to it.
pub(crate) fn evaluate<'a>(program: Program, roots: &[Id], columns: &Columns<'a>) -> Evaluation<'a> {
    let nodes = program.into_nodes();
    let mut last_use: Vec<usize> = vec![0; nodes.len()];
    for (at, node) in nodes.iter().enumerate() {
        for operand in node.operands() {
            last_use[usize::from(operand)] = at;
        }
    }
    let deferred: Vec<usize> = roots.iter().map(|&root| usize::from(root)).filter(|&at| last_use[at] == 0).collect();
    for &root in roots {
        last_use[usize::from(root)] = nodes.len();
        for operand in nodes[usize::from(root)].operands() {
            last_use[usize::from(operand)] = nodes.len();
        }
    }
    let mut values: Vec<Value<'a>> = Vec::with_capacity(nodes.len());
    for (at, node) in nodes.iter().enumerate() {
        if deferred.contains(&at) && comparison(*node, &values).is_some() {
            values.push(Value::Spent);
            continue;
        }
        values.push(value(*node, &values, columns));
        for operand in node.operands() {
            if last_use[usize::from(operand)] == at {
                values[usize::from(operand)] = Value::Spent;
            }
        }
    }
    Evaluation { nodes, values }
}

impl Evaluation<'_> {
    /// When the rule that ends in `root` fires.
    pub(crate) fn signal(&self, root: Id) -> Signal<'_> {
        match &self.values[usize::from(root)] {
            Value::Truths(truths) => Signal::Truths(truths),
            Value::Truth(truth) => Signal::Constant(*truth == truth::TRUE),
            Value::Number(_) | Value::Numbers(_) | Value::Spent => {
                comparison(self.nodes[usize::from(root)], &self.values).unwrap_or(Signal::Constant(false))
            }
        }
    }
}

impl Evaluation<'_> {
    /// The numbers of a root; none if it is not a series of them.
    pub(crate) fn numbers(&self, root: Id) -> Option<&[f64]> {
        match self.values.get(usize::from(root))? {
            Value::Numbers(numbers) => Some(numbers),
            Value::Number(_) | Value::Truth(_) | Value::Truths(_) | Value::Spent => None,
        }
    }
}

/// A comparison of two columns, deferred until it is read.
fn comparison<'v>(node: Node, values: &'v [Value<'_>]) -> Option<Signal<'v>> {
    let column = |id: Id| match &values[usize::from(id)] {
        Value::Numbers(column) => Some(&**column),
        _ => None,
    };
    match node {
        Node::Less(a, b) => Some(Signal::Less(column(a)?, column(b)?)),
        Node::LessOrEqual(a, b) => Some(Signal::LessOrEqual(column(a)?, column(b)?)),
        _ => None,
    }
}

fn value<'a>(node: Node, values: &[Value<'a>], columns: &Columns<'a>) -> Value<'a> {
    let of = |id: Id| &values[usize::from(id)];
    match node {
        Node::Literal(number) => Value::Number(number),
        Node::Constant(fires) => Value::Truth(truth::truth(fires)),
        Node::Column(column) => Value::Numbers(columns.get(column)),
        Node::Negate(a) => zip_numbers(of(a), of(a), |a, _| -a),
        Node::Arithmetic(operator, a, b) => zip_numbers(of(a), of(b), |a, b| operator.apply(a, b)),
        Node::Windowed(kind, source, window) => {
            Value::Numbers(Cow::Owned(windowed(kind, &numbers(of(source), columns.len()), usize::from(window))))
        }
        Node::Atr(window) => Value::Numbers(Cow::Owned(indicators::atr(
            &columns.get(Column::High),
            &columns.get(Column::Low),
            &columns.get(Column::Close),
            usize::from(window),
        ))),
        Node::Less(a, b) => compare(of(a), of(b), truth::less),
        Node::LessOrEqual(a, b) => compare(of(a), of(b), truth::less_or_equal),
        Node::CrossesAbove(a, b) => crosses_above(of(a), of(b)),
        Node::And(a, b) => zip_truths(of(a), of(b), truth::and),
        Node::Or(a, b) => zip_truths(of(a), of(b), truth::or),
        Node::Not(a) => zip_truths(of(a), of(a), |a, _| truth::not(a)),
    }
}

fn windowed(kind: Windowed, source: &[f64], window: usize) -> Vec<f64> {
    match kind {
        Windowed::Sma => indicators::sma(source, window),
        Windowed::Ema => indicators::ema(source, window),
        Windowed::Rsi => indicators::rsi(source, window),
        Windowed::Roc => indicators::roc(source, window),
        Windowed::Stdev => indicators::stdev(source, window),
        Windowed::Highest => indicators::highest(source, window),
        Windowed::Lowest => indicators::lowest(source, window),
    }
}

/// A number as a column, for the indicators of a constant.
fn numbers<'v>(value: &'v Value<'_>, bars: usize) -> Cow<'v, [f64]> {
    match value {
        Value::Numbers(column) => Cow::Borrowed(column),
        Value::Number(number) => Cow::Owned(vec![*number; bars]),
        Value::Truth(_) | Value::Truths(_) | Value::Spent => Cow::Owned(vec![f64::NAN; bars]),
    }
}

fn zip_numbers<'a>(a: &Value<'_>, b: &Value<'_>, f: impl Fn(f64, f64) -> f64) -> Value<'a> {
    let column = |values: Vec<f64>| Value::Numbers(Cow::Owned(values));
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => Value::Number(f(*a, *b)),
        (Value::Numbers(a), Value::Number(b)) => column(a.iter().map(|&a| f(a, *b)).collect()),
        (Value::Number(a), Value::Numbers(b)) => column(b.iter().map(|&b| f(*a, b)).collect()),
        (Value::Numbers(a), Value::Numbers(b)) => column(a.iter().zip(b.iter()).map(|(&a, &b)| f(a, b)).collect()),
        _ => Value::Number(f64::NAN),
    }
}

fn compare<'a>(a: &Value<'_>, b: &Value<'_>, f: impl Fn(f64, f64) -> Truth) -> Value<'a> {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => Value::Truth(f(*a, *b)),
        (Value::Numbers(a), Value::Number(b)) => Value::Truths(a.iter().map(|&a| f(a, *b)).collect()),
        (Value::Number(a), Value::Numbers(b)) => Value::Truths(b.iter().map(|&b| f(*a, b)).collect()),
        (Value::Numbers(a), Value::Numbers(b)) => {
            Value::Truths(a.iter().zip(b.iter()).map(|(&a, &b)| f(a, b)).collect())
        }
        _ => Value::Truth(truth::UNDEFINED),
    }
}

fn zip_truths<'a>(a: &Value<'_>, b: &Value<'_>, f: impl Fn(Truth, Truth) -> Truth) -> Value<'a> {
    match (a, b) {
        (Value::Truth(a), Value::Truth(b)) => Value::Truth(f(*a, *b)),
        (Value::Truths(a), Value::Truth(b)) => Value::Truths(a.iter().map(|&a| f(a, *b)).collect()),
        (Value::Truth(a), Value::Truths(b)) => Value::Truths(b.iter().map(|&b| f(*a, b)).collect()),
        (Value::Truths(a), Value::Truths(b)) => Value::Truths(a.iter().zip(b.iter()).map(|(&a, &b)| f(a, b)).collect()),
        _ => Value::Truth(truth::UNDEFINED),
    }
}

/// The first bar has no predecessor: undefined.
fn crosses_above<'a>(a: &Value<'_>, b: &Value<'_>) -> Value<'a> {
    let above = compare(b, a, truth::less);
    let not_above_before = compare(a, b, truth::less_or_equal);
    let (Value::Truths(now), Value::Truths(before)) = (above, not_above_before) else {
        // Two constants never cross.
        return Value::Truth(truth::UNDEFINED);
    };
    let mut crossings = Vec::with_capacity(now.len());
    crossings.extend(now.first().map(|_| truth::UNDEFINED));
    let pairs = now.iter().skip(1).zip(&before);
    crossings.extend(pairs.map(|(&now, &before)| truth::both_defined_and(now, before)));
    Value::Truths(crossings)
}
