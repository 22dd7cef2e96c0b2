//! E-mails: verified addresses, reset passwords, and alerts. The tests read what was sent.

use serde_json::{Value, json};

use crate::target::{self, Target, each};

fn address(name: &str) -> String {
    format!("{}@example.com", Target::unique(name))
}

#[test]
fn a_token_from_an_email_verifies_the_address_on_another_device() {
    each(async |target: &Target| {
        let email = address("verified");
        let customer = target.registered(&email).await;
        let is_verified =
            async || customer.get("/customers/me").await.expect_status(200).json()["email_verified"].clone();
        assert_eq!(is_verified().await, false);
        customer.post("/customers/email-verification", &json!({})).await.expect_status(202);
        let sent = target.email_to(&email, 1).await;
        assert_eq!(sent.subject, "Verify your e-mail address");
        assert_eq!(is_verified().await, false, "an e-mail that is opened changes nothing");
        let confirmation = json!({ "token": sent.token() });
        let confirm = async || target.anonymous().post("/customers/email-verification/confirm", &confirmation).await;
        confirm().await.expect_status(204);
        assert_eq!(is_verified().await, true);
        confirm().await.expect_problem(403, "invalid_token");
        // A verified address is sent no other token.
        customer.post("/customers/email-verification", &json!({})).await.expect_status(202);
        assert_eq!(target.emails_to(&email).await.len(), 1);
        customer.patch("/customers/me", &json!({ "email": address("moved") }), "*").await.expect_status(200);
        assert_eq!(is_verified().await, false, "another address must be verified again");
    });
}

#[test]
fn a_forgotten_password_is_reset_by_an_email_to_the_verified_address() {
    each(async |target: &Target| {
        let email = address("forgetful");
        let customer = target.registered(&email).await;
        customer.verify_email(&email, 0).await;
        let (anonymous, unknown) = (target.anonymous(), address("unknown"));
        let mut answers = Vec::new();
        for email in [&unknown, &email] {
            let answer = anonymous.post("/customers/password-reset", &json!({ "email": email })).await;
            answers.push((answer.status, answer.text()));
        }
        assert_eq!(answers[0], (202, String::new()));
        assert_eq!(answers[0], answers[1]);
        let sent = target.email_to(&email, 2).await;
        assert_eq!(sent.subject, "Set a new password");
        customer.get("/wallet").await.expect_status(200);
        let reset = json!({ "token": sent.token(), "new_password": "remembered now" });
        anonymous.put("/customers/password", &reset).await.expect_status(204);
        customer.get("/wallet").await.expect_problem(401, "session_ended");
        anonymous.put("/customers/password", &reset).await.expect_problem(403, "invalid_token");
        target.sign_in(&email, "remembered now").await;
        assert!(target.emails_to(&unknown).await.is_empty());
        let malformed = anonymous.post("/customers/password-reset", &json!({ "email": "no-address" })).await;
        malformed.expect_problem(422, "invalid_fields");
    });
}

#[test]
fn an_address_that_bounces_for_good_gets_nothing_more_until_it_is_verified_again() {
    each(async |target: &Target| {
        let email = address("bounced");
        let customer = target.registered(&email).await;
        customer.verify_email(&email, 0).await;
        target.bounce(&email, "Transient").await;
        target.bounce(&email, "Permanent").await;
        customer.wait_until_verified(false).await;
        let alert = alert("FB", true);
        let problem = customer.post("/alerts", &alert).await.expect_problem(422, "invalid_fields");
        assert_eq!(problem["errors"][0]["pointer"], "/email");
        customer.verify_email(&email, 1).await;
        customer.post("/alerts", &alert).await.expect_status(201);
    });
}

fn alert(symbol: &str, email: bool) -> Value {
    json!({ "symbol": symbol, "condition": { "type": "above", "price": "28" }, "repeat": "once", "email": email })
}

/// The event that these are the last prices.
fn refreshed(prices: &[(&str, &str)]) -> Value {
    let now = target::now();
    let seq = now.timestamp_millis();
    let quote = |(symbol, price): &(&str, &str)| {
        json!({
            "symbol": symbol, "price": price, "previous_close": "27.25", "currency": "USD", "day": "2013-03-04",
            "as_of": now.to_rfc3339(), "source": "sample", "seq": seq, "fetched_at": now.to_rfc3339(),
        })
    };
    let quotes: Vec<_> = prices.iter().map(quote).collect();
    json!({ "detail-type": "quotes.refreshed", "detail": { "quotes": quotes } })
}

#[test]
fn all_alerts_of_a_customer_that_fire_together_are_one_email() {
    each(async |target: &Target| {
        let email = address("alerted");
        let customer = target.registered(&email).await;
        let refused = customer.post("/alerts", &alert("FB", true)).await.expect_problem(422, "invalid_fields");
        assert_eq!(refused["errors"][0]["pointer"], "/email", "the address is not verified");
        customer.verify_email(&email, 0).await;
        for symbol in ["FB", "GOOG"] {
            customer.post("/alerts", &alert(symbol, true)).await.expect_status(201);
        }
        customer.post("/alerts", &alert("FB", false)).await.expect_status(201);
        let event = refreshed(&[("FB", "28.50"), ("GOOG", "801.20")]);
        target.invoke("publish-rates", &event).await;
        target.invoke("publish-rates", &event).await;
        let sent = target.emails_to(&email).await;
        assert_eq!(sent.len(), 2, "the one that verified the address, and this: {sent:?}");
        assert_eq!(sent[1].subject, "2 alerts: FB, GOOG");
        for line in ["FB is above 28: 28.5 USD as of ", "GOOG is above 28: 801.2 USD as of "] {
            assert!(sent[1].text.contains(line), "{}", sent[1].text);
        }
    });
}
