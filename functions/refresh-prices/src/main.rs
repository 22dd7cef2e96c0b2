//! The refresh-prices Lambda.

fn main() -> Result<(), lambda::Error> {
    lambda::on_one_thread(lambda::run_event(lambda::Engines::table().with_prices().with_bus(), refresh_prices::handle))
}
