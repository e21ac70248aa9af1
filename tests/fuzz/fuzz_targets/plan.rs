//! Any bytes as a plan: no panic, no overflow of the stack, every finding inside the text.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let findings = match infra::plan::parse("plan.toml", bytes) {
        Ok(checked) => checked.warnings().clone(),
        Err(findings) => {
            assert!(findings.has_errors());
            findings
        }
    };
    assert!(findings.iter().all(|finding| finding.span.end <= findings.text().len()));
    findings.render(false, 80);
    findings.to_json();
});
