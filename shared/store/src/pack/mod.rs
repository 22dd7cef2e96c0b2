//! A year of bars as bytes: about nine bytes per bar, exact to the last bit.
//!
//! ```text
//! byte 0      format, 1
//! bytes 1–8   checksum of the rest
//! then        number of bars; days; close, open, high, low, adjusted close, volume, split ratio, dividend
//! ```
//!
//! Numbers are in blocks of sixteen that share a width ([`blocks`]). Each is the difference from a prediction by what
//! is already known: the next weekday, the previous close, the higher of open and close, the ratio of the last adjusted
//! close ([`column`]). Deflating the result saves nothing more, and it is read several times faster than deflated
//! bytes.

mod blocks;
mod column;

use blocks::{Malformed, Reader, put_blocks, put_varint, unzigzag, zigzag};
use column::{put_column, read_column};
use domain::{Bar, BarError, Bars, Day};

/// The only format so far.
const FORMAT: u8 = 1;
/// Bytes of the header: the format and the checksum.
const HEADER_BYTES: usize = 9;
/// Most bars of one item: the days of a leap year.
pub const MAX_PACKED_BARS: usize = 366;

/// Why bars cannot be packed or unpacked.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PackError {
    /// More bars than fit in an item.
    #[error("an item can hold {MAX_PACKED_BARS} bars, not {bars}")]
    TooManyBars {
        /// Bars given.
        bars: usize,
    },
    /// The format is unknown to this version.
    #[error("unknown format {0} of packed bars")]
    UnknownFormat(u8),
    /// The bytes were altered after they were written.
    #[error("the checksum of packed bars does not match")]
    Checksum,
    /// The bytes have the wrong length or impossible values.
    #[error("packed bars are malformed")]
    Malformed,
    /// The bytes are well-formed, but the bars are not a valid series.
    #[error("packed bars are not a valid series")]
    NoSeries(#[from] BarError),
}

