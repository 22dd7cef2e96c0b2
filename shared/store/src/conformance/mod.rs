//! The conformance suite that every engine must pass: the guarantees of the interface, case by case, on a real table.
//!
//! Cases return failures instead of panicking, so that any test can run the suite.

mod bench;
mod conditions;
mod expiry;
mod faults;
mod limits;
mod ordering;
mod races;

use std::fmt::Debug;
use std::sync::Arc;

use crate::table::{Clock, Table};

use bench::{Bench, Hand, Reason};

/// A failed case and the reason.
#[derive(Debug, thiserror::Error)]
#[error("{case}: {reason}")]
pub struct Failure {
    /// Name of the case, a sentence.
    pub case: &'static str,
    /// What was expected and what happened.
    pub reason: String,
}

/// Runs all cases, each on its own table, which `make` creates for a clock. Returns the number of cases. A table may
/// hold other items: each case uses a partition named after it.
pub async fn run<T, E, F, Making>(make: F) -> Result<usize, Failure>
where
    T: Table + 'static,
    E: Debug,
    F: Fn(Clock) -> Making,
    Making: Future<Output = Result<T, E>>,
{
    let mut cases = 0;
    macro_rules! cases {
        ($($module:ident :: $case:ident),* $(,)?) => {$(
            let hand = Hand::new();
            let table = make(hand.clock()).await.map_err(|error| Failure {
                case: stringify!($case),
                reason: format!("no table: {error:?}"),
            })?;
            let bench = Bench { table: Arc::new(table), hand, partition: stringify!($case).to_owned() };
            $module::$case(&bench).await.map_err(|Reason(reason)| Failure { case: stringify!($case), reason })?;
            cases += 1;
        )*};
    }
    cases! {
        conditions::an_item_is_read_as_it_was_written,
        conditions::every_byte_value_is_preserved,
        conditions::an_item_is_created_once,
        conditions::an_update_needs_the_current_version,
        conditions::a_delete_needs_the_current_version_or_accepts_any,
        conditions::a_check_changes_nothing_and_can_fail_the_transaction,
        conditions::a_failed_transaction_writes_nothing,
        conditions::a_conflict_names_the_first_write_that_failed,
        conditions::versions_follow_the_clock_and_never_decrease,
        conditions::a_recreated_item_never_repeats_a_version,
        conditions::items_are_returned_in_the_order_of_their_keys,
        expiry::an_expired_item_is_absent_to_every_read,
        expiry::an_expired_item_is_absent_to_every_expectation,
        expiry::a_recreated_expired_item_never_repeats_a_version,
        expiry::an_update_can_move_and_remove_the_expiry,
        ordering::items_are_ordered_by_bytes,
        ordering::pages_have_no_gap_or_repetition,
        ordering::a_cursor_survives_the_deletion_of_its_item,
        ordering::a_cursor_of_another_list_is_refused,
        ordering::a_range_includes_both_ends,
        ordering::a_prefix_is_exact_to_the_last_character,
        ordering::a_partition_contains_no_items_of_others,
        ordering::a_page_of_large_items_ends_early_and_continues,
        limits::keys_have_a_length_limit,
        limits::a_transaction_has_a_size_limit,
        limits::an_item_has_a_size_limit,
        limits::no_item_is_named_twice,
        limits::reads_have_limits,
        races::no_concurrent_increment_is_lost,
        races::of_concurrent_creations_one_wins,
        races::transfers_keep_the_total,
        faults::a_fault_before_the_commit_writes_nothing,
        faults::a_lost_response_keeps_the_writes,
        faults::a_change_with_a_receipt_happens_once_whatever_fails,
    }
    Ok(cases)
}
