//! The template's alarms and dashboard, held against the metrics that the functions write and against the runbook.

use std::collections::BTreeSet;

use gateway::template::PROJECT_TEMPLATE;
use serde_json::{Value, json};

use crate::tidy::{files_below, root};

/// The prefix of all metrics of functions and services.
const PREFIX: &str = "sextant_";

fn template() -> Value {
    serde_saphyr::from_str(PROJECT_TEMPLATE).unwrap()
}

/// The names of metrics in a text.
fn metrics_in(text: &str) -> BTreeSet<String> {
    let names = text.split(PREFIX).skip(1).map(|rest| {
        let end = rest.find(|character: char| !(character.is_ascii_lowercase() || character == '_'));
        format!("{PREFIX}{}", &rest[..end.unwrap_or(rest.len())])
    });
    names.filter(|name| name != PREFIX).collect()
}

/// The metrics that the code writes, each of them a string in the call of a macro or a constant.
fn written() -> BTreeSet<String> {
    let sources = ["functions", "shared"].map(|folder| files_below(&root().join(folder), "rs")).concat();
    let texts = sources.iter().map(|path| std::fs::read_to_string(path).unwrap());
    let quoted = |text: String| {
        let strings: Vec<_> = text.split('"').filter(|part| part.starts_with(PREFIX)).map(str::to_owned).collect();
        strings.join(" ")
    };
    metrics_in(&texts.map(quoted).collect::<Vec<_>>().join(" "))
}

fn guide() -> String {
    std::fs::read_to_string(root().join("docs/operations.md")).unwrap()
}

#[test]
fn alarms_and_the_dashboard_read_metrics_that_functions_write() {
    let read = metrics_in(PROJECT_TEMPLATE);
    assert!(read.len() >= 5, "{read:?}");
    let written = written();
    assert!(read.is_subset(&written), "{:?}", read.difference(&written).collect::<Vec<_>>());
}

#[test]
fn the_guide_to_operations_names_every_metric() {
    let guide = guide();
    let rows: Vec<_> = guide.lines().filter(|line| line.starts_with(&format!("| `{PREFIX}"))).collect();
    assert_eq!(metrics_in(&rows.join("\n")), written());
}

#[test]
fn every_alarm_goes_to_the_topic_exists_only_with_it_and_has_a_runbook() {
    let (template, guide) = (template(), guide());
    let resources = template["Resources"].as_object().unwrap();
    let alarms: Vec<_> = resources.iter().filter(|(_, each)| each["Type"] == "AWS::CloudWatch::Alarm").collect();
    assert!(alarms.len() >= 9, "{}", alarms.len());
    for (name, alarm) in alarms {
        let properties = &alarm["Properties"];
        for actions in ["AlarmActions", "OKActions"] {
            assert_eq!(properties[actions], json!([{ "Ref": "Alarms" }]), "{name}");
        }
        assert_eq!(
            (&alarm["Condition"], &properties["TreatMissingData"]),
            (&json!("HasAlarms"), &json!("notBreaching"))
        );
        assert!(guide.contains(&format!("\n### {name}\n")), "docs/operations.md has no runbook for {name}");
    }
    for name in ["Alarms", "Dashboard"] {
        assert_eq!(resources[name]["Condition"], "HasAlarms", "{name}");
    }
}

#[test]
fn the_dashboard_is_valid_json_and_shows_no_figure_twice() {
    let template = template();
    let body = template["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"].as_str().unwrap();
    let body: Value = serde_json::from_str(body).unwrap();
    let widgets = body["widgets"].as_array().unwrap();
    let mut shown = BTreeSet::new();
    for widget in widgets {
        for metric in widget["properties"]["metrics"].as_array().unwrap() {
            let parts = metric.as_array().unwrap();
            let (label, identity) = parts.split_last().unwrap();
            assert!(label["label"].is_string(), "{metric}");
            assert!(shown.insert((json!(identity).to_string(), label["stat"].to_string())), "{metric} twice");
        }
    }
    let places: BTreeSet<_> = widgets.iter().map(|each| (each["x"].to_string(), each["y"].to_string())).collect();
    assert_eq!(places.len(), widgets.len(), "no widget covers another");
}
