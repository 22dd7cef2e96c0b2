//! The compiled form of rules: a list of operations in which equal sub-expressions occur once.

/// Index of a node in its program; operands always come before the nodes that use them.
pub(crate) type Id = u16;

/// A column of the bars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Column {
    Open,
    High,
    Low,
    Close,
    Volume,
}

/// An operation on two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
}

/// An indicator of one series and one window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Windowed {
    Sma,
    Ema,
    Rsi,
    Roc,
    Stdev,
    Highest,
    Lowest,
}

/// An indicator that a rule names.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Named {
    pub(crate) id: Id,
    /// As the rule writes it, in lower case with a blank after each comma.
    pub(crate) name: String,
}

/// One operation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Node {
    /// A finite number.
    Literal(f64),
    Column(Column),
    Negate(Id),
    Arithmetic(Arithmetic, Id, Id),
    Windowed(Windowed, Id, u16),
    Atr(u16),
    /// The first number is below the second; `>` is the same with the sides swapped.
    Less(Id, Id),
    LessOrEqual(Id, Id),
    /// The first number was at or below the second one bar ago and is above it now.
    CrossesAbove(Id, Id),
    And(Id, Id),
    Or(Id, Id),
    Not(Id),
    Constant(bool),
}

impl Node {
    /// The nodes this one reads.
    pub(crate) fn operands(self) -> impl Iterator<Item = Id> {
        let (first, second) = match self {
            Self::Literal(_) | Self::Column(_) | Self::Atr(_) | Self::Constant(_) => (None, None),
            Self::Negate(a) | Self::Windowed(_, a, _) | Self::Not(a) => (Some(a), None),
            Self::Arithmetic(_, a, b)
            | Self::Less(a, b)
            | Self::LessOrEqual(a, b)
            | Self::CrossesAbove(a, b)
            | Self::And(a, b)
            | Self::Or(a, b) => (Some(a), Some(b)),
        };
        first.into_iter().chain(second)
    }

    fn moved(self, to: &[Id]) -> Self {
        let at = |id: Id| to[usize::from(id)];
        match self {
            Self::Literal(_) | Self::Column(_) | Self::Atr(_) | Self::Constant(_) => self,
            Self::Negate(a) => Self::Negate(at(a)),
            Self::Windowed(kind, a, window) => Self::Windowed(kind, at(a), window),
            Self::Not(a) => Self::Not(at(a)),
            Self::Arithmetic(operator, a, b) => Self::Arithmetic(operator, at(a), at(b)),
            Self::Less(a, b) => Self::Less(at(a), at(b)),
            Self::LessOrEqual(a, b) => Self::LessOrEqual(at(a), at(b)),
            Self::CrossesAbove(a, b) => Self::CrossesAbove(at(a), at(b)),
            Self::And(a, b) => Self::And(at(a), at(b)),
            Self::Or(a, b) => Self::Or(at(a), at(b)),
        }
    }
}

impl Arithmetic {
    /// The result, or NaN where it is undefined: a division by zero or an overflow.
    pub(crate) fn apply(self, a: f64, b: f64) -> f64 {
        let result = match self {
            Self::Add => a + b,
            Self::Subtract => a - b,
            Self::Multiply => a * b,
            Self::Divide => a / b,
        };
        if result.is_finite() { result } else { f64::NAN }
    }
}

/// Operations in the order in which they can be computed.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Program {
    nodes: Vec<Node>,
}

impl Program {
    pub(crate) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    pub(crate) fn into_nodes(self) -> Vec<Node> {
        self.nodes
    }

    /// The index of `node`, added if there is no equal one; arithmetic on literals is folded.
    pub(crate) fn add(&mut self, node: Node) -> Id {
        let node = self.folded(node);
        let place = self.nodes.iter().position(|known| *known == node).unwrap_or_else(|| {
            self.nodes.push(node);
            self.nodes.len() - 1
        });
        place as Id
    }

    /// The value of a node that is a literal.
    pub(crate) fn literal(&self, id: Id) -> Option<f64> {
        match self.nodes.get(usize::from(id)) {
            Some(Node::Literal(value)) => Some(*value),
            _ => None,
        }
    }

    /// Takes over another program's nodes; returns the index of its `root` here.
    pub(crate) fn merge(&mut self, other: &Self, root: Id) -> Id {
        let mut places: Vec<Id> = Vec::with_capacity(other.nodes.len());
        for node in &other.nodes {
            let place = self.add(node.moved(&places));
            places.push(place);
        }
        places.get(usize::from(root)).copied().unwrap_or_default()
    }

    /// An undefined result stays an operation: a literal is always finite.
    fn folded(&self, node: Node) -> Node {
        let value = match node {
            Node::Negate(a) => self.literal(a).map(|value| -value),
            Node::Arithmetic(operator, a, b) => self.literal(a).zip(self.literal(b)).map(|(a, b)| operator.apply(a, b)),
            _ => None,
        };
        value.filter(|value| value.is_finite()).map_or(node, Node::Literal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_expressions_of_two_rules_are_shared() {
        let rule = |less: fn(Id, Id) -> Node| {
            let mut program = Program::default();
            let close = program.add(Node::Column(Column::Close));
            let fast = program.add(Node::Windowed(Windowed::Sma, close, 50));
            let slow = program.add(Node::Windowed(Windowed::Sma, close, 200));
            let root = program.add(less(fast, slow));
            (program, root)
        };
        let mut both = Program::default();
        let (buy, buy_root) = rule(|fast, slow| Node::Less(slow, fast));
        let (sell, sell_root) = rule(Node::Less);
        let buy_root = both.merge(&buy, buy_root);
        let sell_root = both.merge(&sell, sell_root);
        assert_ne!(buy_root, sell_root);
        assert_eq!(both.nodes().len(), 5, "three columns and two comparisons");
    }

    #[test]
    fn literals_are_folded_unless_undefined() {
        let mut program = Program::default();
        let (one, zero) = (program.add(Node::Literal(1.0)), program.add(Node::Literal(0.0)));
        let sum = program.add(Node::Arithmetic(Arithmetic::Add, one, one));
        let undefined = program.add(Node::Arithmetic(Arithmetic::Divide, one, zero));
        assert_eq!(program.literal(sum), Some(2.0));
        assert_eq!(program.literal(undefined), None);
    }
}
