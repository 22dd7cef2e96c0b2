//! Rules for the project's files: consistent names, allowed imports, sizes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, MetadataCommand, Package};
use gateway::policy::{Access, POLICIES};
use gateway::registry::{FUNCTIONS, Handler};
use gateway::routes::RouteKey;
use gateway::template::{PROJECT_TEMPLATE, Template};
use serde_json::Value;

const MAX_LINES: usize = 400;
const VAGUE_NAMES: [&str; 8] = ["util", "utils", "helper", "helpers", "common", "misc", "models", "types"];

/// The allowed imports: each crate of the workspace, and the workspace crates that it may use.
const ALLOWED: [(&str, &[&str]); 30] = [
    ("domain", &[]),
    ("quant", &["domain"]),
    ("frames", &["domain"]),
    ("render", &["domain", "quant"]),
    ("store", &["domain"]),
    ("store-sqlite", &["store"]),
    ("store-dynamodb", &["store"]),
    ("traces", &["https", "store"]),
    ("objects", &["domain"]),
    ("objects-s3", &["objects"]),
    ("https", &[]),
    ("market", &["domain", "https"]),
    ("ledger", &["domain"]),
    ("import-files", &["domain", "ledger"]),
    ("valuation", &["domain", "quant"]),
    ("app", &["domain", "ledger", "quant", "store", "objects", "market"]),
    ("market-data", &["app", "domain", "ledger", "quant", "valuation", "store", "market"]),
    ("identity", &["app", "domain", "store"]),
    ("books", &["app", "market-data", "domain", "import-files", "ledger", "quant", "valuation", "store", "market"]),
    ("research", &["app", "market-data", "domain", "quant", "store", "objects"]),
    ("notifications", &["app", "market-data", "identity", "domain", "quant", "store", "market"]),
    ("refresh", &["app", "market-data", "research", "domain", "store", "market"]),
    ("accounts", &["app", "market-data", "identity", "books", "notifications", "domain", "store", "objects"]),
    ("operations", &["app", "market-data", "identity", "books", "accounts", "domain", "ledger", "store", "market"]),
    (
        "testing",
        &["app", "market-data", "identity", "books", "domain", "ledger", "store", "store-sqlite", "objects", "market"],
    ),
    ("api", &["app", "identity", "ledger", "store", "market", "domain"]),
    ("lambda", &["api", "app", "market-data", "domain", "store", "store-dynamodb", "objects", "objects-s3", "market"]),
    (
        "gateway",
        &["api", "app", "market-data", "refresh", "store", "store-sqlite", "objects", "market", "domain", "https"],
    ),
    ("tests", &["gateway", "domain", "render"]),
    ("benches", &["domain", "https", "quant", "market", "render"]),
];

/// The crates of use cases, any of which a function may use.
const USE_CASES: [&str; 9] =
    ["app", "market-data", "identity", "books", "research", "notifications", "refresh", "accounts", "operations"];

/// The engines that a function may have, and what its role and environment contain if and only if it has them.
const ENGINES: [(&str, &[&str]); 7] = [
    // A clock of files or the wall clock, which needs nothing.
    ("market_clock", &[]),
    ("prices", &["Action: ssm:GetParameter"]),
    ("objects", &["${Bucket.Arn}/"]),
    ("bus", &["Action: events:PutEvents", "EVENT_BUS_NAME: "]),
    ("push", &["Action: execute-api:ManageConnections", "LIVE_ENDPOINT:"]),
    ("mail", &["Action: ses:SendEmail", "EMAIL_CONFIGURATION_SET:"]),
    ("mail_elsewhere", &[]),
];

/// The functions that delete the topics of earlier versions.
const TOPICS: [&str; 2] = ["customers", "operator"];

/// Stands for every function in a list of crates.
const FUNCTION: &str = "functions/*";

/// External crates that only these crates may use.
const CONFINED: [(&str, &[&str]); 11] = [
    ("axum", &["api", "lambda", "gateway", FUNCTION]),
    ("lambda_http", &["api", "lambda", "gateway"]),
    ("polars", &["frames"]),
    ("printpdf", &["render"]),
    ("plotters", &["render"]),
    ("rusqlite", &["store-sqlite"]),
    ("rustls", &["https"]),
    ("aws-", &["lambda", "store-dynamodb", "objects-s3"]),
    ("metrics_cloudwatch_embedded", &["lambda"]),
    ("opentelemetry", &["traces", "testing"]),
    ("tokio-tungstenite", &["gateway"]),
];

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

pub fn template() -> Template {
    Template::parse(PROJECT_TEMPLATE).unwrap()
}

