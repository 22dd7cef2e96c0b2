//! The routes and methods of the API document.

use std::sync::LazyLock;

use serde_json::Value;

/// The whole API document, as the gateway's `openapi` command wrote it.
pub(crate) const OPENAPI_JSON: &str = include_str!("../../../openapi.json");

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

struct Route {
    segments: Vec<String>,
    /// As in the `Allow` header: `GET, POST`.
    methods: String,
}

static ROUTES: LazyLock<Vec<Route>> = LazyLock::new(|| {
    let document: Value = serde_json::from_str(OPENAPI_JSON).unwrap_or_default();
    let paths = document["paths"].as_object().cloned().unwrap_or_default();
    paths
        .iter()
        .map(|(path, item)| {
            let methods = METHODS.iter().filter(|method| item.get(**method).is_some());
            Route {
                segments: path.split('/').map(str::to_owned).collect(),
                methods: methods.map(|method| method.to_uppercase()).collect::<Vec<_>>().join(", "),
            }
        })
        .collect()
});

/// The methods of the route that matches a path, as in the `Allow` header.
pub(crate) fn allowed_methods(path: &str) -> Option<&'static str> {
    let segments: Vec<&str> = path.split('/').collect();
    ROUTES.iter().find(|route| matches(&route.segments, &segments)).map(|route| route.methods.as_str())
}

fn matches(route: &[String], path: &[&str]) -> bool {
    route.len() == path.len()
        && route.iter().zip(path).all(|(segment, part)| {
            let parameter = segment.starts_with('{') && !part.is_empty();
            parameter || segment == part
        })
}
