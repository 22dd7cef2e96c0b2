//! The sessions Lambda.

fn main() -> Result<(), lambda::Error> {
    lambda::on_one_thread(lambda::run_http(lambda::engines::table_and_push, sessions::router))
}
