//! Root finding for a continuous function.

/// Iterations after which the best point so far is returned; bisection alone would need fewer than half.
const MAX_ITERATIONS: usize = 200;

/// The zero of `f` between `a` and `b`, at which `f` has different signs, by Brent's method (Brent 1973, chapter 4):
/// inverse quadratic steps where they help, bisection where they do not.
pub(super) fn brent(mut a: f64, mut b: f64, tolerance: f64, mut f: impl FnMut(f64) -> f64) -> Option<f64> {
    let (mut fa, mut fb) = (f(a), f(b));
    if (fa < 0.0) == (fb < 0.0) && fa != 0.0 && fb != 0.0 {
        return None;
    }
    let (mut c, mut fc) = (a, fa);
    let mut step = b - a;
    let mut step_before = step;
    for _ in 0..MAX_ITERATIONS {
        if (fb < 0.0) == (fc < 0.0) {
            (c, fc) = (a, fa);
            step = b - a;
            step_before = step;
        }
        if fc.abs() < fb.abs() {
            (a, b, c) = (b, c, b);
            (fa, fb, fc) = (fb, fc, fb);
        }
        let nearest = 2.0 * f64::EPSILON * b.abs() + tolerance / 2.0;
        let half = (c - b) / 2.0;
        if half.abs() <= nearest || fb == 0.0 {
            return Some(b);
        }
        if step_before.abs() >= nearest && fa.abs() > fb.abs() {
            let (p, q) = interpolation((a, fa), (b, fb), (c, fc), half);
            if 2.0 * p < (3.0 * half * q - (nearest * q).abs()).min((step_before * q).abs()) {
                step_before = step;
                step = p / q;
            } else {
                (step, step_before) = (half, half);
            }
        } else {
            (step, step_before) = (half, half);
        }
        (a, fa) = (b, fb);
        b += if step.abs() > nearest { step } else { nearest.copysign(half) };
        fb = f(b);
    }
    Some(b)
}

/// The step from `b` as a fraction with a positive numerator: secant with two different points, inverse
/// quadratic interpolation with three.
#[expect(clippy::float_cmp, reason = "the points are either copies of one another or distinct")]
fn interpolation((a, fa): (f64, f64), (b, fb): (f64, f64), (c, fc): (f64, f64), half: f64) -> (f64, f64) {
    let s = fb / fa;
    let (p, q) = if a == c {
        (2.0 * half * s, 1.0 - s)
    } else {
        let (q, r) = (fa / fc, fb / fc);
        (s * (2.0 * half * q * (q - r) - (b - a) * (r - 1.0)), (q - 1.0) * (r - 1.0) * (s - 1.0))
    };
    if p > 0.0 { (p, -q) } else { (-p, q) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zero_between_opposite_signs_is_found() {
        let root = brent(0.0, 2.0, 1e-15, |x| x * x * x - 2.0).unwrap();
        assert!((root - 2.0_f64.cbrt()).abs() < 1e-14, "{root}");
        let steep = brent(-13.0, 13.0, 1e-15, |x| (30.0 * x).exp() - 1e6).unwrap();
        assert!((steep - 1e6_f64.ln() / 30.0).abs() < 1e-13, "{steep}");
    }

    #[test]
    fn a_zero_at_an_end_is_found_and_equal_signs_have_none() {
        assert_eq!(brent(0.0, 1.0, 1e-15, |x| x), Some(0.0));
        assert_eq!(brent(-1.0, 0.0, 1e-15, |x| x), Some(0.0));
        assert_eq!(brent(1.0, 2.0, 1e-15, |x| x), None);
    }
}
