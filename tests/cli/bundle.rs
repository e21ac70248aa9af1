//! What `plan` refuses in a bundle: at its place in the plan or in the compose file, before anything is contacted.

use anyhow::ensure;
use serde_json::Value;

use super::program::Program;

const PLAN: &str = r#"
name = "demo"
[hosts.box]
provider = "ssh"
address = "nobody@host.invalid"
[bundle]
host = "box"
source = "bundle"
"#;

/// A bundle of these files, with more lines for `[bundle]`.
fn program(compose: &str, files: &[&str], more: &str) -> anyhow::Result<Program> {
    let program = Program::new()?;
    program.write("plan.toml", format!("{PLAN}{more}"))?;
    let folder = program.folder.path().join("bundle");
    std::fs::create_dir(&folder)?;
    std::fs::write(folder.join("compose.yaml"), compose)?;
    for file in files {
        let path = folder.join(file);
        std::fs::create_dir_all(path.parent().unwrap_or(&folder))?;
        std::fs::write(path, if *file == ".gitignore" { ".env.production\nprivate\n" } else { "X=1\n" })?;
    }
    Ok(program)
}

/// Code and line of each finding, of errors alone.
fn findings(program: &Program) -> anyhow::Result<Vec<(String, u64)>> {
    let run = program.run(&["plan", "plan.toml", "--json"])?;
    if run.code != Some(2) {
        return Ok(vec![]);
    }
    let json = run.json()?;
    let list = json["findings"].as_array().cloned().unwrap_or_default();
    let error = |finding: &&Value| finding["severity"] == "error";
    let pair = |finding: &Value| {
        (finding["code"].as_str().unwrap_or_default().to_owned(), finding["line"].as_u64().unwrap_or_default())
    };
    Ok(list.iter().filter(error).map(pair).collect())
}

#[test]
fn each_refusal_has_its_place_in_the_compose_file() -> anyhow::Result<()> {
    let web = |rest: &str| format!("services:\n  web:\n    image: x\n{rest}");
    let pushed = |rest: &str| format!("services:\n  web:\n    image: x\n    build:\n{rest}");
    let push = "push = [\"web\"]\n";
    let cases: Vec<(String, &[&str], &str, &str, u64)> = vec![
        (web("    volumes:\n      - ./data:/data\n"), &[], "", "writable-bind", 5),
        (web("    volumes: [\"${PWD}/data:/data\"]\n"), &[], "", "writable-bind", 4),
        (web("    volumes:\n      - { type: bind, source: data, target: /data }\n"), &[], "", "writable-bind", 5),
        (web("    volumes:\n      - ./conf:/conf:ro\n"), &[], "", "not-sent", 5),
        (web("    volumes:\n      - ./private:/conf:ro\n"), &[".gitignore", "private/key"], "", "not-sent", 5),
        (web("    volumes:\n      - ../conf:/conf:ro\n"), &[], "", "not-sent", 5),
        (web("    env_file: .env.production\n"), &[".gitignore", ".env.production"], "", "not-sent", 4),
        (web("    env_file:\n      - path: gone.env\n"), &[], "", "not-sent", 5),
        (web("    secrets: [password]\n"), &[], "", "undefined-name", 4),
        (web("    configs:\n      - source: app\n"), &[], "", "undefined-name", 5),
        (web("    volumes: [\"kept:/data\"]\n"), &[], "", "undefined-name", 4),
        (web("    networks: [inner]\n"), &[], "", "undefined-name", 4),
        (web("    depends_on:\n      db: { condition: service_healthy }\n"), &[], "", "undefined-name", 5),
        (web("    secrets: [a]\nsecrets: { a: { external: true } }\n"), &[], "", "external-secret", 4),
        (web("    secrets: [a]\nsecrets:\n  a:\n    file: ./private/a\n"), &[], "", "not-sent", 7),
        (web("include: [other.yaml]\n"), &["other.yaml"], "", "other-file", 4),
        (web("    extends: { file: base.yaml, service: a }\n"), &["base.yaml"], "", "other-file", 4),
        (web("    extends: web\n"), &[], "", "undefined-name", 4),
        (web("    command: \"${PORT:?say where}\"\n"), &[], "", "required-variable", 4),
        (web("    command: \"echo ${1X}\"\n"), &[], "", "variable-syntax", 4),
        (web("    read_only: ${LOCKED}\n"), &[], "", "required-variable", 4),
        (web("    healthcheck:\n      retries: ${TIMES}\n"), &[], "", "required-variable", 5),
        (web("    volumes: [\"${WHERE}:/data\"]\n"), &[], "", "undefined-name", 4),
        ("services:\n  web:\n    build: .\n".into(), &[], "", "not-pushed", 3),
        (pushed("      context: .\n      dockerfile_inline: FROM x\n"), &[], push, "build-key", 6),
        (pushed("      context: https://example.com/x.git\n"), &[], push, "build-context", 5),
        (pushed("      context: gone\n"), &[], push, "build-context", 5),
        ("services:\n  web: [\n".into(), &[], "", "compose-syntax", 2),
        ("services:\n  web: image\n".into(), &[], "", "compose-shape", 2),
        ("web:\n  image: x\n".into(), &[], "", "compose-shape", 1),
    ];
    for (compose, files, more, code, line) in cases {
        let found = findings(&program(&compose, files, more)?)?;
        ensure!(found == [(code.to_owned(), line)], "expected {code} in line {line}: {found:?} in\n{compose}");
    }
    Ok(())
}

