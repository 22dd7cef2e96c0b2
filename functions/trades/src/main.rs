//! The trades Lambda.

fn main() -> Result<(), lambda::Error> {
    lambda::on_one_thread(lambda::run_http(trades::router))
}
