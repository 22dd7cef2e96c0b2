//! Every limit of provider calls and of the time that a request waits for one.
//!
//! | limit | value | what it bounds |
//! | --- | --- | --- |
//! | `CALLER_WAIT` | 2.5 s | the time that a request spends on provider calls, waiting for other requests included |
//! | `SCHEDULE_WAIT` | 12 s | the same for each symbol of the scheduled refresh |
//! | `FILES_WAIT` | 1 h | the same if prices are files: longer than any request lasts |
//! | `STORE_WAIT` | 50 ms | the wait for another request about a symbol, if only stored prices are needed |
//! | `CALLER_ANSWER` | 2 s | one provider response for a request, including retries and pauses |
//! | `SCHEDULE_ANSWER` | 10 s | the same for the scheduled refresh |
//! | `SHORTEST_CALL` | 500 ms | a call that has less time than this is neither made nor counted |
//! | `CONNECT` | 1 s | the time to establish a connection to a provider |
//! | `SILENCE` | 500 ms | an abandoned call is a failure of the provider if it took at least this long |
//! | `SPACING` | 1 s | the time from one call to the next |
//! | `PAID_SPACING` | 200 ms | the same for a plan of more than 60 calls a minute, if its calls do not need a shorter one |
//! | `ATTEMPTS` | 3 | attempts for one response; each counts as a call |
//! | `FIRST_BACKOFF` | 500 ms | the longest pause before the second attempt, doubled for each further one; a random part of it is used |
//! | `PAUSE_UNSAID` | 1 min | the pause after a provider has asked for fewer calls without naming a time |
//! | `FAILURES_TO_OPEN` | 5 | consecutive failures that open the circuit breaker of a provider |
//! | `OPEN_FOR` | 1 min | how long the circuit breaker stays open |
//! | `PROBE` | 1 s | the expected time of the call that then tests the provider |
//! | `ALPHA_VANTAGE_CALLS_A_DAY` | 25 | calls to Alpha Vantage in any 24 hours, unless the settings name another plan |
//! | `ALPHA_VANTAGE_CALLS_A_MINUTE` | 60 | the same in any minute |
//! | `YAHOO_CALLS_A_DAY` | 2000 | calls to Yahoo in any 24 hours |
//! | `CALL_COUNTS_FOR` | 24 h 15 s | how long a call counts: a day plus the longest duration of a call |
//! | `CALL_COUNTS_IN_A_MINUTE_FOR` | 61 s | how long a call counts against a limit by the minute |
//! | `USED_UP_FOR` | 24 h | how long a provider is not called after it has reported that the calls of the day are used up |
//! | `LONGEST_NOTE` | 400 ms | storing that report, in addition to the time of the request |
//! | `FEW_CALLS` | 100 | up to this number calls are few: lookups of new symbols are limited |
//! | `COUNTED_BY_TIME` | 500 | calls of a larger daily quota are counted by five minutes; of others the time of each is stored |
//! | `CALLERS_RESERVE` | 5 | calls that the refresh reserves for requests |
//! | `CALLS_FOR_THE_PLAN` | 1 | calls per evening, in addition to one per symbol, to find out what the API plan covers |
//! | `CALLS_LEFT_BY_NAMES` | 10 | calls that names and searches reserve for everything else |
//! | `CALLS_LEFT_BY_OLD_BARS` | 10 | calls that a request for bars too old to trade at reserves for everything else |
//! | `AT_ONCE_UNCOUNTED` | 8 | symbols that the refresh requests concurrently if calls are not counted |
//! | `AT_ONCE_COUNTED` | 2 | the same if the calls of a day are counted; 1 if they are few |
//! | `A_MINUTE_FOR_ONE_AT_ONCE` | 30 | the same if calls are limited by the minute: one for this many, at most `AT_ONCE_UNCOUNTED` |
//! | `AT_ONCE_BY_A_REQUEST` | 8 | symbols or currencies that a request fetches concurrently |
//! | `AT_ONCE_VALUED` | 16 | holdings whose prices a valuation reads concurrently |
//! | `SETTLING` | 25 s | the last part of a refresh, in which no call is started: time for one last response, publishing and grading |
//! | `SHORTEST_SLEEP` | 10 ms | the shortest pause of a refresh that waits for a call to become available |
//! | `LONGEST_SLEEP` | 5 s | the longest such pause |
//! | `LEASE_LOOK` | 150 ms | the interval between checks whether another process has finished the same call |
//! | `LEASE_TO_STORE` | 1 s | how long the lease of a process outlasts its deadline, to store the response |
//! | `NEW_SYMBOL_LOOKUPS` | 10 | new-symbol lookups of a customer in any 24 hours or any minute, whichever calls are few |
//! | `NEW_SYMBOL_LOOKUP_COUNTS_FOR` | 24 h | how long such a lookup counts if the calls of the day are few |
//! | `NEW_SYMBOL_LOOKUP_COUNTS_IN_A_MINUTE_FOR` | 1 min | the same if only those of the minute are |
//! | `ASKED_BY_AN_IMPORT` | 20 | symbols that one import may request from a provider |
//! | `UNVERIFIED_A_DAY` | 200 | untracked symbols without a price that a customer may subscribe to in a day |
//! | `UNVERIFIED_COUNTS_FOR` | 24 h | the length of that day, which begins with the first such symbol |
//! | `IN_MEMORY` | 1 min | how long a process uses a price before it looks for a newer one |
//! | `REST` | 1 min | how long a provider is not asked about a symbol after a failure |
//! | `RETRY` | 15 min | how long bars that were not published yet are not requested again |
//! | `LATE` | 1 h | the time until late bars are requested again; then three times the time waited so far |
//! | `ASSUMED` | 1 h | how long assumed metadata of an instrument is used |
//! | `FOUND` | 24 h | how long the result of a search is used |
//! | `UNKNOWN` | 24 h | how long a symbol that a provider did not know is not requested again |
//! | `NOT_IN_THE_PLAN` | 24 h | how long a function that the API plan did not cover is not called again |
//! | `DESCRIBED` | 30 d | how long the currency of a symbol is stored |
//! | `EXPLAINED` | 150 d | how long the splits and dividends that explain a jump are stored |
//!
//! A [`CallBudget`](crate::CallBudget) carries the limits of one request. The modules that import the other limits
//! apply them. Limits of other things, such as how many histories are held in memory or when a quote is stale, are in
//! their own modules.

