//! The operator Lambda.

fn main() -> Result<(), lambda::Error> {
    lambda::on_one_thread(lambda::run_event(
        lambda::Engines::table_of(env!("CARGO_BIN_NAME")).with_prices().with_objects().with_push().with_mail(),
        operator::handle,
    ))
}
