//! The books compared with a model: deposits, withdrawals, reversals, purchases and sales, with repeated requests and
//! lost responses.

#![expect(clippy::print_stdout, reason = "the number of cases is printed")]

mod commands;
mod coverage;
mod customer;
mod engines;
mod invariants;
mod market;
mod model;
mod rivals;
mod system;
mod tampering;

use std::collections::BTreeMap;
use std::io::Write as _;

use engines::emulator::{self, ENDPOINT};
use engines::{Dynamo, Engine, Failing, Sqlite};
use model::Model;
use proptest::test_runner::{Config, TestRunner};
use proptest_state_machine::{ReferenceStateMachine as _, StateMachineTest as _};
use system::Books;

/// Steps of a case at most.
const STEPS: usize = 50;
/// Multiplier for the usual number of cases.
const TIMES: &str = "SEXTANT_SOAK_TIMES";

/// The requested multiplier for the number of cases.
fn times() -> u32 {
    #[expect(clippy::disallowed_methods, reason = "the caller of the tests decides how long they take")]
    let times = std::env::var(TIMES);
    times.ok().map_or(1, |times| times.parse().expect("SEXTANT_SOAK_TIMES is a number"))
}

/// Runs this many cases, times the requested multiplier; returns what happened in them.
fn run<E: Engine>(cases: u32) -> BTreeMap<String, usize> {
    let config = Config { cases: cases * times(), failure_persistence: None, ..Config::default() };
    let law = |(model, steps, seen)| {
        Books::<E>::test_sequential(config.clone(), model, steps, seen);
        Ok(())
    };
    let outcome = TestRunner::new(config.clone()).run(&Model::sequential_strategy(1..STEPS), law);
    outcome.unwrap_or_else(|failure| panic!("on {}: {failure}", E::NAME));
    let counts = coverage::of(E::NAME);
    println!("{}: {counts:?}", E::NAME);
    counts
}

/// Everything that can happen did, and more than once.
fn covers(counts: &BTreeMap<String, usize>, least: usize) {
    let sales = ["fifo", "lifo", "hifo", "average", "specific"];
    let sales = sales.iter().flat_map(|method| ["all", "part"].map(|left| format!("Sell {left} by {method}")));
    let kinds = [
        "Deposit",
        "Withdrawal",
        "Reversal",
        "Buy",
        "answered again",
        "verified in the middle",
        "refused: Funds",
        "refused: Funds, again",
        "refused: Units",
        "refused: Units, again",
        "refused: ZeroValue",
        "refused: NotFound",
        "refused: AlreadyReversed",
        "refused: KeyReused",
    ];
    for kind in kinds.map(str::to_owned).into_iter().chain(sales) {
        assert!(counts.get(&kind).is_some_and(|&count| count >= least), "{kind} in {counts:#?}");
    }
}

#[test]
fn the_books_agree_with_the_model_on_sqlite() {
    covers(&run::<Sqlite>(200), 2);
}

#[test]
fn the_books_agree_with_the_model_on_a_failing_store() {
    let counts = run::<Failing>(200);
    covers(&counts, 2);
    assert!(counts["answers lost"] > 1_000, "{counts:#?}");
}

#[test]
fn the_books_agree_with_the_model_on_dynamodb() {
    if emulator::endpoint().is_none() {
        // Directly to stderr, since the test harness hides the output of a passing test.
        writeln!(std::io::stderr(), "SKIPPED: {ENDPOINT} is not set").unwrap();
        return;
    }
    let counts = run::<Dynamo>(20);
    assert!(counts.contains_key("Buy"), "{counts:#?}");
}
