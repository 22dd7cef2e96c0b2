//! A model's record over many graded forecasts.

use std::collections::BTreeMap;

use domain::Day;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{GradeState, Graded};
use crate::forecast::Model;

/// A forecast to be counted in a record.
#[derive(Clone, Copy, Debug)]
pub struct RecordEntry<'a> {
    /// The model that made it.
    pub model: Model,
    /// Whether it was made after the bar following its origin existed.
    pub hindsight: bool,
    /// Its grade.
    pub graded: &'a Graded,
}

/// A model's record over graded forecasts of one symbol.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SkillSummary {
    /// The model of these forecasts.
    pub model: Model,
    /// Whether this is the record of forecasts made in hindsight, as opposed to published ones.
    pub hindsight: bool,
    /// Graded forecasts behind the figures: those that share no day with an earlier one.
    pub forecasts: usize,
    /// 1 − mean MASE / naive's mean MASE: above 0 is better than "the price stays where it was".
    #[schema(required)]
    pub skill: Option<f64>,
    /// Mean share of the actuals inside the 95 % band.
    #[schema(required)]
    pub coverage_95: Option<f64>,
}

/// Summarizes graded forecasts of one symbol, by model, keeping those made in hindsight separate.
///
/// Forecasts whose days overlap are not independent, so only the earliest of them counts (of two from one origin, the
/// shorter). Pending ones are left out, and a model without a graded forecast has no record.
#[must_use]
pub fn summarise(entries: &[RecordEntry<'_>]) -> Vec<SkillSummary> {
    let mut records: BTreeMap<(Model, bool), Vec<&Graded>> = BTreeMap::new();
    for entry in entries.iter().filter(|entry| entry.graded.grade.state == GradeState::Graded) {
        records.entry((entry.model, entry.hindsight)).or_default().push(entry.graded);
    }
    let summaries = records.into_iter();
    summaries.map(|((model, hindsight), graded)| summary(model, hindsight, &not_overlapping(graded))).collect()
}

/// The earliest forecasts that each begin at or after the end of the one before.
fn not_overlapping(mut graded: Vec<&Graded>) -> Vec<&Graded> {
    graded.sort_by_key(|graded| (graded.as_of, last_day(graded)));
    let mut covered: Option<Day> = None;
    graded.retain(|graded| {
        let apart = covered.is_none_or(|covered| graded.as_of >= covered);
        if apart {
            covered = Some(last_day(graded));
        }
        apart
    });
    graded
}

/// Day of the last actual.
fn last_day(graded: &Graded) -> Day {
    graded.points.last().and_then(|step| step.actual_date).unwrap_or(graded.as_of)
}

fn summary(model: Model, hindsight: bool, apart: &[&Graded]) -> SkillSummary {
    let errors = apart.iter().filter_map(|graded| Some((graded.grade.mase?, graded.naive_mase?)));
    let (own, naive) = errors.fold((0.0, 0.0), |(own, naive), errors| (own + errors.0, naive + errors.1));
    let covered: Vec<f64> = apart.iter().filter_map(|graded| graded.grade.coverage_95).collect();
    let coverage = covered.iter().sum::<f64>() / covered.len() as f64;
    SkillSummary {
        model,
        hindsight,
        forecasts: apart.len(),
        skill: Some(1.0 - own / naive).filter(|skill| skill.is_finite()),
        coverage_95: Some(coverage).filter(|coverage| coverage.is_finite()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::grade;
    use super::*;
    use crate::forecast::{forecast, sample_bars};

    fn made_at(origin: usize, model: Model, horizon: usize) -> Graded {
        let bars = sample_bars::bars("AAPL");
        let made = forecast(&bars.slice(0, origin + 1), model, horizon).unwrap();
        grade(&bars, origin, &made.points).unwrap()
    }

    fn published(model: Model, graded: &Graded) -> RecordEntry<'_> {
        RecordEntry { model, hindsight: false, graded }
    }

    #[test]
    fn hindsight_never_counts_towards_published_skill() {
        let (early, late) = (made_at(1_000, Model::Walk, 30), made_at(2_000, Model::Walk, 30));
        let record = summarise(&[
            published(Model::Walk, &early),
            RecordEntry { hindsight: true, ..published(Model::Walk, &late) },
        ]);
        let [public, hindsight] = record[..] else { panic!("{record:?}") };
        assert_eq!((public.hindsight, public.forecasts), (false, 1));
        assert_eq!((hindsight.hindsight, hindsight.forecasts), (true, 1));
        assert!((public.skill.unwrap() - (1.0 - early.grade.rmase.unwrap())).abs() < 1e-12);
        assert_eq!(hindsight.coverage_95, late.grade.coverage_95);
    }

    #[test]
    fn of_overlapping_forecasts_the_earliest_counts() {
        let at: Vec<Graded> = [1_000, 1_001, 1_029, 1_030].map(|origin| made_at(origin, Model::Walk, 30)).into();
        let entries: Vec<RecordEntry<'_>> = at.iter().rev().map(|graded| published(Model::Walk, graded)).collect();
        let record = summarise(&entries);
        let mean = |figure: fn(&Graded) -> Option<f64>| f64::midpoint(figure(&at[0]).unwrap(), figure(&at[3]).unwrap());
        assert_eq!(record[0].forecasts, 2);
        let skill = 1.0 - mean(|graded| graded.grade.mase) / mean(|graded| graded.naive_mase);
        assert!((record[0].skill.unwrap() - skill).abs() < 1e-12);
        assert!((record[0].coverage_95.unwrap() - mean(|graded| graded.grade.coverage_95)).abs() < 1e-12);
    }

    #[test]
    fn of_two_forecasts_from_one_origin_the_shorter_counts() {
        let (long, short) = (made_at(1_000, Model::Drift, 60), made_at(1_000, Model::Drift, 10));
        let record = summarise(&[published(Model::Drift, &long), published(Model::Drift, &short)]);
        assert_eq!((record[0].forecasts, record[0].coverage_95), (1, short.grade.coverage_95));
    }

    #[test]
    fn pending_forecasts_have_no_record() {
        let bars = sample_bars::bars("AAPL");
        let pending = made_at(bars.len() - 2, Model::Walk, 30);
        assert_eq!(summarise(&[published(Model::Walk, &pending)]), []);
        assert_eq!(summarise(&[]), []);
    }

    #[test]
    fn models_are_listed_separately_with_the_default_first() {
        let graded: Vec<Graded> = Model::ALL.map(|model| made_at(1_500, model, 20)).into();
        let entries: Vec<RecordEntry<'_>> =
            Model::ALL.into_iter().zip(&graded).map(|(model, graded)| published(model, graded)).rev().collect();
        let listed: Vec<Model> = summarise(&entries).iter().map(|summary| summary.model).collect();
        assert_eq!(listed, Model::ALL);
        let naive = summarise(&entries)[1];
        assert!(naive.skill.unwrap().abs() < 1e-12);
    }
}
