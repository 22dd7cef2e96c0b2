//! The guide to errors, docs/errors.md, made from the list of problem codes.

use std::fmt::Write as _;

use api::ProblemCode;

const INTRODUCTION: &str = "# Errors

<!-- Generated from shared/api/src/problem_code.rs by `make openapi`. Edit that file, not this one. -->

Every error response is `application/problem+json` (RFC 9457). Branch on its `code`: it is stable, and every code has one
status. [api.md](api.md#errors) describes the other fields, and which error is reported if a request has several.

In general:

- **400, 413, 415, 422**: the request is invalid. Do not resend it unchanged.
- **401**: sign in, and send the new token. **403**: not permitted; the code says why.
- **404**: the object does not exist, or is not yours.
- **409, 423**: the request is valid, but conflicts with the current state.
- **412, 428**: read the object again and send its `ETag` as `If-Match`.
- **429, 503**: wait for `Retry-After` seconds and send the same request again, with the same `Idempotency-Key`.
- **500**: an internal error. Report it with the `request_id`. If the request moves money, send it again with the same
  `Idempotency-Key`: it is executed once, whether or not the first attempt was.

## Codes

";

const NOTES: &str = "
## Responses of API Gateway

Some requests never reach a function. API Gateway (on one machine the local gateway) responds to them itself, with
`{\"message\": \"…\"}` and no code. These responses may lack `Retry-After`: increase the wait after each attempt.

| status | message | meaning |
| --- | --- | --- |
| 400 | `Bad Request` | the path, the query or the headers are malformed |
| 413 | `Request Entity Too Large` | the body is larger than API Gateway accepts: 10 MB |
| 429 | `Too Many Requests` | in AWS: more requests per second than the API accepts |
| 500 | `Internal Server Error` | the function failed |
| 503 | `Service Unavailable` | the function did not respond in time, or too many requests are being received |

The local gateway also responds with 408 to a body that arrives too slowly, and with 421 to a `Host` that it does not serve.

## Other codes

[live.md](live.md#errors) lists the error codes of live connections. Codes in `warnings`, `notes` and `unavailable` are not
errors: they qualify a figure, or state why it is missing. [prices.md](prices.md#notes) lists those of prices.
";

/// The text of docs/errors.md.
#[must_use]
pub fn guide() -> String {
    let mut page = INTRODUCTION.to_owned();
    page.push_str("| status | code | meaning | what to do |\n| --- | --- | --- | --- |\n");
    for code in ProblemCode::ALL {
        let (status, name) = (code.status().as_u16(), code.as_str());
        // Writing to a text cannot fail.
        let _ = writeln!(page, "| {status} | `{name}` | {} | {} |", code.meaning(), code.remedy());
    }
    page + NOTES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_guide_is_the_one_the_code_makes() {
        let committed = include_str!("../../docs/errors.md");
        assert!(committed == guide(), "docs/errors.md is out of date: run `make openapi`");
    }
}
