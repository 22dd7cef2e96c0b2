use std::sync::Mutex;

use domain::{Bar, Bars, Currency, Day, InstrumentType};
use tokio::time::Instant;

use super::*;
use crate::call_budget::caller;
use crate::history::Basis;
use crate::note::Note;

/// A source that gives every call the same response, after a delay.
struct Scripted {
    source: &'static str,
    refusal: Option<ProviderError>,
    takes: Duration,
    calls: Option<usize>,
    /// The close of its newest bar, which it holds back.
    newest: Option<f64>,
    asked: Mutex<Vec<CallBudget>>,
}

fn next_day() -> Day {
    "2013-03-04".parse().unwrap()
}

impl Scripted {
    fn gives(source: &'static str) -> Self {
        let (refusal, takes, calls, asked) = (None, Duration::ZERO, Some(3), Mutex::default());
        Self { source, refusal, takes, calls, newest: None, asked }
    }

    fn refuses(source: &'static str, refusal: ProviderError) -> Self {
        Self { refusal: Some(refusal), ..Self::gives(source) }
    }

    fn after(self, takes: Duration) -> Self {
        Self { takes, ..self }
    }

    async fn answer<T>(&self, budget: CallBudget, data: T) -> Result<T, ProviderError> {
        self.asked.lock().unwrap().push(budget);
        tokio::time::sleep(self.takes).await;
        self.refusal.clone().map_or(Ok(data), Err)
    }

    fn times_asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

#[async_trait]
impl Provider for Scripted {
    fn source(&self) -> &'static str {
        self.source
    }

    fn clock(&self) -> MarketClock {
        MarketClock::Live
    }

    async fn fetch_daily(&self, _symbol: &Symbol, budget: CallBudget) -> Result<History, ProviderError> {
        let (date, price) = ("2013-03-01".parse().unwrap(), 202.91);
        let (open, high, low, close, adjusted_close) = (price, price, price, price, price);
        let bar = Bar { date, open, high, low, close, volume: 1.0, adjusted_close, split_ratio: 1.0, dividend: 0.0 };
        let bars = Bars::from_rows([bar]).unwrap();
        let (source, basis, currency) = (self.source, Basis::Quoted, Currency::USD);
        let held_back = self.newest.map(|close| Bar { date: next_day(), close, ..bar });
        let notes = held_back.map(|bar| Note::NewestBarHeldBack { date: bar.date, fraction: bar.close / price - 1.0 });
        let notes = notes.into_iter().collect();
        self.answer(budget, History { source, bars, basis, currency, notes, held_back }).await
    }

    async fn search(&self, text: &str, budget: CallBudget) -> Result<Vec<Instrument>, ProviderError> {
        let found = vec![Instrument::unlisted(ibm())];
        self.answer(budget, if text == "ibm" { found } else { Vec::new() }).await
    }

    async fn read_calls_left(&self) -> Option<CallsLeft> {
        self.calls.map(CallsLeft::of_a_day)
    }

    async fn fetch_instrument(&self, symbol: &Symbol, budget: CallBudget) -> Result<Instrument, ProviderError> {
        self.answer(budget, Instrument::unlisted(symbol.clone())).await
    }
}

fn ibm() -> Symbol {
    "IBM".parse().unwrap()
}

fn schedule() -> CallBudget {
    CallBudget::of(OnBehalfOf::Schedule)
}

fn chain(first: Scripted, second: Scripted) -> (Chain, Arc<Scripted>, Arc<Scripted>) {
    let (first, second) = (Arc::new(first), Arc::new(second));
    (Chain::new(first.clone(), vec![second.clone()]), first, second)
}

const QUOTA: ProviderError = ProviderError::QuotaExhausted { until: None };
const DOWN: ProviderError = ProviderError::Unavailable { status: Some(500) };
const UNKNOWN: ProviderError = ProviderError::UnknownSymbol;

