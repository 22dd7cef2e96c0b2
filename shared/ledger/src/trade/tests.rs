use super::*;
use crate::examples::{
    day, id, no_position, order, order_for, price, sold_by, split, terms, three_lots, units, usd, wallet_of,
};
use crate::trade_record::RealizedLot;
use crate::wallet::Wallet;

#[test]
fn a_purchase_debits_value_and_fee_and_the_lot_costs_both() {
    let bought = buy(&wallet_of("1000"), &no_position(), &order("1.5", "0.99"), &terms(11, "2012-02-01", "430.47"));
    let BookedTrade { wallet, entry, position, trade } = bought.unwrap();
    assert_eq!(wallet.balance(Currency::USD).unwrap(), usd("353.31"));
    assert_eq!((entry.amount, entry.balance, entry.seq), (usd("-646.69"), usd("353.31"), 2));
    assert_eq!(entry.trade_id, Some(trade.id));
    assert!(entry.unbalanced().is_empty());
    assert_eq!((position.lots[0].cost, position.lots[0].id), (usd("646.69"), trade.id));
    assert_eq!((trade.amount, trade.fee), (usd("645.70").amount(), usd("0.99").amount()));
}

#[test]
fn an_order_by_amount_never_costs_more_than_the_amount() {
    let wallet = wallet_of("100");
    let BookedTrade { wallet, trade, .. } =
        buy(&wallet, &no_position(), &order_for("100"), &terms(11, "2012-02-01", "3")).unwrap();
    assert_eq!((trade.quantity, trade.amount), (units("33.333333333333"), usd("100").amount()));
    assert_eq!(wallet.balance(Currency::USD).unwrap(), usd("0"));
}

#[test]
fn a_sale_by_amount_sells_the_units_that_are_worth_it() {
    let before = three_lots();
    let sale = sell(&before.wallet, &before.position, &order_for("100"), &terms(14, "2012-02-06", "30")).unwrap();
    assert_eq!((sale.trade.quantity, sale.trade.amount), (units("3.333333333333"), usd("100").amount()));
}

#[test]
fn a_sale_credits_value_less_fee_and_lists_the_gain_of_each_lot() {
    let before = three_lots();
    let sale = sell(&before.wallet, &before.position, &order("15", "1.01"), &terms(14, "2012-02-06", "40")).unwrap();
    assert_eq!(sale.entry.amount, usd("598.99"));
    let gains: Vec<_> = sale.trade.lots.iter().map(|lot| (lot.proceeds, lot.gain)).collect();
    let amounts = |proceeds, gain| (usd(proceeds).amount(), usd(gain).amount());
    assert_eq!(gains, [amounts("399.33", "299.33"), amounts("199.66", "49.66")]);
    let taken = sale.trade.lots_taken().unwrap();
    assert_eq!(taken.iter().map(|lot| lot.gain).collect::<Vec<_>>(), [usd("299.33"), usd("49.66")]);
    assert_eq!(sale.trade.realized_gain, Some(usd("348.99").amount()));
    assert_eq!(sale.position.realized_gain, usd("348.99"));
    assert!(sale.entry.unbalanced().is_empty());
}

#[test]
fn a_fee_above_the_value_is_paid_from_the_wallet_or_refused() {
    let before = three_lots();
    let poor = Wallet { balances: wallet_of("5").balances, ..before.wallet.clone() };
    let terms = terms(14, "2012-02-06", "1");
    let paid = sell(&before.wallet, &before.position, &order("1", "10"), &terms).unwrap();
    assert_eq!(paid.entry.amount, usd("-9"));
    let refused = sell(&poor, &before.position, &order("1", "10"), &terms);
    assert_eq!(refused, Err(Refusal::InsufficientFunds { available: usd("5"), requested: usd("9") }));
}

