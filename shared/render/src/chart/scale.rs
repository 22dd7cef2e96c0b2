//! Round numbers for the ticks of a value axis, and their labels.

use crate::figures::{MINUS, number};

/// Height of a tick in points.
const TICK_HEIGHT: f32 = 16.0;

/// The label of a tick.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Label {
    /// A number with a currency sign.
    Money(String),
    /// A fraction in percent.
    Percent,
    /// A bare number.
    #[cfg(test)]
    Plain,
}

/// Multiples of 1, 2, 2.5 or 5 times a power of ten from `low` to `high`.
pub(crate) fn linear_ticks(low: f64, high: f64, height: f32) -> Vec<f64> {
    let wanted = f64::from((height / TICK_HEIGHT).floor().clamp(1.0, 12.0));
    let rough = (high - low) / wanted;
    if !(rough.is_finite() && rough > 0.0) {
        return Vec::new();
    }
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().map(|factor| factor * power).find(|&step| step >= rough * 0.999);
    let step = step.unwrap_or(10.0 * power);
    let first = (low / step).ceil();
    let count = ((high / step).floor() - first).clamp(0.0, 50.0) as usize;
    (0..=count).map(|index| (first + index as f64) * step).filter(|&tick| tick >= low && tick <= high).collect()
}

/// 1, 2 and 5 times powers of ten, or only the powers if there is no room for more.
pub(crate) fn logarithmic_ticks(low: f64, high: f64, height: f32) -> Vec<f64> {
    let decades = low.log10().floor() as i32..=high.log10().ceil() as i32;
    let of = |factors: &[f64]| -> Vec<f64> {
        decades
            .clone()
            .flat_map(|decade| factors.iter().map(move |factor| factor * 10_f64.powi(decade)))
            .filter(|&tick| tick >= low && tick <= high)
            .collect()
    };
    let room = (height / 15.0).max(2.0) as usize;
    let mut ticks = of(&[1.0, 2.0, 5.0]);
    if ticks.len() > room {
        ticks = of(&[1.0]);
    }
    let every = ticks.len().div_ceil(room).max(1);
    ticks.into_iter().step_by(every).collect()
}

/// The text of a tick; large numbers are abbreviated to millions and more.
pub(crate) fn label_value(value: f64, ticks: &[f64], logarithmic: bool, label: &Label) -> String {
    let largest = ticks.iter().fold(0.0_f64, |largest, tick| largest.max(tick.abs()));
    let step = match ticks {
        [first, second, ..] if !logarithmic => (second - first).abs(),
        _ => value.abs(),
    };
    let prefix = match label {
        Label::Percent => return number(value * 100.0, decimals(step * 100.0)) + " %",
        Label::Money(symbol) => symbol.as_str(),
        #[cfg(test)]
        Label::Plain => "",
    };
    let reference = if logarithmic { value.abs() } else { largest };
    let (divisor, suffix) = match reference {
        large if large >= 1e15 => return prefix.to_owned() + &format!("{value:.1e}"),
        large if large >= 1e12 => (1e12, " tn"),
        large if large >= 1e9 => (1e9, " bn"),
        large if large >= 1e6 => (1e6, " m"),
        _ => (1.0, ""),
    };
    let text = number(value / divisor, decimals(step / divisor));
    match text.strip_prefix(MINUS) {
        Some(magnitude) => format!("{MINUS}{prefix}{magnitude}{suffix}"),
        None => format!("{prefix}{text}{suffix}"),
    }
}

/// The decimals of a multiple of `step`, at most twelve.
fn decimals(step: f64) -> usize {
    let whole = |decimals: &i32| {
        let shifted = step * 10_f64.powi(*decimals);
        shifted >= 0.999 && (shifted - shifted.round()).abs() < 1e-6 * shifted
    };
    if step > 0.0 && step.is_finite() { (0..=12).find(whole).unwrap_or(12) as usize } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(ticks: &[f64], logarithmic: bool, label: &Label) -> Vec<String> {
        ticks.iter().map(|&tick| label_value(tick, ticks, logarithmic, label)).collect()
    }

    #[test]
    fn linear_ticks_are_round_and_inside() {
        assert_eq!(linear_ticks(3.0, 97.0, 80.0), [20.0, 40.0, 60.0, 80.0]);
        assert_eq!(linear_ticks(-0.86, 0.0, 65.0), [-0.75, -0.5, -0.25, 0.0]);
        assert!(linear_ticks(1.0, 1.0, 100.0).is_empty());
        assert!(linear_ticks(f64::NAN, 1.0, 100.0).is_empty());
    }

    #[test]
    fn logarithmic_ticks_thin_out_without_room() {
        assert_eq!(logarithmic_ticks(6.5, 730.0, 190.0), [10.0, 20.0, 50.0, 100.0, 200.0, 500.0]);
        assert_eq!(logarithmic_ticks(0.5, 2e6, 110.0), [1.0, 10.0, 100.0, 1e3, 1e4, 1e5, 1e6]);
        assert_eq!(logarithmic_ticks(0.5, 2e6, 60.0), [1.0, 100.0, 1e4, 1e6]);
    }

    #[test]
    fn labels_are_short_and_distinct() {
        let dollars = Label::Money("$".to_owned());
        assert_eq!(labels(&[0.0, 2500.0], false, &dollars), ["$0", "$2,500"]);
        assert_eq!(labels(&[0.5e9, 1.0e9], false, &dollars), ["$0.5 bn", "$1.0 bn"]);
        assert_eq!(labels(&[1e-6, 1.5e-6], false, &dollars), ["$0.0000010", "$0.0000015"]);
        assert_eq!(labels(&[2.5, 5.0], false, &dollars), ["$2.5", "$5.0"]);
        assert_eq!(labels(&[-20.0, 0.0], false, &dollars), ["−$20", "$0"]);
        assert_eq!(labels(&[-0.2, -0.1, 0.0], false, &Label::Percent), ["−20 %", "−10 %", "0 %"]);
        assert_eq!(labels(&[0.5, 10.0, 200.0], true, &Label::Plain), ["0.5", "10", "200"]);
    }
}
