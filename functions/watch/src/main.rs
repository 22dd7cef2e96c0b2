//! The watch Lambda.

fn main() -> Result<(), lambda::Error> {
    lambda::on_one_thread(lambda::run_http(lambda::engines::table_prices_and_mail, watch::router))
}