#[test]
fn impossible_orders_are_refused_with_a_reason() {
    let before = three_lots();
    let bought = |order: &TradeOrder, at| buy(&before.wallet, &before.position, order, &terms(14, "2012-02-06", at));
    let sold = |order: &TradeOrder, at| sell(&before.wallet, &before.position, order, &terms(14, "2012-02-06", at));
    let euros = Money::parse("1", "EUR".parse().unwrap()).unwrap();
    let in_euros = TradeOrder { fee: euros, ..order("1", "0") };
    for order_and_refusal in [
        (order("0", "0"), "1", Refusal::ZeroQuantity),
        (order_for("0"), "1", Refusal::NotPositive),
        (order_for("-1"), "1", Refusal::NotPositive),
        (order_for("0.01"), "1000000000000", Refusal::BelowSmallestQuantity),
        (order("0.1", "0"), "0.01", Refusal::ZeroValue),
        (order("1", "-1"), "1", Refusal::NegativeFee),
        (in_euros, "1", Refusal::OtherCurrency { expected: Currency::USD, found: euros.currency() }),
        (order("1000000000", "0"), "1001", Refusal::TooLarge),
    ] {
        let (order, at, refusal) = order_and_refusal;
        assert_eq!(bought(&order, at), Err(refusal.clone()), "{order:?}");
        if refusal != Refusal::TooLarge {
            assert_eq!(sold(&order, at), Err(refusal), "{order:?}");
        }
    }
    let (available, requested) = (usd("9400"), usd("9400.01"));
    assert_eq!(bought(&order("1", "0.01"), "9400"), Err(Refusal::InsufficientFunds { available, requested }));
    let named = TradeOrder { lots: vec![crate::examples::pick(11, "1")], ..order("1", "0") };
    assert_eq!(bought(&named, "1"), Err(Refusal::LotsNotChosen));
}

#[test]
fn a_frozen_wallet_neither_buys_nor_sells() {
    let before = three_lots();
    let frozen = Wallet { frozen: true, ..before.wallet };
    let terms = terms(14, "2012-02-06", "1");
    assert_eq!(buy(&frozen, &before.position, &order("1", "0"), &terms), Err(Refusal::WalletFrozen));
    assert_eq!(sell(&frozen, &before.position, &order("99", "0"), &terms), Err(Refusal::WalletFrozen));
}

#[test]
fn worthless_units_are_sold_only_together_with_all_others() {
    let before = three_lots();
    let terms = terms(14, "2012-02-06", "0.00000001");
    assert_eq!(sell(&before.wallet, &before.position, &order("29", "0"), &terms), Err(Refusal::ZeroValue));
    let sale = sell(&before.wallet, &before.position, &order("30", "0"), &terms).unwrap();
    assert_eq!(sale.trade.realized_gain, Some(usd("-600").amount()));
    assert!(sale.entry.amount.amount().is_zero());
    assert!(sale.entry.unbalanced().is_empty());
}

#[test]
fn a_trade_after_a_split_records_it_and_counts_in_new_units() {
    let before = three_lots();
    let splits = [split("2012-02-02", "2"), split("2012-02-06", "3"), split("2012-02-07", "5")];
    let terms = TradeTerms { splits: &splits, ..terms(14, "2012-02-06", "40") };
    let bought = buy(&before.wallet, &before.position, &order("1", "0"), &terms).unwrap();
    assert_eq!(bought.trade.position.quantity, units("121"));
    let applied: Vec<_> = bought.trade.splits.iter().map(|split| split.day.to_string()).collect();
    assert_eq!(applied, ["2012-02-02", "2012-02-06"], "the later split is still to come");
    assert_eq!(bought.position.lots[..3], before.position.lots[..]);
}

