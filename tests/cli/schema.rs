//! `infra schema`, as an editor uses it: with a validator that knows nothing of infra.

use anyhow::{Context, ensure};
use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::{Value, json};

use crate::program::Program;

struct Validator {
    schemas: Schemas,
    plan: SchemaIndex,
}

impl Validator {
    fn new() -> anyhow::Result<Self> {
        let schema = Program::new()?.run(&["schema"])?.must(0)?.json()?;
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        let added = compiler.add_resource("plan.json", schema);
        added.map_err(|error| anyhow::anyhow!("{error}"))?;
        let plan = compiler.compile("plan.json", &mut schemas).map_err(|error| anyhow::anyhow!("{error}"))?;
        Ok(Self { schemas, plan })
    }

    fn complaint(&self, plan: &Value) -> Option<String> {
        self.schemas.validate(plan, self.plan).err().map(|error| error.to_string())
    }
}

fn phase1() -> anyhow::Result<Value> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/plans/phase1.toml");
    let plan: toml::Value = toml::from_str(&std::fs::read_to_string(path)?)?;
    Ok(serde_json::to_value(plan)?)
}

#[test]
fn phase_1_keeps_to_it() -> anyhow::Result<()> {
    ensure!(Validator::new()?.complaint(&phase1()?).is_none());
    Ok(())
}

/// What an editor underlines.
#[test]
fn mistakes_do_not() -> anyhow::Result<()> {
    let validator = Validator::new()?;
    let mistakes = [
        ("/hosts/vault/static_ip", json!("yes")),
        ("/hosts/vault/provider", json!("lightsale")),
        ("/hosts/vault/disks/pgdata/size_gb", json!("80")),
        ("/hosts/vault/ports/0/port", json!(99_999)),
        ("/bundle/push", json!("ingest")),
        ("/thresholds/0/metric", json!("cpu.burst")),
        ("/name", Value::Null),
    ];
    for (place, wrong) in mistakes {
        let mut plan = phase1()?;
        *plan.pointer_mut(place).with_context(|| format!("phase 1 has no {place}"))? = wrong;
        ensure!(validator.complaint(&plan).is_some(), "a mistake at {place} is not noticed");
    }
    let mut plan = phase1()?;
    plan["hosts"]["vault"]["sise"] = json!("xlarge_3_0");
    ensure!(validator.complaint(&plan).is_some(), "an unknown key is not noticed");
    Ok(())
}
