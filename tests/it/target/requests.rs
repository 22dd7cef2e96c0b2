//! Requests of a caller; every response is checked against openapi.json.

use reqwest::header::{CONTENT_TYPE, IF_MATCH};
use reqwest::{Body, Method, RequestBuilder, Url};
use serde_json::Value;

use super::Target;
use crate::answer::Answer;
use crate::contract::assert_documented;

impl Target {
    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    pub async fn call(&self, method: Method, path: &str) -> Answer {
        self.send(self.request(method, path)).await
    }

    /// Sends a request with these headers in addition to the token.
    pub async fn send_with(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        let request =
            headers.iter().fold(self.request(method, path), |request, (name, value)| request.header(*name, *value));
        self.send(request.body(body)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    pub async fn post_with_key(&self, path: &str, body: &Value, key: &str) -> Answer {
        self.send(self.request(Method::POST, path).json(body).header("idempotency-key", key)).await
    }

    pub async fn post_raw(&self, path: &str, body: &str, content_type: &str) -> Answer {
        let request = self.request(Method::POST, path).body(body.to_owned());
        let request = if content_type.is_empty() { request } else { request.header(CONTENT_TYPE, content_type) };
        self.send(request).await
    }

    /// Sends a merge patch of the object at this version; without `If-Match` if `version` is empty.
    pub async fn patch(&self, path: &str, body: &Value, version: &str) -> Answer {
        let request = self.request(Method::PATCH, path).header(CONTENT_TYPE, "application/merge-patch+json").json(body);
        let request = if version.is_empty() { request } else { request.header(IF_MATCH, version) };
        self.send(request).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::PUT, path).json(body)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.call(Method::DELETE, path).await
    }

    /// Follows a link without credentials.
    pub async fn follow(&self, link: &str) -> Answer {
        self.send(self.client.get(link)).await
    }

    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let address = format!("{}{path}", self.base);
        let url: Url = address.parse().unwrap();
        let request = self.client.request(method, url);
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    pub(super) async fn send(&self, request: RequestBuilder) -> Answer {
        let request = request.build().unwrap();
        let (method, url) = (request.method().clone(), request.url().to_string());
        let described = format!("{method} {url} on {}", self.name);
        let response = self.client.execute(request).await.unwrap_or_else(|error| panic!("{described}: {error}"));
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await.unwrap().to_vec();
        let answer = Answer { status, request: described, headers, body };
        assert_documented(&self.base, &method, &url, &answer);
        answer
    }
}
