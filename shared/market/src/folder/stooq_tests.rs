//! Stooq's files in a folder.

use super::*;
use crate::call_budget::caller;
use crate::history::Basis;

const HEADER: &str = "<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>\r\n";

fn symbol(text: &str) -> Symbol {
    text.parse().unwrap()
}

/// A bulk file with bars of these days, whose closes count from 10.
fn bulk(ticker: &str, days: &[&str]) -> String {
    let row = |(place, day): (usize, &&str)| {
        let close = place + 10;
        format!("{ticker},D,{day},000000,{close},{close},{close},{close},10,0\r\n")
    };
    format!("{HEADER}{}", days.iter().enumerate().map(row).collect::<String>())
}

fn open(files: &[(&str, &str)]) -> (tempfile::TempDir, Result<Folder, FolderError>) {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let folder = Folder::open(directory.path(), Arc::new(|| "2026-01-05".parse().unwrap()));
    (directory, folder)
}

#[tokio::test]
async fn the_unpacked_bulk_file_is_read_as_it_is() {
    let aapl = bulk("AAPL.US", &["20251231", "20260102"]);
    let (_directory, folder) = open(&[
        ("data/daily/us/nasdaq stocks/1/aapl.us.txt", &aapl),
        ("data/daily/jp/tse stocks/1/7203.jp.txt", &bulk("7203.JP", &["20251230"])),
        ("data/daily/world/currencies/major/eurusd.txt", &bulk("EURUSD", &["20260102"])),
        ("data/daily/us/nasdaq stocks/readme.txt", "not prices"),
    ]);
    let folder = folder.unwrap();
    assert_eq!(folder.read_symbols(), [symbol("7203.T"), symbol("AAPL"), symbol("EURUSD=X")]);
    assert_eq!(folder.clock(), MarketClock::StandsAt("2026-01-02".parse().unwrap()));
    let history = folder.fetch_daily(&symbol("aapl"), caller()).await.unwrap();
    assert_eq!((history.bars.close(), history.bars.volume()), (&[10.0, 11.0][..], &[10.0, 10.0][..]));
    assert_eq!((history.basis, history.currency.code()), (Basis::SplitAdjusted, "USD"));
    // Its prices are adjusted for both, so that their ratios are total returns.
    assert_eq!(history.bars.adjusted_close(), history.bars.close());
    assert_eq!(history.notes, [Note::SplitsUnknown, Note::DividendsInPrices]);
    assert!(folder.revision(&symbol("AAPL")).is_some());
    let of = async |name: &str| folder.fetch_instrument(&symbol(name), caller()).await.unwrap();
    assert_eq!(of("7203.T").await.currency.code(), "JPY");
    let pair = of("EURUSD=X").await;
    assert_eq!((pair.instrument_type, pair.currency.code()), (domain::InstrumentType::Fx, "USD"));
}

#[tokio::test]
async fn a_download_of_one_symbol_is_recognised_by_its_name() {
    let text = "Date,Open,High,Low,Close,Volume\n2026-01-02,1,2,1,1.5,10\n";
    let (_directory, folder) = open(&[("aapl_us_d.csv", text), ("MSFT.csv", text)]);
    let folder = folder.unwrap();
    assert_eq!(folder.read_symbols(), [symbol("AAPL"), symbol("MSFT")]);
    let notes = async |name: &str| folder.fetch_daily(&symbol(name), caller()).await.unwrap().notes;
    assert_eq!(notes("AAPL").await, [Note::SplitsUnknown, Note::DividendsInPrices]);
    assert_eq!(notes("MSFT").await, [Note::SplitsUnknown, Note::DividendsNotIncluded], "it could be from anywhere");
}

#[tokio::test]
async fn prices_of_london_need_a_line_with_their_currency() {
    let vod = bulk("VOD.UK", &["20260102"]);
    let (directory, folder) = open(&[("data/daily/uk/lse stocks/vod.uk.txt", &vod)]);
    let folder = folder.unwrap();
    let error = folder.fetch_daily(&symbol("VOD.L"), caller()).await.unwrap_err().to_string();
    assert!(error.contains("instruments.csv") && error.contains("VOD.L"), "{error}");
    fs::write(directory.path().join("instruments.csv"), "symbol,currency\nVOD.L,GBX\n").unwrap();
    let history = folder.fetch_daily(&symbol("VOD.L"), caller()).await.unwrap();
    assert_eq!((history.currency.code(), history.bars.close()), ("GBP", &[0.1][..]));
}

#[tokio::test]
async fn a_fault_of_a_bulk_file_is_named_by_its_line() {
    let weekly = bulk("A.US", &["20260102"]).replace(",D,", ",W,");
    let date = bulk("B.US", &["20260231"]);
    let (_directory, folder) =
        open(&[("a.us.txt", &weekly), ("b.us.txt", &date), ("c.us.txt", &bulk("C", &["20260102"]))]);
    let folder = folder.unwrap();
    for (name, expected) in [
        ("A", "a.us.txt, line 2: column `per` must be D, for daily bars"),
        ("B", "b.us.txt, line 2: column `date`: must be a day of the calendar"),
    ] {
        let error = folder.fetch_daily(&symbol(name), caller()).await.unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
    assert!(folder.fetch_daily(&symbol("C"), caller()).await.is_ok());
}

#[test]
fn of_thousands_of_files_only_the_ends_are_read_at_start() {
    let directory = tempfile::tempdir().unwrap();
    let below = directory.path().join("data/daily/us/nyse stocks/1");
    fs::create_dir_all(&below).unwrap();
    // Long enough that its middle is in neither end, and broken there: reading the whole file would be an error.
    let days: Vec<String> =
        (0..400).map(|back| Day::from_days_since_epoch(19_000 + back).unwrap().to_string().replace('-', "")).collect();
    let days: Vec<&str> = days.iter().map(String::as_str).collect();
    let whole = bulk("X.US", &days);
    let broken = whole.replacen(&format!("D,{}", days[200]), "broken", 1);
    for number in 0..=READ_AT_START {
        fs::write(below.join(format!("x{number}.us.txt")), &broken).unwrap();
    }
    let folder = Folder::open(directory.path(), Arc::new(|| "2026-01-05".parse().unwrap())).unwrap();
    assert_eq!(folder.clock(), MarketClock::StandsAt(Day::from_days_since_epoch(19_399).unwrap()));
    assert_eq!(folder.read_symbols().len(), READ_AT_START + 1);
    assert!(folder.read_history(&symbol("X0")).unwrap_err().to_string().contains("line 202"), "until it is requested");
}
