//! Rules for workflows, the image and the templates of pipelines. What they do can only be run elsewhere; what can be read
//! is read here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use gateway::template::PROJECT_TEMPLATE;
use serde_json::Value;

use crate::tidy::{files_below, root};

/// The service whose permissions create resources of a type. A type is known by its longest prefix here.
const SERVICES: [(&str, &str); 19] = [
    ("AWS::ApiGateway::", "apigateway"),
    ("AWS::ApiGatewayV2::", "apigateway"),
    ("AWS::CloudWatch::", "cloudwatch"),
    ("AWS::DynamoDB::", "dynamodb"),
    ("AWS::Events::", "events"),
    ("AWS::IAM::", "iam"),
    ("AWS::Lambda::", "lambda"),
    ("AWS::Logs::", "logs"),
    ("AWS::S3::", "s3"),
    ("AWS::SES::", "ses"),
    ("AWS::SNS::", "sns"),
    ("AWS::SQS::", "sqs"),
    ("AWS::Scheduler::", "scheduler"),
    ("AWS::Serverless::Function", "lambda"),
    ("AWS::Serverless::HttpApi", "apigateway"),
    ("AWS::Serverless::StateMachine", "states"),
    ("AWS::Serverless::WebSocketApi", "apigateway"),
    ("AWS::StepFunctions::", "states"),
    ("AWS::XRay::", "xray"),
];

fn read(path: impl AsRef<Path>) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

