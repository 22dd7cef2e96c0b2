//! The bodies that record and correct an activity, and the query of their list.

use std::fmt::Display;

use api::{Exact, Fields, Patch, Problem, page, variant};
use books::activities::{
    ActivityChange, ActivityFields, ActivityFilter, ActivityType, CashFilter, LotPick, NewActivity, read_external_id,
    read_note, read_time,
};
use domain::{Currency, Day, Quantity, SplitRatio, Symbol};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// An activity to record. Which fields it needs and takes depends on its type; a fee or a tax of zero is taken by every
/// type.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ActivityRequest {
    /// What happened. It cannot be changed later.
    #[serde(rename = "type")]
    kind: ActivityType,
    /// The day on which it happened, from 1900-01-01 to one day after today. What is dated after the market's today is
    /// recorded, and is in no figure yet.
    #[schema(value_type = Day)]
    date: String,
    /// The time of that day at the exchange. Without one, purchases and other units that come in count at the beginning of
    /// the day, sales and other units that leave at its end.
    #[schema(value_type = Option<api::inputs::TimeOfDayInput>)]
    time: Option<String>,
    /// The instrument: a symbol with prices from the provider, or a custom instrument. Dividends and all that moves units
    /// need it, interest, fees and taxes take it.
    #[schema(value_type = api::inputs::SymbolInput)]
    symbol: Option<String>,
    /// Units as of that day, above zero and with at most twelve decimals. Below zero for an adjustment that removes units.
    #[schema(value_type = Option<api::inputs::SignedDecimalInput>)]
    quantity: Option<Exact>,
    /// Price of a unit. For units that come in by a transfer or an adjustment: what one of them had cost.
    #[schema(value_type = Option<api::inputs::PositiveDecimalInput>)]
    unit_price: Option<Exact>,
    /// For a transfer in, in place of `unit_price`: what the units had cost is not known.
    cost_unknown: Option<bool>,
    /// The money, fee and tax apart. Of a trade, what the units cost or brought; quantity × `unit_price` by default. If all
    /// three are given, this is the money, and a difference of more than 0.5 % and 0.01 is refused. Of other types, the
    /// cash that moved; a transfer or an adjustment has it in place of symbol and quantity. Below zero only for an
    /// adjustment that removes cash, and for a dividend, interest, a fee or a tax that is taken back.
    #[schema(value_type = Option<api::inputs::SignedDecimalInput>)]
    amount: Option<Exact>,
    /// The fee of what moves cash; 0 by default.
    #[schema(value_type = Option<api::inputs::DecimalInput>)]
    fee: Option<Exact>,
    /// The tax of what moves cash; 0 by default.
    #[schema(value_type = Option<api::inputs::DecimalInput>)]
    tax: Option<Exact>,
    /// Currency of all amounts, in which they were paid. By default it is that of the instrument, or without one the base
    /// currency of the portfolio. An exchange needs it: the currency that was given.
    #[schema(value_type = Option<Currency>)]
    currency: Option<String>,
    /// For an exchange: what came in for `amount`.
    #[schema(value_type = Option<api::inputs::PositiveDecimalInput>)]
    to_amount: Option<Exact>,
    /// For an exchange: the currency of `to_amount`.
    #[schema(value_type = Option<Currency>)]
    to_currency: Option<String>,
    /// The currency of the fee, if it is not `currency`: it is converted at the rate of the day.
    #[schema(value_type = Option<Currency>)]
    fee_currency: Option<String>,
    /// The broker's rate, if `currency` is not that of the instrument: the instrument's currency for one of `currency`. By
    /// default the rate of the day converts.
    #[schema(value_type = Option<api::inputs::PositiveDecimalInput>)]
    fx_rate: Option<Exact>,
    /// The broker's rate into the base currency of the portfolio: that currency for one of `currency`. By default the rate of
    /// the day converts.
    #[schema(value_type = Option<api::inputs::PositiveDecimalInput>)]
    base_rate: Option<Exact>,
    /// For a transfer in: the day on which the units were bought, if known.
    #[schema(value_type = Option<Day>)]
    acquired_on: Option<String>,
    /// For a split: new units for old ones.
    #[schema(value_type = Option<api::inputs::SplitRatioInput>)]
    ratio: Option<Exact>,
    /// For a sale or a transfer out, if the portfolio's lot method is `specific`: the lots that the units are taken from.
    /// Together they give the whole quantity. Without them the oldest lots go first.
    #[serde(default)]
    lots: Vec<LotOfActivity>,
    /// For a dividend, interest, a fee or a tax: id of the activity of the same type that it takes back.
    reverses: Option<Uuid>,
    /// A note of the customer, which an adjustment needs: why the units or the cash are adjusted. Line breaks are its only control
    /// characters.
    #[schema(max_length = 500, pattern = r"^[^\x00-\x09\x0B\x0C\x0E-\x1F\x7F-\x9F]*$")]
    note: Option<String>,
    /// Its id in another program, one line.
    #[schema(max_length = 200, pattern = r"^[^\x00-\x1F\x7F-\x9F]*$")]
    external_id: Option<String>,
}

