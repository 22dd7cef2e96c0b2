//! State machines and stored items, without a route.

use gateway::registry::STATE_MACHINES;
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use store::{Body, Key, Write};

use super::{Place, Target, signature, text_of};

/// How often the state of an execution is requested.
const MAX_POLLS: usize = 20_000;

impl Target {
    /// Runs a state machine to its end, as its schedule would; whether it succeeded.
    ///
    /// On one machine it is the work that the registry has for it. On the emulated AWS it is started by the ARN in this
    /// output of the stack.
    pub async fn run_state_machine(&self, name: &str, output: &str) -> bool {
        let Place::Emulated { outputs, .. } = &self.place else {
            let registered = STATE_MACHINES.iter().find(|machine| machine.name == name).unwrap();
            let Place::Local { platform, .. } = &self.place else { panic!("{name}") };
            return (registered.handle)(platform.clone(), Value::Null).await.is_ok();
        };
        let start = json!({ "stateMachineArn": text_of(&outputs[output]) });
        let started = self.ask_aws("states", "AWSStepFunctions.StartExecution", &start).await;
        let execution = json!({ "executionArn": text_of(&started["executionArn"]) });
        for _ in 0..MAX_POLLS {
            let state = self.ask_aws("states", "AWSStepFunctions.DescribeExecution", &execution).await;
            match state["status"].as_str() {
                Some("RUNNING") => tokio::task::yield_now().await,
                Some("SUCCEEDED") => return true,
                Some("FAILED") if state["error"] == "NotAllSound" => return false,
                _ => panic!("{state}"),
            }
        }
        panic!("{name} still runs")
    }

    /// Replaces a text in a stored item.
    pub async fn alter(&self, key: &Key, from: &str, to: &str) {
        match &self.place {
            Place::Local { platform, .. } => {
                let item = platform.app.table().get(key).await.unwrap().unwrap();
                let Body::Json(text) = item.body else { panic!("{key} holds bytes") };
                assert!(text.contains(from), "{text}");
                let altered = Write::update(key.clone(), Body::Json(text.replacen(from, to, 1)), item.version);
                platform.app.table().transact(vec![altered]).await.unwrap();
            }
            Place::Emulated { table, .. } => {
                let get = json!({ "TableName": table, "Key": { "pk": { "S": key.pk }, "sk": { "S": key.sk } } });
                let mut item = self.ask_aws("dynamodb", "DynamoDB_20120810.GetItem", &get).await["Item"].take();
                let text = text_of(&item["body"]["S"]);
                assert!(text.contains(from), "{text}");
                item["body"]["S"] = text.replacen(from, to, 1).into();
                self.ask_aws("dynamodb", "DynamoDB_20120810.PutItem", &json!({ "TableName": table, "Item": item }))
                    .await;
            }
        }
    }

    /// The next failed execution of a state machine in the queue of failed runs of the emulated AWS.
    pub async fn receive_failed_execution(&self) -> Value {
        let Place::Emulated { outputs, .. } = &self.place else { panic!("one machine has no queue") };
        let queue = text_of(&outputs["FailedRunsUrl"]);
        loop {
            let received = self.ask_aws("sqs", "AmazonSQS.ReceiveMessage", &json!({ "QueueUrl": queue })).await;
            let message: Value = serde_json::from_str(&text_of(&received["Messages"][0]["Body"])).unwrap();
            if message["execution"].is_string() {
                return message;
            }
        }
    }

    /// Calls an action of a service of the emulated AWS that takes JSON.
    async fn ask_aws(&self, service: &str, action: &str, parameters: &Value) -> Value {
        let Place::Emulated { endpoint, .. } = &self.place else { panic!("{action} needs AWS") };
        let request: RequestBuilder = self.client.post(endpoint).header("authorization", signature(service));
        let request = request.header("x-amz-target", action).header("content-type", "application/x-amz-json-1.0");
        let response = request.body(parameters.to_string()).send().await.unwrap();
        let (status, text) = (response.status(), response.text().await.unwrap());
        assert!(status.is_success(), "{action} {parameters}: {status} {text}");
        serde_json::from_str(&text).unwrap()
    }
}
