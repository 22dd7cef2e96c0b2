//! The messages that are sent to one connection: one for each quote, or one for many.

use std::borrow::Cow;
use std::sync::Arc;

use app::error::ServiceError;
use market_data::quote_record::LastQuote;

use super::messages::Message;

/// The largest message of several quotes, in bytes. API Gateway accepts 128 KB, but sends and counts every 32 KB as a
/// frame of its own: larger messages would save nothing.
const MAX_BATCH_BYTES: usize = 32 << 10;
const BEFORE: &str = r#"{"type":"quotes","items":["#;
const AFTER: &str = "]}";

/// A message for a connection. What all connections share is written once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Text {
    /// A message as it is sent.
    Single(Arc<str>),
    /// The quotes of one message. Its text is written when it is sent, so that those of thousands of connections that
    /// wait take no memory.
    Batch(Vec<Arc<str>>),
}

/// A quote in both of its forms.
pub(super) struct QuoteTexts {
    /// The message with this quote alone.
    pub(super) message: Arc<str>,
    /// The quote as an item of a batch.
    pub(super) item: Arc<str>,
}

impl QuoteTexts {
    pub(super) fn of(quote: &LastQuote) -> Result<Self, ServiceError> {
        let item = serde_json::to_string(quote).map_err(|error| ServiceError::fault("quote to JSON", error))?;
        Ok(Self { message: Message::Quote(quote).text()?.into(), item: item.into() })
    }
}

/// The quotes for one connection, in both forms: it may have subscribed to some symbols with batches and to others
/// without.
#[derive(Default)]
pub(super) struct Quotes {
    messages: Vec<Arc<str>>,
    items: Vec<Arc<str>>,
}

impl Quotes {
    pub(super) fn push(&mut self, quote: &QuoteTexts, batch: bool) {
        if batch {
            self.items.push(quote.item.clone());
        } else {
            self.messages.push(quote.message.clone());
        }
    }

    /// The messages, in the order of the quotes of each form.
    pub(super) fn into_texts(self) -> Vec<Text> {
        let batches = batches(self.items, MAX_BATCH_BYTES).into_iter().map(Text::Batch);
        self.messages.into_iter().map(Text::Single).chain(batches).collect()
    }
}

impl Text {
    /// The message as JSON.
    pub(super) fn to_json(&self) -> Cow<'_, str> {
        match self {
            Self::Single(text) => Cow::Borrowed(text),
            Self::Batch(items) => Cow::Owned([BEFORE, &items.join(","), AFTER].concat()),
        }
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self::Single(text.into())
    }
}

/// The items in as few messages of at most `most_bytes` as hold them in this order. An item that is larger is alone in
/// its message.
fn batches(items: Vec<Arc<str>>, most_bytes: usize) -> Vec<Vec<Arc<str>>> {
    let mut batches: Vec<Vec<Arc<str>>> = Vec::new();
    let mut bytes = 0;
    for item in items {
        // With the comma before it.
        let more = item.len() + 1;
        match batches.last_mut() {
            Some(batch) if bytes + more <= most_bytes => batch.push(item),
            _ => {
                batches.push(vec![item]);
                bytes = BEFORE.len() + AFTER.len() - 1;
            }
        }
        bytes += more;
    }
    batches
}

#[cfg(test)]
mod tests {
    use std::iter::repeat_n;

    use domain::{Currency, Price};
    use serde_json::{Value, json};

    use super::*;

    fn sizes(items: &[&str], most_bytes: usize) -> Vec<usize> {
        let batches = batches(items.iter().map(|item| Arc::from(*item)).collect(), most_bytes);
        let texts: Vec<_> = batches.iter().map(|items| Text::Batch(items.clone())).collect();
        assert!(texts.iter().zip(&batches).all(|(text, items)| items.len() == 1 || text.to_json().len() <= most_bytes));
        batches.iter().map(Vec::len).collect()
    }

    #[test]
    fn a_batch_is_as_large_as_its_limit_allows_and_keeps_the_order() {
        let around = BEFORE.len() + AFTER.len();
        let items: Vec<&str> = repeat_n("{}", 5).collect();
        assert_eq!(sizes(&items, around + 14), [5], "five items of two bytes and four commas");
        assert_eq!(sizes(&items, around + 13), [4, 1]);
        assert_eq!(sizes(&items, around + 5), [2, 2, 1]);
        assert_eq!(sizes(&items, around), [1, 1, 1, 1, 1]);
        assert_eq!(sizes(&["{}", "\"a long one\"", "{}"], around + 5), [1, 1, 1]);
        assert!(sizes(&[], 100).is_empty());
        let text = Text::Batch(vec!["1".into(), "2".into()]).to_json().into_owned();
        assert_eq!(text, r#"{"type":"quotes","items":[1,2]}"#);
    }

    #[test]
    fn a_hundred_usual_quotes_are_one_message() {
        let quote = |number: usize| LastQuote {
            symbol: format!("SYM{number}.L").parse().unwrap(),
            price: Price::parse("12345.6789").unwrap(),
            previous_close: Some(Price::parse("12345.6789").unwrap()),
            currency: Currency::USD,
            day: "2026-11-20".parse().unwrap(),
            as_of: "2026-11-20T15:00:00Z".parse().unwrap(),
            source: "alpha_vantage".to_owned(),
            seq: 1_000_000,
            fetched_at: "2026-11-20T15:00:00Z".parse().unwrap(),
            replay: false,
        };
        let mut quotes = Quotes::default();
        for number in 0..super::super::MAX_SYMBOLS {
            quotes.push(&QuoteTexts::of(&quote(number)).unwrap(), true);
        }
        let texts = quotes.into_texts();
        let [text] = texts.as_slice() else { panic!("{} messages", texts.len()) };
        let message: Value = serde_json::from_str(&text.to_json()).unwrap();
        assert_eq!(message["type"], "quotes");
        let items = message["items"].as_array().unwrap();
        assert_eq!(items.len(), super::super::MAX_SYMBOLS);
        assert_eq!(items[7], json!(quote(7)), "an item has no type");
    }
}
