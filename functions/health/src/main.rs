//! The health Lambda.

fn main() -> Result<(), lambda::Error> {
    let router = |market| health::router_for_origins(market, &lambda::allowed_origins());
    lambda::on_one_thread(lambda::run_http(
        lambda::Engines::table_of(env!("CARGO_BIN_NAME")).with_market_clock(),
        router,
    ))
}
