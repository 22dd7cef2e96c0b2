//! Clients of former advisors, and searching customers.

use accounts::administration::AccountChange;
use accounts::search::{AccountState, CustomerFilter};
use accounts::{erasure, search};
use app::ServiceError;
use app::listing::{ListOrder, PageRequest};
use domain::{CustomerId, Role};
use identity::profile;
use operations::verification::{self, Interrupted};
use store::fault::{Fault, Plan};
use store::{Query, StoreError, Table, Write, documents, keys};
use testing::Counts;

use crate::identity::{PASSWORD, World, json, password};

#[tokio::test]
async fn a_former_advisor_has_no_clients() {
    let role = |role| AccountChange { role: Some(role), ..AccountChange::default() };
    let disabled = AccountChange { disabled: Some(true), ..AccountChange::default() };
    for (ending, name) in [(Some(role(Role::Client)), "demoted"), (Some(disabled), "disabled"), (None, "erased")] {
        let world = World::with_ada().await;
        let (advisor, clients) = (world.ada().await, world.others(25).await);
        world.change(advisor, role(Role::Advisor)).await.unwrap();
        world.advise(&clients, advisor).await;
        assert_eq!(world.advised(&clients, advisor).await, [25, 25, 25]);
        match ending {
            Some(change) => world.change(advisor, change).await.unwrap(),
            None => erasure::erase(&world.platform.app, advisor, password(PASSWORD)).await.unwrap(),
        }
        assert_eq!(world.advised(&clients, advisor).await, [0, 0, 0], "{name}");
        for client in &clients {
            let list = keys::audits(*client, "202611");
            let events = world.table.query(&Query::forward(list.partition, list.range, 10)).await.unwrap().items;
            let ended = events.iter().map(json).find(|event| event["what"] == "advisor_ended").unwrap();
            assert_eq!(ended["detail"]["advisor_id"], serde_json::json!(advisor), "{name}");
        }
        let change = AccountChange { advisor_id: Some(Some(advisor)), ..AccountChange::default() };
        let refused = world.change(clients[0], change).await;
        assert!(matches!(refused, Err(ServiceError::Field { field: "advisor_id", .. })), "{name}");
    }
}

#[tokio::test]
async fn an_interrupted_end_of_advice_is_finished_before_the_advisor_advises_again() {
    for by_night in [true, false] {
        let world = World::with_ada().await;
        let (advisor, clients) = (world.ada().await, world.others(45).await);
        let role = |role| AccountChange { role: Some(role), ..AccountChange::default() };
        world.change(advisor, role(Role::Advisor)).await.unwrap();
        world.advise(&clients, advisor).await;
        // The role, nineteen clients, and nineteen more whose response is lost.
        world.table.plan_writes(Plan::scripted([None, None, Some(Fault::ErrorAfter)]));
        world.change(advisor, role(Role::Client)).await.unwrap();
        assert_eq!(profile::find(&world.platform.app, advisor).await.unwrap().profile.role, Role::Client);
        assert_eq!(world.advised(&clients, advisor).await, [7, 7, 7]);
        if by_night {
            assert!(verification::verify_all(&world.platform, Interrupted::Continue, None).await.unwrap().is_clean());
            assert_eq!(world.advised(&clients, advisor).await, [0, 0, 0]);
        }
        world.change(advisor, role(Role::Advisor)).await.unwrap();
        assert_eq!(world.advised(&clients, advisor).await, [0, 0, 0]);
        world.advise(&clients[..1], advisor).await;
        world.change(advisor, AccountChange::default()).await.unwrap();
        assert!(verification::verify_all(&world.platform, Interrupted::Continue, None).await.unwrap().is_clean());
        assert_eq!(
            world.advised(&clients, advisor).await,
            [1, 1, 1],
            "an advisor who advises again keeps their new clients"
        );
    }
}

#[tokio::test]
async fn a_late_end_of_advice_removes_no_client_of_an_advisor_who_advises_again() {
    let world = World::with_ada().await;
    let (advisor, clients) = (world.ada().await, world.others(3).await);
    let role = |role| AccountChange { role: Some(role), ..AccountChange::default() };
    world.change(advisor, role(Role::Advisor)).await.unwrap();
    world.advise(&clients, advisor).await;
    *world.advisor.advises_again.lock().unwrap() = Some(advisor);
    world.change(advisor, role(Role::Client)).await.unwrap();
    assert_eq!(profile::find(&world.platform.app, advisor).await.unwrap().profile.role, Role::Advisor);
    assert_eq!(world.advised(&clients, advisor).await, [3, 3, 3]);
}

