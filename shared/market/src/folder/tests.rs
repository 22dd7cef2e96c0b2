use super::*;
use crate::call_budget::caller;
use crate::history::Basis;

const BARS: &str = "date,open,high,low,close,volume\n2013-02-28,1,1,1,1,1\n2013-03-01,2,2,2,2,2\n";

fn symbol(text: &str) -> Symbol {
    text.parse().unwrap()
}

fn open(path: &Path) -> Result<Folder, FolderError> {
    Folder::open(path, Arc::new(|| "2019-12-31".parse().unwrap()))
}

fn folder(files: &[(&str, &str)]) -> (tempfile::TempDir, Result<Folder, FolderError>) {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(directory.path().join(name), text).unwrap();
    }
    let folder = open(directory.path());
    (directory, folder)
}

#[tokio::test]
async fn file_names_match_in_any_case_and_may_contain_symbol_punctuation() {
    let (_directory, folder) =
        folder(&[("aapl.CSV", BARS), ("^GSPC.csv", BARS), ("eurusd=x.csv", BARS), ("notes.txt", "")]);
    let folder = folder.unwrap();
    assert_eq!(folder.read_symbols(), [symbol("AAPL"), symbol("EURUSD=X"), symbol("^GSPC")]);
    for name in ["aapl", "^gspc", "EURUSD=X"] {
        let history = folder.fetch_daily(&symbol(name), caller()).await.unwrap();
        assert_eq!((history.bars.len(), history.basis), (2, Basis::SplitAdjusted));
        assert!(folder.revision(&symbol(name)).is_some());
    }
    assert_eq!(folder.source(), "folder");
}

