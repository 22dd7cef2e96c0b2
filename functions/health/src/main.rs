//! The health Lambda.

fn main() -> Result<(), lambda::Error> {
    lambda::on_one_thread(lambda::run_http(lambda::Engines::table().with_market_clock(), health::router))
}
