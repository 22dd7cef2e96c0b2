//! The publish-rates Lambda.

fn main() -> Result<(), lambda::Error> {
    lambda::on_one_thread(lambda::run_event(
        lambda::Engines::table_of(env!("CARGO_BIN_NAME")).with_market_clock().with_push().with_mail(),
        publish_rates::handle,
    ))
}
