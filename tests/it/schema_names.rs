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
        let (_, body) = item.split_once("fn name()").expect("a schema by hand names itself");
        body.split('"').nth(1).unwrap()
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
    "#;
    assert_eq!(schema_names(text), ["Direction", "BacktestTrade", "{}Preview"]);
}
