//! Every limit of a provider's calls, and of the time that a request waits for one.
//!
//! | limit | value | what it bounds |
//! | --- | --- | --- |
//! | `CALLER_WAIT` | 2.5 s | a request: all of its calls together, and its turn among others that ask for the same |
//! | `SCHEDULE_WAIT` | 12 s | the scheduled refresh, for each symbol |
//! | `FILES_WAIT` | 1 h | a request whose prices are files: longer than any request lasts |
//! | `STORE_WAIT` | 50 ms | a read of what is stored, for its turn |
//! | `CALLER_ANSWER` | 2 s | one answer of a provider to a request, retries and pacing included |
//! | `SCHEDULE_ANSWER` | 10 s | one answer of a provider to the refresh |
//! | `SHORTEST_CALL` | 500 ms | a call that has less time than this is not made, and not counted |
//! | `CONNECT` | 1 s | a connection to a provider, until it stands |
//! | `SILENCE` | 500 ms | a provider that was given so long without an answer has failed |
//! | `SPACING` | 1 s | from one call to the next |
//! | `ATTEMPTS` | 3 | calls for one answer, each of which is counted |
//! | `FIRST_BACKOFF` | 500 ms | the pause before the second of them, of which a random part is taken; each further one is twice as long |
//! | `PAUSE_UNSAID` | 1 min | the pause after a provider asked for fewer calls and did not say for how long |
//! | `FAILURES_TO_OPEN` | 5 | failures in a row after which a provider is left alone |
//! | `OPEN_FOR` | 1 min | how long it is left alone then |
//! | `PROBE` | 1 s | about how long the call takes that is then tried |
//! | `ALPHA_VANTAGE_CALLS_A_DAY` | 25 | calls of Alpha Vantage in any 24 hours |
//! | `YAHOO_CALLS_A_DAY` | 2000 | calls of Yahoo in any 24 hours |
//! | `CALL_COUNTS_FOR` | 24 h 15 s | how long a call counts: a day, and as long as one may be under way |
//! | `USED_UP_FOR` | 24 h | after a provider said that the day's calls are used up, until it is asked again |
//! | `LONGEST_NOTE` | 400 ms | the note of that in the table, beyond a request's time |
//! | `FEW_CALLS` | 100 | so many calls or fewer are few: a quota of a day, and not of an hour |
//! | `CALLERS_RESERVE` | 5 | calls that the refresh leaves to requests |
//! | `CALLS_FOR_THE_PLAN` | 1 | calls that an evening's bars take besides one for each symbol |
//! | `CALLS_LEFT_BY_NAMES` | 10 | calls that names and searches leave to everything else |
//! | `CALLS_LEFT_BY_OLD_BARS` | 10 | calls that a look at old bars leaves to everything else |
//! | `AT_ONCE_UNCOUNTED` | 8 | symbols that the refresh asks for at the same time where calls are not counted |
//! | `AT_ONCE_COUNTED` | 2 | the same where they are counted; of few calls one at a time |
//! | `AT_ONCE_BY_A_REQUEST` | 8 | symbols or currencies that a request asks for at the same time |
//! | `AT_ONCE_VALUED` | 16 | holdings whose prices a valuation asks for at the same time |
//! | `SETTLING` | 25 s | before the refresh must end, nothing is begun: a longest answer, and what is left to do |
//! | `SHORTEST_SLEEP` | 10 ms | the refresh, until it looks again for a call that is to be there at once |
//! | `LONGEST_SLEEP` | 5 s | the refresh, until it looks again for a call that is to be there later |
//! | `LEASE_LOOK` | 150 ms | a request that waits for another process to be answered, from one look to the next |
//! | `LEASE_TO_STORE` | 1 s | the right of a process to ask, beyond its wait, to store what came |
//! | `FIRST_LOOKS_A_DAY` | 10 | looks of a customer at new symbols in any 24 hours, where no more calls can be spared |
//! | `FIRST_LOOK_COUNTS_FOR` | 24 h | how long such a look counts |
//! | `ASKED_BY_AN_IMPORT` | 20 | symbols that one import asks a provider for |
//! | `UNSEEN_A_DAY` | 200 | symbols that a customer may begin to follow in a day of which nothing is known |
//! | `UNSEEN_COUNTS_FOR` | 24 h | how long those symbols count, from the first on |
//! | `IN_MEMORY` | 1 min | after a price was read or fetched by a process, until it looks for a newer one |
//! | `REST` | 1 min | after a failure, until a provider is asked again about the same symbol |
//! | `RETRY` | 15 min | after a look at bars that were not out yet, until the next |
//! | `LATE` | 1 h | after the first look at bars that are late, until the next; then three times as long as before |
//! | `ASSUMED` | 1 h | after a name could not be had, until it is asked for again |
//! | `FOUND` | 24 h | after a search, until the same text is searched for again |
//! | `UNKNOWN` | 24 h | after a provider did not know a symbol, until it is asked again |
//! | `NOT_IN_THE_PLAN` | 24 h | after a plan did not cover a function, until that is asked for again |
//! | `DESCRIBED` | 30 d | after the currency of a symbol was looked up, until it is looked up again |
//! | `EXPLAINED` | 150 d | after the splits behind a jump were had, until they are asked for again |
//!
//! A [`CallBudget`](crate::CallBudget) carries those of one request; the rest are applied by the modules that import
//! them. What bounds no call and no wait for one, such as how many histories are held in memory or when a quote is stale,
//! stands in its own module.

