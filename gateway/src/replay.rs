//! `--replay SPEED` and `--replay step`: replays the history of files as if it happened now, so that you can see live
//! quotes without a live source.
//!
//! A replay has its own folder inside the home, so that experiments never mix with records of real money. It stores its
//! current day there, since a market clock never goes back.

use std::io::{self, BufRead, BufReader, ErrorKind};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, fs};

use anyhow::{Context, bail, ensure};
use domain::{Day, calendar};
use futures::{Stream, StreamExt as _, stream};
use market::{MarketClock, Provider, Replay};
use market_data::MarketData;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::home::write_private;

/// The folder of a replay inside the home.
pub const FOLDER: &str = "replay";
/// The file with the replay's current day.
const POSITION: &str = "replay-day";
/// Days before the last bar at which a first replay begins: three years, after enough history to test rules on.
const REPLAYED_DAYS: i32 = 3 * 365;

/// How a replay advances.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// Trading days per second.
    DaysASecond(f64),
    /// One trading day for each line on standard input.
    Step,
}

impl std::str::FromStr for Pace {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "step" {
            return Ok(Self::Step);
        }
        let days_a_second: f64 = text.parse().map_err(|_| "must be a number of trading days per second, or step")?;
        if (0.001..=100.0).contains(&days_a_second) {
            Ok(Self::DaysASecond(days_a_second))
        } else {
            Err("must be 0.001 to 100 trading days per second")
        }
    }
}

impl fmt::Display for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DaysASecond(days) => write!(f, "{days} trading days per second"),
            Self::Step => f.write_str("one trading day for each line on standard input"),
        }
    }
}

/// Steps at this rate. A step that takes too long is not made up for by shorter pauses.
fn ticks(a_second: f64) -> impl Stream<Item = ()> {
    let pause = Duration::from_secs_f64(a_second.recip());
    let mut ticks = interval_at(Instant::now() + pause, pause);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    stream::unfold(ticks, |mut ticks| async {
        ticks.tick().await;
        Some(((), ticks))
    })
}

/// One step for each line of `input`, whatever its content. A separate thread reads it and is never joined, since a
/// read from a terminal may never end. A line is read when the previous step is done.
fn read_lines(input: impl BufRead + Send + 'static) -> impl Stream<Item = ()> {
    let (sender, receiver) = mpsc::channel(1);
    std::thread::spawn(move || {
        for line in input.split(b'\n') {
            if line.is_err() || sender.blocking_send(()).is_err() {
                break;
            }
        }
    });
    stream::unfold(receiver, |mut receiver| async { receiver.recv().await.map(|()| ((), receiver)) })
}

/// A replay that is ready to start.
#[derive(Clone)]
pub struct Replaying {
    replay: Arc<Replay>,
    /// The last day of the source, at which the replay ends.
    last: Day,
    pace: Pace,
    position: PathBuf,
}

impl Replaying {
    /// A replay of `source` that continues from the day stored in `home`. Blocks on file I/O.
    ///
    /// Errors: a live source cannot be replayed; the stored day cannot be read or is after the last price.
    pub fn open(source: Arc<dyn Provider>, pace: Pace, home: &Path) -> anyhow::Result<Self> {
        let MarketClock::StandsAt(last) = source.clock() else {
            bail!("--replay needs prices from files: use the sample, or set SEXTANT_PRICES to a folder");
        };
        let position = home.join(POSITION);
        let start = match fs::read_to_string(&position) {
            Ok(text) => text.trim().parse().with_context(|| format!("{}", position.display()))?,
            Err(error) if error.kind() == ErrorKind::NotFound => last.plus_days(-REPLAYED_DAYS),
            Err(error) => return Err(error).with_context(|| format!("{}", position.display())),
        };
        ensure!(start <= last, "the day in {} is after the last price, which is of {last}", position.display());
        Ok(Self { replay: Arc::new(Replay::new(source, start)), last, pace, position })
    }

    /// The provider of the replayed prices.
    #[must_use]
    pub fn provider(&self) -> Arc<dyn Provider> {
        self.replay.clone()
    }

    /// Its description for people.
    #[must_use]
    pub fn description(&self) -> String {
        format!("a replay from {} to {}, {}", self.replay.day(), self.last, self.pace)
    }

    /// Runs at its pace until the last day, until `stopped`, or until standard input ends if that sets the pace.
    pub async fn run(self, market: MarketData, stopped: watch::Receiver<bool>) {
        match self.pace {
            Pace::DaysASecond(days) => self.follow(ticks(days), market, stopped).await,
            Pace::Step => self.follow(read_lines(BufReader::new(io::stdin())), market, stopped).await,
        }
    }

