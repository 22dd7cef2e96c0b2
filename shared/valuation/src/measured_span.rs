//! The span of a series that a performance measures, and its days.

use domain::Day;
use quant::portfolio::FlowTiming;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::benchmark::Benchmark;
use crate::invested::InvestedDay;
use crate::series::ValueSeries;

/// The span of a series to measure, and the parameters.
#[derive(Clone, Copy, Debug)]
pub struct PerformanceRequest<'a> {
    /// The series.
    pub series: &'a ValueSeries,
    /// First day, inclusive: the span starts with the value at the end of the previous day.
    pub from: Day,
    /// Last day, inclusive.
    pub to: Day,
    /// Yearly fraction.
    pub risk_free_rate: f64,
    /// When the money that moves on a day starts or stops earning, for time-weighted returns and the figures based on
    /// them.
    pub flow_timing: FlowTiming,
    /// The benchmark, if any.
    pub benchmark: Option<Benchmark<'a>>,
    /// The invested capital of the span, see [`crate::invested_days`].
    pub invested: &'a [InvestedDay],
}

/// A day of a performance, or a week or month, which has the date, value and return of its last day.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PerformanceDay {
    /// The day of the row.
    pub date: Day,
    /// Value at the close: the sum of the instruments' values, each rounded to the currency's unit.
    #[schema(value_type = domain::schema::DecimalString)]
    pub value: Decimal,
    /// Money paid in on the day, or over the period, before taxes.
    #[schema(value_type = domain::schema::DecimalString)]
    pub inflow: Decimal,
    /// Money paid out on the day, or over the period, before taxes, dividends included.
    #[schema(value_type = domain::schema::DecimalString)]
    pub outflow: Decimal,
    /// Time-weighted return from `from` up to this close; null before anything was invested.
    #[schema(required)]
    pub twr: Option<f64>,
}
