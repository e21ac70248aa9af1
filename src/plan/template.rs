//! Plans to start from, as they ship in `plans/`.

/// A shipped plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Template {
    pub name: &'static str,
    pub description: &'static str,
    pub text: &'static str,
}

/// All of them, in the order of a list.
pub const TEMPLATES: &[Template] = &[
    Template {
        name: "phase1",
        description: "Phoenix ORCH: telemetry vault for 50–100 agents on one Lightsail host",
        text: include_str!("../../plans/phase1.toml"),
    },
    Template {
        name: "phoenix-single-vm",
        description: "Phoenix single-VM: metrics platform for up to 200 hosts on one EC2 instance",
        text: include_str!("../../plans/phoenix-single-vm.toml"),
    },
];

/// The text of the plan of that name.
pub fn template(name: &str) -> Option<&'static str> {
    TEMPLATES.iter().find(|template| template.name == name).map(|template| template.text)
}
