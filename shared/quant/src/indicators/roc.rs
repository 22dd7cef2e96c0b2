//! Rate of change.

/// Current value / value `window` bars ago − 1; undefined if the earlier value is 0.
#[must_use]
pub fn roc(source: &[f64], window: usize) -> Vec<f64> {
    let window = window.max(1);
    let mut changes = vec![f64::NAN; source.len().min(window)];
    changes.extend(source.iter().skip(window).zip(source).map(|(now, before)| {
        let change = now / before - 1.0;
        if change.is_finite() { change } else { f64::NAN }
    }));
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_change_is_a_fraction_of_the_earlier_value() {
        let changes = roc(&[2.0, 0.0, 3.0, 1.0], 2);
        assert!(changes[0].is_nan() && changes[1].is_nan());
        assert_eq!(changes[2], 0.5);
        assert!(changes[3].is_nan(), "a division by zero is undefined");
        assert_eq!(roc(&[1.0], 5).len(), 1);
    }
}
