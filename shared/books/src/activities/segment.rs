//! Segments: the packed activities of a portfolio, in the order of recording.
//!
//! A segment is an item of bytes: the number of the format, the generation of the head that it belongs to, and its
//! activities as JSON, compressed.

use std::io::{Read as _, Write as _};

use app::error::ServiceError;
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use ledger::Activity;
use store::Body;

/// The most activities of a segment.
pub(super) const MAX_ACTIVITIES: usize = 500;
/// The size in bytes above which a segment takes no more activities.
pub(super) const FULL_BYTES: usize = 32 << 10;
/// The most bytes of activities in a segment, unpacked: far more than [`MAX_ACTIVITIES`] with the longest notes.
const MAX_UNPACKED_BYTES: u64 = 16 << 20;
/// The number of the format.
const FORMAT: u8 = 1;
/// The bytes before the activities.
const HEADER_BYTES: usize = 9;

/// The body of a segment of these activities.
///
/// Errors: an internal one.
pub(super) fn pack(generation: u64, activities: &[Activity]) -> Result<Vec<u8>, ServiceError> {
    let json = serde_json::to_vec(activities).map_err(|error| ServiceError::fault("serializing activities", error))?;
    let mut packed = Vec::with_capacity(HEADER_BYTES + json.len() / 4);
    packed.push(FORMAT);
    packed.extend(generation.to_be_bytes());
    let mut encoder = DeflateEncoder::new(packed, Compression::default());
    encoder.write_all(&json).and_then(|()| encoder.finish()).map_err(|error| ServiceError::fault("packing", error))
}

/// The generation and the activities of a segment.
///
/// Errors: why the body is not one.
pub(super) fn unpack(body: &Body) -> Result<(u64, Vec<Activity>), String> {
    let Body::Bytes(bytes) = body else { return Err("text instead of bytes".to_owned()) };
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
pub(super) fn parts(activities: Vec<Activity>) -> Result<Vec<Vec<Activity>>, ServiceError> {
    let mut parts = Vec::new();
    let mut rest = activities;
    while !rest.is_empty() {
        let mut count = rest.len().min(MAX_ACTIVITIES);
        while count > 1 && pack(0, rest.get(..count).unwrap_or(&rest))?.len() > FULL_BYTES {
            count = count.div_ceil(2);
        }
        let after = rest.split_off(count);
        parts.push(std::mem::replace(&mut rest, after));
    }
    Ok(parts)
}
