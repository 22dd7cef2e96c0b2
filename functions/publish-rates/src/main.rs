//! The publish-rates Lambda.

fn main() -> Result<(), lambda::Error> {
    lambda::on_one_thread(lambda::run_event(lambda::engines::table_push_and_mail, publish_rates::handle))
}