pub fn files_below(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && path.file_name().is_none_or(|name| name != "target") {
            found.extend(files_below(&path, extension));
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn folders(name: &str) -> BTreeSet<String> {
    let entries = std::fs::read_dir(root().join(name)).unwrap().map(|entry| entry.unwrap());
    let folders = entries.filter(|entry| entry.file_type().unwrap().is_dir());
    folders.map(|entry| entry.file_name().into_string().unwrap()).collect()
}

fn packages() -> Vec<Package> {
    let metadata = MetadataCommand::new().manifest_path(root().join("Cargo.toml")).no_deps().exec().unwrap();
    metadata.packages
}

fn is_function(package: &Package) -> bool {
    package.manifest_path.components().any(|part| part.as_str() == "functions")
}

#[test]
fn folders_template_registry_and_events_name_the_same_functions() {
    let functions = folders("functions");
    let of_template: BTreeSet<String> = template().functions.into_iter().map(|function| function.name).collect();
    let of_registry: BTreeSet<String> = FUNCTIONS.iter().map(|function| function.name.to_owned()).collect();
    assert_eq!(functions, of_template);
    assert_eq!(functions, of_registry);
    assert_eq!(functions, folders("events"));
}

#[test]
fn a_function_goes_by_one_name_in_its_folder_crate_and_binary() {
    for package in packages().iter().filter(|package| is_function(package)) {
        let folder = package.manifest_path.parent().unwrap().file_name().unwrap();
        assert_eq!(package.name.as_str(), folder.replace('-', "_"));
        assert!(package.targets.iter().any(|target| target.is_bin() && target.name == folder), "{folder}");
    }
}

#[test]
fn the_routes_of_the_template_are_those_of_the_api_document() {
    let document: Value = serde_json::from_str(&gateway::openapi::document().unwrap()).unwrap();
    let documented: BTreeSet<String> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, item)| {
            item.as_object().unwrap().keys().map(move |method| format!("{} {path}", method.to_uppercase()))
        })
        .collect();
    let routes = template().functions.into_iter().flat_map(|function| function.routes);
    let deployed = routes.map(|route| route.to_string()).filter(|route| route != "$default").collect();
    let in_one: Vec<_> = documented.symmetric_difference(&deployed).collect();
    assert!(in_one.is_empty(), "in only one of the handlers and template.yaml: {in_one:?}");
}

#[test]
fn every_route_has_a_declared_policy_and_is_public_in_the_template_where_the_policy_says_so() {
    let functions = template().functions;
    let written = |key: &RouteKey| key.to_string();
    let routes: BTreeSet<_> = functions.iter().flat_map(|function| function.routes.iter().map(written)).collect();
    let public: BTreeSet<_> =
        functions.iter().flat_map(|function| function.public_routes.iter().map(written)).collect();
    let declared: BTreeSet<_> = POLICIES.iter().map(|(route, _)| (*route).to_owned()).collect();
    let open = POLICIES.iter().filter(|(_, access)| *access == Access::Public).map(|(route, _)| (*route).to_owned());
    let default = || std::iter::once("$default".to_owned());
    let declared = declared.into_iter().chain(default()).collect::<BTreeSet<_>>();
    let in_one: Vec<_> = declared.symmetric_difference(&routes).collect();
    assert!(in_one.is_empty(), "in only one of policy.rs and template.yaml: {in_one:?}");
    assert_eq!(open.chain(default()).collect::<BTreeSet<_>>(), public);
    // A route that becomes public must be added here too, so that a reviewer sees it.
    let known = [
        "$default",
        "GET /",
        "GET /docs",
        "GET /docs/{file}",
        "GET /health",
        "GET /openapi.json",
        "POST /customers",
        "POST /customers/email-verification/confirm",
        "POST /customers/password-reset",
        "POST /sessions",
        "PUT /customers/password",
    ];
    assert_eq!(public, known.map(str::to_owned).into());
}

