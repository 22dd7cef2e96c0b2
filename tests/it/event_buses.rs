//! Two stacks in one account of the emulated AWS: each has an event bus of its own.

use market_data::quote_record::QUOTES_REFRESHED;
use serde_json::json;

use crate::live_rates::{refreshed, subscribe};
use crate::target;

/// A symbol that neither stack has a price of.
const SYMBOL: &str = "TWOBUSES";

#[test]
fn an_event_of_one_stack_never_reaches_another_of_the_same_account() {
    let (Some((first, _)), Some(second)) = (target::emulated(), target::second()) else {
        eprintln!("SKIPPED: no emulated AWS, SEXTANT_TEST_AWS is not set");
        return;
    };
    target::run(async || {
        let mut stacks = Vec::new();
        for stack in [first, second] {
            let (_, live) = subscribe(&stack, SYMBOL).await;
            let bus = stack.event_bus().await;
            stacks.push((stack, bus, live));
        }
        // A foreign event would come before the stack's own, because the stack has heard of it earlier.
        for seq in [5_001, 1, 5_002, 2] {
            let (stack, bus, live) = &mut stacks[usize::from(seq < 5_000)];
            stack.put_event(bus, QUOTES_REFRESHED, &refreshed(&[SYMBOL.to_owned()], seq)["detail"]).await;
            let quote = live.next().await;
            assert_eq!((&quote["type"], &quote["seq"]), (&json!("quote"), &json!(seq)), "{}: {quote}", stack.name);
        }
        for (stack, _, mut live) in stacks {
            live.send(&json!({ "action": "ping" })).await;
            assert_eq!(live.next().await["type"], "pong", "{}", stack.name);
            live.leave().await;
        }
    });
}
