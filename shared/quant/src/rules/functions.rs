//! The functions of the language: names, arguments, and their compiled form.

use super::program::{Arithmetic, Column, Id, Node, Program, Windowed};

/// A function of the language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    /// An indicator with one window.
    Windowed(Windowed),
    /// Average true range.
    Atr,
    BollingerUpper,
    BollingerLower,
    Macd,
    MacdSignal,
    CrossesAbove,
    CrossesBelow,
}

const FUNCTIONS: [(&str, Function); 14] = [
    ("sma", Function::Windowed(Windowed::Sma)),
    ("ema", Function::Windowed(Windowed::Ema)),
    ("rsi", Function::Windowed(Windowed::Rsi)),
    ("roc", Function::Windowed(Windowed::Roc)),
    ("stdev", Function::Windowed(Windowed::Stdev)),
    ("highest", Function::Windowed(Windowed::Highest)),
    ("lowest", Function::Windowed(Windowed::Lowest)),
    ("atr", Function::Atr),
    ("bollinger_upper", Function::BollingerUpper),
    ("bollinger_lower", Function::BollingerLower),
    ("macd", Function::Macd),
    ("macd_signal", Function::MacdSignal),
    ("crosses_above", Function::CrossesAbove),
    ("crosses_below", Function::CrossesBelow),
];

const COLUMNS: [(&str, Column); 5] = [
    ("open", Column::Open),
    ("high", Column::High),
    ("low", Column::Low),
    ("close", Column::Close),
    ("volume", Column::Volume),
];

/// The meaning of a constant argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Constant {
    /// A window in bars.
    Window,
    /// A multiple of the standard deviation.
    Multiple,
}

pub(super) fn function(name: &str) -> Option<Function> {
    FUNCTIONS.iter().find(|(known, _)| *known == name).map(|&(_, function)| function)
}

pub(super) fn column(name: &str) -> Option<Column> {
    COLUMNS.iter().find(|(known, _)| *known == name).map(|&(_, column)| column)
}

/// Every name of the language, for suggestions.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    let words = ["and", "or", "not"];
    COLUMNS.iter().map(|&(name, _)| name).chain(FUNCTIONS.iter().map(|&(name, _)| name)).chain(words)
}

impl Function {
    /// The constant arguments of an indicator, in order; none for a crossing.
    pub(super) fn constants(self) -> &'static [Constant] {
        match self {
            Self::Windowed(_) | Self::Atr => &[Constant::Window],
            Self::BollingerUpper | Self::BollingerLower => &[Constant::Window, Constant::Multiple],
            Self::Macd => &[Constant::Window, Constant::Window],
            Self::MacdSignal => &[Constant::Window, Constant::Window, Constant::Window],
            Self::CrossesAbove | Self::CrossesBelow => &[],
        }
    }

    /// Whether a series can precede the constants and replace the default one.
    pub(super) fn takes_source(self) -> bool {
        !matches!(self, Self::Atr | Self::CrossesAbove | Self::CrossesBelow)
    }

    /// The default series of an indicator.
    pub(super) fn default_source(self) -> Column {
        match self {
            Self::Windowed(Windowed::Highest) => Column::High,
            Self::Windowed(Windowed::Lowest) => Column::Low,
            _ => Column::Close,
        }
    }
}

/// Adds an indicator over `source`; `constants` are those of [`Function::constants`], checked.
///
/// Bands and MACD are composed of moving averages here, so that a rule that also uses one of these averages computes it
/// once.
pub(super) fn indicator(program: &mut Program, function: Function, source: Id, constants: &[f64]) -> Id {
    let window = |index: usize| constants.get(index).map_or(1, |&value| value as u16);
    match function {
        Function::Windowed(kind) => program.add(Node::Windowed(kind, source, window(0))),
        Function::Atr => program.add(Node::Atr(window(0))),
        Function::BollingerUpper => band(program, Arithmetic::Add, source, constants),
        Function::BollingerLower => band(program, Arithmetic::Subtract, source, constants),
        Function::Macd => macd(program, source, window(0), window(1)),
        Function::MacdSignal => {
            let line = macd(program, source, window(0), window(1));
            program.add(Node::Windowed(Windowed::Ema, line, window(2)))
        }
        Function::CrossesAbove | Function::CrossesBelow => source,
    }
}

/// Mean ± k standard deviations of the same window (Bollinger 2001).
fn band(program: &mut Program, side: Arithmetic, source: Id, constants: &[f64]) -> Id {
    let (window, multiple) = match constants {
        [window, multiple] => (*window as u16, *multiple),
        _ => (1, 0.0),
    };
    let mean = program.add(Node::Windowed(Windowed::Sma, source, window));
    let deviation = program.add(Node::Windowed(Windowed::Stdev, source, window));
    let multiple = program.add(Node::Literal(multiple));
    let width = program.add(Node::Arithmetic(Arithmetic::Multiply, multiple, deviation));
    program.add(Node::Arithmetic(side, mean, width))
}

/// Fast minus slow exponential average (Appel 1979).
fn macd(program: &mut Program, source: Id, fast: u16, slow: u16) -> Id {
    let fast = program.add(Node::Windowed(Windowed::Ema, source, fast));
    let slow = program.add(Node::Windowed(Windowed::Ema, source, slow));
    program.add(Node::Arithmetic(Arithmetic::Subtract, fast, slow))
}
