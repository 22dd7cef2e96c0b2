//! What a test platform needs besides its table: a clock that is moved by hand, and a folder of objects.

use std::path::Path;
use std::sync::Arc;

use app::{App, Channels, Parts};
use market::Provider;
use market_data::MarketData;
use objects::{FolderObjects, Objects};
use store::Table;
use store_sqlite::SqliteTable;

use crate::ManualClock;

/// The clock and the objects of a test's platforms; dropping it deletes the folder.
pub struct TestBed {
    pub clock: ManualClock,
    pub objects: Arc<FolderObjects>,
    folder: tempfile::TempDir,
}

impl TestBed {
    /// A test bed at this time.
    #[must_use]
    pub fn at(instant: &str) -> Self {
        let (clock, folder) = (ManualClock::at(instant), tempfile::tempdir().unwrap());
        let objects = FolderObjects::open(folder.path(), [7; 32], clock.reader()).unwrap();
        objects.set_base_url("http://127.0.0.1").unwrap();
        Self { clock, objects: Arc::new(objects), folder }
    }

    /// A new table in memory, on its clock.
    #[must_use]
    pub fn table(&self) -> SqliteTable {
        SqliteTable::in_memory(self.clock.reader()).unwrap()
    }

    /// A process on this table with this provider and without channels.
    pub fn platform(&self, table: Arc<dyn Table>, provider: Arc<dyn Provider>) -> MarketData {
        self.platform_with(table, provider, Channels::none())
    }

    /// The same with channels.
    pub fn platform_with(&self, table: Arc<dyn Table>, provider: Arc<dyn Provider>, channels: Channels) -> MarketData {
        self.platform_of(table, self.objects.clone(), provider, channels)
    }

    /// The same with other objects than the folder.
    pub fn platform_of(
        &self,
        table: Arc<dyn Table>,
        objects: Arc<dyn Objects>,
        provider: Arc<dyn Provider>,
        channels: Channels,
    ) -> MarketData {
        MarketData::new(App::new(Parts { table, objects, clock: self.clock.reader(), channels }), provider)
    }

    /// The folder in which the objects are stored.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}
