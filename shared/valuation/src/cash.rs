//! The tracked cash of one currency through all days.

use domain::{Currency, Day, ExchangeRate, Symbol};
use quant::portfolio::TrackedCash;

use crate::amount::Amount;
use crate::book::{CashMove, CashMoveKind, CashRecords, IncomeKind};
use crate::checkpoint::CheckpointCash;
use crate::columns::{Columns, InstrumentTotals, add};
use crate::error::ValuationError;
use crate::fixed::{self, AMOUNT_SCALE, TooLarge, exchanged};
use crate::rates::DayRate;

/// The cash of a currency on all days.
#[derive(Debug)]
pub(crate) struct CashStream<'a> {
    records: CashRecords<'a>,
    pub(crate) currency: Currency,
    rates: Option<Vec<DayRate>>,
    /// At the end of each day, in its currency.
    balances: Vec<i128>,
    /// What was put in on each day with a deposit, by the number of the day.
    deposits: Vec<(usize, i128)>,
    start: i128,
    rate: ExchangeRate,
    start_rate: ExchangeRate,
    pub(crate) totals: InstrumentTotals,
}

/// The moves of a span.
pub(crate) fn moves_of<'a>(records: &CashRecords<'a>, first: Day, to: Day) -> &'a [CashMove] {
    let from = records.moves.partition_point(|one| one.day < first);
    &records.moves[from..records.moves.partition_point(|one| one.day <= to).max(from)]
}

impl<'a> CashStream<'a> {
    /// Streams the cash through the days of a span; all days on which it moves are among them. `rates` are those of the
    /// days; none if it is in the base currency.
    pub(crate) fn run(
        records: CashRecords<'a>,
        standing: Option<&CheckpointCash>,
        (first, to): (Day, Day),
        days: &[Day],
        rates: Option<&[DayRate]>,
        columns: &mut Columns,
    ) -> Result<Self, ValuationError> {
        let number = |day: Day| move |source| ValuationError::Number { symbol: records.symbol.clone(), day, source };
        let balance = standing.map_or(0, |standing| standing.amount.finest());
        let rate = standing.map_or(ExchangeRate::ONE, |standing| standing.rate);
        let mut stream = Self {
            records,
            currency: records.currency,
            rates: rates.map(<[DayRate]>::to_vec),
            balances: Vec::with_capacity(days.len()),
            deposits: Vec::new(),
            start: balance,
            rate,
            start_rate: rate,
            totals: InstrumentTotals::default(),
        };
        stream.totals.start = if rates.is_some() { exchanged(balance, rate)? } else { balance };
        stream.totals.end = stream.totals.start;
        let mut moves = moves_of(&records, first, to);
        let mut balance = balance;
        for (at, &day) in days.iter().enumerate() {
            let (of_day, rest) = moves.split_at(moves.partition_point(|one| one.day <= day));
            moves = rest;
            stream.revalue(at, balance, columns)?;
            for one in of_day {
                let amount = fixed::whole(one.amount, AMOUNT_SCALE).map_err(number(day))?;
                balance = balance.checked_add(amount).ok_or(TooLarge)?;
                stream.count(at, one.kind, amount, columns)?;
            }
            let value = stream.in_base(at, balance, columns)?;
            columns.add_value(at, value)?;
            stream.totals.end = value;
            stream.balances.push(balance);
        }
        Ok(stream)
    }

    /// The effect of the rate's change on what was there the evening before.
    fn revalue(&mut self, at: usize, balance: i128, columns: &mut Columns) -> Result<(), ValuationError> {
        let Some(rates) = self.rates.as_deref().filter(|_| balance != 0) else { return Ok(()) };
        let change = exchanged(balance, rates[at].rate)?.checked_sub(self.totals.end).ok_or(TooLarge)?;
        add(&mut columns.fx[at], change)?;
        add(&mut self.totals.fx, change)?;
        Ok(())
    }

