//! Integers as bytes: variable-length integers, and blocks of sixteen that share one width.

/// Numbers in a block, which share one width. Sixteen numbers of any width fill whole bytes.
const BLOCK: usize = 16;
/// The widest number of a block. Even if up to seven bits of its first byte belong to the previous number, it fits in
/// eight bytes.
pub(super) const MAX_WIDTH: u32 = 57;

/// The bytes end too early or have an impossible value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// Maps small magnitudes of both signs to small numbers: 0, −1, 1, −2 … to 0, 1, 2, 3 ….
pub(super) fn zigzag(number: i64) -> u64 {
    (number.wrapping_shl(1) ^ (number >> 63)) as u64
}

/// The inverse of [`zigzag`].
pub(super) fn unzigzag(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}

/// Writes seven bits per byte, the lowest first; the high bit means that more follow.
pub(super) fn put_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Writes numbers of at most [`MAX_WIDTH`] bits: for each sixteen, one byte with their width, then their bits.
pub(super) fn put_blocks(out: &mut Vec<u8>, numbers: &[u64]) {
    for block in numbers.chunks(BLOCK) {
        let width = block.iter().map(|number| u64::BITS - number.leading_zeros()).max().unwrap_or(0);
        out.push(width as u8);
        let (mut pending, mut bits) = (0_u128, 0);
        for &number in block {
            pending |= u128::from(number) << bits;
            bits += width;
            while bits >= 8 {
                out.push(pending as u8);
                pending >>= 8;
                bits -= 8;
            }
        }
        if bits > 0 {
            out.push(pending as u8);
        }
    }
}

/// The bytes that are still to be read.
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn byte(&mut self) -> Result<u8, Malformed> {
        let (&first, rest) = self.0.split_first().ok_or(Malformed)?;
        self.0 = rest;
        Ok(first)
    }

    pub(super) fn float(&mut self) -> Result<f64, Malformed> {
        let bytes = self.take(8)?.try_into().map_err(|_| Malformed)?;
        Ok(f64::from_le_bytes(bytes))
    }

    pub(super) fn varint(&mut self) -> Result<u64, Malformed> {
        let mut number = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7F);
            if bits << shift >> shift != bits {
                return Err(Malformed);
            }
            number |= bits << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(Malformed)
    }

    /// Reads a varint that is a count of at most `most`.
    pub(super) fn count(&mut self, most: usize) -> Result<usize, Malformed> {
        let count = usize::try_from(self.varint()?).map_err(|_| Malformed)?;
        if count <= most { Ok(count) } else { Err(Malformed) }
    }

    /// Reads `count` numbers written by [`put_blocks`] into `numbers`.
    pub(super) fn blocks(&mut self, count: usize, numbers: &mut Vec<u64>) -> Result<(), Malformed> {
        numbers.clear();
        let mut left = count;
        while left > 0 {
            let in_block = left.min(BLOCK);
            self.block(in_block, numbers)?;
            left -= in_block;
        }
        Ok(())
    }

    fn block(&mut self, in_block: usize, numbers: &mut Vec<u64>) -> Result<(), Malformed> {
        let width = u32::from(self.byte()?);
        if width > MAX_WIDTH {
            return Err(Malformed);
        }
        let length = (in_block * width as usize).div_ceil(8);
        if self.0.len() >= length + 8 {
            // Eight bytes can be read at the position of every number.
            unpack_block(&self.0[..length + 8], in_block, width, numbers);
            self.take(length)?;
        } else {
            // At the end of the bytes, read from a padded copy.
            let mut padded = [0_u8; BLOCK * MAX_WIDTH as usize / 8 + 8];
            let bytes = self.take(length)?;
            padded[..length].copy_from_slice(bytes);
            unpack_block(&padded, in_block, width, numbers);
        }
        Ok(())
    }
}

/// Reads numbers of this width from bytes that continue for eight more after the last number.
fn unpack_block(bytes: &[u8], in_block: usize, width: u32, numbers: &mut Vec<u64>) {
    let mask = (1_u64 << width) - 1;
    let windows = bytes.windows(8);
    numbers.extend((0..in_block).map(|index| {
        let bit = index * width as usize;
        let word = windows.clone().nth(bit / 8).and_then(|window| window.try_into().ok()).unwrap_or_default();
        (u64::from_le_bytes(word) >> (bit % 8)) & mask
    }));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn blocks_of_every_width_round_trip(width in 0..=MAX_WIDTH, seeds in prop::collection::vec(any::<u64>(), 0..70)) {
            let numbers: Vec<u64> = seeds.iter().map(|seed| seed & ((1_u64 << width) - 1)).collect();
            let mut bytes = Vec::new();
            put_blocks(&mut bytes, &numbers);
            let mut reader = Reader::new(&bytes);
            let mut back = Vec::new();
            prop_assert_eq!(reader.blocks(numbers.len(), &mut back), Ok(()));
            prop_assert_eq!(back, numbers);
            prop_assert!(reader.is_at_end());
        }

        #[test]
        fn varints_and_signs_round_trip(number in any::<i64>()) {
            let mut bytes = Vec::new();
            put_varint(&mut bytes, zigzag(number));
            let mut reader = Reader::new(&bytes);
            prop_assert_eq!(reader.varint().map(unzigzag), Ok(number));
            prop_assert!(reader.is_at_end());
        }
    }

    #[test]
    fn a_varint_of_more_than_sixty_four_bits_is_malformed() {
        assert_eq!(Reader::new(&[0xFF; 11]).varint(), Err(Malformed));
        assert_eq!(Reader::new(&[0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x02]).varint(), Err(Malformed));
        assert_eq!(Reader::new(&[0x80]).varint(), Err(Malformed));
    }

    #[test]
    fn small_magnitudes_stay_small() {
        assert_eq!([0, -1, 1, -2, i64::MAX, i64::MIN].map(zigzag), [0, 1, 2, 3, u64::MAX - 1, u64::MAX]);
    }
}
