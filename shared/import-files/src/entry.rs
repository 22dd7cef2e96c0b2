//! The activity that the cells of a row say.

use std::collections::BTreeMap;

use chrono::NaiveTime;
use domain::{Currency, Day, SplitRatio, Symbol};
use ledger::activity::{read_external_id, read_note};
use ledger::{ActivityFields, ActivityType, LotPick};
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::cells::Cells;
use crate::dates::{DateOrder, read_date, read_time_of_day};
use crate::mistakes::RowMistake;
use crate::numbers::{DecimalMark, read_number};
use crate::words::{TypeWord, is_option, type_named};

/// What a row says.
#[derive(Clone, Debug, PartialEq)]
pub enum RowContent {
    /// An activity.
    Activity(Box<Entry>),
    /// Nothing that is imported, for this reason.
    Skipped(String),
    /// Something that cannot be read: every mistake.
    Mistaken(Vec<RowMistake>),
}

/// An activity as a row says it, before its instrument is known.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its id, if the file is an export of our own.
    pub id: Option<Uuid>,
    /// The day.
    pub date: Day,
    /// The time of that day.
    pub time: Option<NaiveTime>,
    /// What happened.
    pub fields: ActivityFields,
    /// The note.
    pub note: Option<String>,
    /// Its id in the program that wrote the file.
    pub external_id: Option<String>,
    /// The column of each field.
    pub columns: BTreeMap<&'static str, String>,
    /// Fields whose numbers had more decimals than are stored, with what they were rounded to.
    pub rounded: Vec<(&'static str, String)>,
}

/// How the cells of a file are to be read.
#[derive(Clone, Debug)]
pub struct Style<'a> {
    /// The decimal mark of its numbers.
    pub mark: DecimalMark,
    /// The order of day and month in each column with dates.
    pub orders: BTreeMap<&'static str, DateOrder>,
    /// Whether it has a type in a column of its own. If not, a sale is a negative quantity.
    pub has_types: bool,
    /// Whether signs are taken as they are. If not, the type gives the direction and numbers their size.
    pub keeps_signs: bool,
    /// Symbols of the file that are another one here.
    pub symbols: &'a BTreeMap<String, String>,
}

/// A row while it is read.
struct Reading<'a> {
    cells: &'a Cells,
    style: &'a Style<'a>,
    mistakes: Vec<RowMistake>,
    rounded: Vec<(&'static str, String)>,
}

/// The activity that the cells of a row say, why it is skipped, or every mistake.
#[must_use]
pub fn read_entry(cells: &Cells, style: &Style<'_>) -> RowContent {
    let mut reading = Reading { cells, style, mistakes: Vec::new(), rounded: Vec::new() };
    if cells.text("symbol").is_some_and(is_option) {
        return RowContent::Skipped("Options are not recorded.".to_owned());
    }
    let kind = match reading.kind() {
        Ok(kind) => kind,
        Err(reason) => return RowContent::Skipped(reason.to_owned()),
    };
    let date = reading.date("date");
    if cells.get("date").is_none() {
        reading.missing("date", "is missing");
    }
    let own_time = reading.parsed("time", "is not a time of day", "Write a time such as 15:30.", read_time_of_day);
    let fields = reading.fields(kind);
    let note =
        reading.parsed("note", "is too long, or has control characters", "Shorten it to 500 characters.", |text| {
            read_note(text).ok()
        });
    let external_id = reading.parsed(
        "external_id",
        "is too long, or has control characters",
        "Shorten it to 200 characters, or leave its column out of the mapping.",
        |text| read_external_id(text).ok(),
    );
    let id = reading.parsed("id", "is not an id", "Leave the column id out.", |text| text.parse::<Uuid>().ok());
    match (date, fields) {
        (Some(date), Some(fields)) if reading.mistakes.is_empty() => RowContent::Activity(Box::new(Entry {
            id,
            date: date.day,
            time: own_time.or(date.time),
            fields,
            note: note.flatten(),
            external_id: external_id.flatten(),
            columns: cells.columns(),
            rounded: reading.rounded,
        })),
        _ => RowContent::Mistaken(reading.mistakes),
    }
}

