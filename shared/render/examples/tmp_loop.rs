//! x
#[path = "../tests/samples/mod.rs"]
mod samples;
fn main() {
    let cases = samples::cases();
    let (_, report, data) = &cases[0];
    let n: usize = std::env::args().nth(1).unwrap().parse().unwrap();
    let mut total = 0;
    for _ in 0..n {
        total += render::pdf(report, data).unwrap().len();
    }
    println!("{total}");
}
