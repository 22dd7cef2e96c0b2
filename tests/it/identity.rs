//! Customers and sessions over HTTP.

use reqwest::Method;
use serde_json::{Value, json};

use crate::target::{PASSWORD, Target, each};

fn credentials(email: &str, password: &str) -> Value {
    json!({ "email": email, "password": password })
}

fn person(email: &str) -> Value {
    json!({ "email": email, "password": PASSWORD, "first_name": "Ada", "last_name": "Lovelace" })
}

fn address(word: &str) -> String {
    format!("{}@example.com", Target::unique(word))
}

#[test]
fn a_customer_registers_signs_in_and_reads_their_own_profile() {
    each(async |target: &Target| {
        let email = address("Ada");
        let anonymous = target.anonymous();
        let mut registration = person(&format!("  {} ", email.to_uppercase()));
        registration["address"] =
            json!({ "street": "12 St James's Square", "city": "London", "zip_code": "SW1Y 4LB", "country": "GB" });
        let registered = anonymous.post("/customers", &registration).await.expect_status(201);
        assert_eq!(
            (registered.header("location"), registered.header("etag").is_empty()),
            ("/customers/me".to_owned(), false)
        );
        let customer = registered.json();
        assert_eq!((&customer["email"], &customer["role"]), (&json!(email.to_lowercase()), &json!("client")));
        assert!(!registered.text().contains("argon2"), "a password hash is never shown");

        let signed_in = anonymous.post("/sessions", &credentials(&email, PASSWORD)).await.expect_status(201).json();
        assert_eq!(signed_in["customer"], customer);
        let ada = target.with_token(signed_in["token"].as_str().unwrap());
        let profile = ada.get("/customers/me").await.expect_status(200);
        assert_eq!(profile.json(), customer);
        anonymous.post("/customers", &person(&email)).await.expect_problem(409, "email_taken");
    });
}

#[test]
fn a_repeated_registration_with_its_key_is_replayed() {
    each(async |target: &Target| {
        let (email, key) = (address("once"), Target::unique("once"));
        let anonymous = target.anonymous();
        let register = async |body: &Value| anonymous.post_with_key("/customers", body, &key).await;
        let copies = person(&email);
        let answers = futures::future::join_all((0..4).map(|_| register(&copies))).await;
        let first = answers.iter().find(|answer| answer.header("idempotency-replayed").is_empty()).unwrap();
        for answer in &answers {
            assert_eq!(
                (answer.status, answer.text(), answer.header("etag")),
                (201, first.text(), first.header("etag"))
            );
        }
        assert_eq!(answers.iter().filter(|answer| answer.header("idempotency-replayed") == "true").count(), 3);

        let customer = target.sign_in(&email, PASSWORD).await;
        customer.patch("/customers/me", &json!({ "last_name": "Byron" }), "*").await.expect_status(200);
        let again = register(&copies).await.expect_status(201);
        assert_eq!((again.text(), again.header("idempotency-replayed")), (first.text(), "true".to_owned()));
        for (field, value) in [("last_name", "Byron"), ("phone", "1"), ("password", "another fine one")] {
            let mut other = copies.clone();
            other[field] = json!(value);
            register(&other).await.expect_problem(422, "idempotency_key_reused");
        }
        anonymous.post("/customers", &copies).await.expect_problem(409, "email_taken");
        let other_key = anonymous.post_with_key("/customers", &copies, "another").await;
        other_key.expect_problem(409, "email_taken");
    });
}

#[test]
fn signing_in_twice_with_one_key_begins_two_sessions() {
    each(async |target: &Target| {
        let (email, key) = (address("twice"), Target::unique("twice"));
        target.registered(&email).await;
        let sign_in = async || {
            let answer = target.anonymous().post_with_key("/sessions", &credentials(&email, PASSWORD), &key).await;
            assert_eq!(answer.header("idempotency-replayed"), "");
            answer.expect_status(201).json()["token"].as_str().unwrap().to_owned()
        };
        let (one, other) = (sign_in().await, sign_in().await);
        assert_ne!(one, other, "a token is shown only once");
        for token in [one, other] {
            target.with_token(&token).get("/customers/me").await.expect_status(200);
        }
    });
}