use std::time::Duration;

use chrono::TimeDelta;

/// How long a request waits for providers: all of its calls together, including the wait for other requests for the
/// same symbol.
pub const CALLER_WAIT: Duration = Duration::from_millis(2_500);

/// How long the scheduled refresh waits for a symbol: the time that it gives a provider, and a margin for one that
/// exceeds it.
pub const SCHEDULE_WAIT: Duration = Duration::from_secs(12);

/// How long a request waits for files, which are always available: longer than any request lasts.
pub const FILES_WAIT: Duration = Duration::from_hours(1);

/// How long a read of stored prices waits for the lock of its symbol. Another read takes no longer, and a provider
/// call, which takes longer, is not worth waiting for.
pub const STORE_WAIT: Duration = Duration::from_millis(50);

/// The longest that a provider may take for one response to a request, including retries and pacing.
pub const CALLER_ANSWER: Duration = Duration::from_secs(2);

/// The same for the scheduled refresh, for which a late price is better than none.
pub const SCHEDULE_ANSWER: Duration = Duration::from_secs(10);

/// A call with less time than this would be counted without a result.
pub const SHORTEST_CALL: Duration = Duration::from_millis(500);

/// How long connecting to a provider may take.
pub const CONNECT: Duration = Duration::from_secs(1);

/// A provider that has not responded after this long has failed; a shorter silence says nothing. It is below half of
/// [`CALLER_ANSWER`], which is all that the first of two sources gets.
pub const SILENCE: Duration = Duration::from_millis(500);

/// Least time from one call to a provider to the next.
pub const SPACING: Duration = Duration::from_secs(1);

/// Least time between two calls of a plan that allows more than one a second. Providers refuse a minute's calls if they
/// come in one burst.
pub const PAID_SPACING: Duration = Duration::from_millis(200);

/// Calls for one response, including the first; each counts against the quota.
pub const ATTEMPTS: u32 = 3;

/// The longest pause before the first retry, doubled for each further one; the actual pause is a random part of it.
pub const FIRST_BACKOFF: Duration = Duration::from_millis(500);

/// The pause if a provider asks for fewer calls without saying for how long, or with a date that cannot be converted to
/// a duration: a short pause would never be right. If it refers to its rule of one call a second, the pause is
/// [`SPACING`].
pub const PAUSE_UNSAID: Duration = Duration::from_mins(1);

