//! Items stored by earlier code, which had eight decimals, wrote a split ratio as a decimal, and sold the oldest lots
//! first at average cost.

use serde_json::Value;

use super::*;
use crate::folded::FoldedSplits;
use crate::lot_method::LotMethod;
use crate::position::RelievedLot;

/// Two purchases, a split written 0.022222 (one for forty-five), a sale at average cost, a purchase, a split of one for
/// three, a sale of the dearest lot and one more at average cost.
fn stored() -> (Wallet, Vec<Entry>, Vec<Trade>, Position) {
    let items: Value = serde_json::from_str(include_str!("old_books.json")).unwrap();
    let read = |items: &Value| items.clone();
    let position = serde_json::from_value(read(&items["position"])).unwrap();
    (
        serde_json::from_value(read(&items["wallet"])).unwrap(),
        serde_json::from_value(read(&items["entries"])).unwrap(),
        serde_json::from_value(read(&items["trades"])).unwrap(),
        Position::from_items(position, Vec::new()).unwrap(),
    )
}

fn verified(wallet: &Wallet, entries: &[Entry], trades: &[Trade], position: &Position) -> Vec<Discrepancy> {
    let mut audit = Audit::new(customer());
    for entry in entries {
        audit.entry(entry, trades.iter().find(|trade| Some(trade.id) == entry.trade_id));
    }
    audit.finish(wallet, [position], u64::try_from(trades.len()).unwrap())
}

/// The splits as they are known now.
fn known() -> [Split; 2] {
    [split("2012-03-01", "1/45"), split("2012-04-02", "1/3")]
}

fn movements(trades: &[Trade]) -> Vec<LotMovement> {
    trades.iter().map(|trade| LotMovement::try_from(trade).unwrap()).collect()
}

#[test]
fn books_of_the_first_rules_verify_clean() {
    let (wallet, entries, trades, position) = stored();
    assert_eq!(position.folded, None);
    assert!(trades.iter().all(|trade| trade.rules == Rules::First));
    assert_eq!(verified(&wallet, &entries, &trades, &position), []);
    let kept = Position { folded: Some(FoldedSplits::of_trades(&trades)), ..position };
    assert_eq!(verified(&wallet, &entries, &trades, &kept), [], "and once it states its folded splits");
}

#[test]
fn books_of_the_first_rules_are_verified_against_their_records() {
    let (wallet, entries, mut trades, position) = stored();
    trades[2].position.average_cost = Some("601.15141532".parse().unwrap());
    let changed = verified(&wallet, &entries, &trades, &position);
    assert_eq!(changed, [Discrepancy::TradeDiffers { seq: 4, trade_id: trades[2].id }]);
}

#[test]
fn books_of_the_first_rules_continue_under_todays() {
    let (wallet, mut entries, mut trades, position) = stored();
    let folded = FoldedSplits::of_trades(&trades);
    assert!(!folded.is_by(&known()), "0.022222 is not one for forty-five");
    let replayed = replay(&position, &movements(&trades), &known(), |_, _| ()).unwrap();
    let on = day("2012-04-12");
    // 150.5/45 − 1.7 + 7, a third of that, − 0.51, each lot truncated to the eight decimals of its sale.
    assert_eq!(replayed.units_on(on, &known()).unwrap().to_string(), "2.37148147");
    assert_eq!(verified(&wallet, &entries, &trades, &replayed), []);

    let splits = known();
    let terms = TradeTerms { splits: &splits, lot_method: LotMethod::Average, ..terms(200, "2012-04-12", "1800") };
    let sale = sell(&wallet, &replayed, &order("1", "0"), &terms).unwrap();
    entries.push(sale.entry);
    trades.push(sale.trade);
    assert_eq!(verified(&sale.wallet, &entries, &trades, &sale.position), []);
}

#[test]
fn a_replay_reproduces_what_each_old_sale_took() {
    let (_, _, trades, position) = stored();
    let folded = FoldedSplits::of_trades(&trades);
    let mut taken: Vec<Vec<RelievedLot>> = Vec::new();
    let replayed = replay(&position, &movements(&trades), &folded.splits, |_, lots| taken.push(lots.to_vec())).unwrap();
    assert_eq!(Position { folded: None, ..replayed }, position);
    let recorded = trades.iter().filter(|trade| trade.side == Side::Sell);
    for (taken, recorded) in taken.iter().zip(recorded) {
        assert_eq!(crate::trade_record::lines(taken, LotMethod::Fifo).as_ref(), Ok(&recorded.lots));
    }
}
