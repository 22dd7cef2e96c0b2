//! Dev and prod side by side in one account of an emulated AWS, deployed by `make deploy` and with permissions on.
//!
//! `tests/aws/stages.py` deploys them. It also fails if a function of one stage may touch the other's table, bucket, bus
//! or provider's key, or if deleting dev changes prod.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use market_data::quote_record::QUOTES_REFRESHED;
use refresh::Work;
use serde_json::{Value, json};

use crate::deployment::{programs, script, tools};
use crate::live_client::Live;
use crate::live_rates::{refreshed, subscribe};
use crate::provider::LoopbackProvider;
use crate::target::{self, PASSWORD, Target};

/// A symbol that only the provider has a price of.
const SYMBOL: &str = "TWOSTAGES";
const EMAIL: &str = "ada@stages.example.com";

/// Both stages, deployed while this lives.
struct Stages {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Stages {
    /// Deploys both stages and returns their addresses.
    fn deploy(tools: &Path, work: &Path, provider: &str) -> (Self, Value) {
        let mut command = script(tools, "stages.py");
        command.args(["--provider", provider]).arg("--programs").arg(programs()).arg("--work").arg(work);
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (input, output) = (process.stdin.take().unwrap(), BufReader::new(process.stdout.take().unwrap()));
        let mut stages = Self { process, input, output };
        stages.wait_for("deployed");
        let addresses = std::fs::read(work.join("addresses.json")).unwrap();
        (stages, serde_json::from_slice(&addresses).unwrap())
    }

    fn destroy_dev(&mut self) {
        writeln!(self.input, "destroy dev").unwrap();
        self.wait_for("destroyed");
    }

    /// Waits for a line, and fails with all that was printed if it does not come.
    fn wait_for(&mut self, line: &str) {
        let mut printed = String::new();
        while printed.lines().last() != Some(line) {
            assert!(self.output.read_line(&mut printed).unwrap() > 0, "{printed}");
        }
    }

    /// Ends the emulator with all its stacks.
    fn end(mut self) {
        drop(self.input);
        assert!(self.process.wait().unwrap().success());
    }
}

/// Refreshes the prices of a stage and expects this price as the next message.
async fn refresh(stage: &Target, live: &mut Live, price: &str) {
    // Between the close and the day's bars a refresh requests nothing, and publishes the quote that a request has stored.
    if refresh::work_at(target::now()) == Work::Rest {
        stage.get(&format!("/quotes?symbols={SYMBOL}")).await.expect_status(200);
    }
    stage.run_scheduled_now("refresh-prices").await;
    expect_price(stage, live, price).await;
}

async fn expect_price(stage: &Target, live: &mut Live, price: &str) {
    let quote = live.next().await;
    assert_eq!((&quote["type"], &quote["price"]), (&json!("quote"), &json!(price)), "{}: {quote}", stage.name);
}

/// A customer of one stage, with money there, is none of the other.
async fn expect_own_customers(dev: &Target, prod: &Target) -> Target {
    let credentials = json!({ "email": EMAIL, "password": PASSWORD });
    let customer_of_dev = dev.registered(EMAIL).await;
    prod.post("/sessions", &credentials).await.expect_status(401);
    let with_token_of_dev = prod.with_token(customer_of_dev.token());
    with_token_of_dev.get("/customers/me").await.expect_status(401);
    let customer_of_prod = prod.registered(EMAIL).await;
    customer_of_dev.post_with_key("/wallet/deposits", &json!({ "amount": "100.00" }), "1").await.expect_status(201);
    customer_of_prod.post_with_key("/wallet/deposits", &json!({ "amount": "7.00" }), "1").await.expect_status(201);
    expect_cash(&customer_of_dev, "100.00").await;
    expect_cash(&customer_of_prod, "7.00").await;
    customer_of_prod
}

async fn expect_cash(customer: &Target, amount: &str) {
    let wallet = customer.get("/wallet").await.expect_status(200).json();
    assert_eq!(wallet["balance"], amount, "{}: {wallet}", customer.name);
}

#[test]
fn dev_and_prod_of_one_account_share_nothing_and_prod_outlives_dev() {
    let Some(tools) = tools() else { return };
    target::run(async || {
        let work = tempfile::tempdir().unwrap();
        let (provider, url) = LoopbackProvider::listen("127.0.0.1:0", target::now()).await;
        provider.set(SYMBOL, 12_050);
        let (mut stages, addresses) = tokio::task::block_in_place(|| Stages::deploy(&tools, work.path(), &url));
        let dev = Target::deployed("dev", &addresses["dev"]);
        let prod = Target::deployed("prod", &addresses["prod"]);
        let customer = expect_own_customers(&dev, &prod).await;

        let (dev, mut live_of_dev) = subscribe(&dev, SYMBOL).await;
        let (prod, mut live_of_prod) = subscribe(&prod, SYMBOL).await;
        refresh(&dev, &mut live_of_dev, "120.5").await;
        assert_eq!(provider.keys(SYMBOL), ["key-of-dev"]);
        // The price of dev would come before that of prod, which is refreshed later.
        provider.set(SYMBOL, 13_050);
        refresh(&prod, &mut live_of_prod, "130.5").await;
        assert_eq!(provider.keys(SYMBOL), ["key-of-dev", "key-of-prod"]);
        let quote = dev.get(&format!("/quotes?symbols={SYMBOL}")).await.expect_status(200).json();
        assert_eq!(quote["items"][0]["price"], "120.5", "{quote}");
        live_of_dev.leave().await;

        tokio::task::block_in_place(|| stages.destroy_dev());
        expect_cash(&customer, "7.00").await;
        expect_cash(&prod.sign_in(EMAIL, PASSWORD).await, "7.00").await;
        prod.newcomer().await;
        let event = &refreshed(&[SYMBOL.to_owned()], 1_000)["detail"];
        prod.put_event(&prod.event_bus().await, QUOTES_REFRESHED, event).await;
        expect_price(&prod, &mut live_of_prod, "12.5").await;
        live_of_prod.leave().await;
        stages.end();
    });
}