#[test]
fn a_trade_serializes_as_documented() {
    let (sale, _) = sold_by(LotMethod::Fifo, "15", Vec::new());
    let written = serde_json::to_value(&sale.trade).unwrap();
    let promised = serde_json::json!({
        "id": id(14), "portfolio_id": id(8), "side": "sell", "symbol": "AAPL", "quantity": "15", "price": "40",
        "amount": "600.00", "fee": "0.00", "currency": "USD", "market_day": "2012-02-06",
        "quote_as_of": "2012-06-01T12:00:00.000Z", "created_at": "2012-06-01T12:00:00.000Z", "cash_after": "10000.00",
        "position": {"symbol": "AAPL", "quantity": "15", "cost": "350.00", "average_cost": "23.333333333333"},
        "realized_gain": "350.00",
        "lots": [
            {"lot_id": id(11), "acquired_on": "2012-02-01", "quantity": "10", "cost": "100.00", "proceeds": "400.00",
             "gain": "300.00"},
            {"lot_id": id(12), "acquired_on": "2012-02-02", "quantity": "5", "cost": "150.00", "proceeds": "200.00",
             "gain": "50.00"},
        ],
        "lot_method": "fifo", "rules": 2,
    });
    assert_eq!(written, promised);
    assert_eq!(serde_json::from_value::<Trade>(written).unwrap(), sale.trade);
}

#[test]
fn a_closed_position_has_no_average_cost() {
    let (sale, _) = sold_by(LotMethod::Average, "30", Vec::new());
    let position = serde_json::to_value(&sale.trade.position).unwrap();
    assert_eq!(position["average_cost"], serde_json::Value::Null);
    assert_eq!(position["cost"], "0.00");
    assert_eq!(price("40"), sale.trade.price);
}

#[test]
fn the_largest_sale_record_stays_below_the_item_limit() {
    let largest = RealizedLot {
        lot_id: Uuid::max(),
        acquired_on: domain::Day::LAST,
        quantity: units("999999999999.99999999"),
        cost: usd("999999999999.99").amount(),
        proceeds: usd("999999999999.99").amount(),
        gain: usd("-999999999999.99").amount(),
    };
    let lot = serde_json::to_string(&largest).unwrap().len();
    let lots = lot.checked_mul(crate::lot_method::MAX_LOTS_PER_SALE).unwrap();
    assert!(lots < 300_000, "{lots} bytes of lots");
}

/// A position of this many lots of one unit, each with a cost of 1.
fn of_lots(lots: u32) -> crate::position::Position {
    let mut position = no_position();
    for number in 0..lots {
        position.purchase(id(u128::from(number)), day("2012-02-01"), units("1"), usd("1")).unwrap();
    }
    position
}

#[test]
fn a_sale_of_more_lots_than_its_record_can_list_is_refused() {
    let (wallet, position) = (wallet_of("1"), of_lots(1_001));
    let sold = |quantity| sell(&wallet, &position, &order(quantity, "0"), &terms(2_000, "2012-02-06", "2"));
    assert_eq!(sold("1001"), Err(Refusal::SaleOfTooManyLots { most: 1_000 }));
    assert_eq!(sold("1000").unwrap().trade.lots.len(), 1_000);
}

#[test]
fn the_sale_of_a_large_pool_lists_a_hundred_lines_that_add_up() {
    let (wallet, position) = (wallet_of("1"), of_lots(3_000));
    let average = TradeTerms { lot_method: LotMethod::Average, ..terms(5_000, "2012-02-06", "2") };
    let sale = sell(&wallet, &position, &order("1500", "0"), &average).unwrap();
    let lines = &sale.trade.lots;
    assert_eq!(lines.len(), crate::trade_record::MAX_LINES_OF_A_POOL);
    assert_eq!(lines.last().unwrap().lot_id, id(99));
    let sum = |part: fn(&RealizedLot) -> rust_decimal::Decimal| lines.iter().map(part).sum::<rust_decimal::Decimal>();
    let (units_sold, cost) = (sum(|line| line.quantity.units()), sum(|line| line.cost));
    assert_eq!((units_sold, cost), (units("1500").units(), usd("1500").amount()));
    assert_eq!((sum(|line| line.proceeds), sum(|line| line.gain)), (usd("3000").amount(), usd("1500").amount()));
    assert_eq!(sale.trade.lots_taken(), None, "the last line stands for many lots");
    assert_eq!(sale.position.lots.len(), 3_000);
    let rest = sell(&sale.wallet, &sale.position, &order("1500", "0"), &average).unwrap();
    assert!(rest.position.lots.is_empty());
}
