//! An Idempotency-Key that cannot be used, on every route that may carry one.

use super::*;

#[test]
fn a_post_whose_key_cannot_be_used_is_refused_on_every_route_before_its_fields_and_does_nothing() {
    each(async |target: &Target| {
        let owner = Actor::new(target, "administrator").await;
        let before = seen(&owner).await;
        let longer = "k".repeat(256);
        let mut found = Vec::new();
        for (route, access) in POLICIES.iter().filter(|(route, _)| route.starts_with("POST ")) {
            let path = owner.things.path(route, None);
            let right = body(route, &owner.email).unwrap_or_else(|| json!({}));
            for sent in [right, json!({ "no_such_field": 1 })] {
                for key in ["a,b", "a b", &longer] {
                    let headers = [("idempotency-key", key), ("content-type", "application/json")];
                    let send =
                        async |caller: &Target| caller.send_with(Method::POST, &path, &headers, sent.to_string()).await;
                    let answer = send(&owner.target).await;
                    if answer.status != 400 || answer.json()["code"] != "invalid_idempotency_key" {
                        found.push(format!("{route} with {key}: {}: {}", answer.status, answer.text()));
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
