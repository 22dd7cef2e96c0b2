//! What readers, search and screen readers get out of the PDF file.

use lopdf::{Dictionary, Document, Object};
use render::figures::{METRICS, NOT_AVAILABLE, money, percent, percent_points, price, price_in, quantity};
use render::report::{ChartData, Overlay};
use render::{RenderError, pdf};

use crate::samples;

const MOST_BYTES: usize = 150_000;

/// The text with single blanks, since a viewer decides on order and gaps.
fn text_of(bytes: &[u8]) -> String {
    let text = pdf_extract::extract_text_from_mem(bytes).unwrap();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn assert_contains(text: &str, figure: &str, name: &str) {
    assert!(text.contains(figure), "{name}: {figure:?} is not in the PDF");
}

#[test]
fn every_figure_of_the_json_is_in_the_text_of_the_pdf() {
    for (name, report, data) in samples::cases() {
        let text = text_of(&pdf(&report, &data).unwrap());
        for figure in METRICS {
            for metrics in [&report.metrics, &report.benchmark.metrics] {
                assert_contains(&text, figure.label, name);
                assert_contains(&text, &figure.text(metrics, report.currency), name);
            }
        }
        for year in &report.monthly_returns {
            for value in year.months.iter().flatten().chain(&year.total) {
                assert_contains(&text, &percent_points(*value), name);
            }
        }
        for point in report.forecast.iter().filter_map(|forecast| forecast.points.get(29)) {
            for value in [point.value, point.lower_80, point.upper_80, point.lower_95, point.upper_95] {
                assert_contains(&text, &price_in(value, report.currency), name);
            }
        }
        if let Some(check) = &report.forecast_check {
            assert_contains(&text, &format!("{} as of {}", check.model, check.as_of), name);
            assert_contains(&text, &percent(check.grade.coverage_95.unwrap()), name);
        }
        for fact in [report.from.to_string(), report.to.to_string(), report.source.clone(), report.symbol.to_string()] {
            assert_contains(&text, &fact, name);
        }
    }
}

#[test]
fn every_trade_is_listed_or_counted_as_omitted() {
    for (name, report, data) in samples::cases() {
        let text = text_of(&pdf(&report, &data).unwrap());
        let all = report.trades.len() + usize::from(report.open_trade.is_some());
        let shown = match text.split_once(" trades; the JSON has all of them") {
            Some((before, _)) => {
                let words: Vec<&str> = before.rsplit(' ').take(3).collect();
                assert_eq!(words[0].replace(',', ""), all.to_string(), "{name}");
                words[2].parse().unwrap()
            }
            None => all,
        };
        assert!(name != "many_trades" || (50..all).contains(&shown), "{shown} of {all}");
        for trade in report.trades.iter().take(shown) {
            let row = format!(
                "{} {} {} {} {} {}",
                trade.entry_date,
                price(trade.entry_price),
                trade.exit_date,
                price(trade.exit_price),
                quantity(trade.quantity),
                trade.days,
            );
            // Years apart, days are grouped by thousands; the row up to them is enough.
            let row = row.rsplit_once(' ').unwrap().0;
            assert_contains(&text, row, name);
            assert_contains(&text, &money(trade.pnl, report.currency), name);
            assert_contains(&text, &percent(trade.return_), name);
        }
    }
}

#[test]
fn a_missing_figure_is_explained_and_never_zero() {
    let (_, report, data) = samples::cases().into_iter().find(|case| case.0 == "three_bars").unwrap();
    let text = text_of(&pdf(&report, &data).unwrap());
    assert_contains(&text, &format!("{NOT_AVAILABLE} ¹"), "three_bars");
    assert_contains(&text, "the span is under one year", "three_bars");
    assert_contains(&text, "too few returns", "three_bars");
}

#[test]
fn text_can_be_copied_and_missing_characters_have_a_note() {
    let (_, report, data) = samples::cases().into_iter().find(|case| case.0 == "markup_and_long_texts").unwrap();
    let text = text_of(&pdf(&report, &data).unwrap());
    assert_contains(&text, "Müller & Söhne <Holding> \"A\" – with a name", "name");
    assert_contains(&text, "characters that this document's font lacks", "note");
    assert_contains(&text, "close < sma(50) and close", "rule");
}

#[test]
fn an_unprintable_name_is_replaced_by_the_symbol_with_a_note() {
    let (_, report, data) = samples::cases().into_iter().find(|case| case.0 == "chinese_name").unwrap();
    let text = text_of(&pdf(&report, &data).unwrap());
    assert_contains(&text, "characters that this document's font lacks", "note");
    assert!(!text.contains('\u{FFFD}') && !text.contains("FB (FB)"));
    let (_, plain, data) = samples::cases().remove(0);
    assert!(!text_of(&pdf(&plain, &data).unwrap()).contains("font lacks"));
    assert_contains(&text, "2013-03-01", "span");
}

#[test]
fn the_method_states_how_many_bars_a_year_has() {
    for (case, sentence) in [("weekends_too", "365 days a year"), ("chinese_name", "252 trading days a year")] {
        let (_, report, data) = samples::cases().into_iter().find(|(name, ..)| *name == case).unwrap();
        assert_contains(&text_of(&pdf(&report, &data).unwrap()), sentence, case);
    }
}

#[test]
fn the_text_and_code_of_every_warning_are_printed() {
    let (name, report, data) = samples::cases().remove(0);
    let text = text_of(&pdf(&report, &data).unwrap());
    assert_contains(&text, "The close of 2000-09-29 moved. (unexplained_move)", name);
    assert_contains(&text, "generated 2026-11-20T12:30:00.000Z", name);
}

#[test]
fn a_report_has_two_to_four_numbered_pages_and_stays_small() {
    for (name, report, data) in samples::cases() {
        let bytes = pdf(&report, &data).unwrap();
        let pages = Document::load_mem(&bytes).unwrap().get_pages().len();
        assert!((2..=4).contains(&pages), "{name} has {pages} pages");
        let text = text_of(&bytes);
        for page in 1..=pages {
            assert_contains(&text, &format!("{page} / {pages}"), name);
        }
        assert!(bytes.len() < MOST_BYTES, "{name} has {} bytes", bytes.len());
    }
}

#[test]
fn the_same_report_gives_the_same_bytes() {
    for (name, report, data) in samples::cases() {
        assert!(pdf(&report, &data).unwrap() == pdf(&report, &data).unwrap(), "{name}");
    }
}

fn dictionary<'a>(file: &'a Document, object: &'a Object) -> &'a Dictionary {
    file.dereference(object).unwrap().1.as_dict().unwrap()
}

#[test]
fn the_metadata_has_title_producer_and_time() {
    let (_, report, data) = samples::cases().remove(0);
    let file = Document::load_mem(&pdf(&report, &data).unwrap()).unwrap();
    let info = dictionary(&file, file.trailer.get(b"Info").unwrap());
    let string = |key: &[u8]| lopdf::decode_text_string(info.get(key).unwrap()).unwrap();
    assert_eq!(string(b"Title"), "AAPL sample (AAPL): performance report");
    assert_eq!(string(b"Creator"), "Sextant");
    assert_eq!(info.get(b"CreationDate").unwrap().as_str().unwrap(), b"D:20261120123000+00'00'");
    assert!(info.get(b"GTS_PDFXVersion").is_err());
    let catalog = file.catalog().unwrap();
    assert_eq!(catalog.get(b"Lang").unwrap().as_str().unwrap(), b"en");
}

#[test]
fn both_fonts_are_embedded_as_small_subsets_with_a_map_to_unicode() {
    let (_, report, data) = samples::cases().remove(0);
    let file = Document::load_mem(&pdf(&report, &data).unwrap()).unwrap();
    let page = *file.get_pages().values().next().unwrap();
    let fonts = file.get_page_fonts(page).unwrap();
    assert_eq!(fonts.len(), 2);
    for font in fonts.values() {
        let name = String::from_utf8(font.get(b"BaseFont").unwrap().as_name().unwrap().to_vec()).unwrap();
        assert!(name.as_bytes()[6] == b'+' && name.contains("DejaVuSans"), "{name}");
        assert!(font.get(b"ToUnicode").is_ok());
        let descendant = dictionary(&file, &font.get(b"DescendantFonts").unwrap().as_array().unwrap()[0]);
        let descriptor = dictionary(&file, descendant.get(b"FontDescriptor").unwrap());
        let program = file.dereference(descriptor.get(b"FontFile2").unwrap()).unwrap().1.as_stream().unwrap();
        assert!((1_000..30_000).contains(&program.content.len()), "{}", program.content.len());
    }
}

#[test]
fn data_that_cannot_be_drawn_is_refused_with_its_column() {
    let (_, report, data) = samples::cases().remove(0);
    assert_eq!(pdf(&report, &ChartData::default()), Err(RenderError::NoData));
    let mut short = data.clone();
    short.equity.pop();
    let expected = data.dates.len();
    let refused = |column: &str, found| RenderError::ColumnLength { column: column.to_owned(), expected, found };
    assert_eq!(pdf(&report, &short), Err(refused("equity", expected - 1)));
    let mut wrong = data.clone();
    wrong.overlays = vec![Overlay { label: "SMA 9".to_owned(), values: vec![] }];
    assert_eq!(pdf(&report, &wrong), Err(refused("SMA 9", 0)));
}

#[test]
fn values_that_are_not_finite_do_not_stop_a_report() {
    let (_, mut report, mut data) = samples::cases().remove(0);
    data.close[100] = f64::NAN;
    data.equity.iter_mut().for_each(|value| *value = f64::INFINITY);
    data.drawdown.iter_mut().for_each(|value| *value = f64::NAN);
    data.benchmark_equity.iter_mut().for_each(|value| *value = 0.0);
    report.metrics.total_return = f64::NAN;
    let text = text_of(&pdf(&report, &data).unwrap());
    assert!(!text.contains("NaN") && !text.contains("inf "));
}