    fn count(
        &mut self,
        at: usize,
        kind: CashMoveKind,
        amount: i128,
        columns: &mut Columns,
    ) -> Result<(), ValuationError> {
        let in_base = self.in_base(at, amount, columns)?;
        let totals = &mut self.totals;
        match kind {
            CashMoveKind::Flow => {
                let (paid_in, paid_out) = (in_base.max(0), (-in_base).max(0));
                add(&mut columns.inflow[at], paid_in)?;
                add(&mut columns.outflow[at], paid_out)?;
                add(&mut totals.inflow, paid_in)?;
                add(&mut totals.outflow, paid_out)?;
                if amount > 0 {
                    self.deposits.push((at, amount));
                }
            }
            CashMoveKind::OfInstrument => add(&mut totals.inflow, in_base)?,
            CashMoveKind::Income(kind @ (IncomeKind::Dividend | IncomeKind::Interest)) => {
                add(&mut columns.income[at], in_base)?;
                add(&mut columns.late_income[at], in_base)?;
                add(&mut totals.income, in_base)?;
                if kind == IncomeKind::Interest {
                    add(&mut columns.interest[at], in_base)?;
                    add(&mut totals.interest, in_base)?;
                }
            }
            CashMoveKind::Income(IncomeKind::Fee) => {
                add(&mut columns.fees[at], -in_base)?;
                add(&mut totals.fees, -in_base)?;
            }
            CashMoveKind::Income(IncomeKind::Tax) => {
                add(&mut columns.taxes[at], -in_base)?;
                add(&mut columns.outflow[at], -in_base)?;
                add(&mut totals.taxes, -in_base)?;
                add(&mut totals.outflow, -in_base)?;
            }
            CashMoveKind::Exchange => {
                add(&mut columns.fx[at], in_base)?;
                add(&mut totals.fx, in_base)?;
            }
        }
        columns.has_cash_moves[at] = true;
        Ok(())
    }

    fn in_base(&mut self, at: usize, amount: i128, columns: &mut Columns) -> Result<i128, ValuationError> {
        let Some(rates) = self.rates.as_deref().filter(|_| amount != 0) else { return Ok(amount) };
        let DayRate { rate, known, .. } = rates[at];
        columns.without_rate[at] |= !known;
        self.rate = rate;
        Ok(exchanged(amount, rate)?)
    }

    /// A day, as its growth needs it.
    pub(crate) fn on(&self, at: usize) -> TrackedCash {
        let balance = at.checked_sub(1).map_or(self.start, |before| self.balances[before]);
        let rate = self.rates.as_deref().map_or(1.0, |rates| rates[at].rate.to_f64());
        let before = match (self.rates.as_deref(), at.checked_sub(1)) {
            (None, _) => 1.0,
            (Some(_), None) if self.start != 0 => self.start_rate.to_f64(),
            (Some(rates), None) => rates[at].before.map_or(rate, ExchangeRate::to_f64),
            (Some(rates), Some(before)) => rates[before].rate.to_f64(),
        };
        let from = self.deposits.partition_point(|&(of, _)| of < at);
        let deposit: i128 =
            self.deposits[from..].iter().take_while(|&&(of, _)| of == at).map(|&(_, amount)| amount).sum();
        let money = |amount: i128| fixed::to_f64(amount, AMOUNT_SCALE);
        TrackedCash { balance: money(balance), rates: [before, rate], deposit: money(deposit) }
    }

    /// What is there at the end of a day, in the base currency.
    pub(crate) fn value_on(&self, at: usize) -> f64 {
        let rate = self.rates.as_deref().map_or(1.0, |rates| rates[at].rate.to_f64());
        fixed::to_f64(self.balances[at], AMOUNT_SCALE) * rate
    }

    /// What is there at the end; nothing if there is none.
    pub(crate) fn standing(&self) -> Option<CheckpointCash> {
        let amount = Amount::new(self.balances.last().copied().unwrap_or(self.start));
        (!amount.is_zero()).then_some(CheckpointCash { currency: self.currency, amount, rate: self.rate })
    }

    pub(crate) fn symbol(&self) -> &'a Symbol {
        self.records.symbol
    }
}