#[test]
fn signing_out_takes_effect_on_the_next_request() {
    each(async |target: &Target| {
        let email = address("out");
        let here = target.registered(&email).await;
        let there = target.sign_in(&email, PASSWORD).await;
        let sessions = here.get("/sessions").await.expect_status(200).json();
        let current: Vec<_> = sessions["items"].as_array().unwrap().iter().map(|session| &session["current"]).collect();
        assert_eq!(current, [&json!(false), &json!(true)], "newest first");
        here.call(Method::DELETE, "/sessions/current").await.expect_status(204);
        here.get("/wallet").await.expect_problem(401, "session_ended");
        there.get("/wallet").await.expect_status(200);
        there.call(Method::DELETE, "/sessions").await.expect_status(204);
        there.get("/wallet").await.expect_problem(401, "session_ended");
    });
}

#[test]
fn a_new_password_ends_every_session_and_replaces_the_old_one() {
    each(async |target: &Target| {
        let email = address("renewed");
        let customer = target.registered(&email).await;
        let wrong = json!({ "current_password": "not it at all", "new_password": "another fine one" });
        customer.put("/customers/me/password", &wrong).await.expect_problem(403, "wrong_password");
        let common = json!({ "current_password": PASSWORD, "new_password": "password1" });
        let problem = customer.put("/customers/me/password", &common).await.expect_problem(422, "invalid_fields");
        assert_eq!(problem["errors"][0]["pointer"], "/new_password");
        let change = json!({ "current_password": PASSWORD, "new_password": "another fine one" });
        customer.put("/customers/me/password", &change).await.expect_status(204);
        customer.get("/wallet").await.expect_problem(401, "session_ended");
        let anonymous = target.anonymous();
        anonymous.post("/sessions", &credentials(&email, PASSWORD)).await.expect_problem(401, "invalid_credentials");
        target.sign_in(&email, "another fine one").await.get("/wallet").await.expect_status(200);
    });
}

#[test]
fn a_one_time_token_sets_a_password_once() {
    each(async |target: &Target| {
        let email = address("forgetful");
        let customer = target.registered(&email).await;
        let granted = target.operate(&json!({ "command": "password-token", "email": email })).await;
        let reset = json!({ "token": granted["token"], "new_password": "remembered now" });
        let anonymous = target.anonymous();
        anonymous.put("/customers/password", &reset).await.expect_status(204);
        customer.get("/wallet").await.expect_problem(401, "session_ended");
        anonymous.put("/customers/password", &reset).await.expect_problem(403, "invalid_token");
        target.sign_in(&email, "remembered now").await;
    });
}

#[test]
fn at_most_ten_failed_attempts_are_checked_per_account() {
    each(async |target: &Target| {
        let (known, unknown) = (address("guessed"), address("unknown"));
        target.registered(&known).await;
        for email in [known, unknown] {
            let anonymous = target.anonymous();
            let guess = credentials(&email, "a wrong guess");
            let guesses =
                futures::future::join_all((0..target.rivals(14)).map(|_| anonymous.post("/sessions", &guess))).await;
            let mut statuses: Vec<u16> = guesses.iter().map(|answer| answer.status).collect();
            statuses.sort_unstable();
            let refused = statuses.iter().filter(|status| **status == 401).count();
            assert!(refused <= 10, "{refused} guesses were checked");
            let last = anonymous.post("/sessions", &guess).await;
            if refused == 10 {
                let wait: u64 = last.header("retry-after").parse().unwrap();
                assert!((1..=900).contains(&wait), "{wait}");
                last.expect_problem(429, "too_many_attempts");
                anonymous.post("/sessions", &credentials(&email, PASSWORD)).await.expect_status(429);
            }
        }
    });
}

#[test]
fn known_and_unknown_addresses_get_the_same_response() {
    each(async |target: &Target| {
        let known = address("alike");
        target.registered(&known).await;
        let mut answers = Vec::new();
        for email in [known, address("unknown")] {
            let answer = target.anonymous().post("/sessions", &credentials(&email, "a wrong guess")).await;
            let mut problem = answer.expect_problem(401, "invalid_credentials");
            problem["request_id"] = Value::Null;
            answers.push(problem);
        }
        assert_eq!(answers[0], answers[1]);
    });
}

