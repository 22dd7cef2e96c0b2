//! What a client reads of a failure, and what stands in the log.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

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

/// The status that an error of the store is answered with, and what is logged of it.
fn answered(error: StoreError) -> (u16, String) {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    let status = tracing::subscriber::with_default(subscriber, || Problem::from(ServiceError::Store(error)).status);
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    (status, text)
}

#[test]
fn a_lost_race_is_no_failure_of_the_store() {
    for error in [StoreError::Conflict { write: 2 }, StoreError::Throttled] {
        let (status, log) = answered(error);
        assert!(status == 503 && log.contains("INFO") && log.contains("lost a race"), "{log}");
        assert!(!log.contains("ERROR") && !log.contains("failed"), "{log}");
    }
    let (status, log) = answered(StoreError::unavailable("gone"));
    assert!(status == 503 && log.contains("ERROR") && log.contains("the store failed"), "{log}");
}

#[test]
fn a_field_error_repeats_no_more_of_a_request_than_a_person_reads() {
    let error = FieldError::new("p".repeat(100_000), "d".repeat(100_000));
    assert!(error.pointer.len() < 600 && error.detail.len() < 600);
}

#[test]
fn a_problem_repeats_no_more_of_a_request_than_a_person_reads() {
    let sent = "d".repeat(4 << 20);
    let malformed = Problem::from(ServiceError::MalformedFile { cause: format!("invalid type: string {sent:?}") });
    let field = ServiceError::Field { field: "rows", detail: sent.clone() };
    for problem in [malformed, field.into(), Problem::bad_request("malformed_json", sent)] {
        assert!(problem.body().len() < 2_000, "{} bytes", problem.body().len());
    }
}
