//! `make deploy` and `make destroy`: what they check first, and the whole way against an emulated AWS.
//!
//! The whole way is gone by `tests/aws/deployment.py`, and by `tests/aws/readme.py` with the commands of README.md. What
//! the emulated AWS does not have, `tests/aws/translation.py` checks in the translated template. Like make itself they need
//! the tools of the Makefile, whose folder is in `SEXTANT_TEST_TOOLS`. Without it each of these tests prints the word
//! SKIPPED, which fails `make test`.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::tidy::root;

/// The folder into which the Makefile installed its tools.
pub fn tools() -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "the test run sets where its tools are")]
    let folder = std::env::var_os("SEXTANT_TEST_TOOLS");
    if folder.is_none() {
        #[expect(clippy::print_stderr, reason = "a test that does not run says so")]
        {
            eprintln!("SKIPPED: SEXTANT_TEST_TOOLS is not set");
        }
    }
    folder.map(PathBuf::from)
}

/// What a process said, on both of its outputs.
fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The folder with the programs of the functions, which are built with the tests.
pub fn programs() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    own.ancestors().nth(2).unwrap().to_owned()
}

/// A script of `tests/aws`.
pub fn script(tools: &Path, name: &str) -> Command {
    let mut command = Command::new(tools.join("bin/python"));
    command.arg(root().join("tests/aws").join(name)).env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// Goes one of the ways of `tests/aws/deployment.py`.
fn go(scenario: &str) {
    run("deployment.py", scenario);
}

/// Makes one of the checks of `tests/aws/translation.py`.
fn check(of: &str) {
    run("translation.py", of);
}

fn run(program: &str, argument: &str) {
    let Some(tools) = tools() else { return };
    let output = script(&tools, program).arg(argument).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
}

#[test]
fn the_commands_of_the_readme_deploy_and_delete_a_stack_word_by_word() {
    let Some(tools) = tools() else { return };
    let output = script(&tools, "readme.py").arg("--programs").arg(programs()).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
}

#[test]
fn make_deploys_updates_and_deletes_prod_without_a_terminal() {
    go("lifecycle");
}

#[test]
fn a_failed_first_deployment_of_prod_is_rolled_back_and_leaves_an_empty_table() {
    go("failed-first");
}

#[test]
fn a_pipeline_deploys_prod_with_its_policy_and_may_do_nothing_else() {
    go("least-permissions");
}

#[test]
fn everything_invokes_a_function_by_its_alias_and_no_resource_waits_for_itself() {
    check("aliases");
}

#[test]
fn codedeploy_replaces_the_functions_of_prod_gradually_if_there_are_alarms_and_no_others() {
    check("canary");
}

#[test]
fn a_changed_parameter_or_property_publishes_a_version_of_every_function_and_no_change_publishes_none() {
    check("versions");
}

#[test]
fn a_pipeline_may_do_what_cloudformation_does_to_move_an_alias() {
    check("permissions");
}

/// A folder with a program `cargo` that leaves a mark.
fn marking_cargo(folder: &Path) -> PathBuf {
    let (program, mark) = (folder.join("cargo"), folder.join("built"));
    std::fs::write(&program, format!("#!/bin/sh\ntouch '{}'\n", mark.display())).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    assert!(Command::new(&program).status().unwrap().success() && mark.exists());
    std::fs::remove_file(&mark).unwrap();
    mark
}

/// make in the project, with nothing in its environment but these settings.
fn make(tools: &Path, home: &Path, arguments: &[&str], settings: &[(&str, &str)]) -> Output {
    let mut command = Command::new("make");
    command.current_dir(root()).args(arguments).arg(format!("VENV={}", tools.display())).env_clear();
    // A machine in the cloud could have credentials of its own.
    command.env("AWS_EC2_METADATA_DISABLED", "true").env("PYTHONDONTWRITEBYTECODE", "1");
    command.env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", home.display())).env("HOME", home);
    command.envs(settings.iter().copied()).output().unwrap()
}

#[test]
fn without_region_credentials_or_stage_nothing_is_built_and_the_reason_is_said() {
    let Some(tools) = tools() else { return };
    let home = tempfile::tempdir().unwrap();
    let mark = marking_cargo(home.path());
    let key = [("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "b")];
    for (arguments, settings, reason) in [
        (["deploy", "STAGE=prod"], &key[..], "no AWS region is set. Set AWS_REGION"),
        (["deploy", "STAGE=dev"], &[("AWS_REGION", "eu-central-1")], "no AWS credentials were found. Set AWS_PROFILE"),
        (["deploy", "STAGE=staging"], &[], "'staging' is no stage: STAGE is one of dev, prod"),
        (
            ["deploy", "STAGE=dev"],
            &[("AWS_PROFILE", "none"), ("AWS_REGION", "eu-central-1")],
            "(none) could not be found",
        ),
        (["destroy", "STAGE=dev"], &key[..], "no AWS region is set. Set AWS_REGION"),
    ] {
        let output = make(&tools, home.path(), &arguments, settings);
        assert!(!output.status.success() && said(&output).contains(reason), "{}", said(&output));
        assert!(!said(&output).contains("Traceback"), "{}", said(&output));
        assert!(!mark.exists(), "{arguments:?}: something was built");
    }
}

#[test]
fn make_deploy_says_what_it_changes_before_it_builds() {
    let Some(tools) = tools() else { return };
    let home = tempfile::tempdir().unwrap();
    let steps = said(&make(&tools, home.path(), &["--dry-run", "deploy", "STAGE=prod"], &[]));
    let place = |step: &str| steps.find(step).unwrap_or_else(|| panic!("no {step}: {steps}"));
    let (check, build, deploy) =
        (place("tools/stack.py check 'prod'"), place("cargo lambda build"), place("tools/stack.py deploy 'prod'"));
    assert!(check < build && build < deploy, "{steps}");
    let steps = said(&make(&tools, home.path(), &["--dry-run", "deploy", "STAGE=prod", "BUILD=no"], &[]));
    assert!(!steps.contains("cargo") && steps.contains("tools/stack.py deploy 'prod'"), "{steps}");
}

#[test]
fn no_stage_has_a_region_or_asks_a_terminal_for_confirmation() {
    let configuration = std::fs::read_to_string(root().join("samconfig.toml")).unwrap();
    let settings: Vec<_> =
        configuration.lines().filter_map(|line| line.split_once(" = ")).map(|(name, _)| name).collect();
    assert!(settings.contains(&"stack_name"), "{settings:?}");
    assert!(!settings.contains(&"region") && !settings.contains(&"confirm_changeset"), "{settings:?}");
}
