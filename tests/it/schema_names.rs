//! Names of the API document's schemas: one type, one name.
//!
//! utoipa keeps the last of two schemas with one name and says nothing, so that a client would read one type with the
//! schema of the other.

use std::collections::BTreeMap;

use super::tidy::{files_below, root};

/// The name of a type's schema, from its attributes and its declaration.
fn name_of(item: &str) -> &str {
    let word = |text: &'static str| item.split_once(text).map(|(before, after)| (before, first_word(after)));
    let (before, declared) =
        [word("struct "), word("enum ")].into_iter().flatten().min_by_key(|of| of.0.len()).unwrap();
    before.split_once("schema(as = ").map_or(declared, |(_, published)| first_word(published))
}

fn first_word(text: &str) -> &str {
    text.split(|letter: char| !letter.is_alphanumeric() && letter != '_').next().unwrap()
}

/// The names of the schemas in a source file. A name with `{}` stands for every name with its ending.
fn schema_names(text: &str) -> Vec<&str> {
    let derived = text.split("#[derive(").skip(1).filter_map(|item| {
        let (derived, item) = item.split_once(")]")?;
        let is_schema = derived.split([',', ' ', '\n']).any(|name| name.trim_start_matches("utoipa::") == "ToSchema");
        is_schema.then(|| name_of(item))
    });
    let written = text.split("ToSchema for ").skip(1).map(|item| {
        let body = item.split_once("\n}").map_or(item, |(body, _)| body);
        body.split_once("fn name()").map_or(first_word(item), |(_, body)| body.split('"').nth(1).unwrap())
    });
    derived.chain(written).collect()
}

#[test]
fn no_two_types_have_schemas_of_one_name() {
    let mut owners: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for folder in ["functions", "shared", "gateway"] {
        for path in files_below(&root().join(folder), "rs") {
            for name in schema_names(&std::fs::read_to_string(&path).unwrap()) {
                owners.entry(name.to_owned()).or_default().push(path.display().to_string());
            }
        }
    }
    assert!(owners.len() > 100, "only {} schemas were found", owners.len());
    for (name, files) in &owners {
        assert_eq!(files.len(), 1, "{name} is the schema of several types, in {files:?}");
        let ending = owners.keys().find(|of| of.strip_prefix("{}").is_some_and(|of| name.ends_with(of)));
        assert!(name.starts_with('{') || ending.is_none(), "{name} could be taken for {ending:?}");
    }
}

#[test]
fn names_are_read_from_derives_attributes_and_implementations() {
    let text = r#"
        #[derive(Clone, Serialize, utoipa::ToSchema)]
        #[serde(rename_all = "lowercase")]
        pub enum Direction { Up }
        #[derive(Serialize, ToSchema)]
        #[schema(as = BacktestTrade, example = "x")]
        pub(crate) struct Trade { price: f64 }
        #[derive(Debug, Clone)]
        struct Other;
        impl<T: Effect> ToSchema for Preview<T> {
            fn name() -> Cow<'static, str> { format!("{}Preview", T::name()).into() }

}
        impl ToSchema for DecimalInput {}
    "#;
    assert_eq!(schema_names(text), ["Direction", "BacktestTrade", "{}Preview", "DecimalInput"]);
}

/// The fields of a struct: its attributes and comments, its declaration. An enum and a tuple have none.
fn fields(item: &str) -> Vec<(String, &str)> {
    let mut lines = item.lines().skip_while(|line| !line.contains("struct ") && !line.contains("enum "));
    if !lines.next().is_some_and(|line| line.contains("struct ") && line.ends_with('{')) {
        return Vec::new();
    }
    let (mut fields, mut before) = (Vec::new(), String::new());
    for line in lines.map(str::trim).take_while(|line| *line != "}") {
        if line.starts_with("#[") || line.starts_with("//") {
            before.push_str(line);
        } else {
            fields.push((std::mem::take(&mut before), line));
        }
    }
    fields
}

#[test]
fn a_field_that_may_be_null_is_required_in_the_document_or_left_out() {
    let mut found = 0;
    for folder in ["functions", "shared"] {
        for path in files_below(&root().join(folder), "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            for item in text.split("#[derive(").skip(1) {
                let (derived, item) = item.split_once(")]").unwrap();
                let derives = |name| derived.split([',', ' ', '\n', ':']).any(|derived| derived == name);
                if !derives("Serialize") || !derives("ToSchema") {
                    continue;
                }
                for (attributes, field) in fields(item).iter().filter(|(_, field)| field.contains(": Option<")) {
                    found += 1;
                    let left_out = attributes.contains("skip_serializing_if");
                    let required = attributes.contains("required)]") || attributes.contains("required,");
                    assert!(left_out != required, "{}: {field}", path.display());
                }
            }
        }
    }
    assert!(found > 100, "only {found} fields were found");
}
