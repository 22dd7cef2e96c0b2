//! Three-valued logic in two bits: one for "true", one for "false", neither for "undefined".
//!
//! The encoding makes every connective a few bit operations on bytes, so that whole columns are combined without a
//! branch.

/// The truth value of one bar: [`UNDEFINED`], [`TRUE`] or [`FALSE`].
pub(crate) type Truth = u8;

pub(crate) const UNDEFINED: Truth = 0;
pub(crate) const TRUE: Truth = 1;
pub(crate) const FALSE: Truth = 2;

pub(crate) const fn truth(holds: bool) -> Truth {
    if holds { TRUE } else { FALSE }
}

/// SQL's `and`: false beats undefined.
pub(crate) const fn and(a: Truth, b: Truth) -> Truth {
    (a & b & TRUE) | ((a | b) & FALSE)
}

/// SQL's `or`: true beats undefined.
pub(crate) const fn or(a: Truth, b: Truth) -> Truth {
    ((a | b) & TRUE) | (a & b & FALSE)
}

pub(crate) const fn not(a: Truth) -> Truth {
    ((a << 1) | (a >> 1)) & (TRUE | FALSE)
}

/// Both hold, but undefined as soon as one is: for the two bars of a crossing.
pub(crate) const fn both_defined_and(a: Truth, b: Truth) -> Truth {
    if a == UNDEFINED || b == UNDEFINED { UNDEFINED } else { and(a, b) }
}

pub(crate) fn less(a: f64, b: f64) -> Truth {
    u8::from(a < b) | (u8::from(a >= b) << 1)
}

pub(crate) fn less_or_equal(a: f64, b: f64) -> Truth {
    u8::from(a <= b) | (u8::from(a > b) << 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: Truth = TRUE;
    const F: Truth = FALSE;
    const U: Truth = UNDEFINED;

    #[test]
    fn connectives_follow_the_truth_tables_of_sql() {
        let table = [
            // a, b, a and b, a or b
            (T, T, T, T),
            (T, F, F, T),
            (T, U, U, T),
            (F, T, F, T),
            (F, F, F, F),
            (F, U, F, U),
            (U, T, U, T),
            (U, F, F, U),
            (U, U, U, U),
        ];
        for (a, b, both, either) in table {
            assert_eq!((and(a, b), or(a, b)), (both, either), "{a} {b}");
        }
        assert_eq!([not(T), not(F), not(U)], [F, T, U]);
    }

    #[test]
    fn comparing_with_an_undefined_number_is_undefined() {
        assert_eq!([less(1.0, 2.0), less(2.0, 2.0), less(f64::NAN, 2.0), less(2.0, f64::NAN)], [T, F, U, U]);
        assert_eq!([less_or_equal(2.0, 2.0), less_or_equal(3.0, 2.0), less_or_equal(f64::NAN, 2.0)], [T, F, U]);
    }

    #[test]
    fn a_crossing_is_undefined_when_either_bar_is() {
        assert_eq!([both_defined_and(F, U), both_defined_and(U, F), both_defined_and(T, T)], [U, U, T]);
    }
}