#[test]
fn operation_ids_are_unique() {
    let document: Value = serde_json::from_str(&gateway::openapi::document().unwrap()).unwrap();
    let items = document["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap().values());
    let ids: Vec<_> = items.map(|operation| operation["operationId"].as_str().unwrap().to_owned()).collect();
    let unique: BTreeSet<_> = ids.iter().collect();
    assert_eq!(unique.len(), ids.len());
}

#[test]
fn only_http_functions_have_routes_and_all_of_them_do() {
    for function in template().functions {
        let registered = FUNCTIONS.iter().find(|registered| registered.name == function.name).unwrap();
        let answers_http = matches!(registered.handler, Handler::Http { .. });
        assert_eq!(answers_http, !function.routes.is_empty(), "{}", function.name);
        let is_live = template().live_api.is_some_and(|api| api.function == function.name);
        assert_eq!(matches!(registered.handler, Handler::Live { .. }), is_live, "{}", function.name);
    }
}

#[test]
fn a_role_allows_exactly_what_its_functions_engines_need() {
    let sections: Vec<&str> = PROJECT_TEMPLATE.split("CodeUri: target/lambda/").skip(1).collect();
    assert_eq!(sections.len(), FUNCTIONS.len());
    for section in sections {
        let (name, section) = section.split_once("/\n").unwrap();
        // The log group follows the function.
        let (section, _) = section.split_once("Type: AWS::Logs::LogGroup").unwrap();
        let main = std::fs::read_to_string(root().join("functions").join(name).join("src/main.rs")).unwrap();
        let named =
            main.split_once(r#"Engines::table_of(env!("CARGO_BIN_NAME"))"#).unwrap().1.split_once(',').unwrap().0;
        let added = named.split(".with_").skip(1).map(|engine| engine.trim_end_matches(|c: char| !c.is_alphabetic()));
        let engines: BTreeSet<&str> = added.collect();
        for engine in &engines {
            assert!(ENGINES.iter().any(|(known, _)| known == engine), "{name}: {engine} has no line in ENGINES");
        }
        for (engine, granted) in ENGINES {
            for grant in granted {
                assert_eq!(section.contains(grant), engines.contains(engine), "{name} runs on {named}: {grant}");
            }
        }
    }
}

#[test]
fn only_functions_that_use_emails_or_live_connections_may_access_them() {
    let topics = "arn:${AWS::Partition}:sns:${AWS::Region}:${AWS::AccountId}:${AWS::StackName}-letters-";
    let connections = "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${LiveApi}/live";
    let stage = template().live_api.unwrap().stage;
    for section in PROJECT_TEMPLATE.split("CodeUri: target/lambda/").skip(1) {
        let (name, section) = section.split_once("/\n").unwrap();
        let words = section.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != ':');
        let allowed: BTreeSet<&str> = words.filter_map(|word| word.strip_prefix("sns:")).collect();
        let deletes = usize::from(TOPICS.contains(&name));
        assert_eq!(allowed, ["DeleteTopic"].into_iter().take(deletes).collect(), "{name}");
        // Under the stack's prefix.
        for end in ["*\n", "\n"] {
            assert_eq!(section.matches(&format!("Fn::Sub: {topics}{end}")).count(), deletes, "{name}");
        }
        // From the stack's sender alone.
        let sends = usize::from(section.contains("Action: ses:"));
        for grant in [
            "Action: ses:SendEmail\n",
            "ses:FromAddress: { Ref: EmailSender }\n",
            "configuration-set/${EmailConfigurationSet}\n",
        ] {
            assert_eq!(section.matches(grant).count(), sends, "{name}: {grant}");
        }
        let posts = usize::from(section.contains("LIVE_ENDPOINT:"));
        for method in ["POST", "DELETE"] {
            assert_eq!(
                section.matches(&format!("{connections}/{method}/@connections/*")).count(),
                posts,
                "{name}: {method}"
            );
        }
        let endpoint = format!("https://${{LiveApi}}.execute-api.${{AWS::Region}}.${{AWS::URLSuffix}}/{stage}\n");
        assert_eq!(section.matches(&endpoint).count(), posts, "{name}");
    }
}

#[test]
fn every_crate_imports_only_its_allowed_crates() {
    let packages = packages();
    let ours: BTreeSet<String> = packages.iter().map(|package| package.name.to_string()).collect();
    let functions: BTreeSet<String> =
        packages.iter().filter(|package| is_function(package)).map(|package| package.name.to_string()).collect();
    for package in &packages {
        let imported = package.dependencies.iter().filter(|dependency| dependency.kind == DependencyKind::Normal);
        for name in imported.map(|dependency| dependency.name.as_str()).filter(|name| ours.contains(*name)) {
            let allowed = if is_function(package) {
                let rendering = package.name == "report" && name == "render";
                let framing = package.name == "fetch_data" && name == "frames";
                USE_CASES.contains(&name) || ["api", "domain", "lambda"].contains(&name) || rendering || framing
            } else {
                let (_, allowed) = ALLOWED.iter().find(|(of, _)| *of == package.name.as_str()).expect("a line a crate");
                let sends_traces = ["lambda", "gateway"].contains(&package.name.as_str()) && name == "traces";
                allowed.contains(&name) || sends_traces || (package.name == "gateway" && functions.contains(name))
            };
            assert!(allowed, "{} may not import {name}", package.name);
        }
    }
}

#[test]
fn heavy_and_foreign_crates_stay_where_they_belong() {
    for package in packages() {
        let imported = package.dependencies.iter().filter(|dependency| dependency.kind == DependencyKind::Normal);
        for dependency in imported {
            for (prefix, allowed) in CONFINED {
                let confined = dependency.name.starts_with(prefix);
                let function = is_function(&package) && allowed.contains(&FUNCTION);
                let here = function || allowed.contains(&package.name.as_str());
                assert!(!confined || here, "{} may not import {}", package.name, dependency.name);
            }
        }
    }
}

#[test]
fn source_files_are_short_and_named_for_their_contents() {
    for folder in ["functions", "shared", "gateway", "tests", "benches"] {
        for path in files_below(&root().join(folder), "rs") {
            let lines = std::fs::read_to_string(&path).unwrap().lines().count();
            assert!(lines <= MAX_LINES, "{} has {lines} lines", path.display());
            let name = path.file_stem().unwrap().to_str().unwrap();
            assert!(!VAGUE_NAMES.contains(&name), "{}", path.display());
        }
    }
}

#[test]
fn the_time_limits_of_provider_calls_are_in_one_file() {
    // How long a symbol stays listed, how long a write is retried after conflicts, and how long a removal locks an
    // instrument.
    let of_their_modules = ["TERM_WITHOUT_TRACKER", "TERM_OF_A_PAIR", "RETRY_DEADLINE", "LOCK"];
    for folder in ["shared/market/src", "shared/market-data/src"] {
        let files = files_below(&root().join(folder), "rs").into_iter();
        for path in files.filter(|path| !path.ends_with("call_limits.rs")) {
            let text = std::fs::read_to_string(&path).unwrap();
            let constants = text.lines().filter_map(|line| line.trim_start_matches("pub ").strip_prefix("const "));
            for (name, rest) in constants.filter_map(|constant| constant.split_once(": ")) {
                let is_time = rest.starts_with("Duration") || rest.starts_with("TimeDelta");
                assert!(!is_time || of_their_modules.contains(&name), "{}: {name}", path.display());
            }
        }
    }
}

#[test]
fn every_instant_in_json_has_the_standard_form() {
    for folder in ["functions", "shared", "gateway"] {
        for path in files_below(&root().join(folder), "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            for item in text.split("#[derive(").skip(1) {
                let (derived, item) = item.split_once(")]").unwrap();
                if !derived.split([',', ' ', '\n']).any(|name| name == "Serialize") {
                    continue;
                }
                if item.find(';').is_some_and(|end| item.find('{').is_none_or(|start| end < start)) {
                    continue;
                }
                let lines: Vec<&str> = item.lines().map(str::trim).take_while(|line| *line != "}").collect();
                for pair in lines.windows(2).filter(|pair| pair[1].contains(": ") && pair[1].contains("DateTime<Utc>"))
                {
                    let of = format!("{}: {}", path.display(), pair[1]);
                    assert!(pair[0].starts_with("#[serde(") && pair[0].contains("instant\")]"), "{of}");
                    assert!(!pair[1].contains("Option<") || pair[0].contains("default, "), "{of}");
                }
            }
        }
    }
}

