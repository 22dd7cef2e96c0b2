//! The fields of an activity, and the headers by which other programs name them.

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldForm {
    /// A date, with or without a time.
    Date,
    /// A number.
    Number,
    /// Anything else.
    Text,
}

/// A field of a row.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name, which is that of the activity's field.
    pub name: &'static str,
    /// What it holds.
    pub form: FieldForm,
    /// Headers that name it too, normalised ([`normalised`]).
    pub synonyms: &'static [&'static str],
}

const fn date(name: &'static str, synonyms: &'static [&'static str]) -> Field {
    Field { name, form: FieldForm::Date, synonyms }
}

const fn number(name: &'static str, synonyms: &'static [&'static str]) -> Field {
    Field { name, form: FieldForm::Number, synonyms }
}

const fn text(name: &'static str, synonyms: &'static [&'static str]) -> Field {
    Field { name, form: FieldForm::Text, synonyms }
}

/// The fields that a row can have: those of an activity, and `isin`, `name`, `account` and `total`.
pub const FIELDS: &[Field] = &[
    text(
        "type",
        &["activitytype", "transactiontype", "action", "buysell", "side", "operation", "transaction", "typ", "vorgang"],
    ),
    date(
        "date",
        &["tradedate", "transactiondate", "activitydate", "purchasedate", "datetime", "dateandtime", "day", "datum"],
    ),
    text("time", &["tradetime", "uhrzeit"]),
    text("symbol", &["ticker", "tickersymbol", "assetsymbol", "code", "stock", "instrument"]),
    text("isin", &["isincode"]),
    text("name", &["securityname", "assetname", "companyname", "security", "wertpapiername", "wertpapier"]),
    number("quantity", &["qty", "shares", "units", "numberofshares", "noofshares", "stück", "anzahl"]),
    number("unit_price", &["price", "tradeprice", "shareprice", "pricepershare", "purchaseprice", "kurs", "preis"]),
    number("amount", &["grossamount", "gross", "bruttobetrag", "betrag"]),
    number("total", &["totalamount", "netamount", "net", "netcash", "nettobetrag"]),
    number("fee", &["fees", "commission", "commissions", "ibcommission", "brokerage", "gebühr", "gebühren"]),
    number("tax", &["taxes", "withholdingtax", "steuer", "steuern"]),
    text("currency", &["ccy", "currencycode", "currencyprimary", "währung"]),
    number("to_amount", &[]),
    text("to_currency", &[]),
    text("fee_currency", &[]),
    number("fx_rate", &[]),
    number("base_rate", &[]),
    text("cost_unknown", &[]),
    date("acquired_on", &["acquired", "acquisitiondate"]),
    text("ratio", &["splitratio"]),
    text("lots", &[]),
    text("reverses", &[]),
    text("note", &["notes", "comment", "comments", "memo", "remark", "remarks", "notiz"]),
    text("external_id", &["transactionid", "tradeid", "orderid", "reference", "id"]),
    text("account", &["accountname", "accountid", "konto", "depot"]),
];

/// Columns of an export of our own that are not fields of a row: what a portfolio gives its activities.
pub const GENERATED: &[&str] = &[
    "id",
    "portfolio_id",
    "import_id",
    "source",
    "created_at",
    "updated_at",
    "version",
    "instrument_currency",
    "day_rate",
    "fee_rate",
    "base_currency",
];

/// A header without case, blanks, `_`, `-` and `/`.
#[must_use]
pub fn normalised(header: &str) -> String {
    let kept = header.chars().filter(|sign| !sign.is_whitespace() && !matches!(sign, '_' | '-' | '/'));
    kept.flat_map(char::to_lowercase).collect()
}

/// The field that a header names.
#[must_use]
pub fn named(header: &str) -> Option<&'static Field> {
    let header = normalised(header);
    let is_named = |field: &&Field| normalised(field.name) == header;
    FIELDS.iter().find(is_named).or_else(|| FIELDS.iter().find(|field| field.synonyms.contains(&header.as_str())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_names_its_field_in_any_spelling() {
        for (header, field) in [
            ("unit_price", "unit_price"),
            ("Unit Price", "unit_price"),
            ("Buy/Sell", "type"),
            ("Transaction ID", "external_id"),
            ("Anzahl", "quantity"),
            ("WÄHRUNG", "currency"),
            ("purchase_date", "date"),
        ] {
            assert_eq!(named(header).map(|field| field.name), Some(field), "{header}");
        }
        assert!(named("Colour").is_none());
    }

    #[test]
    fn no_header_names_two_fields() {
        let mut all: Vec<String> = FIELDS.iter().map(|field| normalised(field.name)).collect();
        all.extend(FIELDS.iter().flat_map(|field| field.synonyms).map(|name| (*name).to_owned()));
        assert!(all.iter().all(|name| *name == normalised(name)));
        all.sort();
        let count = all.len();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