use std::time::Duration;

use chrono::TimeDelta;

/// How long a request waits for a provider, its turn and all of its calls together.
pub const CALLER_WAIT: Duration = Duration::from_millis(2_500);

/// How long the scheduled refresh waits for a symbol: what it gives a provider, and a margin for one that does not keep
/// to it.
pub const SCHEDULE_WAIT: Duration = Duration::from_secs(12);

/// How long a request waits for files, which are at hand: longer than any request lasts.
pub const FILES_WAIT: Duration = Duration::from_hours(1);

/// How long a read of what is stored waits for its turn: another read takes no longer, and a call of a provider's, which
/// does, is nothing to wait for.
pub const STORE_WAIT: Duration = Duration::from_millis(50);

/// The longest that a provider may take for one answer to a request, retries and pacing included.
pub const CALLER_ANSWER: Duration = Duration::from_secs(2);

/// The same to the scheduled refresh, where a late price is better than none.
pub const SCHEDULE_ANSWER: Duration = Duration::from_secs(10);

/// A call that has less time than this would be counted and bring nothing.
pub const SHORTEST_CALL: Duration = Duration::from_millis(500);

/// How long a connection to a provider may take.
pub const CONNECT: Duration = Duration::from_secs(1);

/// A provider that was given so long and did not answer has failed. Less says nothing of it. It is below the half of
/// [`CALLER_ANSWER`], which is all that the first of two sources gets.
pub const SILENCE: Duration = Duration::from_millis(500);

/// From one call of a provider to the next.
pub const SPACING: Duration = Duration::from_secs(1);

/// Calls for one answer, the first included; each counts against the quota.
pub const ATTEMPTS: u32 = 3;

/// The first pause before another attempt, doubled for each further one; the pause taken is a random part of it.
pub const FIRST_BACKOFF: Duration = Duration::from_millis(500);

/// The pause where a provider asks for fewer calls and does not say for how long, or by a date that nothing can be
/// measured against: soon is never right. Where it names its rule of one call a second the pause is [`SPACING`].
pub const PAUSE_UNSAID: Duration = Duration::from_mins(1);

/// Failures in a row after which a provider is left alone.
pub const FAILURES_TO_OPEN: u32 = 5;

/// How long a provider is left alone after them.
pub const OPEN_FOR: Duration = Duration::from_mins(1);

/// About how long the call takes that is tried after that.
pub const PROBE: Duration = Duration::from_secs(1);

/// Calls a day on the free plan of Alpha Vantage.
pub const ALPHA_VANTAGE_CALLS_A_DAY: usize = 25;

/// Calls of Yahoo that we allow ourselves in any 24 hours: it promises none.
pub const YAHOO_CALLS_A_DAY: usize = 2_000;