#[test]
fn a_profile_changes_only_at_the_version_that_was_read() {
    each(async |target: &Target| {
        let customer = target.newcomer().await;
        let read = customer.get("/customers/me").await.expect_status(200);
        let tag = read.header("etag");
        let change = json!({ "last_name": "Byron", "phone": "+44 20 7946 0000" });
        let changed = customer.patch("/customers/me", &change, &tag).await.expect_status(200);
        assert_eq!((&changed.json()["last_name"], &changed.json()["first_name"]), (&json!("Byron"), &json!("Ada")));
        customer.patch("/customers/me", &change, &tag).await.expect_problem(412, "precondition_failed");
        let json_type = [("content-type", "application/json")];
        let unconditional = customer.send_with(Method::PATCH, "/customers/me", &json_type, change.to_string()).await;
        unconditional.expect_problem(428, "precondition_required");
        let gone = customer.patch("/customers/me", &json!({ "phone": null }), "*").await.expect_status(200);
        assert_eq!(gone.json()["phone"], Value::Null);
        customer.patch("/customers/me", &json!({ "last_name": null }), "*").await.expect_problem(422, "invalid_fields");
        let moved = address("moved");
        customer.patch("/customers/me", &json!({ "email": moved }), "*").await.expect_status(200);
        target.sign_in(&moved, PASSWORD).await;
    });
}

#[test]
fn invalid_fields_are_refused_with_their_pointers() {
    each(async |target: &Target| {
        let anonymous = target.anonymous();
        for (field, value) in [
            ("email", json!("no address")),
            ("password", json!("short")),
            ("password", json!("password")),
            ("password", json!("x".repeat(257))),
            ("first_name", json!("  ")),
            ("last_name", json!("a\u{0}b")),
            ("phone", json!("9".repeat(201))),
            ("nickname", json!("ada")),
            ("role", json!("administrator")),
        ] {
            let mut body = person(&address("odd"));
            body[field] = value;
            let problem = anonymous.post("/customers", &body).await.expect_problem(422, "invalid_fields");
            assert_eq!(problem["errors"][0]["pointer"], format!("/{field}"));
        }
        // A password is evaluated against personal data only if that is valid.
        let mut body = person(&address("long"));
        body["first_name"] = json!("Ada ".repeat(200_000));
        for (password, wrong) in [("password1", vec!["/first_name"]), ("short", vec!["/password", "/first_name"])] {
            body["password"] = json!(password);
            let problem = anonymous.post("/customers", &body).await.expect_problem(422, "invalid_fields");
            let pointers: Vec<_> =
                problem["errors"].as_array().unwrap().iter().map(|error| &error["pointer"]).collect();
            assert_eq!(pointers, wrong);
        }
        anonymous.post_raw("/customers", "{", "application/json").await.expect_problem(400, "malformed_json");
        anonymous.post_raw("/sessions", "a=b", "text/plain").await.expect_problem(415, "unsupported_media_type");
        let repeated = r#"{"email": "a@example.com", "email": "b@example.com", "password": "x"}"#;
        anonymous.post_raw("/sessions", repeated, "application/json").await.expect_problem(422, "invalid_fields");
    });
}

