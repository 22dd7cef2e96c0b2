//! The routes and methods of the API document.

use std::sync::LazyLock;

use axum::http::Method;
use serde_json::Value;

/// The whole API document, as the gateway's `openapi` command wrote it.
pub(crate) const OPENAPI_JSON: &str = include_str!("../../../openapi.json");

/// The methods of the document, in the order in which they are listed.
pub(crate) const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// A path of the document.
pub(crate) struct DocumentedRoute {
    /// The path as it is documented: `/backtest/{id}`.
    pub(crate) path: String,
    /// The methods as in the `Allow` header: `GET, POST`.
    pub(crate) methods: String,
}

impl DocumentedRoute {
    pub(crate) fn has(&self, method: &Method) -> bool {
        self.methods.split(", ").any(|name| name == method.as_str())
    }
}

static ROUTES: LazyLock<Vec<DocumentedRoute>> = LazyLock::new(|| {
    let document: Value = serde_json::from_str(OPENAPI_JSON).unwrap_or_default();
    let paths = document["paths"].as_object().cloned().unwrap_or_default();
    paths
        .iter()
        .map(|(path, item)| {
            let methods = METHODS.iter().filter(|method| item.get(**method).is_some());
            let methods = methods.map(|method| method.to_uppercase()).collect::<Vec<_>>().join(", ");
            DocumentedRoute { path: path.clone(), methods }
        })
        .collect()
});

/// The route that matches a path.
pub(crate) fn documented_route(path: &str) -> Option<&'static DocumentedRoute> {
    ROUTES.iter().find(|route| matches(&route.path, path))
}

fn matches(route: &str, path: &str) -> bool {
    route.split('/').count() == path.split('/').count()
        && route.split('/').zip(path.split('/')).all(|(segment, part)| {
            let is_variable = segment.starts_with('{') && !part.is_empty();
            is_variable || segment == part
        })
}