/// How long a call counts: a day, and as long as one may be under way. The provider counts a call when it arrives, so that
/// of two calls a day apart by our clock the later one could be there sooner than that.
pub const CALL_COUNTS_FOR: TimeDelta = TimeDelta::seconds(24 * 3_600 + 15);

/// How long a provider is not asked after it said itself that the day's calls are used up.
pub const USED_UP_FOR: TimeDelta = TimeDelta::hours(24);

/// That the day's calls are used up is worth noting beyond the caller's time, but not for long.
pub const LONGEST_NOTE: Duration = Duration::from_millis(400);

/// So many calls or fewer are few: a quota of a day, and not of an hour.
pub const FEW_CALLS: usize = 100;

/// Calls of a counted quota that the scheduled refresh leaves to requests: a symbol that a customer looks at for the first
/// time takes one.
pub const CALLERS_RESERVE: usize = 5;

/// What an evening's bars take besides one call for each symbol: a free plan is found out by a call a day.
pub const CALLS_FOR_THE_PLAN: usize = 1;

/// Calls that names and searches leave to everything else: a name is nice to have.
pub const CALLS_LEFT_BY_NAMES: usize = 10;

/// Calls that a look at old bars leaves to everything else: what is held is refreshed anyway.
pub const CALLS_LEFT_BY_OLD_BARS: usize = 10;

/// Symbols that the refresh asks for at the same time where calls are not counted.
pub const AT_ONCE_UNCOUNTED: usize = 8;

/// Symbols that the refresh asks for at the same time where calls are counted; where there are [`FEW_CALLS`] it is one.
pub const AT_ONCE_COUNTED: usize = 2;

/// Symbols or currencies that a request asks for at the same time.
pub const AT_ONCE_BY_A_REQUEST: usize = 8;

/// Symbols of holdings whose prices a valuation reads at the same time; mostly they are stored.
pub const AT_ONCE_VALUED: usize = 16;

/// Nothing of a refresh is begun that may end later than this before its time limit: a provider's longest answer, and
/// what is left to be told and graded.
pub const SETTLING: Duration = Duration::from_secs(25);

/// A call that is to be there at once is looked for again after this.
pub const SHORTEST_SLEEP: Duration = Duration::from_millis(10);

/// A refresh that waits for a call goes on at least this often, so that it gives its signs of life.
pub const LONGEST_SLEEP: Duration = Duration::from_secs(5);

/// How often a request that waits for another process looks whether that is done.
pub const LEASE_LOOK: Duration = Duration::from_millis(150);

/// How much longer than its holder's wait a lease lasts: to store what came.
pub const LEASE_TO_STORE: Duration = Duration::from_secs(1);

/// First looks at new symbols that a customer has in any 24 hours, where no further ones can be spared.
pub const FIRST_LOOKS_A_DAY: usize = 10;

/// How long a first look counts.
pub const FIRST_LOOK_COUNTS_FOR: TimeDelta = TimeDelta::hours(24);

/// Most symbols that one import asks a live provider for. A file of more is brought in by sending it again: what was
/// found stays found.
pub const ASKED_BY_AN_IMPORT: usize = 20;

/// Most symbols that a customer may have listed within a day of which it is not known whether there are any.
pub const UNSEEN_A_DAY: usize = 200;

/// How long the symbols count that a customer had listed unseen, from the first of them on.
pub const UNSEEN_COUNTS_FOR: TimeDelta = TimeDelta::hours(24);

/// How long a history or quote in memory is believed before the store is asked again: another process may have refreshed
/// it.
pub const IN_MEMORY: TimeDelta = TimeDelta::minutes(1);

/// How long a provider that did not answer is left alone about a symbol, so that readers of one symbol do not queue behind
/// its timeouts.
pub const REST: TimeDelta = TimeDelta::seconds(60);

/// How long after a fetch a live provider is not asked again for a bar that was not out yet.
pub const RETRY: TimeDelta = TimeDelta::minutes(15);

/// How long bars that had the session before, and so are merely late, are not asked for again at first; each further
/// time it is three times as long as it was asked for in vain by then. A page that polls takes three calls a day more.
pub const LATE: TimeDelta = TimeDelta::hours(1);

