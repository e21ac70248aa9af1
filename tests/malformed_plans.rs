//! Malformed plans: each is refused with the finding that is meant, every finding has a place inside the file, and
//! nothing panics. A case is one change to a valid plan.
#![expect(clippy::unwrap_used, reason = "helpers of tests are tests too: what fails here fails the test")]

#[path = "plans/cases.rs"]
mod cases;

use cases::{CASES, VALID};
use infra::plan::{Findings, Severity, parse};

fn changed(from: &str, to: &str) -> String {
    assert_eq!(VALID.matches(from).count(), 1, "{from:?} stands once in the valid plan");
    VALID.replacen(from, to, 1)
}

fn findings(bytes: &[u8]) -> Findings {
    match parse("plan.toml", bytes) {
        Ok(checked) => checked.warnings().clone(),
        Err(findings) => findings,
    }
}

/// Every finding has a line and a column that exist, and what a person needs to act.
fn assert_placed(findings: &Findings) {
    let lines: Vec<&str> = findings.text().split('\n').collect();
    for finding in findings.to_json().as_array().unwrap() {
        let number = |key: &str| usize::try_from(finding[key].as_u64().unwrap()).unwrap();
        let line = lines.get(number("line") - 1).unwrap_or_else(|| panic!("{finding} is below the file"));
        assert!(number("column") <= line.chars().count() + 1, "{finding} is right of its line");
        assert!(!finding["message"].as_str().unwrap().is_empty());
    }
    assert!(!findings.render(false, 100).is_empty());
    assert!(!findings.render(true, 20).is_empty());
}

#[test]
fn the_valid_plan_is_valid() {
    let findings = findings(VALID.as_bytes());
    assert!(findings.is_empty(), "{}", findings.render(false, 100));
}

