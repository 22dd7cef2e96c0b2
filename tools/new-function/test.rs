use crate::target::{Target, each};

#[test]
fn a_customer_is_named_and_a_caller_without_a_token_refused() {
    each(async |target: &Target| {
        let customer = target.newcomer().await;
        let profile = customer.get("/customers/me").await.expect_status(200).json();
        let answer = customer.get("/new-function").await.expect_status(200).json();
        assert_eq!(answer["customer_id"], profile["id"]);
        target.anonymous().get("/new-function").await.expect_problem(401, "unauthenticated");
    });
}
