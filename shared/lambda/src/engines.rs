//! The engines that functions run on. A `main` names those that its use cases need, and what it does not
//! name is not linked: a function without reports carries no client of S3, one without prices no sample.
//!
//! An engine that is not named is replaced by one of [`crate::absent`], which refuses every call. Without prices
//! and without the market's clock there is no provider at all, and the platform is the [`App`] alone: a function whose
//! use cases ask for [`MarketData`] does not compile on it.

use std::sync::Arc;

use app::bus::{Bus, NoBus};
use app::mail::{Mail, NoMail};
use app::push::{NoConnections, Push};
use app::restricted_table::RestrictedTable;
use app::{App, Channels, Parts};
use market_data::MarketData;
use objects::Objects;
use objects_s3::S3Objects;
use store::Table;
use store_dynamodb::DynamoTable;
use traces::Database;

use crate::absent::{MailElsewhere, NoObjects};
use crate::aws::Aws;
use crate::email::{Email, Sender};
use crate::email_topics::EmailTopics;
use crate::event_bridge::EventBridge;
use crate::live_connections::LiveConnections;
use crate::prices;

/// The engines of a function: the table, and what its `main` adds to it. `P` is the platform that they make: the
/// [`App`], or [`MarketData`] where there is a source of prices or its clock.
#[derive(Clone, Copy)]
pub struct Engines<P> {
    function: &'static str,
    platform: fn(App, &Aws, &Arc<dyn Table>) -> P,
    objects: fn(&Aws) -> Arc<dyn Objects>,
    bus: fn(&Aws) -> Arc<dyn Bus>,
    push: fn(&Aws) -> Arc<dyn Push>,
    mail: fn(&Aws) -> Arc<dyn Mail>,
}

impl Engines<App> {
    /// The table as the function of this name may use it, and nothing of markets. The name is that of the program.
    #[must_use]
    pub fn table_of(function: &'static str) -> Self {
        Self {
            function,
            platform: |app, _, _| app,
            objects: |_| Arc::new(NoObjects),
            bus: |_| Arc::new(NoBus),
            push: |_| Arc::new(NoConnections),
            mail: |_| Arc::new(NoMail),
        }
    }

    /// With the source of prices.
    #[must_use]
    pub fn with_prices(self) -> Engines<MarketData> {
        self.on_market_data(|app, aws, table| MarketData::new(app, prices::sources(aws, table)))
    }

    /// With the name and the clock of the source of prices, and none of its prices: what is stored of them is all that
    /// there is.
    #[must_use]
    pub fn with_market_clock(self) -> Engines<MarketData> {
        self.on_market_data(|app, aws, _| MarketData::new(app, prices::names(aws)))
    }

    fn on_market_data(self, platform: fn(App, &Aws, &Arc<dyn Table>) -> MarketData) -> Engines<MarketData> {
        let Self { function, objects, bus, push, mail, .. } = self;
        Engines { function, platform, objects, bus, push, mail }
    }
}

impl<P> Engines<P> {
    /// With the bucket of reports and large results.
    #[must_use]
    pub fn with_objects(self) -> Self {
        Self { objects: s3_objects, ..self }
    }

    /// With the bus that events are published to.
    #[must_use]
    pub fn with_bus(self) -> Self {
        Self { bus, ..self }
    }

    /// With the live connections.
    #[must_use]
    pub fn with_push(self) -> Self {
        Self { push, ..self }
    }

    /// With e-mail.
    #[must_use]
    pub fn with_mail(self) -> Self {
        Self { mail, ..self }
    }

    /// Without e-mail, but with the knowledge of whether other functions send any.
    #[must_use]
    pub fn with_mail_elsewhere(self) -> Self {
        Self { mail: |aws| Arc::new(MailElsewhere::new(aws.configuration.email_sender.is_some())), ..self }
    }

    /// The name of the function.
    pub(crate) fn function(&self) -> &'static str {
        self.function
    }

    /// Starts them.
    pub(crate) fn start(self, aws: &Aws) -> P {
        let table: Arc<dyn Table> = Arc::new(RestrictedTable::new(dynamo_table(aws), self.function));
        let channels = Channels { bus: (self.bus)(aws), push: (self.push)(aws), mail: (self.mail)(aws) };
        let parts =
            Parts { table: Arc::clone(&table), objects: (self.objects)(aws), clock: aws.clock.clone(), channels };
        (self.platform)(
            App::limited(parts, aws.configuration.source_limits.clone(), aws.configuration.customer_limits),
            aws,
            &table,
        )
    }
}

fn bus(aws: &Aws) -> Arc<dyn Bus> {
    match &aws.configuration.event_bus_name {
        None => Arc::new(NoBus),
        Some(name) => Arc::new(EventBridge::new(aws_sdk_eventbridge::Client::new(&aws.sdk), name.clone())),
    }
}

fn push(aws: &Aws) -> Arc<dyn Push> {
    match &aws.configuration.live_endpoint {
        None => Arc::new(NoConnections),
        Some(endpoint) => Arc::new(LiveConnections::new(&aws.sdk, endpoint)),
    }
}

fn mail(aws: &Aws) -> Arc<dyn Mail> {
    let configuration = &aws.configuration;
    let sender = configuration.email_sender.as_ref().map(|address| {
        let client = aws_sdk_sesv2::Client::new(&aws.sdk);
        Sender::new(client, address, configuration.email_configuration_set.clone())
    });
    let topics = configuration.email_topic_prefix.as_ref();
    let topics = topics.map(|prefix| EmailTopics::new(aws_sdk_sns::Client::new(&aws.sdk), prefix.clone()));
    Arc::new(Email { sender, topics })
}

fn dynamo_table(aws: &Aws) -> Arc<dyn Table> {
    let (client, name) = (aws_sdk_dynamodb::Client::new(&aws.sdk), &aws.configuration.table_name);
    let table = DynamoTable::new(client, name, aws.clock.clone());
    traces::trace_table(table, || Database { system: "aws.dynamodb", table: name.clone() })
}

fn s3_objects(aws: &Aws) -> Arc<dyn Objects> {
    let client = aws_sdk_s3::Client::new(&aws.sdk);
    Arc::new(S3Objects::new(client, &aws.configuration.bucket_name, aws.clock.clone()))
}
