//! The live Lambda.

fn main() -> Result<(), lambda::Error> {
    let origins = lambda::allowed_origins();
    lambda::on_one_thread(lambda::run_event(lambda::engines::table_and_push, async |app: &services::App, event| {
        live::handle(app, &origins, event).await
    }))
}
