//! The charts as SVG: well-formed, accessible, and no larger than needed.

use render::{Chart, svg};

use crate::samples;

#[test]
fn every_chart_is_well_formed_and_described() {
    for (name, report, data) in samples::cases() {
        for chart in Chart::ALL {
            let text = svg(&report, &data, chart).unwrap();
            let document =
                roxmltree::Document::parse(&text).unwrap_or_else(|error| panic!("{name} {chart:?}: {error}"));
            let root = document.root_element();
            assert_eq!((root.tag_name().name(), root.attribute("role")), ("svg", Some("img")));
            let labels: Vec<&str> = root.attribute("aria-labelledby").unwrap().split(' ').collect();
            let texts = |tag: &str| {
                let node = root.children().find(|node| node.has_tag_name(("http://www.w3.org/2000/svg", tag))).unwrap();
                assert!(labels.contains(&node.attribute("id").unwrap()));
                node.text().unwrap().to_owned()
            };
            let title = texts("title");
            assert!(title.contains(&report.name) && title.contains(chart.title()), "{title}");
            assert!(texts("desc").len() > 20);
            assert!(!text.contains("NaN") && !text.contains("inf"), "{name} {chart:?}");
            assert!(text.len() < 120_000, "{name} {chart:?} has {} bytes", text.len());
        }
    }
}

#[test]
fn characters_that_the_font_lacks_stay_in_the_title() {
    let (_, report, data) = samples::cases().into_iter().find(|case| case.0 == "chinese_name").unwrap();
    for chart in Chart::ALL {
        let text = svg(&report, &data, chart).unwrap();
        let document = roxmltree::Document::parse(&text).unwrap();
        let drawn = document.descendants().filter(|node| node.has_tag_name(("http://www.w3.org/2000/svg", "text")));
        let drawn: String = drawn.filter_map(|node| node.text()).collect();
        assert!(drawn.starts_with("FB: ") && !drawn.contains('贵'), "{drawn}");
    }
}

#[test]
fn the_same_report_gives_the_same_chart() {
    let (_, report, data) = samples::cases().remove(0);
    for chart in Chart::ALL {
        assert_eq!(svg(&report, &data, chart), svg(&report, &data, chart));
    }
}

#[test]
fn a_long_series_is_thinned_to_the_resolution_of_the_chart() {
    let (_, report, data) = samples::cases().remove(0);
    assert_eq!(data.dates.len(), 3270);
    let text = svg(&report, &data, Chart::Price).unwrap();
    let document = roxmltree::Document::parse(&text).unwrap();
    let points = |node: roxmltree::Node<'_, '_>| node.attribute("d").map_or(0, |path| path.matches(['M', 'L']).count());
    let longest = document.descendants().map(points).max().unwrap();
    assert!((600..=1_000).contains(&longest), "{longest}");
}

#[test]
fn entries_and_exits_are_marked_where_they_happened() {
    let (_, report, data) = samples::cases().remove(0);
    let text = svg(&report, &data, Chart::Price).unwrap();
    let count = |colour: &str| text.matches(&format!("Z\" fill=\"{colour}\"")).count();
    // The legend has one more of each.
    assert_eq!(count("#009e73"), report.trades.len() + usize::from(report.open_trade.is_some()) + 1);
    assert_eq!(count("#d55e00"), report.trades.len() + 1);
}

#[test]
fn a_missing_forecast_is_stated() {
    let (_, report, data) = samples::cases().into_iter().find(|case| case.0 == "three_bars").unwrap();
    assert!(svg(&report, &data, Chart::Forecast).unwrap().contains("No forecast: there are too few bars"));
}