/// Failures in a row that open the circuit breaker of a provider.
pub const FAILURES_TO_OPEN: u32 = 5;

/// How long the circuit breaker stays open.
pub const OPEN_FOR: Duration = Duration::from_mins(1);

/// Expected duration of the call that then probes the provider.
pub const PROBE: Duration = Duration::from_secs(1);

/// Calls a day on the free plan of Alpha Vantage.
pub const ALPHA_VANTAGE_CALLS_A_DAY: usize = 25;

/// Calls a minute on the free plan of Alpha Vantage: one a second.
pub const ALPHA_VANTAGE_CALLS_A_MINUTE: usize = 60;

/// Calls to Yahoo that we allow in any 24 hours; Yahoo itself states no number.
pub const YAHOO_CALLS_A_DAY: usize = 2_000;

/// How long a call counts: a day, plus the time that a call may be in transit. The provider counts a call when it
/// arrives, so two calls sent a day apart may arrive less than a day apart.
pub const CALL_COUNTS_FOR: TimeDelta = TimeDelta::seconds(24 * 3_600 + 15);

/// How long a call counts against a limit by the minute: a minute, plus the usual difference between the times that two
/// calls are in transit.
pub const CALL_COUNTS_IN_A_MINUTE_FOR: TimeDelta = TimeDelta::seconds(61);

/// How long a provider is not called after it reported the day's calls as used up.
pub const USED_UP_FOR: TimeDelta = TimeDelta::hours(24);

/// How long recording that the day's calls are used up may take beyond the caller's deadline.
pub const LONGEST_NOTE: Duration = Duration::from_millis(400);

/// Up to this number the calls left of a day, or of a minute, are few.
pub const FEW_CALLS: usize = 100;

/// The largest daily quota whose calls are stored with their times; of a larger one the calls of each five minutes are
/// counted.
pub const COUNTED_BY_TIME: usize = 500;

/// Calls of a counted quota that the scheduled refresh reserves for requests: each new-symbol lookup needs one.
pub const CALLERS_RESERVE: usize = 5;

/// Calls that an evening's bars need in addition to one per symbol: one call a day determines the plan.
pub const CALLS_FOR_THE_PLAN: usize = 1;

/// Calls that names and searches reserve for everything else: a name is not essential.
pub const CALLS_LEFT_BY_NAMES: usize = 10;

/// Calls that a read of old bars reserves for everything else: holdings are refreshed anyway.
pub const CALLS_LEFT_BY_OLD_BARS: usize = 10;

/// Symbols that the refresh fetches concurrently if calls are not counted.
pub const AT_ONCE_UNCOUNTED: usize = 8;

/// Symbols that the refresh fetches concurrently if calls are counted; with at most [`FEW_CALLS`] it is one.
pub const AT_ONCE_COUNTED: usize = 2;

/// Calls a minute for each symbol that the refresh fetches concurrently, if calls are limited by the minute: a response
/// takes about two seconds at most.
pub const A_MINUTE_FOR_ONE_AT_ONCE: usize = 30;

/// Symbols or currencies that a request fetches concurrently.
pub const AT_ONCE_BY_A_REQUEST: usize = 8;

/// Symbols whose prices a valuation reads concurrently; most of them are stored.
pub const AT_ONCE_VALUED: usize = 16;

/// How long before its time limit the refresh starts nothing new: a provider's longest response, and the notifications
/// and grading that follow.
pub const SETTLING: Duration = Duration::from_secs(25);

/// After this the refresh checks again for a call that should be available immediately.
pub const SHORTEST_SLEEP: Duration = Duration::from_millis(10);

/// A refresh that waits for a call wakes up at least this often to send its heartbeat.
pub const LONGEST_SLEEP: Duration = Duration::from_secs(5);

/// How often a request that waits for another process checks whether it is done.
pub const LEASE_LOOK: Duration = Duration::from_millis(150);

/// How much longer than its holder's wait a lease lasts, so that the result can be stored.
pub const LEASE_TO_STORE: Duration = Duration::from_secs(1);

/// New-symbol lookups that a customer has in any 24 hours, or in any minute, if no more calls can be spared.
pub const NEW_SYMBOL_LOOKUPS: usize = 10;

/// How long a new-symbol lookup counts if few calls are left of the day.
pub const NEW_SYMBOL_LOOKUP_COUNTS_FOR: TimeDelta = TimeDelta::hours(24);

