//! Requests from pages of other origins (CORS, in the Fetch standard), as API Gateway treats them: by the settings of the
//! template's API, for the allowed origins, and without any part of a function.

use axum::body::Bytes;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};

use crate::template::CorsSettings;

/// The CORS settings of a platform.
#[derive(Debug)]
pub struct Cors {
    origins: Vec<String>,
    methods: HeaderValue,
    headers: HeaderValue,
    exposed: HeaderValue,
    max_age: HeaderValue,
}

impl Cors {
    /// The `settings` for these origins, such as `https://app.example`; `None` if no origin is allowed.
    ///
    /// Errors: a name in the settings cannot be part of a header.
    pub fn new(settings: Option<&CorsSettings>, origins: &[String]) -> anyhow::Result<Option<Self>> {
        let Some(settings) = settings.filter(|_| !origins.is_empty()) else { return Ok(None) };
        let list = |names: &[String]| HeaderValue::from_str(&names.join(","));
        Ok(Some(Self {
            origins: origins.iter().map(|origin| origin.to_ascii_lowercase()).collect(),
            methods: list(&settings.allow_methods)?,
            headers: list(&settings.allow_headers)?,
            exposed: list(&settings.expose_headers)?,
            max_age: settings.max_age.into(),
        }))
    }

    /// The response to a preflight; `None` for every other request. For an origin that is not allowed it has no header,
    /// and the browser does not send the request that it asked for.
    #[must_use]
    pub fn preflight(&self, method: &Method, request: &HeaderMap) -> Option<Response<Bytes>> {
        if method != Method::OPTIONS || !request.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD) {
            return None;
        }
        let origin = request.get(header::ORIGIN)?;
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let headers = response.headers_mut();
        if self.allows(origin) {
            headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, self.methods.clone());
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, self.headers.clone());
            headers.insert(header::ACCESS_CONTROL_MAX_AGE, self.max_age.clone());
        }
        self.allow(request, headers);
        Some(response)
    }

    /// Adds the headers by which a browser lets a page of an allowed origin read a response.
    pub fn allow(&self, request: &HeaderMap, response: &mut HeaderMap) {
        response.append(header::VARY, HeaderValue::from_static("origin"));
        if let Some(origin) = request.get(header::ORIGIN).filter(|origin| self.allows(origin)) {
            response.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            response.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, self.exposed.clone());
        }
    }

    fn allows(&self, origin: &HeaderValue) -> bool {
        origin.to_str().is_ok_and(|origin| self.origins.contains(&origin.to_ascii_lowercase()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::{PROJECT_TEMPLATE, Template};

    fn cors(origins: &[&str]) -> Option<Cors> {
        let settings = Template::parse(PROJECT_TEMPLATE).unwrap().cors.unwrap();
        let origins: Vec<_> = origins.iter().map(|origin| (*origin).to_owned()).collect();
        Cors::new(Some(&settings), &origins).unwrap()
    }

    fn request(headers: &[(&'static str, &'static str)]) -> HeaderMap {
        headers.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn without_allowed_origins_there_are_no_settings() {
        assert!(cors(&[]).is_none());
    }

    #[test]
    fn only_a_preflight_is_answered() {
        let cors = cors(&["https://app.example"]).unwrap();
        let asks = ("access-control-request-method", "POST");
        let origin = ("origin", "https://app.example");
        assert!(cors.preflight(&Method::OPTIONS, &request(&[asks, origin])).is_some());
        for (method, headers) in [
            (Method::POST, &[asks, origin][..]),
            (Method::OPTIONS, &[asks]),
            (Method::OPTIONS, &[origin]),
            (Method::OPTIONS, &[]),
        ] {
            assert!(cors.preflight(&method, &request(headers)).is_none(), "{method} {headers:?}");
        }
    }

    #[test]
    fn only_an_allowed_origin_gets_headers() {
        let cors = cors(&["https://app.example", "http://localhost:5173"]).unwrap();
        for (origin, allowed) in [
            ("https://app.example", true),
            ("HTTPS://APP.example", true),
            ("http://localhost:5173", true),
            ("http://app.example", false),
            ("https://app.example:443", false),
            ("https://app.example.evil.example", false),
            ("null", false),
            ("", false),
        ] {
            let headers = request(&[("access-control-request-method", "POST"), ("origin", origin)]);
            let preflight = cors.preflight(&Method::OPTIONS, &headers).unwrap();
            assert_eq!(preflight.status(), 204);
            let granted = preflight.headers().get(header::ACCESS_CONTROL_ALLOW_ORIGIN);
            assert_eq!(granted.map(HeaderValue::as_bytes), allowed.then_some(origin.as_bytes()), "{origin}");
            assert_eq!(preflight.headers().contains_key(header::ACCESS_CONTROL_ALLOW_METHODS), allowed, "{origin}");
        }
    }

    #[test]
    fn a_page_may_send_and_read_the_headers_of_the_api() {
        let settings = Template::parse(PROJECT_TEMPLATE).unwrap().cors.unwrap();
        for name in ["Authorization", "Content-Type", "Idempotency-Key", "If-Match"] {
            assert!(settings.allow_headers.iter().any(|allowed| allowed == name), "{name}");
        }
        for name in ["ETag", "Location", "Retry-After", "Idempotency-Replayed", "X-Request-Id", "WWW-Authenticate"] {
            assert!(settings.expose_headers.iter().any(|exposed| exposed == name), "{name}");
        }
        for (route, _) in api::policy::POLICIES {
            let method = route.split(' ').next().unwrap();
            assert!(settings.allow_methods.iter().any(|allowed| allowed == method), "{route}");
        }
    }
}