fn yaml(path: &Path) -> Value {
    serde_saphyr::from_str(&read(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn workflows() -> Vec<PathBuf> {
    files_below(&root().join(".github/workflows"), "yml")
}

/// Every value of this key, however deep.
fn values<'a>(of: &str, within: &'a Value) -> Vec<&'a Value> {
    match within {
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(name, value)| {
                let own = (name == of).then_some(value);
                own.into_iter().chain(values(of, value))
            })
            .collect(),
        Value::Array(items) => items.iter().flat_map(|item| values(of, item)).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn every_action_is_pinned_by_one_commit_with_its_version() {
    let mut pins: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for path in workflows() {
        for line in std::fs::read_to_string(&path).unwrap().lines() {
            let Some((_, used)) = line.split_once("uses: ") else { continue };
            if used.starts_with("./") {
                assert!(root().join(used).is_file(), "{used}");
                continue;
            }
            let (action, pin) = used.split_once('@').unwrap_or_else(|| panic!("{used} is not pinned"));
            let (commit, version) = pin.split_once(" # v").unwrap_or_else(|| panic!("{used} names no version"));
            assert!(commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit()), "{used}");
            assert_eq!(version.split('.').filter(|part| part.parse::<u32>().is_ok()).count(), 3, "{used}");
            // actions/cache/restore is a part of actions/cache.
            let repository = action.splitn(3, '/').take(2).collect::<Vec<_>>().join("/");
            pins.entry(repository).or_default().insert(pin.to_owned());
        }
    }
    assert!(pins.len() >= 6, "{pins:?}");
    for (repository, pins) in pins {
        assert_eq!(pins.len(), 1, "{repository} is pinned by several commits: {pins:?}");
    }
}

#[test]
fn a_workflow_may_do_nothing_that_a_job_does_not_ask_for() {
    let paths = workflows();
    assert!(paths.len() >= 4);
    for path in paths {
        let workflow = yaml(&path);
        assert_eq!(workflow["permissions"], serde_json::json!({}), "{}", path.display());
        for (name, job) in workflow["jobs"].as_object().unwrap() {
            let granted = job["permissions"].as_object().unwrap_or_else(|| panic!("{name} names no permissions"));
            let writes: Vec<_> = granted.iter().filter(|(_, level)| *level == "write").map(|(of, _)| of).collect();
            assert!(writes.iter().all(|of| ["id-token", "packages"].contains(&of.as_str())), "{name}: {writes:?}");
            let calls = job["uses"].is_string();
            assert!(calls || job["timeout-minutes"].is_number(), "{name} has no timeout");
        }
    }
}

#[test]
fn prod_gets_the_build_of_dev_after_dev() {
    let main = yaml(Path::new(".github/workflows/main.yml"));
    let jobs = &main["jobs"];
    assert_eq!(jobs["dev"]["needs"], serde_json::json!(["checks", "build"]));
    assert_eq!(jobs["prod"]["needs"], "dev");
    for stage in ["dev", "prod"] {
        assert_eq!(jobs[stage]["uses"], "./.github/workflows/deploy.yml");
        assert_eq!(jobs[stage]["with"]["stage"], stage);
    }
    let deploy = read(".github/workflows/deploy.yml");
    assert!(deploy.contains("make deploy BUILD=no") && !deploy.contains("make build"));
    assert!(deploy.contains("environment: ${{ inputs.stage }}"), "the environment asks for the approval");
}

#[test]
fn every_pipeline_deploys_with_make_which_brings_changed_parameters_to_the_functions() {
    for path in [".github/workflows/deploy.yml", "deploy/buildspecs/deploy.yaml"] {
        assert!(read(path).contains("make deploy BUILD=no STAGE=\"$STAGE\""), "{path}");
    }
    let folders = [(".github", "yml"), ("deploy", "yaml"), ("deploy", "sh")];
    for path in folders.iter().flat_map(|(folder, extension)| files_below(&root().join(folder), extension)) {
        assert!(!std::fs::read_to_string(&path).unwrap().contains("sam deploy"), "{}", path.display());
    }
}

#[test]
fn every_file_of_the_pipelines_can_be_read() {
    let mut read = 0;
    let folders = [root().join(".github"), root().join("deploy")];
    let files = folders.iter().flat_map(|folder| ["yml", "yaml"].map(|extension| files_below(folder, extension)));
    for path in files.flatten().chain([root().join("compose.yaml")]) {
        assert!(yaml(&path).is_object(), "{}", path.display());
        read += 1;
    }
    assert!(read >= 12, "{read}");
    let container: Value = serde_json::from_str(&self::read(".devcontainer/devcontainer.json")).unwrap();
    assert!(container["image"].is_string());
    for path in files_below(&root().join("deploy"), "sh") {
        assert!(Command::new("bash").arg("-n").arg(&path).status().unwrap().success(), "{}", path.display());
        let executable = Command::new("test").arg("-x").arg(&path).status().unwrap();
        assert!(executable.success(), "{} is not executable", path.display());
    }
}

/// CloudFormation reads YAML without anchors and aliases.
#[test]
fn templates_of_pipelines_have_no_yaml_aliases() {
    for path in files_below(&root().join("deploy"), "yaml") {
        for line in std::fs::read_to_string(&path).unwrap().lines() {
            let value = line.rsplit(": ").next().unwrap_or_default();
            assert!(!value.starts_with('&') && !value.starts_with('*'), "{}: {line}", path.display());
        }
    }
}

#[test]
fn the_execution_role_may_create_every_type_of_resource_in_the_template() {
    let permissions = yaml(Path::new("deploy/permissions.yaml"));
    let statements = values("Action", &permissions["Resources"]["ExecutionRole"]["Properties"]["Policies"]);
    let actions = statements.into_iter().flat_map(|action| match action {
        Value::Array(actions) => actions.iter().filter_map(Value::as_str).collect(),
        action => action.as_str().into_iter().collect::<Vec<_>>(),
    });
    let allowed: BTreeSet<&str> = actions.filter_map(|action| action.split(':').next()).collect();
    let template: Value = serde_saphyr::from_str(PROJECT_TEMPLATE).unwrap();
    for (name, resource) in template["Resources"].as_object().unwrap() {
        let of_type = resource["Type"].as_str().unwrap();
        let known = SERVICES.iter().filter(|(prefix, _)| of_type.starts_with(prefix));
        let (_, service) = known.max_by_key(|(prefix, _)| prefix.len()).unwrap_or_else(|| {
            panic!("{name} is a {of_type}, which has no line in SERVICES");
        });
        assert!(allowed.contains(service), "deploy/permissions.yaml allows nothing of {service}, for {name}");
        // Its generated name would not begin with the stack's, to which the role is limited.
        if *service == "states" {
            let properties = &resource["Properties"];
            let given = [&properties["Name"], &properties["StateMachineName"]];
            let named = given.iter().find_map(|name| name["Fn::Sub"].as_str());
            assert!(named.is_some_and(|name| name.starts_with("${AWS::StackName}-")), "{name} needs a name");
        }
    }
    assert!(!allowed.contains("*"), "{allowed:?}");
}

/// IAM accepts at most 10,240 characters of inline policies in a role, and 6,144 in a managed policy, without white space.
#[test]
fn the_policies_of_pipelines_are_short_enough_for_iam() {
    let permissions = yaml(Path::new("deploy/permissions.yaml"));
    // What CloudFormation puts in place of a pseudo parameter is about as long as its name.
    let length = |policy: &Value| {
        let text = serde_json::to_string(&policy["PolicyDocument"]).unwrap();
        text.len() - text.matches(r#"{"Fn::Sub":"#).count() * r#"{"Fn::Sub":}"#.len()
    };
    let inline = permissions["Resources"]["ExecutionRole"]["Properties"]["Policies"].as_array().unwrap();
    let inline: usize = inline.iter().map(length).sum();
    assert!(inline < 10_240, "{inline}");
    let managed = length(&permissions["Resources"]["DeployPolicy"]["Properties"]);
    assert!(managed < 6_144, "{managed}");
}

#[test]
fn what_holds_customers_data_cannot_be_deleted_by_a_pipeline() {
    let permissions = read("deploy/permissions.yaml");
    for action in ["dynamodb:DeleteTable", "s3:DeleteBucket", "s3:DeleteObject", "dynamodb:DeleteItem"] {
        assert!(!permissions.contains(&format!("- {action}\n")), "{action}");
    }
    for wide in ["AdministratorAccess", "PowerUserAccess", "iam:*", "Action: \"*\""] {
        assert!(!permissions.contains(wide), "{wide}");
    }
}

#[test]
fn the_image_is_built_with_the_required_rust_and_runs_without_root() {
    let (dockerfile, cargo) = (read("Dockerfile"), read("Cargo.toml"));
    let required = cargo.split_once("\nrust-version = \"").unwrap().1.split_once('"').unwrap().0;
    let version = dockerfile.split_once("\nARG RUST_VERSION=").unwrap().1.lines().next().unwrap();
    assert!(version == required || version.starts_with(&format!("{required}.")), "{version} is not {required}");
    let last = dockerfile.rsplit("\nFROM ").next().unwrap();
    assert!(last.contains("\nUSER 65532:65532\n") && last.contains("\nHEALTHCHECK "), "{last}");
    let service = &yaml(Path::new("compose.yaml"))["services"]["sextant"];
    assert_eq!(service["read_only"], true);
    assert_eq!(service["cap_drop"], serde_json::json!(["ALL"]));
    assert_eq!(service["security_opt"], serde_json::json!(["no-new-privileges:true"]));
    assert!(service["ports"].as_array().unwrap().iter().all(|port| port.as_str().unwrap().starts_with("127.0.0.1:")));
    assert_eq!(service["healthcheck"]["test"], serde_json::json!(["CMD", "/usr/local/bin/sextant", "health"]));
}

#[test]
fn the_settings_of_the_compose_file_are_those_of_the_readme() {
    let readme = read("README.md");
    let table = readme.split_once("\n### Settings\n").unwrap().1.split_once("\n## ").unwrap().0;
    let compose = yaml(Path::new("compose.yaml"));
    for name in compose["services"]["sextant"]["environment"].as_object().unwrap().keys() {
        assert!(name == "RUST_LOG" || table.contains(&format!("`{name}`")), "{name}");
    }
}