/// How long it counts if few calls are left of the minute only.
pub const NEW_SYMBOL_LOOKUP_COUNTS_IN_A_MINUTE_FOR: TimeDelta = TimeDelta::seconds(60);

/// Most symbols that one import fetches from a live provider. A file with more is imported by sending it again: symbols
/// already found are not fetched again.
pub const ASKED_BY_AN_IMPORT: usize = 20;

/// Most unknown symbols, which may not exist, that a customer may start to track in a day.
pub const UNVERIFIED_A_DAY: usize = 200;

/// How long these unknown symbols count, from the first one.
pub const UNVERIFIED_COUNTS_FOR: TimeDelta = TimeDelta::hours(24);

/// How long a history or quote in memory is used before the store is read again: another process may have refreshed it.
pub const IN_MEMORY: TimeDelta = TimeDelta::minutes(1);

/// How long a provider that did not respond is not called about a symbol, so that requests for that symbol do not queue
/// behind its timeouts.
pub const REST: TimeDelta = TimeDelta::seconds(60);

/// How long after a fetch a live provider is not called again for a bar that was not published yet.
pub const RETRY: TimeDelta = TimeDelta::minutes(15);

/// How long bars that include the session before, and so are merely late, are not fetched again at first. Each further
/// pause is three times as long as the fetches have failed so far. A page that polls costs three more calls a day.
pub const LATE: TimeDelta = TimeDelta::hours(1);

/// How long assumed metadata of an instrument are used before the provider is called again.
pub const ASSUMED: TimeDelta = TimeDelta::hours(1);

/// How long the matches of a provider's search are cached.
pub const FOUND: TimeDelta = TimeDelta::hours(24);

/// How long a symbol that a live provider does not know is not requested again.
pub const UNKNOWN: TimeDelta = TimeDelta::hours(24);

/// How long it is cached that a plan does not cover a function: the plan may change.
pub const NOT_IN_THE_PLAN: Duration = Duration::from_hours(24);

/// How long the description of a symbol is cached.
pub const DESCRIBED: Duration = Duration::from_hours(24 * 30);

