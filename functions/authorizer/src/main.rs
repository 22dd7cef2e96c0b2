//! The authorizer Lambda.

fn main() -> Result<(), lambda::Error> {
    lambda::on_one_thread(lambda::run_event(lambda::Engines::table_of(env!("CARGO_BIN_NAME")), authorizer::handle))
}
