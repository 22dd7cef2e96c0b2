//! The operator Lambda.

fn main() -> Result<(), lambda::Error> {
    lambda::on_one_thread(lambda::run_event(lambda::engines::table_prices_objects_push_and_mail, operator::handle))
}
