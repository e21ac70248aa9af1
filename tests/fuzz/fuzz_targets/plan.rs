//! Any bytes as a plan: no panic, no overflow of the stack, every finding inside the text, and what is accepted is a
//! plan that can be written down again.
#![no_main]

#[path = "../../../src/plan/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the fuzzer calls only what reads a plan")]
mod plan;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let findings = match plan::parse("plan.toml", bytes) {
        Ok(checked) => {
            survives_writing(checked.plan());
            checked.warnings().clone()
        }
        Err(findings) => {
            assert!(findings.has_errors());
            findings
        }
    };
    assert!(findings.iter().all(|finding| findings.text().get(finding.span.clone()).is_some()));
    findings.render(false, 80);
    findings.to_json();
});

/// A plan that was accepted, written and read again, is the same plan. The rules do not judge it a second time: they
/// ask what a person wrote, and defaults are written out.
fn survives_writing(plan: &plan::Plan) {
    let written = toml::to_string(plan).expect("an accepted plan can be written");
    let again: plan::Plan = toml::from_str(&written).expect("what is written can be read");
    assert_eq!(&again, plan);
}
