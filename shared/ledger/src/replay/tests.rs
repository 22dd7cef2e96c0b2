use super::*;
use crate::examples::{day, id, no_position, order, order_for, pick, split, terms, units, usd, wallet_of};
use crate::lots::Lot;
use crate::trade::{BookedTrade, TradeOrder, TradeTerms, buy, sell};
use crate::wallet::Wallet;

/// A wallet and a position with their history.
struct Books {
    wallet: Wallet,
    position: Position,
    movements: Vec<LotMovement>,
}

impl Books {
    /// This many units for 20 each on each of two days.
    fn bought(first: &str, second: &str) -> Self {
        let mut books = Self { wallet: wallet_of("100000"), position: no_position(), movements: Vec::new() };
        for (number, on, quantity) in [(11, "2012-02-01", first), (12, "2012-02-02", second)] {
            let bought = buy(&books.wallet, &books.position, &order(quantity, "0"), &terms(number, on, "20"));
            books.take(bought.unwrap());
        }
        books
    }

    fn sell(&mut self, order: &TradeOrder, terms: &TradeTerms<'_>) {
        self.take(sell(&self.wallet, &self.position, order, terms).unwrap());
    }

    fn take(&mut self, booked: BookedTrade) {
        self.movements.push(LotMovement::try_from(&booked.trade).unwrap());
        (self.wallet, self.position) = (booked.wallet, booked.position);
    }

    fn replayed(&self, splits: &[Split]) -> Position {
        replay(&self.position, &self.movements, splits, |_, _| ()).unwrap()
    }
}

fn lots(position: &Position) -> Vec<(String, String)> {
    let shown = |lot: &Lot| (lot.quantity.to_string(), lot.cost.to_string());
    position.lots.iter().map(shown).collect()
}

fn owned(lots: &[(&str, &str)]) -> Vec<(String, String)> {
    lots.iter().map(|&(quantity, cost)| (quantity.to_owned(), cost.to_owned())).collect()
}

#[test]
fn a_split_known_after_a_sale_applies_to_the_unsold_units() {
    let mut books = Books::bought("10", "10");
    books.sell(&order("15", "0"), &terms(13, "2012-03-01", "11"));
    let known = [split("2012-02-15", "2")];
    assert!(!books.position.is_folded_by(&known) && books.position.is_folded_by(&[]));
    let replayed = books.replayed(&known);
    // 40 units less 15: the first lot has 5 of its 20 left.
    assert_eq!(lots(&replayed), owned(&[("5", "50.00"), ("10", "200.00")]));
    assert_eq!(replayed.units_on(day("2012-03-01"), &known).unwrap(), units("25"));
    assert_eq!(replayed.realized_gain, usd("15"), "165 for what cost 150");
    assert!(replayed.is_folded_by(&known) && !replayed.split_conflict);
    let trades = (books.position.trades, books.position.last_traded);
    assert_eq!((replayed.trades, replayed.last_traded), trades);
}

#[test]
fn a_replay_with_the_same_splits_changes_nothing() {
    let splits = [split("2012-02-15", "1/3")];
    for lot_method in [LotMethod::Fifo, LotMethod::Lifo, LotMethod::Hifo, LotMethod::Average] {
        let mut books = Books::bought("10", "7.7");
        books.sell(&order_for("100"), &TradeTerms { splits: &splits, lot_method, ..terms(13, "2012-03-01", "61.7") });
        assert_eq!(books.replayed(&splits), books.position, "{lot_method}");
    }
}

