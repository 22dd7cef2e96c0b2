//! The statement: a wallet's entries as the customer sees them.

use chrono::{DateTime, Utc};
use domain::{Currency, Day};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::entry::{Entry, EntryType};
use crate::exact::written;

/// An entry of the ledger of a wallet. Amounts are written with the decimals of `currency`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = WalletEntry)]
pub struct StatementLine {
    /// Id of the entry.
    pub id: Uuid,
    /// Its number in the ledger: 1, 2, 3 … over all currencies, without a gap.
    pub seq: u64,
    /// Kind of the entry.
    #[serde(rename = "type")]
    pub entry_type: EntryType,
    /// The effect on the wallet's cash, negative if cash left.
    #[schema(value_type = domain::schema::DecimalString)]
    pub amount: Decimal,
    /// The currency of both amounts.
    pub currency: Currency,
    /// The balance in `currency` afterwards.
    #[schema(value_type = domain::schema::DecimalString)]
    pub balance: Decimal,
    /// The market day.
    pub market_day: Day,
    /// When it was recorded.
    #[serde(with = "domain::instant")]
    pub created_at: DateTime<Utc>,
    /// The trade that moved the cash; null if none did.
    #[schema(required)]
    pub trade_id: Option<Uuid>,
    /// The entry that this one reverses; null if it is no reversal.
    #[schema(required)]
    pub reverses: Option<Uuid>,
}

impl From<&Entry> for StatementLine {
    fn from(entry: &Entry) -> Self {
        Self {
            id: entry.id,
            seq: entry.seq,
            entry_type: entry.entry_type,
            amount: written(entry.amount),
            currency: entry.amount.currency(),
            balance: written(entry.balance),
            market_day: entry.market_day,
            created_at: entry.created_at,
            trade_id: entry.trade_id,
            reverses: entry.reverses,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::examples::{id, three_lots};

    #[test]
    fn a_line_serializes_as_documented() {
        let line = StatementLine::from(&three_lots().entry);
        let promised = serde_json::json!({
            "id": id(13), "seq": 4, "type": "buy", "amount": "-200.00", "currency": "USD", "balance": "9400.00",
            "market_day": "2012-02-03", "created_at": "2012-06-01T12:00:00.000Z", "trade_id": id(13), "reverses": null,
        });
        assert_eq!(serde_json::to_value(&line).unwrap(), promised);
    }
}
