//! Routes of an HTTP API, and which one takes a request.
//!
//! API Gateway prefers the most specific route: a fixed segment before a `{variable}`, a variable before `{greedy+}`, a
//! route of the request's method before `ANY`, and `$default` if nothing else matches.

use std::collections::BTreeMap;
use std::fmt;

use thiserror::Error;

/// What a route is known by: `GET /fetch-data/{symbol}`, `ANY /things/{rest+}` or `$default`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RouteKey {
    /// Takes what no other route takes.
    Default,
    /// One method, or all, of one path.
    Path {
        /// Upper case; `None` for `ANY`.
        method: Option<String>,
        /// The path's segments.
        segments: Vec<Segment>,
    },
}

/// One part of a route's path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    /// This very text.
    Fixed(String),
    /// Any one segment that is not empty.
    Variable(String),
    /// Everything that is left, at the end of a path.
    Greedy(String),
}

/// Why a route is invalid.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("{method} {path} is not a valid route: {reason}")]
pub struct RouteError {
    method: String,
    path: String,
    reason: &'static str,
}

/// How well a segment fits, best first; the order is that of API Gateway.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Fixed,
    Variable,
    Greedy,
}

impl RouteKey {
    /// Reads a route from its method (or `ANY`) and path (or `$default`).
    pub fn parse(method: &str, path: &str) -> Result<Self, RouteError> {
        let refusal = |reason| RouteError { method: method.to_owned(), path: path.to_owned(), reason };
        if path == "$default" {
            return Ok(Self::Default);
        }
        let method = method.to_ascii_uppercase();
        let known = ["ANY", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];
        if !known.contains(&method.as_str()) {
            return Err(refusal("the method is unknown"));
        }
        let rest = path.strip_prefix('/').ok_or_else(|| refusal("the path does not begin with /"))?;
        let segments: Vec<Segment> = rest.split('/').map(Segment::parse).collect();
        let last = segments.len().saturating_sub(1);
        if segments.iter().take(last).any(|segment| matches!(segment, Segment::Greedy(_))) {
            return Err(refusal("only the last segment can match the rest of a path"));
        }
        let broken = |segment: &Segment| match segment {
            Segment::Fixed(text) => text.contains(['{', '}']),
            Segment::Variable(name) | Segment::Greedy(name) => {
                name.is_empty() || name.contains(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
            }
        };
        if segments.iter().any(broken) {
            return Err(refusal("a variable must be a name in braces"));
        }
        Ok(Self::Path { method: (method != "ANY").then_some(method), segments })
    }

    /// How well this route takes the request and the values of its variables; `None` when it does not.
    fn fit(&self, method: &str, path: &[&str]) -> Option<(Vec<Fit>, bool, BTreeMap<String, String>)> {
        let Self::Path { method: own, segments } = self else { return None };
        if own.as_deref().is_some_and(|own| own != method) {
            return None;
        }
        let mut fits = Vec::with_capacity(segments.len());
        let mut values = BTreeMap::new();
        for (position, segment) in segments.iter().enumerate() {
            let text = *path.get(position)?;
            match segment {
                Segment::Fixed(own) if own == text => fits.push(Fit::Fixed),
                Segment::Fixed(_) => return None,
                Segment::Variable(_) | Segment::Greedy(_) if text.is_empty() => return None,
                Segment::Variable(name) => {
                    fits.push(Fit::Variable);
                    values.insert(name.clone(), text.to_owned());
                }
                Segment::Greedy(name) => {
                    fits.push(Fit::Greedy);
                    values.insert(name.clone(), path[position..].join("/"));
                    return Some((fits, own.is_none(), values));
                }
            }
        }
        (segments.len() == path.len()).then_some((fits, own.is_none(), values))
    }
}

impl Segment {
    fn parse(text: &str) -> Self {
        let variable = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        match variable.map(|name| (name, name.strip_suffix('+'))) {
            Some((_, Some(name))) => Self::Greedy(name.to_owned()),
            Some((name, None)) => Self::Variable(name.to_owned()),
            None => Self::Fixed(text.to_owned()),
        }
    }
}

impl fmt::Display for RouteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Path { method, segments } = self else { return f.write_str("$default") };
        write!(f, "{} ", method.as_deref().unwrap_or("ANY"))?;
        for segment in segments {
            match segment {
                Segment::Fixed(text) => write!(f, "/{text}")?,
                Segment::Variable(name) => write!(f, "/{{{name}}}")?,
                Segment::Greedy(name) => write!(f, "/{{{name}+}}")?,
            }
        }
        Ok(())
    }
}

