//! The customers Lambda.

fn main() -> Result<(), lambda::Error> {
    lambda::on_one_thread(lambda::run_http(lambda::engines::table_objects_push_and_mail, customers::router))
}