#[test]
fn administrators_set_roles_and_advisors_and_disable_accounts() {
    each(async |target: &Target| {
        let administrator = target.newcomer_as("administrator").await;
        let advisor = target.newcomer_as("advisor").await.get("/customers/me").await.json();
        let email = address("client");
        let client = target.registered(&email).await;
        let id = client.get("/customers/me").await.json()["id"].as_str().unwrap().to_owned();
        let path = format!("/customers/{id}");

        client.get(&path).await.expect_problem(403, "forbidden");
        let found = administrator.get(&format!("/customers?query={email}")).await.expect_status(200).json();
        assert_eq!((found["items"].as_array().unwrap().len(), &found["items"][0]["id"]), (1, &json!(id)));

        let advised = administrator.patch(&path, &json!({ "advisor_id": advisor["id"] }), "*").await.expect_status(200);
        assert_eq!(advised.json()["advisor_id"], advisor["id"]);
        client.get("/wallet").await.expect_status(200);
        administrator.patch(&path, &json!({ "advisor_id": id }), "*").await.expect_problem(422, "invalid_fields");

        let unknown = "/customers?cursor=0190aaaa-0000-7000-8000-00000000ffff";
        administrator.get(unknown).await.expect_problem(400, "invalid_cursor");
        let page = administrator.get("/customers?limit=1").await.expect_status(200).json();
        let cursor = page["next_cursor"].as_str().unwrap();
        administrator.get(&format!("/customers?limit=1&cursor={cursor}")).await.expect_status(200);
        let other_list = format!("/customers?query=x&cursor={cursor}");
        administrator.get(&other_list).await.expect_problem(400, "invalid_cursor");
        let another = target.newcomer_as("administrator").await;
        another.get(&format!("/customers?cursor={cursor}")).await.expect_problem(400, "invalid_cursor");

        administrator.patch(&path, &json!({ "disabled": true }), "*").await.expect_status(200);
        client.get("/wallet").await.expect_problem(401, "session_ended");
        let credentials = credentials(&email, PASSWORD);
        target.anonymous().post("/sessions", &credentials).await.expect_problem(403, "account_disabled");
        administrator.patch(&path, &json!({ "disabled": false, "role": "advisor" }), "*").await.expect_status(200);
        let promoted = target.sign_in(&email, PASSWORD).await.get("/customers/me").await.json();
        assert_eq!((&promoted["role"], &promoted["advisor_id"]), (&json!("advisor"), &Value::Null));

        let own = administrator.get("/customers/me").await.json()["id"].as_str().unwrap().to_owned();
        let own = format!("/customers/{own}");
        administrator.patch(&own, &json!({ "role": "client" }), "*").await.expect_problem(409, "own_account");
        let missing = "/customers/0190aaaa-0000-7000-8000-00000000ffff";
        administrator.get(missing).await.expect_problem(404, "not_found");
        administrator.get("/customers/me2").await.expect_problem(404, "not_found");
    });
}

#[test]
fn an_export_contains_all_records_and_no_secret() {
    each(async |target: &Target| {
        let customer = target.newcomer().await;
        customer.post("/backtest", &json!({ "symbol": "FB" })).await.expect_status(201);
        let deposit = json!({ "amount": "12.50" });
        customer.post_with_key("/wallet/deposits", &deposit, "export-1").await.expect_status(201);
        let link = customer.get("/customers/me/export").await.expect_status(200).json();
        let export = target.follow(link["url"].as_str().unwrap()).await.expect_status(200);
        assert!(!export.text().contains("argon2"));
        let export = export.json();
        assert_eq!(export["customer"]["first_name"], "Ada");
        assert_eq!(export["records"]["backtest"].as_array().unwrap().len(), 1);
        assert_eq!(export["wallet"]["entry"][0]["amount"], "12.50");
    });
}

#[test]
fn the_ledger_still_balances_after_a_customer_is_erased() {
    each(async |target: &Target| {
        let email = address("erased");
        let customer = target.registered(&email).await;
        let deposit = json!({ "amount": "12.50" });
        customer.post_with_key("/wallet/deposits", &deposit, "erase-1").await.expect_status(201);
        customer
            .post("/customers/me/erasure", &json!({ "password": "wrong one" }))
            .await
            .expect_problem(403, "wrong_password");
        customer.post("/customers/me/erasure", &json!({ "password": PASSWORD })).await.expect_status(204);
        customer.get("/wallet").await.expect_problem(401, "unauthenticated");
        let credentials = credentials(&email, PASSWORD);
        target.anonymous().post("/sessions", &credentials).await.expect_problem(401, "invalid_credentials");
        let report = target.operate(&json!({ "command": "verify", "restart": true })).await;
        assert_eq!((&report["unsound"], &report["erasures_finished"]), (&json!([]), &json!(0)), "{report}");
        // The address is free again for another customer.
        target.registered(&email).await.get("/wallet").await.expect_status(200);
    });
}
