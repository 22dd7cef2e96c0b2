//! The price source chosen by the environment, as printed at start-up.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

/// The price source that `sextant serve` prints with these variables.
fn source(variables: &[(&str, &str)]) -> String {
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_sextant"));
    command.args(["serve", "--port", "0", "--no-schedules"]).env_clear().env("SEXTANT_HOME", home.path());
    command.envs(variables.iter().copied()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let printed = lines.take(10).find_map(|line| line.strip_prefix("Prices come from ").map(str::to_owned));
    child.kill().unwrap();
    child.wait().unwrap();
    printed.unwrap()
}

#[test]
fn yahoo_is_off_unless_switched_on_and_a_key_names_alpha_vantage() {
    let key = ("ALPHA_VANTAGE_API_KEY", "not-a-key");
    let yahoo = |switch| ("SEXTANT_YAHOO", switch);
    // (variables, whether Alpha Vantage and Yahoo are asked)
    let cases = [
        (vec![], false, false),
        (vec![yahoo("off")], false, false),
        (vec![yahoo("")], false, false),
        (vec![yahoo("on")], false, true),
        (vec![key], true, false),
        (vec![key, yahoo("on")], true, true),
    ];
    for (variables, alpha_vantage, yahoo) in cases {
        let printed = source(&variables);
        assert_eq!(
            (printed.contains("Alpha Vantage"), printed.contains("Yahoo")),
            (alpha_vantage, yahoo),
            "{variables:?}: {printed}"
        );
        assert!(!printed.contains("not-a-key"), "{printed}");
    }
}
