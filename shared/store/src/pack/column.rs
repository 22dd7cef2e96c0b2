//! One column of floats as bytes, bit for bit.
//!
//! Prices are decimals: 118.56 is 11856 hundredths. A column is written as integers on one decimal scale, each as the
//! difference from the prediction by earlier columns and values. The few values that need finer digits have them in a
//! separate list, so that one odd price does not make a year expensive. A nearly constant column lists its exceptions.
//! A column that is not decimal is stored raw.

use super::blocks::{MAX_WIDTH, Malformed, Reader, put_blocks, put_varint, unzigzag, zigzag};

const RAW: u8 = 0;
const SPARSE: u8 = 1;
const DECIMAL: u8 = 2;

/// Decimal digits after the point that a scale may have; negative values count zeros before the point.
const SCALES: std::ops::RangeInclusive<i8> = -6..=9;
/// Integers up to this one are exact floats.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;
const POWERS: [f64; 16] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/// Predicts the value at an index from the column's earlier values and from columns already read; `None` predicts the
/// previous number. Only multiplications, divisions and comparisons are used, since they give the same bits on every
/// machine.
pub(super) trait Predict: Fn(usize, &[f64]) -> Option<f64> {}
impl<F: Fn(usize, &[f64]) -> Option<f64>> Predict for F {}

/// A decimal scale: a value is `number / 10^digits`.
#[derive(Clone, Copy)]
struct Scale(i8);

impl Scale {
    fn power(self) -> f64 {
        POWERS[usize::from(self.0.unsigned_abs())]
    }

    /// The nearest integer on this scale; `as` saturates, so nothing overflows.
    fn number(self, value: f64) -> i64 {
        let scaled = if self.0 >= 0 { value * self.power() } else { value / self.power() };
        // Truncation after adding a half rounds correctly, since predictions are never negative.
        (scaled + 0.5) as i64
    }

    fn value(self, number: i64) -> f64 {
        if self.0 >= 0 { number as f64 / self.power() } else { number as f64 * self.power() }
    }

    /// The number that represents exactly this value, if there is one.
    fn exact(self, value: f64) -> Option<i64> {
        let number = self.number(value);
        let same = self.value(number).to_bits() == value.to_bits();
        (same && (number as f64).abs() < MAX_EXACT).then_some(number)
    }
}

/// Appends a column in its shortest form.
pub(super) fn put_column(out: &mut Vec<u8>, values: &[f64], predict: impl Predict) {
    let mut forms = vec![raw(values), sparse(values)];
    forms.extend(decimals(values, &predict));
    if let Some(shortest) = forms.into_iter().min_by_key(Vec::len) {
        out.extend(shortest);
    }
}

/// Reads a column of `count` values.
pub(super) fn read_column(
    reader: &mut Reader<'_>,
    count: usize,
    numbers: &mut Vec<u64>,
    predict: impl Predict,
) -> Result<Vec<f64>, Malformed> {
    match reader.byte()? {
        RAW => (0..count).map(|_| reader.float()).collect(),
        SPARSE => read_sparse(reader, count),
        DECIMAL => read_decimals(reader, count, numbers, predict),
        _ => Err(Malformed),
    }
}

fn raw(values: &[f64]) -> Vec<u8> {
    let mut out = vec![RAW];
    out.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    out
}

/// The most frequent value, then the values that differ: the distance from the previous one, and the value.
fn sparse(values: &[f64]) -> Vec<u8> {
    let mut out = vec![SPARSE];
    let Some(&common) = values.iter().max_by_key(|value| occurrences(values, **value)) else {
        return out;
    };
    out.extend(common.to_le_bytes());
    let differs = |value: &f64| value.to_bits() != common.to_bits();
    put_varint(&mut out, values.iter().filter(|value| differs(value)).count() as u64);
    let mut next = 0;
    for (index, value) in values.iter().enumerate().filter(|(_, value)| differs(value)) {
        put_varint(&mut out, (index - next) as u64);
        out.extend(value.to_le_bytes());
        next = index + 1;
    }
    out
}

fn occurrences(values: &[f64], candidate: f64) -> usize {
    values.iter().filter(|value| value.to_bits() == candidate.to_bits()).count()
}

