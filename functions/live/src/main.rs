//! The live Lambda.

fn main() -> Result<(), lambda::Error> {
    lambda::on_one_thread(lambda::run_event(lambda::engines::table_and_push, async |app: &services::App, event| {
        live::handle(app, &[], event).await
    }))
}
