//! The publish-rates Lambda.

fn main() -> Result<(), lambda::Error> {
    lambda::on_one_thread(lambda::run_event(lambda::engines::table_and_channels, publish_rates::handle))
}
