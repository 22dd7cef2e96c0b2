//! An Idempotency-Key that cannot be used, on every route that may carry one.

use super::*;

#[test]
fn a_post_whose_key_cannot_be_used_is_refused_on_every_route_before_its_fields_and_ids_and_does_nothing() {
    each(async |target: &Target| {
        let owner = Actor::new(target, "administrator").await;
        let before = seen(&owner).await;
        let longer = "k".repeat(256);
        let mut found = Vec::new();
        for (route, access) in POLICIES.iter().filter(|(route, _)| route.starts_with("POST ")) {
            let malformed = route.split_once(' ').unwrap().1.replace("{id}", "17");
            let paths = BTreeSet::from([owner.things.path(route, None), malformed]);
            let right = body(route, &owner.email).unwrap_or_else(|| json!({}));
            let wrong = json!({ "no_such_field": 1 });
            for (path, sent) in paths.iter().flat_map(|path| [(path, &right), (path, &wrong)]) {
                for key in ["a,b", "a b", &longer] {
                    let headers = [("idempotency-key", key), ("content-type", "application/json")];
                    let send =
                        async |caller: &Target| caller.send_with(Method::POST, path, &headers, sent.to_string()).await;
                    let answer = send(&owner.target).await;
                    if answer.status != 400 || answer.json()["code"] != "invalid_idempotency_key" {
                        found.push(format!("{path} with {key}: {}: {}", answer.status, answer.text()));
                    }
                    if *access != Access::Public && send(&target.anonymous()).await.status != 401 {
                        found.push(format!("{route} with {key}: the token does not come first"));
                    }
                }
            }
        }
        assert!(found.is_empty(), "on {}:\n{}", target.name, found.join("\n"));
        assert_eq!(seen(&owner).await, before, "something was done on {}", target.name);
    });
}