/// How long what was assumed of an instrument stands before the provider is asked again.
pub const ASSUMED: TimeDelta = TimeDelta::hours(1);

/// How long what a provider's search found stands.
pub const FOUND: TimeDelta = TimeDelta::hours(24);

/// How long a symbol that a live provider does not know is not asked for again.
pub const UNKNOWN: TimeDelta = TimeDelta::hours(24);

/// How long it is believed that a plan does not cover a function: a plan may change.
pub const NOT_IN_THE_PLAN: Duration = Duration::from_hours(24);

/// How long it is remembered what a symbol is.
pub const DESCRIBED: Duration = Duration::from_hours(24 * 30);

/// How long the splits and dividends behind a jump are remembered: a hundred trading days, after which the jump is out of
/// a compact series.
pub const EXPLAINED: Duration = Duration::from_hours(24 * 150);

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows of the table of limits in a text, the marks of a comment left out.
    fn rows(text: &str) -> Vec<&str> {
        let lines = text.lines().map(|line| line.trim_start_matches("//!").trim());
        lines.skip_while(|line| !line.starts_with("| limit |")).take_while(|line| line.starts_with('|')).collect()
    }

    /// Milliseconds of a time such as `24 h 15 s`, or a count.
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
    fn the_guide_shows_the_same_table() {
        let guide = rows(include_str!("../../../docs/prices.md"));
        assert_eq!(guide, rows(include_str!("call_limits.rs")));
    }

    #[test]
    fn the_table_has_every_limit_with_its_value() {
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
            ("ATTEMPTS", f64::from(ATTEMPTS)),
            ("FIRST_BACKOFF", short(FIRST_BACKOFF)),
            ("PAUSE_UNSAID", short(PAUSE_UNSAID)),
            ("FAILURES_TO_OPEN", f64::from(FAILURES_TO_OPEN)),
            ("OPEN_FOR", short(OPEN_FOR)),
            ("PROBE", short(PROBE)),
            ("ALPHA_VANTAGE_CALLS_A_DAY", count(ALPHA_VANTAGE_CALLS_A_DAY)),
            ("YAHOO_CALLS_A_DAY", count(YAHOO_CALLS_A_DAY)),
            ("CALL_COUNTS_FOR", long(CALL_COUNTS_FOR)),
            ("USED_UP_FOR", long(USED_UP_FOR)),
            ("LONGEST_NOTE", short(LONGEST_NOTE)),
            ("FEW_CALLS", count(FEW_CALLS)),
            ("CALLERS_RESERVE", count(CALLERS_RESERVE)),
            ("CALLS_FOR_THE_PLAN", count(CALLS_FOR_THE_PLAN)),
            ("CALLS_LEFT_BY_NAMES", count(CALLS_LEFT_BY_NAMES)),
            ("CALLS_LEFT_BY_OLD_BARS", count(CALLS_LEFT_BY_OLD_BARS)),
            ("AT_ONCE_UNCOUNTED", count(AT_ONCE_UNCOUNTED)),
            ("AT_ONCE_COUNTED", count(AT_ONCE_COUNTED)),
            ("AT_ONCE_BY_A_REQUEST", count(AT_ONCE_BY_A_REQUEST)),
            ("AT_ONCE_VALUED", count(AT_ONCE_VALUED)),
            ("SETTLING", short(SETTLING)),
            ("SHORTEST_SLEEP", short(SHORTEST_SLEEP)),
            ("LONGEST_SLEEP", short(LONGEST_SLEEP)),
            ("LEASE_LOOK", short(LEASE_LOOK)),
            ("LEASE_TO_STORE", short(LEASE_TO_STORE)),
            ("FIRST_LOOKS_A_DAY", count(FIRST_LOOKS_A_DAY)),
            ("FIRST_LOOK_COUNTS_FOR", long(FIRST_LOOK_COUNTS_FOR)),
            ("ASKED_BY_AN_IMPORT", count(ASKED_BY_AN_IMPORT)),
            ("UNSEEN_A_DAY", count(UNSEEN_A_DAY)),
            ("UNSEEN_COUNTS_FOR", long(UNSEEN_COUNTS_FOR)),
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
