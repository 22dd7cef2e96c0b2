//! Pages of lists: filtered, in both orders, with a bounded number of reads.

use std::sync::Arc;

use app::listing::{self, Filter, ListOrder, ListPage, PageRequest, Unfiltered};
use app::{App, ServiceError};
use market::Sample;
use serde::Serialize;
use store::keys::List;
use store::{Key, Range, StoreError, Write, documents};
use testing::{CountingTable, Counts, TestBed};

/// Keeps the multiples of a number, and with `small` only those below fifty.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
struct Multiples {
    of: Option<u32>,
    small: bool,
}

impl Filter<u32> for Multiples {
    fn keeps(&self, number: &u32) -> bool {
        self.of.is_none_or(|of| number.is_multiple_of(of)) && (!self.small || *number < 50)
    }
}

fn multiples(of: u32) -> Multiples {
    Multiples { of: Some(of), small: false }
}

fn page(limit: usize, order: ListOrder, cursor: Option<String>) -> PageRequest {
    PageRequest { limit, order, cursor }
}

/// A list of the numbers from 0, on a table that counts its reads.
struct Numbers {
    app: App,
    table: Arc<CountingTable>,
    _test_bed: TestBed,
}

impl Numbers {
    async fn below(end: u32) -> Self {
        let test_bed = TestBed::at("2026-11-20T12:00:00Z");
        let table = Arc::new(CountingTable::new(Arc::new(test_bed.table())));
        let app = test_bed.platform(table.clone(), Arc::new(Sample::new())).app;
        let numbers: Vec<u32> = (0..end).collect();
        for some in numbers.chunks(100) {
            let writes = some.iter().map(|number| {
                let key = Key::new("NUMBERS", format!("{number:06}"));
                Write::create(key.clone(), documents::body(&key, number).unwrap())
            });
            app.table().transact(writes.collect()).await.unwrap();
        }
        table.take_counts();
        Self { app, table, _test_bed: test_bed }
    }

    async fn read<F: Filter<u32>>(&self, filter: &F, page: &PageRequest) -> Result<ListPage<u32>, ServiceError> {
        let list = List { partition: "NUMBERS".to_owned(), range: Range::All };
        listing::read_page(&self.app, list, filter, page).await
    }

    /// All pages of a filtered list, one after the other.
    async fn walk<F: Filter<u32>>(&self, filter: &F, limit: usize, order: ListOrder) -> Vec<Vec<u32>> {
        let mut pages = Vec::new();
        let mut cursor = None;
        loop {
            let read = self.read(filter, &page(limit, order, cursor)).await.unwrap();
            assert!(read.items.len() <= limit);
            pages.push(read.items);
            cursor = read.next;
            if cursor.is_none() {
                return pages;
            }
        }
    }
}

#[tokio::test]
async fn walking_the_pages_gives_what_the_filter_keeps_once_in_either_order() {
    let numbers = Numbers::below(450).await;
    for filter in
        [Multiples::default(), multiples(1), multiples(7), multiples(449), Multiples { of: Some(3), small: true }]
    {
        let kept: Vec<u32> = (0..450).filter(|number| filter.keeps(number)).collect();
        for limit in [1, 10, 200] {
            assert_eq!(numbers.walk(&filter, limit, ListOrder::Asc).await.concat(), kept, "{filter:?} {limit}");
            let newest_first: Vec<u32> = kept.iter().rev().copied().collect();
            assert_eq!(
                numbers.walk(&filter, limit, ListOrder::Desc).await.concat(),
                newest_first,
                "{filter:?} {limit}"
            );
        }
    }
}

#[tokio::test]
async fn a_page_without_a_filter_is_one_query_of_its_limit() {
    let numbers = Numbers::below(30).await;
    let read = numbers.read(&Unfiltered, &page(10, ListOrder::Desc, None)).await.unwrap();
    assert_eq!(read.items, (20..30).rev().collect::<Vec<_>>());
    assert_eq!(numbers.table.take_counts(), Counts { reads: 1, ..Counts::default() });
}

#[tokio::test]
async fn a_rare_filter_reads_a_bounded_number_of_items_and_returns_a_short_page() {
    let numbers = Numbers::below(3_000).await;
    let filter = multiples(2_500);
    let first = numbers.read(&filter, &page(50, ListOrder::Asc, None)).await.unwrap();
    assert_eq!((first.items, numbers.table.take_counts().reads), (vec![0], 5));
    let second = numbers.read(&filter, &page(50, ListOrder::Asc, first.next)).await.unwrap();
    assert_eq!((second.items.as_slice(), numbers.table.take_counts().reads), (&[] as &[u32], 5));
    let last = numbers.read(&filter, &page(50, ListOrder::Asc, second.next)).await.unwrap();
    assert_eq!((last.items, last.next), (vec![2_500], None));
}

#[tokio::test]
async fn a_page_that_is_full_early_stops_reading() {
    let numbers = Numbers::below(3_000).await;
    let read = numbers.read(&multiples(2), &page(50, ListOrder::Asc, None)).await.unwrap();
    assert_eq!((read.items.len(), numbers.table.take_counts().reads), (50, 1));
}

#[tokio::test]
async fn a_cursor_is_refused_with_another_filter_or_the_other_order() {
    let numbers = Numbers::below(450).await;
    let walked = [Multiples::default(), multiples(2), Multiples { of: Some(2), small: true }];
    for filter in &walked {
        for order in [ListOrder::Asc, ListOrder::Desc] {
            let next = numbers.read(filter, &page(5, order, None)).await.unwrap().next;
            assert!(next.is_some());
            for other in walked.iter().chain([&multiples(3)]) {
                for other_order in [ListOrder::Asc, ListOrder::Desc] {
                    let read = numbers.read(other, &page(5, other_order, next.clone())).await;
                    let is_same = (other, other_order) == (filter, order);
                    let is_refused = matches!(read, Err(ServiceError::Store(StoreError::ForeignCursor)));
                    assert_eq!(is_refused, !is_same, "{filter:?} {order:?}, {other:?} {other_order:?}");
                }
            }
        }
    }
}
