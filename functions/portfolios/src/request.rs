//! The bodies that open and change a portfolio.

use std::collections::BTreeMap;

use api::{Exact, Fields, Patch, Problem};
use books::portfolios::{AimsChange, Change, NewPortfolio, ProfileChange};
use domain::portfolio::{
    CashTreatment, Fraction, InvestmentAims, LotMethod, MAX_HORIZON_YEARS, PortfolioError, PortfolioName,
    PortfolioState, PortfolioType, RiskLevel, Targets,
};
use domain::{Currency, InstrumentType, LongTerm, MoneyError};
use serde::Deserialize;
use utoipa::ToSchema;

/// The portfolio to open; `name` and `type` are required.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PortfolioRequest)]
pub(crate) struct OpenRequest {
    /// Display name of 1 to 100 characters.
    #[schema(value_type = PortfolioName)]
    name: String,
    /// Kind of account.
    #[serde(rename = "type")]
    kind: PortfolioType,
    /// Currency of value and performance; USD by default.
    #[schema(value_type = Option<Currency>)]
    base_currency: Option<String>,
    /// Which lots a sale consumes; `fifo` by default.
    lot_method: Option<LotMethod>,
    /// Whether the cash of activities is part of value and performance; `ignored` by default.
    cash: Option<CashTreatment>,
    /// How long units must have been held for a realised gain to be long-term: years or months, or `none`; `P1Y` by default.
    #[schema(value_type = Option<LongTerm>)]
    long_term: Option<String>,
    /// Purpose of the portfolio.
    investment_profile: Option<ProfileRequest>,
}

/// An investment profile; all fields are required.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = InvestmentProfileRequest)]
struct ProfileRequest {
    /// From 1 (lowest) to 7 (highest).
    #[schema(minimum = 1, maximum = 7)]
    risk: i64,
    /// Years until the money is needed, 1 to 100.
    #[schema(minimum = 1, maximum = 100)]
    horizon_years: i64,
    /// The fraction of the value that may be lost without harm, 0 to 1.
    #[schema(value_type = api::inputs::FractionInput)]
    loss_capacity: Exact,
    /// The target fraction of the value for each kind of instrument; the fractions sum to 1.
    targets: TargetsRequest,
}

/// Fractions by kind of instrument; they must sum to 1.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TargetAllocationRequest, example = json!({"stock": 0.6, "bond": 0.4}))]
struct TargetsRequest {
    /// Fraction in shares of companies.
    #[serde(default)]
    #[schema(value_type = Option<api::inputs::FractionInput>)]
    stock: Patch<Exact>,
    /// Fraction in exchange-traded funds.
    #[serde(default)]
    #[schema(value_type = Option<api::inputs::FractionInput>)]
    etf: Patch<Exact>,
    /// Fraction in other funds.
    #[serde(default)]
    #[schema(value_type = Option<api::inputs::FractionInput>)]
    fund: Patch<Exact>,
    /// Fraction in bonds.
    #[serde(default)]
    #[schema(value_type = Option<api::inputs::FractionInput>)]
    bond: Patch<Exact>,
    /// Fraction in commodities.
    #[serde(default)]
    #[schema(value_type = Option<api::inputs::FractionInput>)]
    commodity: Patch<Exact>,
    /// Fraction in cryptocurrencies.
    #[serde(default)]
    #[schema(value_type = Option<api::inputs::FractionInput>)]
    crypto: Patch<Exact>,
    /// Fraction in pairs of currencies.
    #[serde(default)]
    #[schema(value_type = Option<api::inputs::FractionInput>)]
    fx: Patch<Exact>,
    /// Fraction in custom instruments.
    #[serde(default)]
    #[schema(value_type = Option<api::inputs::FractionInput>)]
    item: Patch<Exact>,
}

