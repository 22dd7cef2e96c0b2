//! The authorizer Lambda.

fn main() -> Result<(), lambda::Error> {
    lambda::on_one_thread(lambda::run_event(lambda::Engines::table(), authorizer::handle))
}