#[test]
fn what_the_plan_says_of_the_bundle_has_its_place_in_the_plan() -> anyhow::Result<()> {
    let program = Program::new()?;
    program.write("plan.toml", PLAN)?;
    ensure!(findings(&program)? == [("no-source-folder".to_owned(), 8)]);
    std::fs::create_dir(program.folder.path().join("bundle"))?;
    ensure!(findings(&program)? == [("no-source-folder".to_owned(), 8)]);
    program.write("bundle/compose.yaml", "services: { web: { image: x } }\n")?;
    program.write("bundle/compose.override.yml", "services: {}\n")?;
    ensure!(findings(&program)? == [("other-file".to_owned(), 8)]);
    program.write("bundle/.infraignore", "compose.override.yml\n")?;
    ensure!(findings(&program)?.is_empty());
    Ok(())
}

#[test]
fn what_travels_and_what_is_not_started_is_let_through() -> anyhow::Result<()> {
    let compose = r#"
services:
  web:
    image: x
    env_file: [.env, { path: gone.env, required: false }, "${INFRA_SECRETS}/A.env", conf/app.env]
    volumes: ["./conf:/conf:ro", "kept:/kept", /anonymous, "/srv/x:/x", "${INFRA_SECRETS}/A:/a:ro"]
    secrets: [a]
    configs: [{ source: b, target: /b }]
    networks: { default: , inner: }
    depends_on: { db: { condition: service_started, required: false } }
    command: "echo $$HOME ${NAME:-none}"
    profiles: []
  child:
    extends: web
  shell:
    build: { context: gone, ssh: [default] }
    volumes: ["./data:/data"]
    profiles: [tools]
volumes: { kept: }
networks: { inner: }
secrets: { a: { file: conf/app.env } }
configs: { b: { content: text } }
"#;
    let found = findings(&program(compose, &["conf/app.env"], "secrets = [\"A\"]\n")?)?;
    ensure!(found.is_empty(), "{found:?}");
    // Chosen, the third is looked at too.
    let found = findings(&program(compose, &["conf/app.env"], "profiles = [\"tools\"]\n")?)?;
    ensure!(found.iter().map(|(code, _)| code.as_str()).eq(["not-pushed", "writable-bind"]), "{found:?}");
    Ok(())
}

#[test]
fn all_findings_of_both_files_come_at_once() -> anyhow::Result<()> {
    let compose = "services:\n  web:\n    image: x\n    volumes: [\"./data:/data\"]\n    env_file: gone\n";
    let program = program(compose, &[], "push = [\"webb\"]\n")?;
    let run = program.run(&["plan", "plan.toml"])?.must(2)?;
    for part in ["plan.toml:9", "compose.yaml:4", "compose.yaml:5", "did you mean `\"web\"`"] {
        ensure!(run.err.contains(part), "no {part} in {}", run.err);
    }
    Ok(())
}

#[test]
fn an_endpoint_that_refuses_is_not_said_to_pass_by_itself() -> anyhow::Result<()> {
    let program = Program::new()?;
    program.run(&["init", "--from", "phase1"])?.must(0)?;
    let plan = program.read("plans/phase1.toml")?;
    let bundle = plan.find("[bundle]").unwrap_or(plan.len());
    program.write("plan.toml", &plan[..bundle])?;
    let run = program.run(&["plan", "plan.toml"])?.must(1)?;
    ensure!(run.err.contains("AWS_ENDPOINT_URL") && !run.err.contains("by itself"), "{}", run.err);
    Ok(())
}