fn read_sparse(reader: &mut Reader<'_>, count: usize) -> Result<Vec<f64>, Malformed> {
    if count == 0 {
        return Ok(Vec::new());
    }
    let mut values = vec![reader.float()?; count];
    let mut next = 0;
    for _ in 0..reader.count(count)? {
        let index = next + reader.count(count)?;
        *values.get_mut(index).ok_or(Malformed)? = reader.float()?;
        next = index + 1;
    }
    Ok(values)
}

/// The column at each scale that some of its values have, with finer digits listed; empty if a value is not a decimal.
fn decimals(values: &[f64], predict: &impl Predict) -> Vec<Vec<u8>> {
    let scale_of = |value: &f64| SCALES.into_iter().find(|&digits| Scale(digits).exact(*value).is_some());
    let Some(scales) = values.iter().map(scale_of).collect::<Option<Vec<i8>>>() else {
        return Vec::new();
    };
    let Some(&finest) = scales.iter().max() else {
        return Vec::new();
    };
    let mut candidates = scales;
    candidates.sort_unstable();
    candidates.dedup();
    candidates.into_iter().filter_map(|coarse| decimal(values, coarse, finest, predict)).collect()
}

/// The column at one scale; `None` if a number becomes too large.
fn decimal(values: &[f64], coarse: i8, finest: i8, predict: &impl Predict) -> Option<Vec<u8>> {
    let (scale, fine) = (Scale(coarse), Scale(finest));
    let step = POWERS.get(usize::from(finest.abs_diff(coarse)))?;
    let (mut residuals, mut finer) = (Vec::with_capacity(values.len()), Vec::new());
    let mut before = 0;
    for (index, &value) in values.iter().enumerate() {
        let number = scale.number(value);
        if scale.value(number).to_bits() != value.to_bits() {
            finer.push((index, fine.exact(value)?.checked_sub(number.checked_mul(*step as i64)?)?));
        }
        let guess = predict(index, &values[..index]).map_or(before, |guess| scale.number(guess));
        residuals.push(zigzag(number.wrapping_sub(guess)));
        before = number;
    }
    let (first, rest) = residuals.split_first()?;
    if rest.iter().any(|residual| residual >> MAX_WIDTH != 0) {
        return None;
    }
    let mut out = vec![DECIMAL, coarse as u8, finest as u8];
    put_varint(&mut out, finer.len() as u64);
    let mut next = 0;
    for (index, digits) in finer {
        put_varint(&mut out, (index - next) as u64);
        put_varint(&mut out, zigzag(digits));
        next = index + 1;
    }
    put_varint(&mut out, *first);
    put_blocks(&mut out, rest);
    Some(out)
}

fn read_decimals(
    reader: &mut Reader<'_>,
    count: usize,
    numbers: &mut Vec<u64>,
    predict: impl Predict,
) -> Result<Vec<f64>, Malformed> {
    let (coarse, finest) = (reader.byte()? as i8, reader.byte()? as i8);
    if count == 0 || finest < coarse || !SCALES.contains(&coarse) || !SCALES.contains(&finest) {
        return Err(Malformed);
    }
    let (scale, fine) = (Scale(coarse), Scale(finest));
    let step = POWERS[usize::from(finest.abs_diff(coarse))] as i64;
    let mut finer = read_finer(reader, count)?.into_iter();
    let mut next_finer = finer.next();
    let first = reader.varint()?;
    reader.blocks(count - 1, numbers)?;
    let mut values = Vec::with_capacity(count);
    let mut number = 0;
    for (index, &residual) in std::iter::once(&first).chain(numbers.iter()).enumerate() {
        let guess = predict(index, &values).map_or(number, |guess| scale.number(guess));
        number = guess.wrapping_add(unzigzag(residual));
        match next_finer {
            Some((place, digits)) if place == index => {
                values.push(fine.value(number.wrapping_mul(step).wrapping_add(digits)));
                next_finer = finer.next();
            }
            _ => values.push(scale.value(number)),
        }
    }
    Ok(values)
}

/// The positions of finer digits, ascending, and the amounts that they add.
fn read_finer(reader: &mut Reader<'_>, count: usize) -> Result<Vec<(usize, i64)>, Malformed> {
    let mut next = 0;
    let mut finer = Vec::new();
    for _ in 0..reader.count(count)? {
        let index = next + reader.count(count)?;
        if index >= count {
            return Err(Malformed);
        }
        finer.push((index, unzigzag(reader.varint()?)));
        next = index + 1;
    }
    Ok(finer)
}