#[test]
fn every_case_is_found() {
    let mut missed = Vec::new();
    for (from, to, code) in CASES {
        let findings = findings(changed(from, to).as_bytes());
        assert_placed(&findings);
        if !findings.iter().any(|finding| finding.code == *code) {
            missed.push(format!("{from:?} → {to:?} is not {code}:\n{}", findings.render(false, 100)));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
    assert!(CASES.len() >= 120, "{} cases", CASES.len());
}

/// One mistake is one finding: what follows from it is not reported as well.
#[test]
fn a_case_has_no_noise() {
    let mut noisy = Vec::new();
    for (from, to, code) in CASES {
        let findings = findings(changed(from, to).as_bytes());
        let others =
            findings.iter().filter(|finding| finding.code != *code && finding.severity == Severity::Error).count();
        if others > 0 {
            noisy.push(format!("{from:?} → {to:?}:\n{}", findings.render(false, 100)));
        }
    }
    assert!(noisy.is_empty(), "{} noisy\n{}", noisy.len(), noisy.join("\n"));
}

#[test]
fn all_findings_come_at_once() {
    let text = VALID
        .replacen("static_ip = true", "static_ip = \"yes\"\nsise = 1", 1)
        .replacen("size_gb = 80", "size_gb = 4", 1)
        .replacen("service = \"db\"", "service = 5", 1)
        .replacen("keep = \"7d\"", "keep = \"7h\"", 1);
    let codes: Vec<_> = findings(text.as_bytes()).iter().map(|finding| finding.code).collect();
    assert_eq!(codes, ["wrong-type", "unknown-key", "disk-size", "wrong-type", "keep"]);
}

#[test]
fn syntax_errors_do_not_hide_unknown_keys() {
    let text = changed("static_ip = true", "static_ip = \nsise = 1");
    let codes: Vec<_> = findings(text.as_bytes()).iter().map(|finding| finding.code).collect();
    assert!(codes.contains(&"syntax") && codes.contains(&"unknown-key"), "{codes:?}");
}

/// Findings are cut off at some number. Warnings before it must not get a plan with an error accepted.
#[test]
fn an_error_is_not_lost_among_warnings() {
    let doubtful = |n: usize| {
        format!(
            "[hosts.h{n}]\nprovider = \"ec2\"\nsize = \"t3.large\"\nimage = \"suse_15\"\n\
                 ports = [{{ port = 22, from = [\"192.0.2.0/24\"] }}]\n"
        )
    };
    let hosts: String = (0..1100).map(doubtful).collect();
    let text = changed("host = \"vault\"", "host = \"nobody\"");
    let text = text.replacen("[hosts.vault]\n", &format!("{hosts}[hosts.vault]\n"), 1);
    let refused = parse("plan.toml", text.as_bytes()).expect_err("there is no host `nobody`");
    assert!(refused.has_errors() && refused.omitted() > 0);
    assert!(refused.iter().any(|finding| finding.code == "unknown-host"), "{}", refused.summary());
}

/// What is no text, or a text that was made to break parsers.
#[test]
fn hostile_bytes_are_refused() {
    let deep = |open: &str, size: usize| format!("a = {}", open.repeat(size / open.len()));
    let dotted = vec!["a"; 40_000].join(".");
    let hostile: Vec<(Vec<u8>, &str)> = vec![
        (vec![b'['; 10 << 20], "too-large"),
        (vec![b'['; 1 << 20], "too-deep"),
        (deep("[", 1 << 19).into(), "too-deep"),
        (deep("{a=", 1 << 19).into(), "too-deep"),
        (format!("{dotted} = 1").into(), "syntax"),
        (format!("[{dotted}]").into(), "syntax"),
        (format!("x = {{ {dotted} = 1 }}").into(), "syntax"),
        ("[a]\n".repeat(100_000).into(), "syntax"),
        ("a = 1\n".repeat(100_000).into(), "syntax"),
        ((0..60_000).map(|n| format!("k{n} = 1\n")).collect::<String>().into(), "unknown-key"),
        (format!("{} = 1", "k".repeat(500_000)).into(), "unknown-key"),
        (format!("name = \"{}\"", "é".repeat(400_000)).into(), "invalid-value"),
        (format!("name = \"{}", "\\".repeat(400_000)).into(), "syntax"),
        (b"name = \"\xff\xfe\"".to_vec(), "invalid-utf8"),
        (b"\xef\xbb\xbf\xffname".to_vec(), "invalid-utf8"),
        ("name = \"a\"".encode_utf16().flat_map(u16::to_le_bytes).chain([0xff]).collect(), "invalid-utf8"),
        (b"\0\0\0\0".to_vec(), "syntax"),
        (vec![0x80; 4096], "invalid-utf8"),
        (Vec::new(), "missing-key"),
        (b"\n\n\n".to_vec(), "missing-key"),
        (b"# only a comment".to_vec(), "missing-key"),
        (b"name = \"p\"\n[[hosts]]\n".to_vec(), "wrong-type"),
        ("\u{202e}name = 1".into(), "syntax"),
        (b"name = \"\\u001b[2J\"".to_vec(), "invalid-value"),
    ];
    for (bytes, code) in hostile {
        let start = String::from_utf8_lossy(&bytes[..bytes.len().min(20)]).into_owned();
        let findings = findings(&bytes);
        assert!(findings.has_errors(), "{start:?} is accepted");
        assert!(findings.iter().any(|finding| finding.code == code), "{start:?} is not {code}: {}", findings.summary());
        assert_placed(&findings);
        let rendered = findings.render(false, 100);
        assert!(rendered.len() < 200_000, "{start:?} renders to {} bytes", rendered.len());
        assert!(!rendered.contains('\u{1b}') && !rendered.contains('\0'), "{start:?} reaches the terminal");
    }
}

/// How findings look: one of each of the more telling kinds.
#[test]
fn findings_as_a_person_reads_them() {
    let codes = [
        "syntax",
        "unknown-key",
        "missing-key",
        "wrong-type",
        "unknown-word",
        "invalid-value",
        "invalid-name",
        "out-of-range",
        "disk-size",
        "system-mount",
        "nested-mount",
        "foreign-size",
        "zone-outside-region",
        "overlapping-ports",
        "database-open",
        "unknown-host",
        "secret-and-variable",
        "one-contact",
        "limit-order",
        "keep",
    ];
    let first = |code: &str| CASES.iter().find(|(_, _, of)| *of == code).unwrap();
    let rendered = codes.map(first).map(|(from, to, _)| findings(changed(from, to).as_bytes()).render(false, 100));
    insta::assert_snapshot!("rendered", rendered.join("\n"));
}

#[test]
fn findings_as_a_program_reads_them() {
    let json = findings(changed("size_gb = 80", "size_gb = 4").as_bytes()).to_json();
    insta::assert_snapshot!("json", format!("{json:#}"));
}
