//! The operator Lambda.

fn main() -> Result<(), lambda::Error> {
    lambda::on_one_thread(lambda::run_event(
        lambda::Engines::table().with_prices().with_objects().with_push().with_mail(),
        operator::handle,
    ))
}