#[test]
fn by_another_method_a_sale_takes_what_it_would_have_taken() {
    let mut books = Books { wallet: wallet_of("100000"), position: no_position(), movements: Vec::new() };
    for (number, on, quantity, value) in [(11, "2012-02-01", "109", "3149.20"), (12, "2012-02-02", "52", "1684.92")] {
        let cost = Money::parse(value, Currency::USD).unwrap();
        let bought = LotMovement { amount: cost, ..bought(number, on, quantity) };
        books.movements.push(bought);
    }
    let sold = LotMovement { side: Side::Sell, amount: usd("531.50"), ..bought(13, "2012-03-01", "15") };
    books.movements.push(sold);
    let picked = |mut movements: Vec<LotMovement>| {
        movements[2].method = LotMethod::Specific;
        movements[2].picks = vec![pick(12, "10"), pick(11, "5")];
        movements
    };
    for (method, cost, gain) in [
        (AutomaticLotMethod::Fifo, "4400.74", "98.12"),
        (AutomaticLotMethod::Average, "4383.74", "81.12"),
        (AutomaticLotMethod::Lifo, "4348.09", "45.47"),
        (AutomaticLotMethod::Hifo, "4348.09", "45.47"),
    ] {
        for made in [books.movements.clone(), picked(books.movements.clone())] {
            let tried: Vec<_> = made.into_iter().map(|movement| movement.by_method(method)).collect();
            let position = replay(&books.position, &tried, &[], |_, _| ()).unwrap();
            assert_eq!((position.cost(), position.realized_gain), (Ok(usd(cost)), usd(gain)), "{method:?}");
        }
    }
}

fn bought(number: u128, on: &str, quantity: &str) -> LotMovement {
    LotMovement {
        id: id(number),
        side: Side::Buy,
        day: day(on),
        quantity: units(quantity),
        amount: usd("0"),
        method: LotMethod::Fifo,
        picks: Vec::new(),
        rules: Rules::CURRENT,
    }
}

#[test]
fn a_split_after_the_last_sale_changes_no_stored_unit() {
    let mut books = Books::bought("10", "10");
    books.sell(&order("5", "0"), &terms(13, "2012-03-01", "20"));
    assert!(books.position.is_folded_by(&[split("2012-01-01", "7"), split("2012-03-02", "2")]));
    assert!(!books.position.is_folded_by(&[split("2012-03-01", "2")]));
}

#[test]
fn a_sale_that_lacks_units_marks_a_split_conflict() {
    let mut books = Books::bought("10", "10");
    books.sell(&order("15", "0"), &terms(13, "2012-03-01", "20"));
    let known = [split("2012-02-15", "0.1")];
    let replayed = books.replayed(&known);
    assert!(replayed.split_conflict && replayed.lots.is_empty());
    assert_eq!(replayed.realized_gain, usd("-100"), "300 for what cost 400");
    assert!(replayed.is_folded_by(&known), "it is not replayed at every read");
    assert!(!books.replayed(&[]).split_conflict);
}

#[test]
fn a_sale_without_any_unit_left_keeps_its_proceeds() {
    let mut books = Books::bought("10", "10");
    books.sell(&order("2", "0"), &terms(13, "2012-03-01", "20"));
    books.sell(&order("3", "0"), &terms(14, "2012-03-02", "20"));
    let replayed = books.replayed(&[split("2012-02-15", "0.1")]);
    assert!(replayed.split_conflict && replayed.lots.is_empty());
    assert_eq!(replayed.realized_gain, usd("-300"), "100 for what cost 400");
}

#[test]
fn the_oldest_lots_make_up_for_a_named_lot_that_lacks_units() {
    let mut books = Books::bought("100", "10");
    let named = TradeOrder { lots: vec![pick(12, "5")], ..order("5", "0") };
    books.sell(&named, &TradeTerms { lot_method: LotMethod::Specific, ..terms(13, "2012-03-01", "20") });
    let kept = books.replayed(&[split("2012-02-15", "2")]);
    assert_eq!(lots(&kept), owned(&[("100", "2000.00"), ("15", "150.00")]));
    let lacking = books.replayed(&[split("2012-02-15", "0.1")]);
    assert_eq!(lots(&lacking), owned(&[("5", "1000.00"), ("10", "200.00")]));
    assert!(!lacking.split_conflict, "there were enough units");
    assert_eq!(lacking.lots.iter().map(|lot| lot.id).collect::<Vec<_>>(), [id(11), id(12)]);
}
