//! Thins long series to the resolution of the chart.

/// At most about `2 × columns` of the points, oldest first: the lowest and the highest of each column of the chart, so
/// that no peak or trough is lost, and the first and the last point.
///
/// Points that are not finite are left out.
pub(crate) fn decimate(points: impl IntoIterator<Item = (i32, f64)>, columns: usize) -> Vec<(i32, f64)> {
    let finite: Vec<(i32, f64)> = points.into_iter().filter(|point| point.1.is_finite()).collect();
    let columns = columns.max(1);
    if finite.len() <= 2 * columns {
        return finite;
    }
    let mut kept = Vec::with_capacity(2 * columns + 2);
    for column in 0..columns {
        let chunk = &finite[column * finite.len() / columns..(column + 1) * finite.len() / columns];
        let Some(first) = chunk.first() else { continue };
        let (mut low, mut high) = (first, first);
        for point in chunk {
            if point.1 < low.1 {
                low = point;
            }
            if point.1 > high.1 {
                high = point;
            }
        }
        kept.extend([*low, *high]);
    }
    kept.extend(finite.first().into_iter().chain(finite.last()));
    kept.sort_unstable_by_key(|point| point.0);
    kept.dedup_by_key(|point| point.0);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_series_keeps_its_ends_its_peak_and_its_trough() {
        let series: Vec<(i32, f64)> = (0..3270)
            .map(|day| {
                (
                    day,
                    if day == 1234 {
                        99.0
                    } else if day == 2345 {
                        -99.0
                    } else {
                        f64::from(day % 7)
                    },
                )
            })
            .collect();
        let kept = decimate(series.iter().copied(), 480);
        assert!(kept.len() <= 962, "{}", kept.len());
        assert_eq!((kept.first(), kept.last()), (series.first(), series.last()));
        assert!(kept.contains(&(1234, 99.0)) && kept.contains(&(2345, -99.0)));
        assert!(kept.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }

    #[test]
    fn a_short_series_only_loses_points_that_are_not_finite() {
        assert_eq!(decimate([(1, 1.0), (2, f64::NAN), (3, 2.0)], 10), [(1, 1.0), (3, 2.0)]);
        assert!(decimate([], 10).is_empty());
    }
}
