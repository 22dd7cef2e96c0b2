//! How activities are stored: in segments, each an item of bytes with activities in the order of recording.
//!
//! The bytes are the number of the format, the generation of the history that the segment belongs to, and the activities
//! as JSON, compressed.

use std::io::{self, Read as _, Write as _};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use serde::de::DeserializeOwned;

use crate::activity::Activity;

/// The most activities of a segment.
pub const MAX_SEGMENT_ACTIVITIES: usize = 500;
/// The size in bytes above which a segment takes no more activities.
pub const FULL_SEGMENT_BYTES: usize = 32 << 10;
/// The most bytes of activities in a segment, unpacked: far more than [`MAX_SEGMENT_ACTIVITIES`] with the longest notes.
const MAX_UNPACKED_BYTES: u64 = 16 << 20;
/// The number of the format.
const FORMAT: u8 = 1;
/// The bytes before the activities.
const HEADER_BYTES: usize = 9;

/// The bytes of a segment of these activities.
///
/// Errors: activities that cannot be written as JSON.
pub fn pack(generation: u64, activities: &[Activity]) -> io::Result<Vec<u8>> {
    let json = serde_json::to_vec(activities)?;
    let mut packed = vec![FORMAT];
    packed.extend(generation.to_be_bytes());
    let mut encoder = DeflateEncoder::new(packed, Compression::default());
    encoder.write_all(&json)?;
    encoder.finish()
}

/// The generation and the activities of a segment: [`Activity`], or what a reader needs of it.
///
/// Errors: why the bytes are not a segment.
pub fn unpack<T: DeserializeOwned>(bytes: &[u8]) -> Result<(u64, Vec<T>), String> {
    let (header, packed) = bytes.split_at_checked(HEADER_BYTES).ok_or("too short")?;
    let (&format, generation) = header.split_first().ok_or("too short")?;
    if format != FORMAT {
        return Err(format!("unknown format {format}"));
    }
    let generation = generation.try_into().map(u64::from_be_bytes).map_err(|_| "too short")?;
    let mut json = Vec::new();
    let decoder = DeflateDecoder::new(packed);
    decoder.take(MAX_UNPACKED_BYTES).read_to_end(&mut json).map_err(|error| error.to_string())?;
    let activities = serde_json::from_slice(&json).map_err(|error| error.to_string())?;
    Ok((generation, activities))
}

/// Splits activities into parts that each fit into a segment, in their order, filling one after the other.
///
/// Errors: activities that cannot be written as JSON.
pub fn split_into_segments(activities: Vec<Activity>) -> io::Result<Vec<Vec<Activity>>> {
    let mut parts = Vec::new();
    let mut rest = activities;
    while !rest.is_empty() {
        let mut count = rest.len().min(MAX_SEGMENT_ACTIVITIES);
        loop {
            let bytes = pack(0, rest.get(..count).unwrap_or(&rest))?.len();
            if bytes <= FULL_SEGMENT_BYTES || count == 1 {
                break;
            }
            // As many as fit if all are alike, and in any case fewer.
            let fitting = count.saturating_mul(FULL_SEGMENT_BYTES).checked_div(bytes).unwrap_or(1);
            count = fitting.min(count.saturating_sub(1)).max(1);
        }
        let after = rest.split_off(count);
        parts.push(std::mem::replace(&mut rest, after));
    }
    Ok(parts)
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "small numbers of a test")]
mod tests {
    use domain::Investment;
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    /// Activities as a customer records them: other ids, days, instruments, units, prices and fees.
    fn activities(count: u32) -> Vec<Activity> {
        let (symbols, fees) = (["AAPL", "MSFT", "IBM", "GOOG"], ["4.95", "0", "9.90"]);
        let made = |number: u32| {
            let made_at = 1_764_000_000_000 + u64::from(number) * 7_919;
            let random =
                [number, number.wrapping_mul(0x9e37_79b9), number.wrapping_mul(0x85eb_ca6b)].map(u32::to_be_bytes);
            let random: [u8; 10] = random.concat()[2..].try_into().unwrap();
            let investment: Investment = serde_json::from_value(json!({
                "id": uuid::Builder::from_unix_timestamp_millis(made_at, &random).into_uuid(),
                "portfolio_id": Uuid::from_u128(7),
                "ticker_symbol": symbols[number as usize % 4],
                "instrument_type": "stock",
                "quantity": (1 + number * 37 % 250).to_string(),
                "purchase_price": format!("{}.{:02}", 20 + number * 71 % 600, number * 13 % 100),
                "purchase_date": domain::Day::FIRST.plus_days(i32::try_from(40_000 + number * 3).unwrap()),
                "fee": fees[number as usize % 3],
                "currency": "USD",
                "created_at": "2026-11-30T02:10:10.123Z",
                "updated_at": "2026-11-30T02:10:10.123Z",
                "version": 1,
            }))
            .unwrap();
            Activity::try_from(investment).unwrap()
        };
        (0..count).map(made).collect()
    }

    #[test]
    fn a_segment_is_read_back_as_it_was_packed() {
        let activities = activities(3);
        let packed = pack(42, &activities).unwrap();
        assert_eq!(unpack(&packed), Ok((42, activities)));
    }

    #[test]
    fn an_activity_takes_less_than_fifty_bytes() {
        let packed = pack(1, &activities(500)).unwrap();
        assert!(packed.len() < 500 * 50, "{}", packed.len());
    }

    #[test]
    fn parts_fit_into_segments_and_keep_their_order() {
        let activities = activities(1_203);
        let parts = split_into_segments(activities.clone()).unwrap();
        assert_eq!(parts.iter().map(Vec::len).collect::<Vec<_>>(), [500, 500, 203]);
        assert_eq!(parts.concat(), activities);
    }

    #[test]
    fn what_is_no_segment_is_refused() {
        for (bytes, reason) in [(vec![FORMAT; 8], "too short"), (vec![9; 20], "unknown format 9")] {
            assert_eq!(unpack::<Activity>(&bytes), Err(reason.to_owned()));
        }
        let mut cut = pack(1, &activities(3)).unwrap();
        cut.truncate(40);
        assert!(unpack::<Activity>(&cut).is_err());
    }
}
