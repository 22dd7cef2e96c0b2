//! What a client receives for an error, and what is logged.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use axum::http::StatusCode;

use super::*;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The problem of an error, and what is logged.
fn problem_and_log(error: impl Into<ServiceError>) -> (Problem, String) {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    let problem = tracing::subscriber::with_default(subscriber, || Problem::from(error.into()));
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    (problem, text)
}

#[test]
fn a_conflict_is_not_logged_as_a_failure_of_the_store() {
    for error in [StoreError::Conflict { write: 2 }, StoreError::Throttled] {
        let (problem, log) = problem_and_log(error);
        assert!(problem.status == 503 && log.contains("INFO") && log.contains("conflict"), "{log}");
        assert!(!log.contains("ERROR") && !log.contains("failed"), "{log}");
    }
    let (problem, log) = problem_and_log(StoreError::unavailable("gone"));
    assert!(problem.status == 503 && log.contains("ERROR") && log.contains("the store failed"), "{log}");
}

#[test]
fn a_password_that_cannot_be_checked_is_a_503_and_a_full_queue_a_warning() {
    for (error, level) in
        [(HasherError::Overloaded, "WARN"), (HasherError::Failed("out of memory".to_owned()), "ERROR")]
    {
        let (problem, log) = problem_and_log(error);
        assert_eq!((problem.status, problem.code), (503, ProblemCode::HasherUnavailable));
        assert!(log.contains(level) && log.lines().count() == 1, "{log}");
        let response = problem.into_response();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()[header::RETRY_AFTER], "1");
    }
}

#[test]
fn a_field_error_repeats_a_bounded_part_of_the_request() {
    let error = FieldError::new("p".repeat(100_000), "d".repeat(100_000));
    assert!(error.pointer.len() < 600 && error.detail.len() < 600);
}

#[test]
fn a_problem_repeats_a_bounded_part_of_the_request() {
    let sent = "d".repeat(4 << 20);
    let malformed = Problem::from(ServiceError::MalformedFile { cause: format!("invalid type: string {sent:?}") });
    let field = ServiceError::Field { field: "rows", detail: sent.clone() };
    for problem in [malformed, field.into(), Problem::new(ProblemCode::MalformedJson, sent)] {
        assert!(problem.body().len() < 2_000, "{} bytes", problem.body().len());
    }
}