/// Units of one lot.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LotOfActivity {
    /// Id of the lot, which is that of the activity that brought it.
    lot_id: Uuid,
    /// Units to take from it, as of the day of the activity.
    #[schema(value_type = api::inputs::PositiveDecimalInput)]
    quantity: Exact,
}

/// The fields to change. An absent field stays; null removes a field, and sets a fee or a tax to 0. If quantity or price
/// change without the amount, the amount is quantity × `unit_price` again; if the amount changes without the price, the price
/// follows from it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ActivityPatch)]
pub(crate) struct ActivityCorrection {
    /// The day on which it happened.
    #[serde(default)]
    #[schema(value_type = Option<Day>, nullable = false)]
    date: Patch<String>,
    /// The time of that day at the exchange.
    #[serde(default)]
    #[schema(value_type = Option<api::inputs::TimeOfDayInput>)]
    time: Patch<String>,
    /// Another instrument than recorded; interest, a fee and a tax can be without one.
    #[serde(default)]
    #[schema(value_type = Option<api::inputs::SymbolInput>)]
    symbol: Patch<String>,
    /// Units as of that day.
    #[serde(default)]
    #[schema(value_type = Option<api::inputs::SignedDecimalInput>, nullable = false)]
    quantity: Patch<Exact>,
    /// Price of a unit.
    #[serde(default)]
    #[schema(value_type = Option<api::inputs::PositiveDecimalInput>)]
    unit_price: Patch<Exact>,
    /// Whether the cost of units that came in is not known; null is false.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    cost_unknown: Patch<bool>,
    /// What the units cost or brought, or the cash that moved, fee and tax apart.
    #[serde(default)]
    #[schema(value_type = Option<api::inputs::SignedDecimalInput>)]
    amount: Patch<Exact>,
    /// The fee of what moves cash.
    #[serde(default)]
    #[schema(value_type = Option<api::inputs::DecimalInput>)]
    fee: Patch<Exact>,
    /// The tax of what moves cash.
    #[serde(default)]
    #[schema(value_type = Option<api::inputs::DecimalInput>)]
    tax: Patch<Exact>,
    /// Currency of the amounts.
    #[serde(default)]
    #[schema(value_type = Option<Currency>, nullable = false)]
    currency: Patch<String>,
    /// What an exchange brought.
    #[serde(default)]
    #[schema(value_type = Option<api::inputs::PositiveDecimalInput>, nullable = false)]
    to_amount: Patch<Exact>,
    /// The currency of what an exchange brought.
    #[serde(default)]
    #[schema(value_type = Option<Currency>, nullable = false)]
    to_currency: Patch<String>,
    /// The currency of the fee, if it is not `currency`.
    #[serde(default)]
    #[schema(value_type = Option<Currency>)]
    fee_currency: Patch<String>,
    /// The broker's rate into the currency of the instrument.
    #[serde(default)]
    #[schema(value_type = Option<api::inputs::PositiveDecimalInput>)]
    fx_rate: Patch<Exact>,
    /// The broker's rate into the base currency of the portfolio.
    #[serde(default)]
    #[schema(value_type = Option<api::inputs::PositiveDecimalInput>)]
    base_rate: Patch<Exact>,
    /// The day on which units that came in were bought.
    #[serde(default)]
    #[schema(value_type = Option<Day>)]
    acquired_on: Patch<String>,
    /// New units for old ones, of a split.
    #[serde(default)]
    #[schema(value_type = Option<api::inputs::SplitRatioInput>, nullable = false)]
    ratio: Patch<Exact>,
    /// The lots that the units are taken from, in place of those named so far.
    #[serde(default)]
    #[schema(value_type = Option<Vec<LotOfActivity>>)]
    lots: Patch<Vec<LotOfActivity>>,
    /// Id of the activity that it takes back.
    #[serde(default)]
    #[schema(value_type = Option<Uuid>)]
    reverses: Patch<Uuid>,
    /// Another note than recorded.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 500, pattern = r"^[^\x00-\x09\x0B\x0C\x0E-\x1F\x7F-\x9F]*$")]
    note: Patch<String>,
}

