//! Forms of the values in requests, for the API document. A field or parameter names its form with
//! `#[schema(value_type = …)]`, so that each pattern stands in one place. A request is lenient where a response is
//! exact: decimals may be JSON numbers, and symbols may be in lower case.

use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Schema, Type};
use utoipa::openapi::{KnownFormat, RefOr, SchemaFormat};
use utoipa::{Number, PartialSchema, ToSchema};

/// The largest quantity, price or amount of a request.
const LARGEST: Number = Number::Float(domain::decimal::LARGEST as f64);

/// A decimal without a sign.
const UNSIGNED: &str = r"^\d+(\.\d+)?$";

/// A ticker symbol, which is converted to upper case. `MY:` marks a custom instrument of the caller.
#[derive(Debug, ToSchema)]
#[schema(
    value_type = String,
    pattern = r"^([Mm][Yy]:)?[A-Za-z0-9^][A-Za-z0-9._\-=^]{0,19}$",
    max_length = 23,
    example = "AAPL"
)]
pub struct SymbolInput(pub String);

/// A decimal of zero or more, read exactly: text, or a JSON number.
#[derive(Debug)]
pub struct DecimalInput;

/// A decimal above zero, read exactly: text, or a JSON number.
#[derive(Debug)]
pub struct PositiveDecimalInput;

/// A decimal above or below zero, read exactly: text, or a JSON number.
#[derive(Debug)]
pub struct SignedDecimalInput;

/// New units for old ones: `3:2`, `3/2`, or a decimal above zero as text or as a JSON number.
#[derive(Debug)]
pub struct SplitRatioInput;

/// A time of day, to the minute or to the second.
#[derive(Debug, ToSchema)]
#[schema(value_type = String, pattern = r"^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?$", example = "15:30")]
pub struct TimeOfDayInput(pub String);

/// A fraction from 0 to 1 with at most six decimals, read exactly: a JSON number, or text.
#[derive(Debug)]
pub struct FractionInput;

impl PartialSchema for DecimalInput {
    fn schema() -> RefOr<Schema> {
        let number = ObjectBuilder::new().minimum(Some(Number::Int(0))).maximum(Some(LARGEST));
        decimal("An exact decimal of zero or more, as text or as a number.", UNSIGNED, number)
    }
}

impl ToSchema for DecimalInput {}

impl PartialSchema for PositiveDecimalInput {
    fn schema() -> RefOr<Schema> {
        let number = ObjectBuilder::new().exclusive_minimum(Some(Number::Int(0))).maximum(Some(LARGEST));
        decimal("An exact decimal above zero, as text or as a number.", UNSIGNED, number)
    }
}

impl ToSchema for PositiveDecimalInput {}

impl PartialSchema for FractionInput {
    fn schema() -> RefOr<Schema> {
        let number = ObjectBuilder::new().minimum(Some(Number::Int(0))).maximum(Some(Number::Int(1)));
        decimal("An exact fraction from 0 to 1 with at most six decimals, as text or as a number.", UNSIGNED, number)
    }
}

impl PartialSchema for SignedDecimalInput {
    fn schema() -> RefOr<Schema> {
        let smallest = Number::Float(-(domain::decimal::LARGEST as f64));
        let number = ObjectBuilder::new().minimum(Some(smallest)).maximum(Some(LARGEST));
        decimal("An exact decimal above or below zero, as text or as a number.", r"^-?\d+(\.\d+)?$", number)
    }
}

impl ToSchema for SignedDecimalInput {}

impl PartialSchema for SplitRatioInput {
    fn schema() -> RefOr<Schema> {
        let number = ObjectBuilder::new().exclusive_minimum(Some(Number::Int(0))).maximum(Some(LARGEST));
        let pattern = r"^\d+(\.\d+)?([:/]\d+(\.\d+)?)?$";
        decimal("New units for old ones: two numbers as text, such as `3:2`, or an exact decimal.", pattern, number)
    }
}

impl ToSchema for SplitRatioInput {}

impl ToSchema for FractionInput {}

/// A decimal as text with this pattern, or as a number with these limits.
fn decimal(description: &str, pattern: &str, number: ObjectBuilder) -> RefOr<Schema> {
    let text = ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern));
    let number = number.schema_type(Type::Number).format(Some(SchemaFormat::KnownFormat(KnownFormat::Double)));
    OneOfBuilder::new().item(text).item(number).description(Some(description)).into()
}
