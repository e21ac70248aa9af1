//! docs/permissions.md names every call that the code makes, and no call that it does not make.

use std::collections::BTreeSet;

use super::{files, repository};

const PAGE: &str = "docs/permissions.md";
/// The first word of each operation's name, in the code's own list of calls: what it says when one fails.
const VERBS: [&str; 31] = [
    "Add",
    "Allocate",
    "Associate",
    "Attach",
    "Authorize",
    "Create",
    "Delete",
    "Describe",
    "Detach",
    "Disassociate",
    "Get",
    "Import",
    "Is",
    "List",
    "Modify",
    "Peer",
    "Put",
    "Reboot",
    "Release",
    "Remove",
    "Replace",
    "Reset",
    "Revoke",
    "Run",
    "Send",
    "Start",
    "Stop",
    "Subscribe",
    "Terminate",
    "Unpeer",
    "Unsubscribe",
];
/// What AWS asks for beside the call itself: tags that are given with a call, keys, secrets and roles that a service makes.
const BESIDE: [&str; 12] = [
    "cloudwatch:TagResource",
    "ec2:CreateTags",
    "iam:CreateServiceLinkedRole",
    "iam:PassRole",
    "iam:TagInstanceProfile",
    "iam:TagRole",
    "kms:DescribeKey",
    "lightsail:TagResource",
    "rds:AddTagsToResource",
    "secretsmanager:CreateSecret",
    "secretsmanager:TagResource",
    "sns:TagResource",
];

/// Names of operations that stand in a source, in quotes.
fn operations(source: &str) -> BTreeSet<String> {
    let quoted = source.split('"').skip(1).step_by(2);
    quoted.filter(|text| is_operation(text)).map(str::to_owned).collect()
}

fn is_operation(text: &str) -> bool {
    let verb = VERBS.iter().find_map(|verb| text.strip_prefix(verb));
    let object = |rest: &str| rest.is_empty() || rest.starts_with(|c: char| c.is_ascii_uppercase());
    verb.is_some_and(object) && text.chars().all(|c| c.is_ascii_alphanumeric())
}

/// The actions of a page's policies.
fn actions(page: &str) -> BTreeSet<String> {
    let blocks = page.split("```json").skip(1).map(|rest| rest.split("```").next().unwrap());
    let policies = blocks.map(|block| serde_json::from_str::<serde_json::Value>(block).expect("a policy is JSON"));
    let statements = policies.flat_map(|policy| policy["Statement"].as_array().unwrap().clone());
    let lists = statements.flat_map(|statement| statement["Action"].as_array().unwrap().clone());
    lists.map(|action| action.as_str().unwrap().to_owned()).collect()
}

fn called() -> BTreeSet<String> {
    let sources = files(&["rs"]).into_iter().filter(|path| {
        path.starts_with("src/cloud") && !path.starts_with("src/cloud/fake") && !path.ends_with("errors.rs")
    });
    let texts = sources.map(|path| std::fs::read_to_string(repository().join(path)).unwrap());
    texts.flat_map(|text| operations(&text)).collect()
}

#[test]
fn every_call_is_named_and_nothing_else() {
    let page = std::fs::read_to_string(repository().join(PAGE)).unwrap();
    let (called, actions) = (called(), actions(&page));
    assert!(called.len() > 60, "the walk finds the calls: {called:?}");
    let name = |action: &String| action.split_once(':').unwrap().1.to_owned();
    let named: BTreeSet<_> = actions.iter().map(name).collect();
    let missing: Vec<_> = called.difference(&named).collect();
    assert!(missing.is_empty(), "{PAGE} does not name {missing:?}");
    let idle = |action: &&String| !BESIDE.contains(&action.as_str()) && !called.contains(&name(action));
    let idle: Vec<_> = actions.iter().filter(idle).collect();
    assert!(idle.is_empty(), "{PAGE} names what is never called: {idle:?}");
}

#[test]
fn calls_and_actions_are_found() {
    let source =
        r#"error("CreateDBInstance", e); kind("NotFound"); read("DescribeVpcs", &[("Key", "Value")]); ("Subscribe")"#;
    assert_eq!(operations(source).into_iter().collect::<Vec<_>>(), ["CreateDBInstance", "DescribeVpcs", "Subscribe"]);
    let page = "```json\n{ \"Statement\": [{ \"Action\": [\"rds:CreateDBInstance\"] }] }\n```";
    assert_eq!(actions(page).into_iter().collect::<Vec<_>>(), ["rds:CreateDBInstance"]);
}
