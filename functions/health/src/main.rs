//! The health Lambda.

fn main() -> Result<(), lambda::Error> {
    let router = |market| health::router_for_origins(market, &lambda::allowed_origins());
    lambda::on_one_thread(lambda::run_http(lambda::Engines::table().with_market_clock(), router))
}
