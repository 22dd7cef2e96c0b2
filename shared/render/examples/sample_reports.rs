//! Writes the PDF and the charts of sample reports into a folder, for viewing.
//!
//! `cargo run -p render --example sample_reports -- FOLDER`

#[path = "../tests/it/samples.rs"]
mod samples;

use std::path::PathBuf;

use render::Chart;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("usage: sample_reports FOLDER")?);
    std::fs::create_dir_all(&folder)?;
    for (name, report, data) in samples::cases() {
        for chart in Chart::ALL {
            let file = format!("{name}-{}.svg", chart.name());
            std::fs::write(folder.join(file), render::svg(&report, &data, chart)?)?;
        }
        std::fs::write(folder.join(format!("{name}.pdf")), render::pdf(&report, &data)?)?;
    }
    Ok(())
}
