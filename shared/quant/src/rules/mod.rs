//! The rule language: `close < sma(50) and rsi(14) < 30`, parsed once, evaluated over columns.
//!
//! A rule is a condition on one bar and the bars before it. Numbers and conditions are two types: numbers come from the
//! columns (`open high low close volume`), literals, indicators and `+ - * /`; conditions from `< <= > >=`,
//! `crosses_above`, `crosses_below`, `and`, `or`, `not`. Names are case-insensitive. A number that cannot be computed
//! (a window not yet full, a division by zero, an overflow) is undefined. Undefined propagates through arithmetic,
//! comparisons and `not`; `and` and `or` follow SQL. A rule that is undefined does not fire.

mod columns;
mod error;
mod evaluate;
mod functions;
mod lexer;
mod lines;
mod nearest;
mod parser;
mod program;
mod truth;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

pub(crate) use columns::Columns;
pub use error::RuleError;
pub(crate) use evaluate::{Evaluation, Signal, evaluate};
pub use lexer::MAX_CHARACTERS;
pub use lines::{PriceLine, price_lines};
pub use parser::{MAX_DEPTH, MAX_OPERATIONS, MAX_WINDOW, MIN_WINDOW};
pub(crate) use program::{Id, Program};
use program::{Named, Node};

/// A checked rule, ready to be evaluated; its text is stored as written.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    text: String,
    program: Program,
    root: Id,
    indicators: Vec<Named>,
}

impl Rule {
    /// Parses a rule. `$name` parameters are refused: they belong to a sweep, see [`Rule::bind`].
    pub fn parse(text: &str) -> Result<Self, RuleError> {
        Self::read(text, None)
    }

    /// Parses a rule with a value for each `$name` in it, as each run of a sweep does.
    pub fn bind(text: &str, parameters: &BTreeMap<String, f64>) -> Result<Self, RuleError> {
        Self::read(text, Some(parameters))
    }

    fn read(text: &str, parameters: Option<&BTreeMap<String, f64>>) -> Result<Self, RuleError> {
        let tokens = lexer::tokens(text)?;
        let parsed = parser::parse(&tokens, parameters).map_err(|error| {
            let token = tokens.iter().find(|token| token.column == error.column);
            let length = token.map_or(0, |token| token.length);
            error.of_length(length)
        });
        let parser::Parsed { program, root, indicators } = parsed?;
        let letters: Vec<char> = text.chars().collect();
        let named = |call: parser::Call| Named { id: call.id, name: call.name(&letters) };
        let indicators = indicators.into_iter().map(named).collect();
        Ok(Self { text: text.to_owned(), program, root, indicators })
    }

    /// The rule that fires on every bar; the language cannot express it.
    #[must_use]
    pub fn always() -> Self {
        Self::constant("always", true)
    }

    /// The rule that never fires; the language cannot express it.
    #[must_use]
    pub fn never() -> Self {
        Self::constant("never", false)
    }

    fn constant(text: &str, value: bool) -> Self {
        let mut program = Program::default();
        let root = program.add(Node::Constant(value));
        Self { text: text.to_owned(), program, root, indicators: Vec::new() }
    }

    /// The rule as it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn program(&self) -> (&Program, Id) {
        (&self.program, self.root)
    }
}

impl FromStr for Rule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        Self::parse(text)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
