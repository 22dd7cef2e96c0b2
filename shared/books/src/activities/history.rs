//! The stored history of a portfolio: its head and its segments.
//!
//! The head names the segments, each with the generation in which it was last written. A reader who finds a segment of
//! another generation has read in the middle of a change and starts over.
//!
//! Lots held elsewhere that were stored before there were activities are read as purchases until the first change of
//! the history packs them.

use app::error::ServiceError;
use app::{App, listing};
use domain::PortfolioId;
use ledger::Activity;
use ledger::activity_items::{MAX_SEGMENT_ACTIVITIES, pack, split_into_segments, unpack};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{Body, DeleteExpect, Expect, Item, StoreError, Version, Write, documents, keys};
use uuid::Uuid;

use super::{MAX_ACTIVITIES, ONE, WHAT, stored_investments};

/// The item that names the segments.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Head {
    /// The number of changes.
    generation: u64,
    /// The number of activities.
    count: usize,
    /// The number of the next new segment.
    next_segment: u32,
    /// The segments, in the order of recording.
    segments: Vec<SegmentInfo>,
    /// Whether lots stored before there were activities, which the segments include, may still have to be removed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    investments_left: bool,
}

/// What the head says of a segment.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct SegmentInfo {
    /// The number in its key.
    number: u32,
    /// The generation in which it was last written.
    generation: u64,
    /// The number of its activities.
    count: usize,
}

/// A segment as it was read or changed.
#[derive(Clone, Debug)]
struct Segment {
    /// The number in its key; nothing before it is first written.
    number: Option<u32>,
    generation: u64,
    version: Option<Version>,
    activities: Vec<Activity>,
    is_changed: bool,
}

/// The activities of a portfolio, with what it takes to change them.
#[derive(Clone, Debug)]
pub(crate) struct History {
    portfolio: PortfolioId,
    head: Head,
    head_version: Option<Version>,
    segments: Vec<Segment>,
    /// The numbers and versions of segments that a change has emptied.
    emptied: Vec<(u32, Version)>,
}

impl History {
    /// Reads the history of a portfolio.
    ///
    /// Errors: a conflict if it changed while it was read, which a retry resolves.
    pub(crate) async fn read(app: &App, portfolio: PortfolioId) -> Result<Self, ServiceError> {
        let head_key = keys::activities_head(portfolio);
        let mut head = None;
        let mut stored = std::collections::HashMap::new();
        for item in listing::read_all(app, keys::activities(portfolio)).await? {
            if item.key == head_key {
                head = Some((documents::parse::<Head>(&item)?, item.version));
            } else {
                let segment = packed(&item).and_then(unpack::<Activity>);
                let (generation, activities) = segment.map_err(|reason| StoreError::corrupt(&item.key, &reason))?;
                stored.insert(item.key, (generation, activities, item.version));
            }
        }
        let Some((head, version)) = head else { return Self::read_investments(app, portfolio).await };
        let mut segments = Vec::with_capacity(head.segments.len());
        for info in &head.segments {
            let found = stored.remove(&keys::activities_segment(portfolio, info.number));
            match found {
                Some((generation, activities, version)) if generation == info.generation => segments.push(Segment {
                    number: Some(info.number),
                    generation,
                    version: Some(version),
                    activities,
                    is_changed: false,
                }),
                _ => return Err(StoreError::Conflict { write: 0 }.into()),
            }
        }
        Ok(Self { portfolio, head, head_version: Some(version), segments, emptied: Vec::new() })
    }

    /// The lots of a portfolio whose history was never changed.
    async fn read_investments(app: &App, portfolio: PortfolioId) -> Result<Self, ServiceError> {
        let activities = stored_investments::read(app, portfolio).await?;
        // A first change in between may have removed them.
        if app.table().get(&keys::activities_head(portfolio)).await?.is_some() {
            return Err(StoreError::Conflict { write: 0 }.into());
        }
        let head = Head { investments_left: !activities.is_empty(), ..Head::default() };
        let segments = segments_of(activities)?.into_iter().map(Segment::new).collect();
        Ok(Self { portfolio, head, head_version: None, segments, emptied: Vec::new() })
    }

    /// The portfolio.
    pub(crate) fn portfolio(&self) -> PortfolioId {
        self.portfolio
    }

    /// The activities in the order of recording.
    pub(crate) fn activities(&self) -> impl Iterator<Item = &Activity> {
        self.segments.iter().flat_map(|segment| &segment.activities)
    }

    /// Removes the lots that were stored before there were activities, once a change has packed them. It is no part of
    /// that change: if it does not come to its end, the next change continues it.
    pub(crate) async fn remove_packed_investments(&self, app: &App) {
        if !self.head.investments_left {
            return;
        }
        if let Err(error) = self.finish_packing(app).await {
            tracing::warn!(%error, portfolio = %self.portfolio, "packed investments are not all removed yet");
        }
    }

    async fn finish_packing(&self, app: &App) -> Result<(), ServiceError> {
        if !stored_investments::remove(app, self.portfolio).await? {
            return Ok(());
        }
        let key = keys::activities_head(self.portfolio);
        let Some((head, version)) = documents::read::<Head>(app.table(), &key).await? else { return Ok(()) };
        let body = documents::body(&key, &Head { investments_left: false, ..head })?;
        app.table().transact(vec![Write::update(key, body, version)]).await?;
        Ok(())
    }

