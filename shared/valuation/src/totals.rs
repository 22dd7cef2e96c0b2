//! The totals of one symbol over a span of days, so that an attribution does not need its days again.

use std::cmp::Ordering;

use domain::Symbol;
use serde::{Deserialize, Serialize};

use crate::amount::Amount;
use crate::columns::InstrumentTotals;
use crate::flow_count::FlowCount;

/// The totals of one symbol over a span, exact, in the base currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SymbolTotals {
    /// The symbol.
    pub symbol: Symbol,
    /// Value at the end of the day before the span.
    #[serde(default, skip_serializing_if = "Amount::is_zero")]
    pub start: Amount,
    /// Money paid in.
    #[serde(default, skip_serializing_if = "Amount::is_zero")]
    pub inflow: Amount,
    /// Money paid out, dividends included.
    #[serde(default, skip_serializing_if = "Amount::is_zero")]
    pub outflow: Amount,
    /// Dividends and interest, before tax.
    #[serde(default, skip_serializing_if = "Amount::is_zero")]
    pub income: Amount,
    /// The interest in `income`.
    #[serde(default, skip_serializing_if = "Amount::is_zero")]
    pub interest: Amount,
    /// Taxes.
    #[serde(default, skip_serializing_if = "Amount::is_zero")]
    pub taxes: Amount,
    /// Fees.
    #[serde(default, skip_serializing_if = "Amount::is_zero")]
    pub fees: Amount,
    /// The effect of exchange rate changes.
    #[serde(default, skip_serializing_if = "Amount::is_zero")]
    pub fx: Amount,
    /// Value at the end of the span.
    #[serde(default, skip_serializing_if = "Amount::is_zero")]
    pub end: Amount,
    /// Flows at a price more than 5 % outside the range of their day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outside_the_day: Option<FlowCount>,
    /// Flows on days without an exchange rate, converted at that of another day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub without_rate: Option<FlowCount>,
}

impl SymbolTotals {
    pub(crate) fn new(symbol: &Symbol, totals: &InstrumentTotals) -> Self {
        Self {
            symbol: symbol.clone(),
            start: Amount::new(totals.start),
            inflow: Amount::new(totals.inflow),
            outflow: Amount::new(totals.outflow),
            income: Amount::new(totals.income),
            interest: Amount::new(totals.interest),
            taxes: Amount::new(totals.taxes),
            fees: Amount::new(totals.fees),
            fx: Amount::new(totals.fx),
            end: Amount::new(totals.end),
            outside_the_day: totals.outside_the_day,
            without_rate: totals.without_rate,
        }
    }

    /// The totals of this span and the next one.
    fn then(&self, next: &Self) -> Self {
        Self {
            symbol: self.symbol.clone(),
            start: self.start,
            inflow: self.inflow + next.inflow,
            outflow: self.outflow + next.outflow,
            income: self.income + next.income,
            interest: self.interest + next.interest,
            taxes: self.taxes + next.taxes,
            fees: self.fees + next.fees,
            fx: self.fx + next.fx,
            end: next.end,
            outside_the_day: FlowCount::then(self.outside_the_day, next.outside_the_day),
            without_rate: FlowCount::then(self.without_rate, next.without_rate),
        }
    }
}

/// The totals of a span and of the one after it, each by symbol. A symbol that is in only one of them was not held
/// through the other.
pub(crate) fn followed_by(first: &[SymbolTotals], next: &[SymbolTotals]) -> Vec<SymbolTotals> {
    let mut all = Vec::with_capacity(first.len().max(next.len()));
    let (mut first, mut next) = (first.iter().peekable(), next.iter().peekable());
    while let (Some(&a), Some(&b)) = (first.peek(), next.peek()) {
        all.push(match a.symbol.cmp(&b.symbol) {
            Ordering::Less => a.clone(),
            Ordering::Equal => a.then(b),
            Ordering::Greater => b.clone(),
        });
        first.next_if(|_| a.symbol <= b.symbol);
        next.next_if(|_| b.symbol <= a.symbol);
    }
    all.extend(first.chain(next).cloned());
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn totals(symbol: &str, start: &str, inflow: &str, end: &str) -> SymbolTotals {
        let amount = |text: &str| text.parse().unwrap();
        let none = InstrumentTotals::default();
        let (start, inflow, end) = (amount(start), amount(inflow), amount(end));
        SymbolTotals { start, inflow, end, ..SymbolTotals::new(&symbol.parse().unwrap(), &none) }
    }

    #[test]
    fn totals_of_consecutive_spans_are_merged_by_symbol() {
        let first = [totals("A", "0", "10", "11"), totals("B", "0", "5", "0"), totals("D", "1", "0", "2")];
        let next = [totals("A", "11", "1", "13"), totals("C", "0", "7", "7"), totals("D", "2", "0", "3")];
        let expected = [
            totals("A", "0", "11", "13"),
            totals("B", "0", "5", "0"),
            totals("C", "0", "7", "7"),
            totals("D", "1", "0", "3"),
        ];
        assert_eq!(followed_by(&first, &next), expected);
    }

    #[test]
    fn zero_totals_are_not_written() {
        assert_eq!(serde_json::to_string(&totals("A", "0", "10.5", "0")).unwrap(), r#"{"symbol":"A","inflow":"10.5"}"#);
    }
}
