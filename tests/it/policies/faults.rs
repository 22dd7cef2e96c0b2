//! The order in which the faults of a request are refused.

use super::*;

#[test]
fn a_field_at_fault_is_refused_before_an_id_that_is_none() {
    each(async |target: &Target| {
        let owner = Actor::new(target, "administrator").await;
        let document: Value = serde_json::from_str(&gateway::openapi::document().unwrap()).unwrap();
        let mut found = Vec::new();
        for (route, _) in POLICIES.iter().filter(|(route, _)| route.contains("{id}")) {
            let (method, template) = route.split_once(' ').unwrap();
            let segments = template.split('/').map(|segment| if segment.starts_with('{') { "17" } else { segment });
            let path = segments.collect::<Vec<_>>().join("/");
            let parameters = document["paths"][template][method.to_lowercase()]["parameters"].as_array();
            let is_list = parameters.into_iter().flatten().any(|parameter| parameter["name"] == "limit");
            let (path, sent) = match body(route, &owner.email) {
                Some(_) => (path, json!({ "no_such_field": 1 }).to_string()),
                None if is_list => (format!("{path}?limit=0"), String::new()),
                None => continue,
            };
            let key = Target::unique("fault");
            let headers = [("idempotency-key", key.as_str()), ("if-match", "*"), ("content-type", "application/json")];
            let answer = owner.target.send_with(method.parse().unwrap(), &path, &headers, sent).await;
            if answer.status != 422 {
                found.push(format!("{route} at {path}: {}: {}", answer.status, answer.text()));
            }
        }
        assert!(found.is_empty(), "on {}:\n{}", target.name, found.join("\n"));
    });
}

#[test]
fn an_if_match_that_cannot_be_read_is_refused_before_an_id_that_is_none() {
    each(async |target: &Target| {
        let owner = Actor::new(target, "client").await;
        for path in ["/portfolios/17", "/portfolios/17/activities/17", "/portfolios/17/investments/17"] {
            let answer = owner.target.send_with(Method::DELETE, path, &[("if-match", "none")], String::new()).await;
            answer.expect_problem(400, "invalid_if_match");
        }
    });
}