#[tokio::test(start_paused = true)]
async fn the_second_source_is_not_called_when_the_first_answers() {
    let (chain, _, second) = chain(Scripted::gives("a"), Scripted::gives("b"));
    assert_eq!(chain.fetch_daily(&ibm(), caller()).await.unwrap().source, "a");
    assert_eq!(chain.fetch_quote(&ibm(), caller()).await.unwrap().source, "a");
    assert_eq!(chain.fetch_instrument(&ibm(), caller()).await.unwrap().instrument_type, InstrumentType::Stock);
    assert_eq!(second.times_asked(), 0);
}

#[tokio::test(start_paused = true)]
async fn each_price_keeps_the_name_of_its_source() {
    for refusal in
        [QUOTA, DOWN, UNKNOWN, ProviderError::TooLarge, ProviderError::KeyRefused, ProviderError::malformed("x")]
    {
        let (chain, ..) = chain(Scripted::refuses("a", refusal.clone()), Scripted::gives("b"));
        assert_eq!(chain.fetch_quote(&ibm(), caller()).await.unwrap().source, "b", "{refusal}");
        assert_eq!(chain.fetch_daily(&ibm(), caller()).await.unwrap().source, "b", "{refusal}");
        assert!(chain.fetch_instrument(&ibm(), caller()).await.is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn a_symbol_is_unknown_only_if_every_available_source_says_so() {
    let key = ProviderError::KeyRefused;
    for (first, second, seen) in [
        (UNKNOWN, UNKNOWN, UNKNOWN),
        (QUOTA, UNKNOWN, QUOTA),
        (UNKNOWN, QUOTA, QUOTA),
        (UNKNOWN, DOWN, DOWN),
        (DOWN, QUOTA, DOWN),
        (key.clone(), UNKNOWN, UNKNOWN),
        (UNKNOWN, key.clone(), UNKNOWN),
        (key.clone(), DOWN, DOWN),
        (key.clone(), ProviderError::NotGiven, key),
        (ProviderError::NotGiven, ProviderError::NotGiven, ProviderError::NotGiven),
    ] {
        let (chain, ..) = chain(Scripted::refuses("a", first.clone()), Scripted::refuses("b", second.clone()));
        assert_eq!(chain.fetch_daily(&ibm(), caller()).await, Err(seen), "{first}, {second}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_sources_share_the_callers_time() {
    let never = Duration::from_hours(1);
    let (chain, first, second) = chain(Scripted::gives("a").after(never), Scripted::gives("b").after(never));
    let one_second = || caller().within(Duration::from_secs(1));
    let budgets: [(fn() -> CallBudget, u64); 3] = [(caller, 2), (schedule, 10), (one_second, 1)];
    for (budget, seconds) in budgets {
        let start = Instant::now();
        assert_eq!(chain.fetch_daily(&ibm(), budget()).await, Err(ProviderError::TimedOut));
        assert_eq!(start.elapsed().as_secs(), seconds);
    }
    let start = Instant::now();
    assert_eq!(chain.fetch_instrument(&ibm(), caller()).await, Err(ProviderError::TimedOut));
    assert_eq!(start.elapsed().as_secs(), 2);
    let given = |asked: &Scripted| asked.asked.lock().unwrap()[0].deadline;
    assert_eq!(given(&second) - given(&first), Duration::from_secs(1), "each gets half");
}

#[tokio::test(start_paused = true)]
async fn the_second_source_gets_the_time_that_the_first_left() {
    let down = Scripted::refuses("a", DOWN).after(Duration::from_millis(100));
    let (chain, _, second) = chain(down, Scripted::gives("b"));
    chain.fetch_daily(&ibm(), caller()).await.unwrap();
    let left = second.asked.lock().unwrap()[0].time_left();
    assert!(left > Duration::from_millis(1890) && left <= Duration::from_millis(1900), "{left:?}");
}

#[tokio::test(start_paused = true)]
async fn a_held_back_bar_is_served_once_another_source_confirms_it() {
    let holding = |source, close| Scripted { newest: Some(close), ..Scripted::gives(source) };
    // (what the second source has, whether the bar is confirmed)
    let seconds = [
        (holding("b", 81.2), true),
        (holding("b", 78.0), false),
        (Scripted::gives("b"), false),
        (Scripted::refuses("b", ProviderError::TimedOut), false),
        (holding("b", 80.0).after(Duration::from_secs(20)), false),
    ];
    for (second, confirmed) in seconds {
        let (chain, _, second) = chain(holding("a", 80.0), second);
        let history = chain.fetch_daily(&ibm(), caller()).await.unwrap();
        assert_eq!((history.source, second.times_asked()), ("a", 1));
        let fraction = 80.0 / 202.91 - 1.0;
        let (last, note) = if confirmed {
            ((next_day(), 80.0), Note::UnexplainedMove { date: next_day(), fraction })
        } else {
            (("2013-03-01".parse().unwrap(), 202.91), Note::NewestBarHeldBack { date: next_day(), fraction })
        };
        assert_eq!(history.bars.last().map(|bar| (bar.date, bar.close)), Some(last));
        assert_eq!(history.notes, [note]);
    }
    let (quiet, _, second) = chain(Scripted::gives("a"), holding("b", 80.0));
    quiet.fetch_daily(&ibm(), caller()).await.unwrap();
    assert_eq!(second.times_asked(), 0, "no second call without a held-back bar");
}

#[tokio::test(start_paused = true)]
async fn a_scheduled_call_spares_the_source_with_few_calls() {
    let few = || Scripted { calls: Some(25), ..Scripted::gives("few") };
    let many = || Scripted { calls: Some(2_000), ..Scripted::gives("many") };
    let scheduled = schedule().reserving(15);
    for budget in [schedule(), scheduled] {
        let (chain, few, _) = chain(few(), many());
        assert_eq!(chain.fetch_daily(&ibm(), budget).await.unwrap().source, "many");
        assert_eq!(chain.fetch_quote(&ibm(), budget).await.unwrap().source, "many");
        assert_eq!(few.times_asked(), 0);
        assert_eq!(
            chain.fetch_quote(&ibm(), caller()).await.unwrap().source,
            "few",
            "customers' requests use the configured order"
        );
    }
    // A symbol that only the other source has is fetched there, with the reserve passed on.
    let (chain, few, _) = chain(few(), Scripted { refusal: Some(UNKNOWN), ..many() });
    assert_eq!(chain.fetch_daily(&ibm(), scheduled).await.unwrap().source, "few");
    assert_eq!(few.asked.lock().unwrap()[..], [scheduled.within(Duration::from_secs(10))]);
}

#[tokio::test(start_paused = true)]
async fn a_search_without_a_match_tries_the_next_source() {
    let (both, _, second) = chain(Scripted::gives("a"), Scripted::gives("b"));
    assert_eq!(both.search("ibm", caller()).await.unwrap().len(), 1);
    assert_eq!(second.times_asked(), 0);
    assert_eq!(both.search("nothing", caller()).await, Ok(Vec::new()));
    assert_eq!(second.times_asked(), 1);
    let (out_of_calls, ..) = chain(Scripted::refuses("a", QUOTA), Scripted::gives("b"));
    assert_eq!(out_of_calls.search("ibm", caller()).await.unwrap().len(), 1);
    assert_eq!(out_of_calls.search("nothing", caller()).await, Err(QUOTA), "the first might have found it");
}

#[tokio::test(start_paused = true)]
async fn a_chain_gives_the_prices_of_each_of_its_sources() {
    let (counted, ..) = chain(Scripted::gives("a"), Scripted::gives("b"));
    assert!(counted.gives("a") && counted.gives("b") && !counted.gives("c"));
    assert_eq!((counted.source(), counted.clock(), counted.revision(&ibm())), ("a", MarketClock::Live, None));
    assert_eq!(counted.count_calls_left().await, Some(6));
    let (uncounted, ..) = chain(Scripted::gives("a"), Scripted { calls: None, ..Scripted::gives("b") });
    assert_eq!(uncounted.count_calls_left().await, None);
}