/// The fields to change. An absent field stays; null removes the investment profile or a target, and resets the lot
/// method to `fifo`, the cash to `ignored` and `long_term` to `P1Y`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PortfolioPatch)]
pub(crate) struct PortfolioChange {
    /// New display name of 1 to 100 characters.
    #[serde(default)]
    #[schema(value_type = Option<PortfolioName>, nullable = false)]
    name: Patch<String>,
    /// New kind of account.
    #[serde(default, rename = "type")]
    #[schema(value_type = Option<PortfolioType>, nullable = false)]
    kind: Patch<PortfolioType>,
    /// Currency of value and performance.
    #[serde(default)]
    #[schema(value_type = Option<Currency>, nullable = false)]
    base_currency: Patch<String>,
    /// Which lots sales from the wallet consume from now on. Recorded sales are all counted by it.
    #[serde(default)]
    #[schema(value_type = Option<LotMethod>)]
    lot_method: Patch<LotMethod>,
    /// Whether the cash of activities is part of value and performance, from the first day on.
    #[serde(default)]
    #[schema(value_type = Option<CashTreatment>)]
    cash: Patch<CashTreatment>,
    /// How long units must have been held for a realised gain to be long-term.
    #[serde(default)]
    #[schema(value_type = Option<LongTerm>)]
    long_term: Patch<String>,
    /// `closed` is possible only while nothing is held.
    #[serde(default)]
    #[schema(value_type = Option<PortfolioState>, nullable = false)]
    state: Patch<PortfolioState>,
    /// Fields of the profile to change; a first profile needs all of them.
    #[serde(default)]
    #[schema(value_type = Option<ProfileChangeRequest>)]
    investment_profile: Patch<ProfileChangeRequest>,
}

/// Fields of an investment profile to change.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = InvestmentProfilePatch)]
pub(crate) struct ProfileChangeRequest {
    /// From 1 (lowest) to 7 (highest).
    #[serde(default)]
    #[schema(value_type = Option<u8>, minimum = 1, maximum = 7, nullable = false)]
    risk: Patch<i64>,
    /// Years until the money is needed, 1 to 100.
    #[serde(default)]
    #[schema(value_type = Option<u8>, minimum = 1, maximum = 100, nullable = false)]
    horizon_years: Patch<i64>,
    /// The fraction of the value that may be lost without harm, 0 to 1.
    #[serde(default)]
    #[schema(value_type = Option<api::inputs::FractionInput>, nullable = false)]
    loss_capacity: Patch<Exact>,
    /// Target fractions to change; null removes one.
    #[serde(default)]
    #[schema(value_type = Option<TargetsRequest>, nullable = false)]
    targets: Patch<TargetsRequest>,
}

impl OpenRequest {
    /// The portfolio to open, or every error at once.
    pub(crate) fn parse(self) -> Result<NewPortfolio, Problem> {
        let mut fields = Fields::default();
        let name = fields.take("name", PortfolioName::parse(&self.name));
        let base_currency =
            fields.take("base_currency", self.base_currency.as_deref().map_or(Ok(Currency::USD), currency));
        let long_term = self.long_term.as_deref().map_or(Ok(LongTerm::default()), str::parse);
        let long_term = fields.take("long_term", long_term);
        let aims = match self.investment_profile {
            None => Some(None),
            Some(profile) => profile.parse(&mut fields).map(Some),
        };
        let given = name.zip(base_currency).zip(long_term).zip(aims);
        let opening = given.map(|(((name, base_currency), long_term), aims)| NewPortfolio {
            name,
            kind: self.kind,
            base_currency,
            lot_method: self.lot_method.unwrap_or_default(),
            cash: self.cash.unwrap_or_default(),
            long_term,
            aims,
        });
        fields.finish(opening)
    }
}

impl ProfileRequest {
    fn parse(self, fields: &mut Fields) -> Option<InvestmentAims> {
        let risk = fields.take("investment_profile/risk", risk(self.risk));
        let horizon_years = fields.take("investment_profile/horizon_years", horizon(self.horizon_years));
        let loss_capacity = fields.take("investment_profile/loss_capacity", fraction(&self.loss_capacity));
        let given = self.targets.parse(fields)?;
        let targets = Targets::new(given.into_iter().filter_map(|(kind, part)| Some((kind, part?))).collect());
        let targets = fields.take("investment_profile/targets", targets);
        Some(InvestmentAims {
            risk: risk?,
            horizon_years: horizon_years?,
            loss_capacity: loss_capacity?,
            targets: targets?,
        })
    }
}

