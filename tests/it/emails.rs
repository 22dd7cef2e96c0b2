//! E-mails about alerts on the emulated AWS: through SNS, to the subscribers of the customer's topic.

use reqwest::{Client, Url};
use serde_json::{Value, json};

use crate::target::{self, PASSWORD, Target};

/// SNS and SQS of the emulated AWS, called by their query API.
struct Aws {
    client: Client,
    endpoint: String,
}

impl Aws {
    /// Calls an action and returns its response, which is XML.
    async fn call(&self, service: &str, parameters: &[(&str, &str)]) -> String {
        let form = Url::parse_with_params(&self.endpoint, parameters).unwrap();
        let request = self.client.post(&self.endpoint).header("authorization", target::signature(service));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let response = request.body(form.query().unwrap_or_default().to_owned()).send().await.unwrap();
        let (status, text) = (response.status(), response.text().await.unwrap());
        assert!(status.is_success(), "{service} {parameters:?}: {status} {text}");
        text
    }

    /// The topics that an address has subscribed to.
    async fn topics_of(&self, email: &str) -> Vec<String> {
        let (mut topics, mut next) = (Vec::new(), String::new());
        loop {
            let page = self.call("sns", &[("Action", "ListSubscriptions"), ("NextToken", &next)]).await;
            let members = page.split("<member>").skip(1);
            let own = members.filter(|member| element(member, "Endpoint").as_deref() == Some(email));
            topics.extend(own.filter_map(|member| element(member, "TopicArn")));
            match element(&page, "NextToken") {
                Some(more) => next = more,
                None => return topics,
            }
        }
    }
}

/// The text of the first element of this name.
fn element(xml: &str, name: &str) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    Some(text.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
}

/// The event that the last price of FB is this.
fn refreshed(price: &str, seq: u64) -> Value {
    let now = target::now().to_rfc3339();
    let quote = json!({
        "symbol": "FB", "price": price, "previous_close": "27.25", "currency": "USD", "day": "2013-03-04", "as_of": now,
        "source": "sample", "seq": seq, "fetched_at": now,
    });
    json!({ "detail-type": "quotes.refreshed", "detail": { "quotes": [quote] } })
}

#[test]
fn an_email_goes_to_the_customers_subscription_and_an_erasure_closes_it() {
    let Some((target, endpoint)) = target::emulated() else {
        eprintln!("SKIPPED: no emulated AWS, SEXTANT_TEST_AWS is not set");
        return;
    };
    target::run(async || {
        let aws = Aws { client: Client::new(), endpoint };
        let email = format!("{}@example.com", Target::unique("e-mails"));
        let customer = target.registered(&email).await;
        let alert = json!({
            "symbol": "FB", "condition": { "type": "above", "price": "28" }, "repeat": "once", "email": true,
        });
        customer.post("/alerts", &alert).await.expect_status(201);
        let topics = aws.topics_of(&email).await;
        let [topic] = topics.as_slice() else { panic!("one subscription: {topics:?}") };
        assert!(topic.contains("-letters-"), "{topic}");

        // A queue subscribes to the same topic, because the emulator does not show its e-mails.
        let name = Target::unique("e-mails");
        let queue = aws.call("sqs", &[("Action", "CreateQueue"), ("QueueName", &name)]).await;
        let queue = element(&queue, "QueueUrl").unwrap();
        let arn = format!("arn:aws:sqs:us-east-1:000000000000:{name}");
        let subscribe = [("Action", "Subscribe"), ("TopicArn", topic), ("Protocol", "sqs"), ("Endpoint", arn.as_str())];
        aws.call("sns", &subscribe).await;
        let did = target.invoke("publish-rates", &refreshed("28.50", 1)).await;
        assert_eq!(did["alerts"], json!({ "fired": 1, "delivered": 1, "undelivered": 0 }), "{did}");
        let receive = [("Action", "ReceiveMessage"), ("QueueUrl", queue.as_str()), ("WaitTimeSeconds", "20")];
        let received = aws.call("sqs", &receive).await;
        let message: Value = serde_json::from_str(&element(&received, "Body").expect("an e-mail")).unwrap();
        assert_eq!(message["Subject"], "FB is above 28", "{message}");
        let text = message["Message"].as_str().unwrap();
        assert!(text.starts_with("FB is above 28: 28.5 USD as of "), "{text}");

        customer.post("/customers/me/erasure", &json!({ "password": PASSWORD })).await.expect_status(204);
        assert!(aws.topics_of(&email).await.is_empty(), "the subscription is closed with the account");
    });
}