impl Reading<'_> {
    fn note(&mut self, field: &'static str, detail: impl Into<String>, remedy: impl Into<String>) {
        let column = self.cells.column(field);
        self.mistakes.push(RowMistake { field, column, detail: detail.into(), remedy: remedy.into() });
    }

    fn missing(&mut self, field: &'static str, detail: &str) {
        self.note(field, detail, "Fill in the cell, or name the column that has it in the mapping.");
    }

    /// The type; nothing after a mistake. Errors: why the row is skipped.
    fn kind(&mut self) -> Result<Option<ActivityType>, &'static str> {
        let Some(word) = self.cells.text("type") else {
            if self.style.has_types {
                self.missing("type", "is missing");
                return Ok(None);
            }
            let quantity = self.cells.text("quantity").and_then(|cell| read_number(cell, self.style.mark).ok());
            let is_sale = quantity.is_some_and(|quantity| quantity.value.is_sign_negative());
            return Ok(Some(if is_sale { ActivityType::Sell } else { ActivityType::Buy }));
        };
        match type_named(word) {
            TypeWord::Known(kind) => return Ok(Some(kind)),
            TypeWord::Skipped(reason) => return Err(reason),
            TypeWord::NotYet(name) => {
                let remedy =
                    "Leave the row out with mistakes=skip, and import the file again when the type is recorded.";
                self.note("type", format!("activities of the type {name} are not recorded yet"), remedy);
            }
            TypeWord::Unknown => {
                let detail = format!("{word:?} is no type of an activity");
                self.note("type", detail, "Write buy, sell, transfer_in, transfer_out, adjustment or split.");
            }
        }
        Ok(None)
    }

    fn parsed<T>(
        &mut self,
        field: &'static str,
        detail: &str,
        remedy: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let parsed = parse(self.cells.text(field)?);
        if parsed.is_none() {
            self.note(field, detail, remedy);
        }
        parsed
    }

    fn date(&mut self, field: &'static str) -> Option<crate::dates::ReadDate> {
        let order = self.style.orders.get(field).copied().unwrap_or(DateOrder::DayFirst);
        let remedy = "Write a date from 1900-01-01 on, such as 2024-01-15.";
        self.parsed(field, "is not a date that exists", remedy, |text| read_date(text, order))
    }

    /// A number with its sign.
    fn number(&mut self, field: &'static str) -> Option<Decimal> {
        match read_number(self.cells.text(field)?, self.style.mark) {
            Ok(number) => {
                self.rounded.extend(number.rounded.map(|text| (field, text)));
                Some(number.value)
            }
            Err(mistake) => {
                self.note(field, mistake.to_string(), mistake.remedy());
                None
            }
        }
    }

    fn currency(&mut self, field: &'static str) -> Option<Currency> {
        self.parsed(field, "is not a currency", "Write a code such as USD.", |text| {
            text.to_ascii_uppercase().parse::<Currency>().ok()
        })
    }

    /// A number without its sign, unless the sign says something of this type.
    fn size(&mut self, field: &'static str, kind: Option<ActivityType>) -> Option<Decimal> {
        let number = self.number(field)?;
        let keeps = self.style.keeps_signs || kind == Some(ActivityType::Adjustment);
        Some(if keeps { number } else { number.abs() })
    }

    /// The same, where zero is as good as nothing.
    fn size_above_zero(&mut self, field: &'static str, kind: Option<ActivityType>) -> Option<Decimal> {
        self.size(field, kind).filter(|number| self.style.keeps_signs || !number.is_zero())
    }

    fn fields(&mut self, kind: Option<ActivityType>) -> Option<ActivityFields> {
        let symbol = self.symbol();
        let is_trade = matches!(kind, Some(ActivityType::Buy | ActivityType::Sell));
        let quantity = self.size("quantity", kind).filter(|units| is_trade || !units.is_zero());
        let unit_price = self.size_above_zero("unit_price", kind);
        let given_amount = self.size_above_zero("amount", kind);
        let total = self.size_above_zero("total", kind);
        let fee = self.size("fee", kind).unwrap_or_default();
        let tax = self.size("tax", kind).unwrap_or_default();
        let currency = self.currency("currency");
        let to_amount = self.size_above_zero("to_amount", kind);
        let to_currency = self.currency("to_currency");
        let fee_currency = self.currency("fee_currency");
        let fx_rate = self.size_above_zero("fx_rate", kind);
        let base_rate = self.size_above_zero("base_rate", kind);
        let reverses =
            self.parsed("reverses", "is not an id", "Write the id of an activity.", |text| text.parse().ok());
        let cost_unknown = self.parsed("cost_unknown", "is neither true nor false", "Write true or false.", read_flag);
        let acquired_on = self.date("acquired_on");
        let ratio = self.parsed("ratio", "is not a ratio", "Write new for old units, such as 4:1 or 1.5.", |text| {
            SplitRatio::parse(&text.replace(',', ".")).ok()
        });
        let lots = self.parsed("lots", "are not lots", "Write them as an export does.", |text| {
            serde_json::from_str::<Vec<LotPick>>(text).ok()
        });
        let kind = kind?;
        let from_total = total.filter(|_| unit_price.is_none() && given_amount.is_none() && is_trade);
        let charges = fee.checked_add(tax)?;
        let from_total = from_total.and_then(|total| match kind {
            ActivityType::Buy => total.checked_sub(charges),
            _ => total.checked_add(charges),
        });
        Some(ActivityFields {
            symbol,
            quantity,
            unit_price,
            amount: given_amount.or(from_total),
            cost_unknown: cost_unknown.unwrap_or_default(),
            fee,
            tax,
            currency,
            to_amount,
            to_currency,
            fee_currency,
            fx_rate,
            base_rate,
            reverses,
            acquired_on: acquired_on.map(|date| date.day),
            ratio,
            lots: lots.unwrap_or_default(),
            ..ActivityFields::new(kind)
        })
    }

    /// The symbol: the one that stands for the symbol, ISIN or name of the row, else the symbol itself.
    fn symbol(&mut self) -> Option<Symbol> {
        let named = ["symbol", "isin", "name"].into_iter().filter_map(|field| Some((field, self.cells.text(field)?)));
        let named: Vec<(&'static str, &str)> = named.collect();
        let ours = named.iter().find_map(|(field, theirs)| Some((*field, self.stands_for(theirs)?.clone())));
        if let Some((field, ours)) = ours {
            let symbol = ours.parse::<Symbol>();
            if symbol.is_err() {
                self.note(field, format!("stands for {ours:?} in symbols, which is no symbol"), "Correct `symbols`.");
            }
            return symbol.ok();
        }
        match named.first()? {
            ("symbol", theirs) => {
                let symbol = theirs.parse::<Symbol>();
                if let Err(error) = &symbol {
                    let remedy = format!("Name its symbol here: \"symbols\": {{{theirs:?}: \"…\"}}.");
                    self.note("symbol", error.to_string(), remedy);
                }
                symbol.ok()
            }
            (field, theirs) => {
                let remedy = format!("Name its symbol: \"symbols\": {{{theirs:?}: \"…\"}}.");
                self.note(field, format!("the row has no symbol, and {theirs:?} stands for none"), remedy);
                None
            }
        }
    }

    /// The symbol that stands for one of the file; case does not count.
    fn stands_for(&self, theirs: &str) -> Option<&String> {
        let symbols = self.style.symbols;
        symbols
            .get(theirs)
            .or_else(|| symbols.iter().find(|(known, _)| known.eq_ignore_ascii_case(theirs)).map(|(_, ours)| ours))
    }
}

fn read_flag(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "1" => Some(true),
        "false" | "no" | "0" => Some(false),
        _ => None,
    }
}
