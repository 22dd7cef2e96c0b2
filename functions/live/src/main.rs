//! The live Lambda.

fn main() -> Result<(), lambda::Error> {
    let origins = lambda::allowed_origins();
    lambda::on_one_thread(lambda::run_event(
        lambda::Engines::table().with_market_clock().with_push(),
        async |market: &market_data::MarketData, event| live::handle(market, &origins, event).await,
    ))
}