#[tokio::test]
async fn a_symbol_without_a_file_is_unknown() {
    let (_directory, folder) = folder(&[("AAPL.csv", BARS)]);
    let folder = folder.unwrap();
    for name in ["MSFT", "MY:AAPL", "INSTRUMENTS", "A..", "^"] {
        assert_eq!(folder.fetch_daily(&symbol(name), caller()).await, Err(ProviderError::UnknownSymbol), "{name}");
        assert_eq!(folder.fetch_instrument(&symbol(name), caller()).await, Err(ProviderError::UnknownSymbol), "{name}");
        assert_eq!(folder.revision(&symbol(name)), None);
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_out_of_the_folder_is_not_followed() {
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret.csv"), BARS).unwrap();
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("AAPL.csv"), BARS).unwrap();
    std::os::unix::fs::symlink(outside.path().join("secret.csv"), directory.path().join("SECRET.csv")).unwrap();
    std::os::unix::fs::symlink(directory.path().join("AAPL.csv"), directory.path().join("SAME.csv")).unwrap();
    let folder = open(directory.path()).unwrap();
    assert_eq!(folder.read_symbols(), [symbol("AAPL"), symbol("SAME")]);
    assert_eq!(folder.fetch_daily(&symbol("SECRET"), caller()).await, Err(ProviderError::UnknownSymbol));
}

#[tokio::test]
async fn the_market_clock_follows_the_latest_bar_of_all_files() {
    let older = "date,open,high,low,close,volume\n2012-12-31,1,1,1,1,1\n";
    let (directory, folder) = folder(&[("A.csv", BARS), ("B.csv", older)]);
    let folder = folder.unwrap();
    let stands_at = |text: &str| MarketClock::StandsAt(text.parse().unwrap());
    assert_eq!(folder.clock(), stands_at("2013-03-01"));

    let before = folder.revision(&symbol("B")).unwrap();
    fs::write(directory.path().join("B.csv"), format!("{older}2013-03-04,1,1,1,1,1\n")).unwrap();
    assert_ne!(folder.revision(&symbol("B")).unwrap(), before);
    folder.fetch_daily(&symbol("B"), caller()).await.unwrap();
    assert_eq!(folder.clock(), stands_at("2013-03-04"));

    fs::remove_file(directory.path().join("B.csv")).unwrap();
    assert_eq!(folder.clock(), stands_at("2013-03-04"), "the clock never goes back");
}

#[tokio::test]
async fn metadata_come_from_the_list_or_default_to_a_stock_in_dollars() {
    let list = "symbol,name,instrument_type,currency,exchange,sector\nBMW.DE,BMW AG,stock,EUR,XETRA,\n";
    let (_directory, folder) = folder(&[("bmw.de.csv", BARS), ("X.csv", BARS), ("instruments.csv", list)]);
    let folder = folder.unwrap();
    assert_eq!(folder.read_symbols(), [symbol("BMW.DE"), symbol("X")]);
    assert_eq!(folder.fetch_instrument(&symbol("BMW.DE"), caller()).await.unwrap().name, "BMW AG");
    assert_eq!(folder.fetch_daily(&symbol("BMW.DE"), caller()).await.unwrap().currency.code(), "EUR");
    assert_eq!(folder.fetch_instrument(&symbol("X"), caller()).await.unwrap(), Instrument::unlisted(symbol("X")));
}

#[tokio::test]
async fn a_broken_file_names_its_line_and_does_not_affect_others() {
    let (_directory, folder) = folder(&[("A.csv", BARS), ("B.csv", "date,open,high,low,close\n2013-03-01,1,1,1\n")]);
    let folder = folder.unwrap();
    let error = folder.fetch_daily(&symbol("B"), caller()).await.unwrap_err();
    assert_eq!(error, ProviderError::Malformed { what: "B.csv, line 2: 4 cells where the header has 5".to_owned() });
    assert!(folder.fetch_daily(&symbol("A"), caller()).await.is_ok());
}

#[tokio::test]
async fn a_file_beyond_the_limit_is_refused() {
    let (directory, folder) = folder(&[("A.csv", BARS)]);
    let folder = folder.unwrap();
    fs::File::create(directory.path().join("HUGE.csv")).unwrap().set_len(MAX_FILE_BYTES + 1).unwrap();
    assert_eq!(folder.fetch_daily(&symbol("HUGE"), caller()).await, Err(ProviderError::TooLarge));
}

#[test]
fn an_unusable_folder_gives_the_reason() {
    let text = |result: Result<Folder, FolderError>| result.unwrap_err().to_string();
    assert!(text(open(Path::new("/nowhere/at/all"))).starts_with("cannot read the folder /nowhere/at/all: "));
    assert!(text(folder(&[]).1).starts_with("no SYMBOL.csv file with daily bars in "));
    let broken = text(folder(&[("A.csv", "hello")]).1);
    assert!(broken.contains("A: A.csv, line 1: the header has no column `date`"), "{broken}");
    let list = text(folder(&[("A.csv", BARS), ("instruments.csv", "name,currency\nA,EUR\n")]).1);
    assert!(list.contains("instruments.csv: the header has no column `symbol`"), "{list}");
}

#[tokio::test]
async fn a_file_without_bars_is_an_error_and_not_an_unknown_symbol() {
    let (_directory, folder) = folder(&[
        ("A.csv", BARS),
        ("EMPTY.csv", ""),
        ("HEADER.csv", "date,open,high,low,close\n"),
        ("NULLS.csv", "date,open,high,low,close\n2013-03-01,null,null,null,null\n"),
    ]);
    let folder = folder.unwrap();
    for (name, expected) in [
        ("EMPTY", "EMPTY.csv, line 1: the file is empty"),
        ("HEADER", "HEADER.csv has no bars"),
        (
            "NULLS",
            "NULLS.csv has no bars: One row of the source was left out: that of 2013-03-01 (a price is missing or not above zero).",
        ),
    ] {
        let error = folder.fetch_daily(&symbol(name), caller()).await.unwrap_err();
        assert_eq!(error, ProviderError::Malformed { what: expected.to_owned() });
    }
}

#[tokio::test]
async fn a_bad_line_of_the_instrument_list_affects_only_its_symbol() {
    let list = "symbol,name,currency\nBMW,BMW AG,EURO\nSAP,SAP SE,EUR\n,nothing,\n";
    let (_directory, folder) =
        folder(&[("BMW.csv", BARS), ("SAP.csv", BARS), ("X.csv", BARS), ("instruments.csv", list)]);
    let folder = folder.unwrap();
    let what = "instruments.csv, line 2: must be the ISO 4217 code of a currency in use".to_owned();
    let error = ProviderError::Malformed { what };
    assert_eq!(folder.fetch_instrument(&symbol("BMW"), caller()).await, Err(error.clone()));
    assert_eq!(folder.fetch_daily(&symbol("BMW"), caller()).await, Err(error), "no currency is guessed");
    assert_eq!(folder.fetch_daily(&symbol("SAP"), caller()).await.unwrap().currency.code(), "EUR");
    assert_eq!(folder.fetch_instrument(&symbol("X"), caller()).await.unwrap(), Instrument::unlisted(symbol("X")));
    let found = folder.search("s", caller()).await.unwrap();
    assert_eq!(found.iter().map(|one| one.symbol.as_str()).collect::<Vec<_>>(), ["SAP"]);
}

#[tokio::test]
async fn prices_of_a_symbol_listed_in_pence_are_in_pounds() {
    let list = "symbol,currency\nVOD.L,GBX\n";
    let bars = "date,open,high,low,close\n2013-03-01,165.2,166,165,165.4\n";
    let (_directory, folder) = folder(&[("VOD.L.csv", bars), ("instruments.csv", list)]);
    let folder = folder.unwrap();
    let quote = folder.fetch_quote(&symbol("VOD.L"), caller()).await.unwrap();
    assert_eq!((quote.price.to_string().as_str(), quote.currency.code()), ("1.654", "GBP"));
    assert_eq!(folder.fetch_instrument(&symbol("VOD.L"), caller()).await.unwrap().currency.code(), "GBP");
}