#[tokio::test]
async fn a_search_reads_a_hundred_customers_at_a_time_with_a_cursor_per_list() {
    let world = World::with_ada().await;
    let others = world.others(150).await;
    let (by, other) = (world.ada().await, others[0]);
    world.table.inner().take_counts();
    let search = async |by, text: &str, limit, cursor: Option<&str>| {
        let filter = CustomerFilter { text: text.to_owned(), ..CustomerFilter::default() };
        let page = PageRequest::newest(limit).after(cursor.map(str::to_owned));
        search::search(&world.platform.app, by, &filter, &page).await
    };
    let found = search(by, "c", 200, None).await.unwrap();
    assert_eq!((found.items.len(), found.next), (151, None), "Ada's address has a c too");
    // The sixteen parts of the customer index, and two batches of at most a hundred profiles.
    assert_eq!(world.table.inner().take_counts(), Counts { reads: 18, ..Counts::default() });
    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let page = search(by, "c", 40, cursor.as_deref()).await.unwrap();
        seen.extend(page.items.into_iter().map(|customer| customer.id));
        let Some(next) = page.next else { break };
        let foreign = [
            search(other, "c", 40, Some(&next)).await,
            search(by, "ada", 40, Some(&next)).await,
            search(by, "c", 40, Some(&next.to_uppercase())).await,
            search(by, "c", 40, Some(&by.to_string())).await,
            search(by, "c", 40, Some("")).await,
            search(by, "c", 40, Some("éééééééééééé")).await,
        ];
        for refused in foreign {
            assert!(matches!(refused, Err(ServiceError::Store(StoreError::ForeignCursor))));
        }
        cursor = Some(next);
    }
    assert_eq!(seen, found.items.iter().map(|customer| customer.id).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_search_by_role_and_state_finds_each_customer_once_in_either_order() {
    let world = World::with_ada().await;
    let others = world.others(30).await;
    let by = world.ada().await;
    for id in &others[..8] {
        world.change(*id, AccountChange { role: Some(Role::Advisor), ..AccountChange::default() }).await.unwrap();
    }
    for id in &others[5..12] {
        world.change(*id, AccountChange { disabled: Some(true), ..AccountChange::default() }).await.unwrap();
    }
    let filter = |role, state| CustomerFilter { role, state, ..CustomerFilter::default() };
    let (advisor, disabled) = (Some(Role::Advisor), Some(AccountState::Disabled));
    let mut foreign = None;
    for (filter, expected) in [
        (filter(advisor, None), &others[..8]),
        (filter(None, disabled), &others[5..12]),
        (filter(advisor, disabled), &others[5..8]),
        (filter(advisor, Some(AccountState::Active)), &others[..5]),
    ] {
        for order in [ListOrder::Asc, ListOrder::Desc] {
            let (mut seen, mut page) = (Vec::new(), PageRequest { order, ..PageRequest::newest(2) });
            if foreign.is_some() {
                let refused = search::search(&world.platform.app, by, &filter, &page.clone().after(foreign)).await;
                assert!(matches!(refused, Err(ServiceError::Store(StoreError::ForeignCursor))), "{filter:?} {order:?}");
            }
            loop {
                let read = search::search(&world.platform.app, by, &filter, &page).await.unwrap();
                seen.extend(read.items.into_iter().map(|customer| customer.id));
                if read.next.is_none() {
                    break;
                }
                page = page.after(read.next);
            }
            foreign = page.cursor;
            let mut expected = expected.to_vec();
            expected.sort();
            if order == ListOrder::Desc {
                expected.reverse();
            }
            assert_eq!(seen, expected, "{filter:?} {order:?}");
        }
    }
}

#[tokio::test]
async fn a_search_for_a_rare_customer_reads_a_bounded_number_of_profiles_at_a_time() {
    let world = World::with_ada().await;
    let by = world.ada().await;
    let mut ids = Vec::new();
    for _ in 0..2_600 {
        let id = CustomerId(world.platform.app.new_id());
        let key = keys::customer_index_item(id);
        ids.push(Write::create(key.clone(), documents::body(&key, &id).unwrap()));
    }
    for some in ids.chunks(100) {
        world.platform.app.table().transact(some.to_vec()).await.unwrap();
    }
    world.table.inner().take_counts();
    let filter = CustomerFilter { text: "ada@".to_owned(), ..CustomerFilter::default() };
    let (mut found, mut page, mut requests) = (Vec::new(), PageRequest::newest(50), 0);
    loop {
        let read = search::search(&world.platform.app, by, &filter, &page).await.unwrap();
        found.extend(read.items);
        requests += 1;
        let reads = world.table.inner().take_counts().reads;
        // The others have no profile, for which three keys are read.
        assert!(reads <= 16 + 3 * 10, "{reads}");
        if read.next.is_none() {
            break;
        }
        page = page.after(read.next);
    }
    assert_eq!((found.len(), found[0].id), (1, by));
    assert!((3..=5).contains(&requests), "{requests}");
}
