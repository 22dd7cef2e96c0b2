//! The live Lambda.

fn main() -> Result<(), lambda::Error> {
    let origins = lambda::allowed_origins();
    lambda::on_one_thread(lambda::run_event(
        lambda::Engines::table_of(env!("CARGO_BIN_NAME")).with_market_clock().with_push(),
        async |market: &market_data::MarketData, event| live::handle(market, &origins, event).await,
    ))
}
