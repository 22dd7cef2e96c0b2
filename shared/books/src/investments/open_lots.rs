//! The open lots of a portfolio's activities.

use std::collections::BTreeSet;

use app::error::ServiceError;
use domain::{LotMethod, Money, Price, Quantity, Symbol};
use ledger::activity::{AdjustmentDetails, BuyDetails, TransferInDetails};
use ledger::{Activity, ActivityEvent};
use market::CallBudget;
use market_data::MarketData;
use market_data::market_clock::held_through;
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::activities::{History, replay_all};

/// An activity that is an investment: it brought units of a known price.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RecordedInvestment<'a> {
    /// The activity.
    pub activity: &'a Activity,
    /// The instrument.
    pub symbol: &'a Symbol,
    /// The units as recorded.
    pub quantity: Quantity,
    /// The price of one.
    pub price: Price,
    /// The cost in addition to the price: fee and tax.
    pub fee: Money,
}

impl<'a> RecordedInvestment<'a> {
    /// The investment that an activity is; none if it brought no units, or units of unknown cost.
    pub(crate) fn of(activity: &'a Activity) -> Option<Self> {
        let currency = activity.currency();
        let (units, price, charges) = match &activity.event {
            ActivityEvent::Buy(BuyDetails { units, unit_price, fee, tax, .. }) => {
                (units, *unit_price, fee.amount().checked_add(tax.amount())?)
            }
            ActivityEvent::TransferIn(TransferInDetails { units, unit_price, .. })
            | ActivityEvent::Adjustment(AdjustmentDetails { units, unit_price, is_removal: false, .. }) => {
                (units, (*unit_price)?, Decimal::ZERO)
            }
            _ => return None,
        };
        Some(Self {
            activity,
            symbol: &units.symbol,
            quantity: units.quantity,
            price,
            fee: Money::new(charges, currency).ok()?,
        })
    }

    /// Whether the fields of an investment are all that its activity has.
    pub(super) fn is_purchase(&self) -> bool {
        let is_taxed = |tax: &Money| !tax.amount().is_zero();
        matches!(&self.activity.event, ActivityEvent::Buy(BuyDetails { tax, paid: None, .. }) if !is_taxed(tax))
    }
}

/// Which activities have a lot that is open on the market's today, or to come.
pub(crate) async fn find_open(
    market: &MarketData,
    history: &History,
    method: LotMethod,
    budget: CallBudget,
) -> Result<BTreeSet<Uuid>, ServiceError> {
    let today = held_through(market, None);
    let positions = replay_all(market, history.activities().cloned().collect(), method, today, budget).await?;
    let lots = positions.values().flat_map(|recorded| &recorded.position.lots);
    let to_come = history.activities().filter(|activity| activity.date > today && activity.event.brings_units());
    Ok(lots.map(|lot| lot.id).chain(to_come.map(|activity| activity.id)).collect())
}

/// The investments of a history that are open, in the order of recording.
pub(crate) fn open_investments<'a>(
    history: &'a History,
    open: &BTreeSet<Uuid>,
) -> impl Iterator<Item = RecordedInvestment<'a>> {
    history.activities().filter(|activity| open.contains(&activity.id)).filter_map(RecordedInvestment::of)
}