/// How long the splits and dividends behind a jump are cached: a hundred trading days, after which the jump is no
/// longer in a compact series.
pub const EXPLAINED: Duration = Duration::from_hours(24 * 150);

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows of the table of limits in a text, without comment marks.
    fn rows(text: &str) -> Vec<&str> {
        let lines = text.lines().map(|line| line.trim_start_matches("//!").trim());
        lines.skip_while(|line| !line.starts_with("| limit |")).take_while(|line| line.starts_with('|')).collect()
    }

    /// A duration such as `24 h 15 s` in milliseconds, or a count.
    fn number(value: &str) -> f64 {
        let words: Vec<&str> = value.split(' ').collect();
        let unit = |pair: &[&str]| match pair.get(1) {
            None | Some(&"ms") => 1.0,
            Some(&"s") => 1_000.0,
            Some(&"min") => 60_000.0,
            Some(&"h") => 3_600_000.0,
            Some(&"d") => 86_400_000.0,
            Some(other) => panic!("no unit: {other}"),
        };
        words.chunks(2).map(|pair| pair[0].parse::<f64>().unwrap() * unit(pair)).sum()
    }

    #[test]
    fn the_guide_contains_the_same_table() {
        let guide = rows(include_str!("../../../docs/prices.md"));
        assert_eq!(guide, rows(include_str!("call_limits.rs")));
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "one line for each limit")]
    fn the_table_lists_every_limit_with_its_value() {
        let short = |time: Duration| time.as_millis() as f64;
        let long = |time: TimeDelta| time.num_milliseconds() as f64;
        let count = |calls: usize| calls as f64;
        let limits = [
            ("CALLER_WAIT", short(CALLER_WAIT)),
            ("SCHEDULE_WAIT", short(SCHEDULE_WAIT)),
            ("FILES_WAIT", short(FILES_WAIT)),
            ("STORE_WAIT", short(STORE_WAIT)),
            ("CALLER_ANSWER", short(CALLER_ANSWER)),
            ("SCHEDULE_ANSWER", short(SCHEDULE_ANSWER)),
            ("SHORTEST_CALL", short(SHORTEST_CALL)),
            ("CONNECT", short(CONNECT)),
            ("SILENCE", short(SILENCE)),
            ("SPACING", short(SPACING)),
            ("PAID_SPACING", short(PAID_SPACING)),
            ("ATTEMPTS", f64::from(ATTEMPTS)),
            ("FIRST_BACKOFF", short(FIRST_BACKOFF)),
            ("PAUSE_UNSAID", short(PAUSE_UNSAID)),
            ("FAILURES_TO_OPEN", f64::from(FAILURES_TO_OPEN)),
            ("OPEN_FOR", short(OPEN_FOR)),
            ("PROBE", short(PROBE)),
            ("ALPHA_VANTAGE_CALLS_A_DAY", count(ALPHA_VANTAGE_CALLS_A_DAY)),
            ("ALPHA_VANTAGE_CALLS_A_MINUTE", count(ALPHA_VANTAGE_CALLS_A_MINUTE)),
            ("YAHOO_CALLS_A_DAY", count(YAHOO_CALLS_A_DAY)),
            ("CALL_COUNTS_FOR", long(CALL_COUNTS_FOR)),
            ("CALL_COUNTS_IN_A_MINUTE_FOR", long(CALL_COUNTS_IN_A_MINUTE_FOR)),
            ("USED_UP_FOR", long(USED_UP_FOR)),
            ("LONGEST_NOTE", short(LONGEST_NOTE)),
            ("FEW_CALLS", count(FEW_CALLS)),
            ("COUNTED_BY_TIME", count(COUNTED_BY_TIME)),
            ("CALLERS_RESERVE", count(CALLERS_RESERVE)),
            ("CALLS_FOR_THE_PLAN", count(CALLS_FOR_THE_PLAN)),
            ("CALLS_LEFT_BY_NAMES", count(CALLS_LEFT_BY_NAMES)),
            ("CALLS_LEFT_BY_OLD_BARS", count(CALLS_LEFT_BY_OLD_BARS)),
            ("AT_ONCE_UNCOUNTED", count(AT_ONCE_UNCOUNTED)),
            ("AT_ONCE_COUNTED", count(AT_ONCE_COUNTED)),
            ("A_MINUTE_FOR_ONE_AT_ONCE", count(A_MINUTE_FOR_ONE_AT_ONCE)),
            ("AT_ONCE_BY_A_REQUEST", count(AT_ONCE_BY_A_REQUEST)),
            ("AT_ONCE_VALUED", count(AT_ONCE_VALUED)),
            ("SETTLING", short(SETTLING)),
            ("SHORTEST_SLEEP", short(SHORTEST_SLEEP)),
            ("LONGEST_SLEEP", short(LONGEST_SLEEP)),
            ("LEASE_LOOK", short(LEASE_LOOK)),
            ("LEASE_TO_STORE", short(LEASE_TO_STORE)),
            ("NEW_SYMBOL_LOOKUPS", count(NEW_SYMBOL_LOOKUPS)),
            ("NEW_SYMBOL_LOOKUP_COUNTS_FOR", long(NEW_SYMBOL_LOOKUP_COUNTS_FOR)),
            ("NEW_SYMBOL_LOOKUP_COUNTS_IN_A_MINUTE_FOR", long(NEW_SYMBOL_LOOKUP_COUNTS_IN_A_MINUTE_FOR)),
            ("ASKED_BY_AN_IMPORT", count(ASKED_BY_AN_IMPORT)),
            ("UNVERIFIED_A_DAY", count(UNVERIFIED_A_DAY)),
            ("UNVERIFIED_COUNTS_FOR", long(UNVERIFIED_COUNTS_FOR)),
            ("IN_MEMORY", long(IN_MEMORY)),
            ("REST", long(REST)),
            ("RETRY", long(RETRY)),
            ("LATE", long(LATE)),
            ("ASSUMED", long(ASSUMED)),
            ("FOUND", long(FOUND)),
            ("UNKNOWN", long(UNKNOWN)),
            ("NOT_IN_THE_PLAN", short(NOT_IN_THE_PLAN)),
            ("DESCRIBED", short(DESCRIBED)),
            ("EXPLAINED", short(EXPLAINED)),
        ];
        let shown: Vec<(&str, f64)> = rows(include_str!("call_limits.rs"))[2..]
            .iter()
            .map(|row| {
                let cells: Vec<&str> = row.split('|').map(str::trim).collect();
                (cells[1].trim_matches('`'), number(cells[2]))
            })
            .collect();
        assert_eq!(shown, limits);
        let constants = include_str!("call_limits.rs").lines().filter(|line| line.starts_with("pub const ")).count();
        assert_eq!(limits.len(), constants);
    }
}