/// The activities to list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ActivitiesQuery {
    /// What happened; activities of other types are left out.
    #[param(value_type = Option<ActivityType>)]
    r#type: Option<String>,
    /// Only activities of this instrument.
    #[param(value_type = Option<api::inputs::SymbolInput>)]
    symbol: Option<String>,
    /// First day, inclusive.
    #[param(value_type = Option<Day>)]
    from: Option<String>,
    /// Last day, inclusive.
    #[param(value_type = Option<Day>)]
    to: Option<String>,
}

/// The days of cash to list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct CashQuery {
    /// Only cash of this currency.
    #[param(value_type = Option<Currency>)]
    currency: Option<String>,
    /// First day, inclusive.
    #[param(value_type = Option<Day>)]
    from: Option<String>,
    /// Last day, inclusive.
    #[param(value_type = Option<Day>)]
    to: Option<String>,
}

impl CashQuery {
    /// The filter of the days; `None` after recording invalid parameters.
    pub(crate) fn parse(self, fields: &mut Fields) -> Option<CashFilter> {
        let currency = fields.take_optional("currency", self.currency.as_deref().map(str::parse::<Currency>));
        let days = page::day_range(fields, self.from.as_deref(), self.to.as_deref());
        currency.zip(days).map(|(currency, days)| CashFilter { currency, days })
    }
}

impl ActivityRequest {
    /// The activity to record, or every field that cannot be read.
    pub(crate) fn parse(self) -> Result<NewActivity, Problem> {
        let mut fields = Fields::default();
        let date = fields.take("date", self.date.parse::<Day>());
        let time = optional(&mut fields, "time", self.time, |text| read_time(&text));
        let note = optional(&mut fields, "note", self.note, |text| read_note(&text)).flatten();
        let external_id = optional(&mut fields, "external_id", self.external_id, |text| read_external_id(&text));
        let decimal = |exact: Exact| exact.decimal();
        let given = ActivityFields {
            symbol: optional(&mut fields, "symbol", self.symbol, |text| text.parse::<Symbol>()),
            quantity: optional(&mut fields, "quantity", self.quantity, decimal),
            unit_price: optional(&mut fields, "unit_price", self.unit_price, decimal),
            cost_unknown: self.cost_unknown.unwrap_or_default(),
            amount: optional(&mut fields, "amount", self.amount, decimal),
            fee: optional(&mut fields, "fee", self.fee, decimal).unwrap_or_default(),
            tax: optional(&mut fields, "tax", self.tax, decimal).unwrap_or_default(),
            currency: optional(&mut fields, "currency", self.currency, |text| text.parse::<Currency>()),
            to_amount: optional(&mut fields, "to_amount", self.to_amount, decimal),
            to_currency: optional(&mut fields, "to_currency", self.to_currency, |text| text.parse::<Currency>()),
            fee_currency: optional(&mut fields, "fee_currency", self.fee_currency, |text| text.parse::<Currency>()),
            fx_rate: optional(&mut fields, "fx_rate", self.fx_rate, decimal),
            base_rate: optional(&mut fields, "base_rate", self.base_rate, decimal),
            acquired_on: optional(&mut fields, "acquired_on", self.acquired_on, |text| text.parse::<Day>()),
            ratio: optional(&mut fields, "ratio", self.ratio, |given| ratio(&given)),
            lots: lots(&mut fields, self.lots),
            reverses: self.reverses,
            ..ActivityFields::new(self.kind)
        };
        let external_id = external_id.flatten();
        fields.finish(date.map(|date| NewActivity { date, time, fields: given, note, external_id }))
    }
}

