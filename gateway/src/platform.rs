//! Assembles the platform: engines, functions, routes.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context;
use app::customer_limits::CustomerLimits;
use app::push::Push;
use app::source_limits::SourceLimits;
use app::{App, Channels, Parts};
use axum::Router;
use domain::Symbol;
use market_data::MarketData;
use objects::FolderObjects;
use store::Clock;
use store_sqlite::SqliteTable;
use traces::Database;

use crate::authorizer::Authorizer;
use crate::cors::Cors;
use crate::event_function::{EventFunction, Handle};
use crate::event_pattern::EventPattern;
use crate::home::Home;
use crate::host::Hosts;
use crate::live::{Connections, Live, MarkedAsReplay};
use crate::local_bus::{self, Subscriber, Undelivered};
use crate::outbox::Outbox;
use crate::prices::{Prices, Source};
use crate::registry::{self, Handler, RegisteredStateMachine};
use crate::replay::{Pace, Replaying};
use crate::routes::{RouteKey, Routes};
use crate::schedules::Scheduled;
use crate::template::{Expiration, Function, PROJECT_TEMPLATE, Schedule, StateMachine, Template};

/// The settings of a platform.
#[derive(Clone)]
pub struct Settings {
    /// The data folder.
    pub home: PathBuf,
    /// The address to listen on; with port 0 the system chooses.
    pub address: SocketAddr,
    /// The source of prices.
    pub prices: Prices,
    /// A template to use instead of the built-in one.
    pub template: Option<PathBuf>,
    /// Hosts that requests may name, in addition to this machine's own names.
    pub allowed_hosts: Vec<String>,
    /// Origins (`https://app.example`) whose pages may call the API and open live connections, in addition to those of
    /// the hosts.
    pub allowed_origins: Vec<String>,
    /// Whether schedules run.
    pub schedules: bool,
    /// The rate limits of one source address.
    pub source_limits: SourceLimits,
    /// The rate limits of one customer.
    pub customer_limits: CustomerLimits,
    /// The pace of a replay of the files' history, if any.
    pub replay: Option<Pace>,
    /// The clock, by which links and leases expire.
    pub clock: Clock,
}

/// A function of the template, ready to run.
#[derive(Clone, Debug)]
pub struct Mounted {
    /// Its name.
    pub name: String,
    /// Its timeout.
    pub timeout: Duration,
    /// Its routes.
    pub router: Router,
    /// Whether its route needs no token.
    pub public: bool,
}

/// The platform without its socket.
pub struct Platform {
    /// The platform of the services.
    pub market: MarketData,
    /// The clock.
    pub clock: Clock,
    /// The objects that can be downloaded by links.
    pub objects: FolderObjects,
    /// How long objects are kept, by prefix.
    pub expirations: Vec<Expiration>,
    /// The hosts that requests may name.
    pub hosts: Hosts,
    /// The template's routes and their functions.
    pub routes: Routes<Mounted>,
    /// The authorizer of every route that is not public.
    pub authorizer: Option<Authorizer>,
    /// The CORS settings, if origins are allowed.
    pub cors: Option<Cors>,
    /// The WebSocket API, if the template has one.
    pub live: Option<Live>,
    /// The functions that subscribe to events.
    pub subscribers: Vec<Subscriber>,
    /// Published events that are not delivered yet.
    pub undelivered: Undelivered,
    /// The replay that gives the prices, if any.
    pub replay: Option<Replaying>,
    /// Description of the price source for people.
    pub prices: String,
    /// A symbol that has prices.
    pub example: Symbol,
    /// Holds the lock of the folder.
    home: Home,
}

impl Platform {
    /// Opens the folder and mounts every function of the template. The schedules are returned separately, to be
    /// started. Blocks on file I/O.
    pub fn open(settings: &Settings) -> anyhow::Result<(Self, Vec<Scheduled>)> {
        let template = read_template(settings.template.as_ref())?;
        let functions = registry::pair(&template, registry::FUNCTIONS)?;
        let state_machines = registry::pair_state_machines(&template, registry::STATE_MACHINES)?;
        let home = Home::open(&settings.home)?;
        let clock = settings.clock.clone();
        // Created before the functions, which use them to reach each other and the live connections.
        let connections = Arc::new(Connections::default());
        let (bus, deliveries) = local_bus::open(clock.clone());
        let push: Arc<dyn Push> = match settings.replay {
            None => connections.clone(),
            Some(_) => Arc::new(MarkedAsReplay(connections.clone())),
        };
        let outbox = Outbox::new(home.outbox(), clock.clone());
        let channels = Channels { bus: Arc::new(bus), push, mail: Arc::new(outbox) };
        let Engines { market, objects, source, replay } = Engines::open(&home, settings, channels)?;
        let origins: Arc<[String]> = settings.allowed_origins.clone().into();
        let mut mounting = Mounting::default();
        for (function, handler) in functions {
            mounting.add(&template, &market, function, handler, &origins);
        }
        for (machine, registered) in state_machines {
            mounting.add_state_machine(machine, registered);
        }
        let Mounting { routes, scheduled, subscribers, authorizer, live } = mounting;
        let routes =
            Routes::new(routes).map_err(|key| anyhow::anyhow!("the template defines the route {key} twice"))?;
        let live = live.map(|(stage, function)| Live { stage, function, connections });
        let platform = Self {
            market,
            clock,
            objects,
            expirations: template.expirations,
            hosts: Hosts::new(settings.address.ip(), &settings.allowed_hosts)?,
            routes,
            authorizer,
            cors: Cors::new(template.cors.as_ref(), &settings.allowed_origins)?,
            live,
            subscribers,
            undelivered: Arc::new(Mutex::new(Some(deliveries))),
            replay,
            prices: source.description,
            example: source.example,
            home,
        };
        Ok((platform, scheduled))
    }

