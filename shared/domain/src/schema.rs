//! Forms of text in the API document that several types share. Nothing has these types; fields name them with
//! `#[schema(value_type = …)]`, so that each pattern stands in one place.

use utoipa::ToSchema;

/// An exact decimal number. It is text, so that no digit is lost.
#[derive(Debug, ToSchema)]
#[schema(value_type = String, pattern = r"^-?\d+(\.\d+)?$", example = "1234.50")]
pub struct DecimalString(pub String);

/// A stable code in snake case, for programs: what is wrong, or why a figure is missing.
#[derive(Debug, ToSchema)]
#[schema(value_type = String, pattern = "^[a-z][a-z0-9_]*$", example = "price_unavailable")]
pub struct ReasonCode(pub String);

/// A short text: 1 to 200 characters without control characters, not only blanks.
#[derive(Debug, ToSchema)]
#[schema(
    value_type = String,
    pattern = r"^[^\x00-\x1F\x7F-\x9F]*[^\x00-\x20\x7F-\x9F\s][^\x00-\x1F\x7F-\x9F]*$",
    min_length = 1,
    max_length = 200,
    example = "Ada"
)]
pub struct ShortText(pub String);

/// A SHA-256 hash in lower-case hexadecimal.
#[derive(Debug, ToSchema)]
#[schema(
    value_type = String,
    pattern = "^[0-9a-f]{64}$",
    example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
)]
pub struct Sha256(pub String);

/// A time of day, to the second.
#[derive(Debug, ToSchema)]
#[schema(value_type = String, pattern = r"^([01]\d|2[0-3]):[0-5]\d:[0-5]\d$", example = "15:30:00")]
pub struct TimeOfDay(pub String);

/// New units for old ones: a decimal, or a fraction where no decimal of twelve places is exact.
#[derive(Debug, ToSchema)]
#[schema(value_type = String, pattern = r"^\d+(\.\d+|/\d+)?$", example = "1.5")]
pub struct SplitRatioString(pub String);
