//! The refresh-prices Lambda.

fn main() -> Result<(), lambda::Error> {
    lambda::on_one_thread(lambda::run_event(lambda::engines::table_prices_and_bus, refresh_prices::handle))
}
