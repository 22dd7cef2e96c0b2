//! The stores under test, each newly created for every case.

use std::sync::Arc;

use store::fault::{Faulty, Plan};
use store::{Clock, Table};
use store_dynamodb::DynamoTable;
use store_sqlite::SqliteTable;
use tokio::runtime::{Builder, Runtime};

#[path = "../../../../store-dynamodb/tests/emulator/mod.rs"]
pub mod emulator;

/// Fractions of transactions and of reads that fail on the failing store.
const FAULTS: (f64, f64) = (0.3, 0.05);

/// A store as the commands see it, and the same store without faults.
pub struct Store {
    /// The store for the commands; it may fail.
    pub front: Arc<dyn Table>,
    /// The store that the books are checked on; it does not fail.
    pub books: Arc<dyn Table>,
}

/// A kind of store.
pub trait Engine: 'static {
    const NAME: &'static str;

    /// The runtime that the futures of a case run on.
    fn runtime() -> Runtime {
        // With the clock paused, waiting between two attempts takes no time.
        Builder::new_current_thread().enable_all().start_paused(true).build().unwrap()
    }

    fn open(runtime: &Runtime, seed: u64, clock: &Clock) -> Store;

    fn close(_runtime: &Runtime, _seed: u64) {}
}

/// SQLite in memory.
pub struct Sqlite;

impl Engine for Sqlite {
    const NAME: &'static str = "SQLite";

    fn open(_runtime: &Runtime, _seed: u64, clock: &Clock) -> Store {
        let table = Arc::new(SqliteTable::in_memory(clock.clone()).unwrap());
        Store { front: table.clone(), books: table }
    }
}

/// The same, failing in every possible way.
pub struct Failing;

impl Engine for Failing {
    const NAME: &'static str = "SQLite with faults";

    fn open(_runtime: &Runtime, seed: u64, clock: &Clock) -> Store {
        let table = SqliteTable::in_memory(clock.clone()).unwrap();
        let faulty = Faulty::new(table.clone(), Plan::seeded(seed, FAULTS.0));
        Store { front: Arc::new(faulty.with_reads(Plan::seeded(!seed, FAULTS.1))), books: Arc::new(table) }
    }
}

/// DynamoDB: an emulated one, whose address is in [`emulator::ENDPOINT`].
pub struct Dynamo;

impl Dynamo {
    fn table(seed: u64) -> String {
        format!("books-{}-{seed:016x}", std::process::id())
    }
}

impl Engine for Dynamo {
    const NAME: &'static str = "DynamoDB";

    fn runtime() -> Runtime {
        Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
    }

    fn open(runtime: &Runtime, seed: u64, clock: &Clock) -> Store {
        let table = runtime.block_on(async {
            let client = emulator::client(emulator::endpoint().unwrap()).await;
            emulator::create_table(&client, &Self::table(seed)).await;
            Arc::new(DynamoTable::new(client, Self::table(seed), clock.clone()))
        });
        Store { front: table.clone(), books: table }
    }

    fn close(runtime: &Runtime, seed: u64) {
        runtime.block_on(async {
            emulator::client(emulator::endpoint().unwrap())
                .await
                .delete_table()
                .table_name(Self::table(seed))
                .send()
                .await
                .unwrap();
        });
    }
}