/// All routes of a platform, each with what it leads to.
#[derive(Debug)]
pub struct Routes<T> {
    routes: Vec<(RouteKey, T)>,
}

/// The route that takes a request.
#[derive(Debug)]
pub struct MatchedRoute<'a, T> {
    /// The route.
    pub key: &'a RouteKey,
    /// What it leads to.
    pub target: &'a T,
    /// The values of the path's variables.
    pub path_parameters: BTreeMap<String, String>,
}

impl<T> Routes<T> {
    /// These routes; the key comes back when two are the same.
    pub fn new(routes: Vec<(RouteKey, T)>) -> Result<Self, RouteKey> {
        for (position, (key, _)) in routes.iter().enumerate() {
            if routes[..position].iter().any(|(earlier, _)| earlier == key) {
                return Err(key.clone());
            }
        }
        Ok(Self { routes })
    }

    /// The route that takes a request of this method to this decoded path.
    #[must_use]
    pub fn take(&self, method: &str, path: &str) -> Option<MatchedRoute<'_, T>> {
        let segments: Vec<&str> = path.strip_prefix('/').unwrap_or(path).split('/').collect();
        let fitting = self.routes.iter().filter_map(|(key, target)| {
            key.fit(method, &segments).map(|(fits, any_method, values)| (fits, any_method, key, target, values))
        });
        let best = fitting.min_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
        match best {
            Some((_, _, key, target, path_parameters)) => Some(MatchedRoute { key, target, path_parameters }),
            None => self.routes.iter().find(|(key, _)| *key == RouteKey::Default).map(|(key, target)| MatchedRoute {
                key,
                target,
                path_parameters: BTreeMap::new(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes(keys: &[&str]) -> Routes<String> {
        let route = |key: &&str| {
            let (method, path) = key.split_once(' ').unwrap_or(("ANY", key));
            (RouteKey::parse(method, path).unwrap(), (*key).to_owned())
        };
        Routes::new(keys.iter().map(route).collect()).unwrap()
    }

    #[test]
    fn a_fixed_segment_wins_over_a_variable_and_that_over_a_greedy_one() {
        let routes = routes(&["GET /a/{b}", "GET /a/b", "GET /a/{rest+}", "ANY /a/b", "$default"]);
        for (method, path, key) in [
            ("GET", "/a/b", "GET /a/b"),
            ("POST", "/a/b", "ANY /a/b"),
            ("GET", "/a/c", "GET /a/{b}"),
            ("GET", "/a/c/d", "GET /a/{rest+}"),
            ("POST", "/a/c", "$default"),
            ("HEAD", "/a/c", "$default"),
            ("GET", "/a", "$default"),
            ("GET", "/a/", "$default"),
            ("GET", "/", "$default"),
            ("GET", "*", "$default"),
        ] {
            assert_eq!(routes.take(method, path).unwrap().target, key, "{method} {path}");
        }
    }

    #[test]
    fn a_routes_variables_carry_the_text_of_the_path() {
        let routes = routes(&["GET /a/{b}/c/{d}", "GET /files/{key+}"]);
        let taken = routes.take("GET", "/a/x y/c/é").unwrap();
        assert_eq!(taken.path_parameters, BTreeMap::from([("b".into(), "x y".into()), ("d".into(), "é".into())]));
        let taken = routes.take("GET", "/files/a/b/c").unwrap();
        assert_eq!(taken.path_parameters, BTreeMap::from([("key".into(), "a/b/c".into())]));
    }

    #[test]
    fn without_a_default_route_a_stray_request_is_taken_by_none() {
        assert!(routes(&["GET /a"]).take("GET", "/b").is_none());
    }

    #[test]
    fn a_key_prints_as_api_gateway_writes_it() {
        for key in ["GET /fetch-data/{symbol}", "ANY /a/{b+}", "POST /", "$default"] {
            let (method, path) = key.split_once(' ').unwrap_or(("ANY", key));
            assert_eq!(RouteKey::parse(method, path).unwrap().to_string(), key);
        }
    }

    #[test]
    fn what_api_gateway_would_not_take_is_refused() {
        for (method, path) in
            [("GET", "a"), ("FETCH", "/a"), ("GET", "/{}"), ("GET", "/{a+}/b"), ("GET", "/a{b}"), ("GET", "/{a b}")]
        {
            assert!(RouteKey::parse(method, path).is_err(), "{method} {path}");
        }
    }

    #[test]
    fn the_same_route_twice_is_refused() {
        let key = RouteKey::parse("GET", "/a").unwrap();
        assert_eq!(Routes::new(vec![(key.clone(), 1), (key.clone(), 2)]).unwrap_err(), key);
    }
}