    /// The write that makes a transaction fail if the history has changed since it was read.
    pub(crate) fn unchanged(&self) -> Write {
        Write::Check { key: keys::activities_head(self.portfolio), expect: self.head_version.into() }
    }

    /// One activity.
    ///
    /// Errors: [`ServiceError::NotFound`].
    pub(crate) fn find(&self, id: Uuid) -> Result<&Activity, ServiceError> {
        self.activities().find(|activity| activity.id == id).ok_or(ServiceError::NotFound { what: ONE })
    }

    /// Adds activities at the end.
    ///
    /// Errors: [`ServiceError::LimitReached`].
    pub(crate) fn append(&mut self, activities: Vec<Activity>) -> Result<(), ServiceError> {
        let count = self.activities().count().saturating_add(activities.len());
        if count > MAX_ACTIVITIES {
            return Err(ServiceError::LimitReached { what: WHAT, limit: MAX_ACTIVITIES });
        }
        match self.segments.last_mut().filter(|last| last.activities.len() < MAX_SEGMENT_ACTIVITIES) {
            Some(last) => {
                last.activities.extend(activities);
                last.is_changed = true;
            }
            None => self.segments.push(Segment::new(activities)),
        }
        Ok(())
    }

    /// Puts an activity in place of the one with its id.
    pub(crate) fn replace(&mut self, activity: Activity) {
        for segment in &mut self.segments {
            if let Some(before) = segment.activities.iter_mut().find(|before| before.id == activity.id) {
                *before = activity;
                segment.is_changed = true;
                return;
            }
        }
    }

    /// Removes an activity.
    pub(crate) fn remove(&mut self, id: Uuid) {
        for segment in &mut self.segments {
            let before = segment.activities.len();
            segment.activities.retain(|activity| activity.id != id);
            segment.is_changed |= segment.activities.len() < before;
        }
        let emptied = self.segments.extract_if(.., |segment| segment.activities.is_empty());
        self.emptied.extend(emptied.filter_map(|segment| segment.number.zip(segment.version)));
    }

    /// The writes that store its changes if nothing else has changed it since it was read.
    pub(crate) fn writes(&self) -> Result<Vec<Write>, ServiceError> {
        let generation = self.head.generation.saturating_add(1);
        let Head { next_segment, investments_left, .. } = self.head;
        let mut head = Head { generation, count: 0, next_segment, segments: Vec::new(), investments_left };
        let mut writes = Vec::new();
        for segment in &self.segments {
            head.count = head.count.saturating_add(segment.activities.len());
            if let (Some(number), false) = (segment.number, segment.is_changed) {
                let (generation, count) = (segment.generation, segment.activities.len());
                head.segments.push(SegmentInfo { number, generation, count });
                continue;
            }
            // The first part stays in place; what no longer fits goes into new segments behind it.
            let mut place = segment.number.zip(segment.version);
            for activities in segments_of(segment.activities.clone())? {
                let (number, expect) = if let Some((number, version)) = place.take() {
                    (number, Expect::Version(version))
                } else {
                    let number = head.next_segment;
                    head.next_segment = number.saturating_add(1);
                    (number, Expect::Absent)
                };
                let packed = pack(generation, &activities);
                let body = Body::Bytes(packed.map_err(|error| ServiceError::fault("packing activities", error))?);
                let key = keys::activities_segment(self.portfolio, number);
                writes.push(Write::Put { key, body, expires_at: None, expect });
                head.segments.push(SegmentInfo { number, generation, count: activities.len() });
            }
        }
        writes.extend(self.emptied.iter().map(|&(number, version)| Write::Delete {
            key: keys::activities_segment(self.portfolio, number),
            expect: DeleteExpect::Version(version),
        }));
        let key = keys::activities_head(self.portfolio);
        let body = documents::body(&key, &head)?;
        writes.push(Write::Put { key, body, expires_at: None, expect: self.head_version.into() });
        Ok(writes)
    }
}

impl Segment {
    /// Activities that are not stored in a segment yet.
    fn new(activities: Vec<Activity>) -> Self {
        Self { number: None, generation: 0, version: None, activities, is_changed: true }
    }
}

/// The activities in an item of a history, as they are stored; none in its head.
///
/// Errors: an item that cannot be read.
pub fn parse_stored(item: &Item) -> Result<Vec<Value>, StoreError> {
    let Ok(bytes) = packed(item) else { return Ok(Vec::new()) };
    unpack(bytes).map(|(_, activities)| activities).map_err(|reason| StoreError::corrupt(&item.key, &reason))
}

/// The bytes of a segment's item.
fn packed(item: &Item) -> Result<&[u8], String> {
    match &item.body {
        Body::Bytes(bytes) => Ok(bytes),
        Body::Json(_) => Err("text instead of bytes".to_owned()),
    }
}

fn segments_of(activities: Vec<Activity>) -> Result<Vec<Vec<Activity>>, ServiceError> {
    split_into_segments(activities).map_err(|error| ServiceError::fault("packing activities", error))
}