    /// Advances one trading day for each of `steps`.
    async fn follow(self, steps: impl Stream<Item = ()>, market: MarketData, mut stopped: watch::Receiver<bool>) {
        let mut steps = pin!(steps);
        loop {
            let stop = stopped.wait_for(|stopped| *stopped);
            let step = tokio::select! {
                _ = stop => return,
                step = steps.next() => step,
            };
            if step.is_none() {
                tracing::info!(day = %self.replay.day(), "standard input has ended: the replay stays at this day");
                return;
            }
            let next = calendar::next_trading_days(self.replay.day(), 1).first().copied();
            let Some(next) = next.filter(|next| *next <= self.last) else {
                tracing::info!(day = %self.replay.day(), "the replay is over");
                return;
            };
            // Stored first, so that after a crash the day is over and is never replayed twice.
            if let Err(error) = self.note(next) {
                tracing::error!(%error, "the replay stops: its current day cannot be stored");
                return;
            }
            self.replay.move_to(next);
            match refresh::replay_day(&market).await {
                // With `step` a person waits for the result.
                Ok(published) if self.pace == Pace::Step => tracing::info!(day = %next, published, "replayed"),
                Ok(published) => tracing::debug!(day = %next, published, "replayed"),
                Err(error) => tracing::error!(day = %next, %error, "not replayed"),
            }
        }
    }

    /// Stores the day atomically.
    fn note(&self, day: Day) -> std::io::Result<()> {
        write_private(&self.position, format!("{day}\n").as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use market::Sample;

    use super::*;
    use crate::platform::tests_support::market;

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    #[test]
    fn a_pace_is_a_number_of_days_a_second_or_a_step() {
        assert_eq!("4".parse(), Ok(Pace::DaysASecond(4.0)));
        assert_eq!("step".parse(), Ok(Pace::Step));
        for text in ["0", "-1", "fast", "NaN", "101", "inf", "", "Step", "steps"] {
            assert!(text.parse::<Pace>().is_err(), "{text}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn days_a_second_are_that_many() {
        let begun = Instant::now();
        assert_eq!(ticks(4.0).take(6).count().await, 6);
        assert_eq!(begun.elapsed().as_millis(), 1_500);
    }

    #[tokio::test]
    async fn a_line_on_standard_input_is_a_trading_day_and_its_end_ends_the_steps() {
        let (market, _folder) = market();
        let home = tempfile::tempdir().unwrap();
        let replaying = Replaying::open(Arc::new(Sample::new()), Pace::Step, home.path()).unwrap();
        assert_eq!(replaying.replay.day(), day("2010-03-02"));
        let (_running, stopped) = watch::channel(false);
        // An empty line, invalid UTF-8, and a last line without an end.
        let steps = read_lines(io::Cursor::new(b"\n\xff\xfe\nnext\n\n..."));
        replaying.clone().follow(steps, market.clone(), stopped.clone()).await;
        assert_eq!(replaying.replay.day(), day("2010-03-09"), "five trading days with a weekend among them");
        replaying.clone().follow(read_lines(io::Cursor::new(b"")), market, stopped).await;
        assert_eq!(replaying.replay.day(), day("2010-03-09"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_replay_goes_on_from_where_it_stopped_and_ends_with_the_prices() {
        let (market, _folder) = market();
        let home = tempfile::tempdir().unwrap();
        let open = || Replaying::open(Arc::new(Sample::new()), "10".parse().unwrap(), home.path()).unwrap();
        let first = open();
        assert_eq!(first.replay.day(), day("2010-03-02"));
        let (stop, stopped) = watch::channel(false);
        let running = tokio::spawn(first.clone().run(market.clone(), stopped.clone()));
        while first.replay.day() < day("2010-03-10") {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        stop.send(true).unwrap();
        running.await.unwrap();
        let again = open();
        assert_eq!(again.replay.day(), first.replay.day());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(home.path().join(POSITION)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        fs::write(home.path().join(POSITION), "2013-02-27\n").unwrap();
        let last = open();
        let (_running, never) = watch::channel(false);
        last.clone().run(market, never).await;
        assert_eq!(last.replay.day(), day("2013-03-01"), "the replay ended by itself");
    }

    #[test]
    fn a_live_source_has_no_past_to_replay() {
        let home = tempfile::tempdir().unwrap();
        let open = |source: Arc<dyn Provider>| Replaying::open(source, "1".parse().unwrap(), home.path());
        let after_the_end = Arc::new(Replay::new(Arc::new(Sample::new()), day("2000-03-01")));
        assert!(open(after_the_end.clone()).is_ok());
        fs::write(home.path().join(POSITION), "2013-02-27\n").unwrap();
        assert!(open(after_the_end).is_err(), "the source ends before the stored day");
        fs::write(home.path().join(POSITION), "someday\n").unwrap();
        assert!(open(Arc::new(Sample::new())).is_err());
    }
}
