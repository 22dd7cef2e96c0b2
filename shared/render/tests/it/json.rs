//! The report as JSON.

use render::report::Report;

use crate::samples;

#[test]
fn a_report_read_from_its_json_gives_the_same_pdf() {
    for (name, report, data) in samples::cases() {
        let text = serde_json::to_string(&report).unwrap();
        let read: Report = serde_json::from_str(&text).unwrap();
        assert!(render::pdf(&read, &data).unwrap() == render::pdf(&report, &data).unwrap(), "{name}");
    }
}

#[test]
fn the_json_has_the_names_that_clients_rely_on() {
    let (_, report, _) = samples::cases().remove(0);
    let json = serde_json::to_value(&report).unwrap();
    let names: Vec<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = [
        "as_of",
        "benchmark",
        "currency",
        "forecast",
        "forecast_check",
        "from",
        "generated_at",
        "id",
        "metrics",
        "monthly_returns",
        "name",
        "notes",
        "open_trade",
        "periods_per_year",
        "source",
        "strategy",
        "symbol",
        "to",
        "trades",
        "unavailable",
        "warnings",
    ];
    let mut sorted = names.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, expected);
    assert_eq!(json["strategy"]["initial_investment"], "10000");
    assert_eq!(json["monthly_returns"][0]["months"].as_array().unwrap().len(), 12);
    assert!(json["forecast_check"]["points"][0]["actual"].is_number());
    assert!(json["forecast_check"]["points"][0]["lower_95"].is_number());
    assert_eq!(json["generated_at"], "2026-11-20T12:30:00.000Z");
}