impl ActivityCorrection {
    /// The change, or every field that cannot be read.
    pub(crate) fn parse(self) -> Result<ActivityChange, Problem> {
        let mut fields = Fields::default();
        let decimal = |exact: Exact| exact.decimal();
        let lots_named = self.lots.or_default(Vec::new());
        let note = removable(&mut fields, "note", self.note, |text| read_note(&text));
        let change = ActivityChange {
            date: required(&mut fields, "date", self.date, |text| text.parse::<Day>()),
            time: removable(&mut fields, "time", self.time, |text| read_time(&text)),
            symbol: removable(&mut fields, "symbol", self.symbol, |text| text.parse::<Symbol>()),
            quantity: required(&mut fields, "quantity", self.quantity, decimal),
            unit_price: removable(&mut fields, "unit_price", self.unit_price, decimal),
            cost_unknown: self.cost_unknown.or_default(false),
            amount: removable(&mut fields, "amount", self.amount, decimal),
            fee: removable(&mut fields, "fee", self.fee, decimal).map(Option::unwrap_or_default),
            tax: removable(&mut fields, "tax", self.tax, decimal).map(Option::unwrap_or_default),
            currency: required(&mut fields, "currency", self.currency, |text| text.parse::<Currency>()),
            to_amount: required(&mut fields, "to_amount", self.to_amount, decimal),
            to_currency: required(&mut fields, "to_currency", self.to_currency, |text| text.parse::<Currency>()),
            fee_currency: removable(&mut fields, "fee_currency", self.fee_currency, |text| text.parse::<Currency>()),
            fx_rate: removable(&mut fields, "fx_rate", self.fx_rate, decimal),
            base_rate: removable(&mut fields, "base_rate", self.base_rate, decimal),
            acquired_on: removable(&mut fields, "acquired_on", self.acquired_on, |text| text.parse::<Day>()),
            ratio: required(&mut fields, "ratio", self.ratio, |given| ratio(&given)),
            lots: lots_named.map(|named| lots(&mut fields, named)),
            reverses: match self.reverses {
                Patch::Keep => None,
                Patch::Remove => Some(None),
                Patch::Set(id) => Some(Some(id)),
            },
            note: note.map(Option::flatten),
        };
        fields.finish(Some(change))
    }
}

impl ActivitiesQuery {
    /// The filter of the list; `None` after recording invalid parameters.
    pub(crate) fn parse(self, fields: &mut Fields) -> Option<ActivityFilter> {
        let kind = fields.take_optional("type", self.r#type.as_deref().map(variant));
        let symbol = fields.take_optional("symbol", self.symbol.as_deref().map(str::parse));
        let days = page::day_range(fields, self.from.as_deref(), self.to.as_deref());
        kind.zip(symbol).zip(days).map(|((kind, symbol), days)| ActivityFilter { kind, symbol, days })
    }
}

/// The value of a field; `None` if it is absent, and after recording an error.
fn optional<T, U, E: Display>(
    fields: &mut Fields,
    name: &str,
    given: Option<T>,
    parse: impl FnOnce(T) -> Result<U, E>,
) -> Option<U> {
    fields.take_optional(name, given.map(parse)).flatten()
}

/// The new value of a field that may be removed; `None` if it is kept, and after recording an error.
#[expect(clippy::option_option, reason = "kept, removed or set, as in the change")]
fn removable<T, U, E: Display>(
    fields: &mut Fields,
    name: &str,
    patch: Patch<T>,
    parse: impl FnOnce(T) -> Result<U, E>,
) -> Option<Option<U>> {
    match patch {
        Patch::Keep => None,
        Patch::Remove => Some(None),
        Patch::Set(given) => fields.take(name, parse(given)).map(Some),
    }
}

/// The new value of a field that cannot be removed; `None` if it is kept, and after recording an error.
fn required<T, U, E: Display>(
    fields: &mut Fields,
    name: &str,
    patch: Patch<T>,
    parse: impl FnOnce(T) -> Result<U, E>,
) -> Option<U> {
    let given = fields.take(name, patch.required()).flatten();
    optional(fields, name, given, parse)
}

/// The named lots, without those whose units cannot be read.
fn lots(fields: &mut Fields, given: Vec<LotOfActivity>) -> Vec<LotPick> {
    let mut picks = Vec::new();
    for (index, LotOfActivity { lot_id, quantity }) in given.into_iter().enumerate() {
        let quantity = fields.take(&format!("lots/{index}/quantity"), quantity.positive_quantity());
        picks.extend(quantity.map(|quantity: Quantity| LotPick { lot_id, quantity }));
    }
    picks
}

fn ratio(given: &Exact) -> Result<SplitRatio, domain::DecimalError> {
    SplitRatio::parse(given.as_str())
}