    /// The data folder.
    #[must_use]
    pub fn home(&self) -> &Home {
        &self.home
    }
}

/// The triggers of the functions mounted so far.
#[derive(Default)]
struct Mounting {
    routes: Vec<(RouteKey, Mounted)>,
    scheduled: Vec<Scheduled>,
    subscribers: Vec<Subscriber>,
    authorizer: Option<Authorizer>,
    /// The stage of the live connections, and their function.
    live: Option<(String, EventFunction)>,
}

impl Mounting {
    /// Adds a function, which may use the table as [`store::access`] grants.
    fn add(
        &mut self,
        template: &Template,
        market: &MarketData,
        function: &Function,
        handler: Handler,
        origins: &Arc<[String]>,
    ) {
        let handle: Handle = match handler {
            Handler::Http { router, .. } => {
                let (name, timeout) = (function.name.clone(), function.timeout);
                let mounted =
                    Mounted { name, timeout, router: router.on(market.restricted_to(&function.name)), public: false };
                self.routes.extend(function.routes.iter().map(|key| {
                    let public = function.public_routes.contains(key);
                    (key.clone(), Mounted { public, ..mounted.clone() })
                }));
                return;
            }
            Handler::Event { handle } => {
                let name = function.name.clone();
                Arc::new(move |market: MarketData, event| handle(market.restricted_to(&name), event))
            }
            Handler::Live { handle } => {
                let (name, origins) = (function.name.clone(), origins.clone());
                Arc::new(move |market: MarketData, event| handle(market.restricted_to(&name), origins.clone(), event))
            }
        };
        let (name, timeout, retries) = (function.name.clone(), function.timeout, function.retries);
        let runs = EventFunction { name, timeout, retries, handle };
        if template.authorizer.as_ref() == Some(&function.name) {
            self.authorizer = Some(Authorizer { market: market.clone(), function: runs.clone() });
        }
        if let Some(api) = template.live_api.as_ref().filter(|api| api.function == function.name) {
            self.live = Some((api.stage.clone(), runs.clone()));
        }
        let scheduled = |schedule: &Schedule| Scheduled { function: runs.clone(), schedule: schedule.clone() };
        self.scheduled.extend(function.schedules.iter().map(scheduled));
        let subscriber = |pattern: &EventPattern| Subscriber { function: runs.clone(), pattern: pattern.clone() };
        self.subscribers.extend(function.rules.iter().map(subscriber));
    }

    /// The schedules of a state machine start its work. A run that failed is not retried before the next time.
    fn add_state_machine(&mut self, machine: &StateMachine, registered: RegisteredStateMachine) {
        let (name, timeout, handle) = (machine.name.clone(), machine.timeout, Arc::new(registered.handle));
        let runs = EventFunction { name, timeout, retries: 0, handle };
        let scheduled = |schedule: &Schedule| Scheduled { function: runs.clone(), schedule: schedule.clone() };
        self.scheduled.extend(machine.schedules.iter().map(scheduled));
    }
}

/// The engines of the services in one folder.
pub(crate) struct Engines {
    pub(crate) market: MarketData,
    objects: FolderObjects,
    source: Source,
    replay: Option<Replaying>,
}

impl Engines {
    /// Opens database, objects and price source. Blocks on file I/O.
    pub(crate) fn open(home: &Home, settings: &Settings, channels: Channels) -> anyhow::Result<Self> {
        let clock = settings.clock.clone();
        let table = SqliteTable::open(&home.database(), clock.clone());
        let table = table.with_context(|| format!("{}", home.database().display()))?;
        let table = traces::trace_table(table, || Database { system: "sqlite", table: "items".to_owned() });
        let objects = FolderObjects::open(home.objects(), home.load_link_secret()?, clock.clone());
        let objects = objects.with_context(|| format!("{}", home.objects().display()))?;
        let mut source = settings.prices.open(&table, &clock)?;
        let replay = settings.replay.map(|pace| Replaying::open(source.provider.clone(), pace, home.path()));
        let replay = replay.transpose()?;
        if let Some(replay) = &replay {
            source.provider = replay.provider();
            source.description = replay.description();
        }
        let provider = source.provider.clone();
        let parts = Parts { table, objects: Arc::new(objects.clone()), clock, channels };
        let market =
            MarketData::new(App::limited(parts, settings.source_limits.clone(), settings.customer_limits), provider);
        Ok(Self { market, objects, source, replay })
    }
}

fn read_template(path: Option<&PathBuf>) -> anyhow::Result<Template> {
    let Some(path) = path else { return Template::parse(PROJECT_TEMPLATE).context("template.yaml") };
    let text = fs::read_to_string(path).with_context(|| format!("{}", path.display()))?;
    Template::parse(&text).with_context(|| format!("{}", path.display()))
}

#[cfg(test)]
pub(crate) mod tests_support {
    //! An application for the tests of other modules.

    use super::*;

    /// An application in a temporary folder, which is removed when the second value is dropped.
    pub(crate) fn market() -> (MarketData, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        (Platform::open(&settings(&folder)).unwrap().0.market, folder)
    }

    /// Settings of a platform in `folder` on a free port.
    pub(crate) fn settings(folder: &tempfile::TempDir) -> Settings {
        Settings {
            home: folder.path().join("home"),
            address: "127.0.0.1:0".parse().unwrap(),
            prices: Prices::Sample,
            template: None,
            allowed_hosts: Vec::new(),
            allowed_origins: Vec::new(),
            schedules: false,
            source_limits: SourceLimits::default().on_one_machine(),
            customer_limits: CustomerLimits::default(),
            replay: None,
            clock: Arc::new(|| "2026-11-20T12:00:00Z".parse().unwrap()),
        }
    }
}
