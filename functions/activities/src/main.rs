//! The activities Lambda.

fn main() -> Result<(), lambda::Error> {
    lambda::on_one_thread(lambda::run_http(
        lambda::Engines::table_of(env!("CARGO_BIN_NAME")).with_prices().with_objects(),
        activities::router,
    ))
}