impl From<Malformed> for PackError {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

/// Packs at most [`MAX_PACKED_BARS`] bars. The same bars give the same bytes.
pub fn pack(bars: &Bars) -> Result<Vec<u8>, PackError> {
    if bars.len() > MAX_PACKED_BARS {
        return Err(PackError::TooManyBars { bars: bars.len() });
    }
    let mut packed = Vec::new();
    put_varint(&mut packed, bars.len() as u64);
    put_days(&mut packed, bars.dates());
    let (open, close) = (bars.open(), bars.close());
    put_column(&mut packed, close, before);
    put_column(&mut packed, open, opens_near(close));
    put_column(&mut packed, bars.high(), |index: usize, _: &[f64]| Some(open[index].max(close[index])));
    put_column(&mut packed, bars.low(), |index: usize, _: &[f64]| Some(open[index].min(close[index])));
    put_column(&mut packed, bars.adjusted_close(), moves_with(close));
    put_column(&mut packed, bars.volume(), before);
    put_column(&mut packed, bars.split_ratio(), before);
    put_column(&mut packed, bars.dividend(), before);
    let mut bytes = Vec::with_capacity(HEADER_BYTES + packed.len());
    bytes.push(FORMAT);
    bytes.extend(checksum(&packed).to_le_bytes());
    bytes.extend(packed);
    Ok(bytes)
}

/// Unpacks bytes written by [`pack`]. Other bytes are an error.
pub fn unpack(bytes: &[u8]) -> Result<Bars, PackError> {
    let mut bars = Bars::default();
    unpack_onto(bytes, &mut bars)?;
    Ok(bars)
}

/// Unpacks bytes written by [`pack`], appends the bars to `bars` and returns their number. After an error some may have
/// been appended.
pub fn unpack_onto(bytes: &[u8], bars: &mut Bars) -> Result<usize, PackError> {
    let mut reader = Reader::new(verified(bytes)?);
    let count = reader.count(MAX_PACKED_BARS)?;
    let mut numbers = Vec::with_capacity(count);
    let days = read_days(&mut reader, count, &mut numbers)?;
    let close = read_column(&mut reader, count, &mut numbers, before)?;
    let open = read_column(&mut reader, count, &mut numbers, opens_near(&close))?;
    let upper = |index: usize, _: &[f64]| Some(open[index].max(close[index]));
    let high = read_column(&mut reader, count, &mut numbers, upper)?;
    let lower = |index: usize, _: &[f64]| Some(open[index].min(close[index]));
    let low = read_column(&mut reader, count, &mut numbers, lower)?;
    let adjusted_close = read_column(&mut reader, count, &mut numbers, moves_with(&close))?;
    let volume = read_column(&mut reader, count, &mut numbers, before)?;
    let split_ratio = read_column(&mut reader, count, &mut numbers, before)?;
    let dividend = read_column(&mut reader, count, &mut numbers, before)?;
    if !reader.is_at_end() {
        return Err(PackError::Malformed);
    }
    for (index, date) in days.into_iter().enumerate() {
        bars.push(Bar {
            date,
            open: open[index],
            high: high[index],
            low: low[index],
            close: close[index],
            volume: volume[index],
            adjusted_close: adjusted_close[index],
            split_ratio: split_ratio[index],
            dividend: dividend[index],
        })?;
    }
    Ok(count)
}

/// The stored checksum of packed bars: equal for equal bars, and cheap to read.
pub fn stored_checksum(bytes: &[u8]) -> Result<u64, PackError> {
    let checksum = bytes.get(1..HEADER_BYTES).ok_or(PackError::Malformed)?;
    Ok(u64::from_le_bytes(checksum.try_into().map_err(|_| PackError::Malformed)?))
}

/// The packed part of the bytes, after checking format and checksum.
fn verified(bytes: &[u8]) -> Result<&[u8], PackError> {
    match bytes.first() {
        Some(&FORMAT) => {}
        Some(&format) => return Err(PackError::UnknownFormat(format)),
        None => return Err(PackError::Malformed),
    }
    let stored = stored_checksum(bytes)?;
    let packed = &bytes[HEADER_BYTES..];
    if stored == checksum(packed) { Ok(packed) } else { Err(PackError::Checksum) }
}

/// FNV-1a, eight bytes at a time. Each step is a bijection, so a change within one word is always detected. It detects
/// accidental damage, not forgery. Formula: G. Fowler, L. C. Noll, K.-P. Vo, FNV (1991).
fn checksum(bytes: &[u8]) -> u64 {
    const BASIS: u64 = 0xCBF2_9CE4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01B3;
    let (words, tail) = bytes.as_chunks::<8>();
    let step = |hash: u64, word: u64| (hash ^ word).wrapping_mul(PRIME).rotate_left(29);
    let hash = words.iter().fold(BASIS ^ bytes.len() as u64, |hash, word| step(hash, u64::from_le_bytes(*word)));
    tail.iter().fold(hash, |hash, &byte| step(hash, u64::from(byte)))
}

fn put_days(out: &mut Vec<u8>, days: &[Day]) {
    let mut expected = 0;
    let mut gaps = Vec::with_capacity(days.len());
    for day in days {
        let day = i64::from(day.days_since_epoch());
        gaps.push(zigzag(day - expected));
        expected = next_weekday(day);
    }
    if let Some((first, rest)) = gaps.split_first() {
        put_varint(out, *first);
        put_blocks(out, rest);
    }
}

fn read_days(reader: &mut Reader<'_>, count: usize, numbers: &mut Vec<u64>) -> Result<Vec<Day>, PackError> {
    if count == 0 {
        return Ok(Vec::new());
    }
    let first = reader.varint()?;
    reader.blocks(count - 1, numbers)?;
    let mut expected = 0_i64;
    let mut days = Vec::with_capacity(count);
    for &gap in std::iter::once(&first).chain(numbers.iter()) {
        let day = expected.wrapping_add(unzigzag(gap));
        let short = i32::try_from(day).map_err(|_| PackError::Malformed)?;
        days.push(Day::from_days_since_epoch(short).map_err(|_| PackError::Malformed)?);
        expected = next_weekday(day);
    }
    Ok(days)
}

/// The first day after this one that is neither Saturday nor Sunday; days are counted from 1970-01-01, a Thursday.
fn next_weekday(day: i64) -> i64 {
    let since_monday = (day + 3).rem_euclid(7);
    match since_monday {
        4 => day + 3,
        5 => day + 2,
        _ => day + 1,
    }
}

/// Predicts the previous value.
fn before(_: usize, _: &[f64]) -> Option<f64> {
    None
}

/// Predicts that a price opens at the previous close.
fn opens_near(close: &[f64]) -> impl Fn(usize, &[f64]) -> Option<f64> {
    move |index, _| close.get(index.saturating_sub(1)).copied()
}

/// Predicts that the adjusted close moves with the close, which is wrong only on ex-dates and splits.
fn moves_with(close: &[f64]) -> impl Fn(usize, &[f64]) -> Option<f64> {
    move |index, adjusted| match adjusted.last() {
        Some(last) => Some(last * (close[index] / close[index - 1])),
        None => close.first().copied(),
    }
}

#[cfg(test)]
mod tests;