impl TargetsRequest {
    /// The given fractions, and `None` for those to remove.
    fn parse(self, fields: &mut Fields) -> Option<BTreeMap<InstrumentType, Option<Fraction>>> {
        let parts = [
            (InstrumentType::Stock, "stock", self.stock),
            (InstrumentType::Etf, "etf", self.etf),
            (InstrumentType::Fund, "fund", self.fund),
            (InstrumentType::Bond, "bond", self.bond),
            (InstrumentType::Commodity, "commodity", self.commodity),
            (InstrumentType::Crypto, "crypto", self.crypto),
            (InstrumentType::Fx, "fx", self.fx),
            (InstrumentType::Item, "item", self.item),
        ];
        let mut targets = Some(BTreeMap::new());
        for (kind, name, part) in parts {
            let read = match part {
                Patch::Keep => continue,
                Patch::Remove => Some(None),
                Patch::Set(text) => {
                    fields.take(&format!("investment_profile/targets/{name}"), fraction(&text)).map(Some)
                }
            };
            targets = targets.zip(read).map(|(mut targets, read)| {
                targets.insert(kind, read);
                targets
            });
        }
        targets
    }
}

impl PortfolioChange {
    /// The change, or every error at once.
    pub(crate) fn parse(self) -> Result<Change, Problem> {
        let mut fields = Fields::default();
        let name = fields.take("name", self.name.required());
        let name = fields.take_optional("name", name.flatten().map(|name| PortfolioName::parse(&name)));
        let kind = fields.take("type", self.kind.required());
        let code = fields.take("base_currency", self.base_currency.required());
        let base_currency = fields.take_optional("base_currency", code.flatten().as_deref().map(currency));
        let long_term = self.long_term.or_default(LongTerm::default().to_string());
        let long_term = fields.take_optional("long_term", long_term.as_deref().map(str::parse));
        let state = fields.take("state", self.state.required());
        let profile = match self.investment_profile {
            Patch::Keep => Some(ProfileChange::Keep),
            Patch::Remove => Some(ProfileChange::Remove),
            Patch::Set(part) => part.parse(&mut fields).map(ProfileChange::Merge),
        };
        let given = name.zip(kind).zip(base_currency).zip(long_term).zip(state).zip(profile);
        let change = given.map(|(((((name, kind), base_currency), long_term), state), profile)| Change {
            name,
            kind,
            base_currency,
            lot_method: self.lot_method.or_default(LotMethod::default()),
            cash: self.cash.or_default(CashTreatment::default()),
            long_term,
            state,
            profile,
        });
        fields.finish(change)
    }
}

impl ProfileChangeRequest {
    fn parse(self, fields: &mut Fields) -> Option<AimsChange> {
        let level = fields.take("investment_profile/risk", self.risk.required());
        let risk = fields.take_optional("investment_profile/risk", level.flatten().map(risk));
        let years = fields.take("investment_profile/horizon_years", self.horizon_years.required());
        let horizon_years = fields.take_optional("investment_profile/horizon_years", years.flatten().map(horizon));
        let loss = fields.take("investment_profile/loss_capacity", self.loss_capacity.required());
        let loss_capacity =
            fields.take_optional("investment_profile/loss_capacity", loss.flatten().as_ref().map(fraction));
        let targets = fields.take("investment_profile/targets", self.targets.required());
        let targets = targets.flatten().map_or(Some(BTreeMap::new()), |targets| targets.parse(fields));
        Some(AimsChange {
            risk: risk?,
            horizon_years: horizon_years?,
            loss_capacity: loss_capacity?,
            targets: targets?,
        })
    }
}

fn currency(code: &str) -> Result<Currency, MoneyError> {
    code.parse()
}

fn risk(level: i64) -> Result<RiskLevel, PortfolioError> {
    u8::try_from(level).map_err(|_| PortfolioError::RiskLevel).and_then(RiskLevel::new)
}

fn horizon(years: i64) -> Result<u8, PortfolioError> {
    let years = u8::try_from(years).ok().filter(|years| (1..=MAX_HORIZON_YEARS).contains(years));
    years.ok_or(PortfolioError::Horizon)
}

fn fraction(text: &Exact) -> Result<Fraction, PortfolioError> {
    Fraction::parse(text.as_str())
}