#[test]
fn no_test_is_ignored() {
    for folder in ["functions", "shared", "gateway", "tests"] {
        for path in files_below(&root().join(folder), "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let marker = concat!("#[", "ignore");
            assert!(!text.contains(marker), "{}", path.display());
        }
    }
}

#[test]
fn a_long_run_names_existing_tests() {
    let makefile = std::fs::read_to_string(root().join("Makefile")).unwrap();
    let programs = makefile.split_once("\nsoak:").unwrap().1.split_once("\n\n").unwrap().0.split("--test ").skip(1);
    let there_are: Vec<Package> = packages();
    for program in programs.map(|rest| rest.split(' ').next().unwrap()) {
        let mut targets = there_are.iter().flat_map(|package| &package.targets);
        assert!(targets.any(|target| target.is_test() && target.name == program), "{program}");
    }
    let files: Vec<PathBuf> = ["shared", "gateway"].iter().flat_map(|of| files_below(&root().join(of), "rs")).collect();
    let named = makefile.split_once("\nSOAKED := ").unwrap().1.lines().next().unwrap();
    for name in named.split(' ').map(|name| name.trim_end_matches("::")) {
        let ends = [format!("tests/{name}.rs"), format!("tests/it/{name}.rs"), format!("tests/it/{name}/mod.rs")];
        let found: Vec<_> = files.iter().filter(|file| ends.iter().any(|end| file.ends_with(end))).collect();
        let reads = |file: &&&PathBuf| std::fs::read_to_string(file).unwrap().contains("SEXTANT_SOAK_");
        assert!(found.iter().any(|file| reads(&file)), "{name} reads no number of the Makefile");
    }
}
