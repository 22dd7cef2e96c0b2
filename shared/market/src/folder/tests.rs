use super::*;
use crate::history::Basis;

const BARS: &str = "date,open,high,low,close,volume\n2013-02-28,1,1,1,1,1\n2013-03-01,2,2,2,2,2\n";

fn symbol(text: &str) -> Symbol {
    text.parse().unwrap()
}

fn folder(files: &[(&str, &str)]) -> (tempfile::TempDir, Result<Folder, FolderError>) {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(directory.path().join(name), text).unwrap();
    }
    let folder = Folder::open(directory.path());
    (directory, folder)
}

#[tokio::test]
async fn file_names_match_in_any_case_and_with_the_signs_of_indices_and_currencies() {
    let (_directory, folder) =
        folder(&[("aapl.CSV", BARS), ("^GSPC.csv", BARS), ("eurusd=x.csv", BARS), ("notes.txt", "")]);
    let folder = folder.unwrap();
    assert_eq!(folder.symbols(), [symbol("AAPL"), symbol("EURUSD=X"), symbol("^GSPC")]);
    for name in ["aapl", "^gspc", "EURUSD=X"] {
        let history = folder.daily(&symbol(name), Patience::Caller).await.unwrap();
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
        assert_eq!(folder.daily(&symbol(name), Patience::Caller).await, Err(ProviderError::UnknownSymbol), "{name}");
        assert_eq!(folder.instrument(&symbol(name)).await, Err(ProviderError::UnknownSymbol), "{name}");
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
    let folder = Folder::open(directory.path()).unwrap();
    assert_eq!(folder.symbols(), [symbol("AAPL"), symbol("SAME")]);
    assert_eq!(folder.daily(&symbol("SECRET"), Patience::Caller).await, Err(ProviderError::UnknownSymbol));
}

#[tokio::test]
async fn the_clock_stands_at_the_latest_bar_of_all_files_and_moves_on_with_them() {
    let older = "date,open,high,low,close,volume\n2012-12-31,1,1,1,1,1\n";
    let (directory, folder) = folder(&[("A.csv", BARS), ("B.csv", older)]);
    let folder = folder.unwrap();
    let stands_at = |text: &str| MarketClock::StandsAt(text.parse().unwrap());
    assert_eq!(folder.clock(), stands_at("2013-03-01"));

    let before = folder.revision(&symbol("B")).unwrap();
    fs::write(directory.path().join("B.csv"), format!("{older}2013-03-04,1,1,1,1,1\n")).unwrap();
    assert_ne!(folder.revision(&symbol("B")).unwrap(), before);
    folder.daily(&symbol("B"), Patience::Caller).await.unwrap();
    assert_eq!(folder.clock(), stands_at("2013-03-04"));

    fs::remove_file(directory.path().join("B.csv")).unwrap();
    assert_eq!(folder.clock(), stands_at("2013-03-04"), "the clock never goes back");
}

#[tokio::test]
async fn metadata_come_from_the_folders_list_or_are_a_dollar_stocks() {
    let list = "symbol,name,instrument_type,currency,exchange,sector\nBMW.DE,BMW AG,stock,EUR,XETRA,\n";
    let (_directory, folder) = folder(&[("bmw.de.csv", BARS), ("X.csv", BARS), ("instruments.csv", list)]);
    let folder = folder.unwrap();
    assert_eq!(folder.symbols(), [symbol("BMW.DE"), symbol("X")]);
    assert_eq!(folder.instrument(&symbol("BMW.DE")).await.unwrap().name, "BMW AG");
    assert_eq!(folder.daily(&symbol("BMW.DE"), Patience::Caller).await.unwrap().currency.code(), "EUR");
    assert_eq!(folder.instrument(&symbol("X")).await.unwrap(), Instrument::unlisted(symbol("X")));
}

#[tokio::test]
async fn one_broken_file_takes_no_other_away_and_names_its_line() {
    let (_directory, folder) = folder(&[("A.csv", BARS), ("B.csv", "date,open,high,low,close\n2013-03-01,1,1,1\n")]);
    let folder = folder.unwrap();
    let error = folder.daily(&symbol("B"), Patience::Caller).await.unwrap_err();
    assert_eq!(error, ProviderError::Malformed { what: "B.csv, line 2: 4 cells where the header has 5".to_owned() });
    assert!(folder.daily(&symbol("A"), Patience::Caller).await.is_ok());
}

#[tokio::test]
async fn a_file_beyond_the_limit_is_refused() {
    let (directory, folder) = folder(&[("A.csv", BARS)]);
    let folder = folder.unwrap();
    fs::File::create(directory.path().join("HUGE.csv")).unwrap().set_len(MAX_FILE_BYTES + 1).unwrap();
    assert_eq!(folder.daily(&symbol("HUGE"), Patience::Caller).await, Err(ProviderError::TooLarge));
}

#[test]
fn a_folder_that_cannot_be_a_source_says_why() {
    let text = |result: Result<Folder, FolderError>| result.unwrap_err().to_string();
    assert!(text(Folder::open(Path::new("/nowhere/at/all"))).starts_with("cannot read the folder /nowhere/at/all: "));
    assert!(text(folder(&[]).1).starts_with("no file SYMBOL.csv with daily bars in "));
    let broken = text(folder(&[("A.csv", "hello")]).1);
    assert!(broken.contains("A: A.csv, line 1: the header has no column `date`"), "{broken}");
    let list = text(folder(&[("A.csv", BARS), ("instruments.csv", "symbol,currency\nA,EURO\n")]).1);
    assert!(list.contains("instruments.csv: ") && list.contains("ISO 4217"), "{list}");
}
