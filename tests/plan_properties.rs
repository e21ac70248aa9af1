//! What holds for any bytes and any answers.

use infra::plan::init::{Answers, render};
use infra::plan::{Email, Gigabytes, PlanName, Region, Schedule, Source, Span, parse};
use proptest::prelude::*;

const SHIPPED: &str = include_str!("../plans/phase1.toml");

/// Parses and renders; the only promise is to come back, with places inside the file.
fn survives(bytes: &[u8]) {
    if let Err(findings) = parse("plan.toml", bytes) {
        assert!(findings.has_errors());
        assert!(findings.iter().all(|finding| finding.span.end <= findings.text().len()));
        findings.render(true, 80);
        findings.to_json();
    }
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        survives(&bytes);
    }

    #[test]
    fn any_text_is_survived(text in "[a-z\\[\\]{}=\"'.,#\\n 0-9é\u{202e}\\\\-]{0,400}") {
        survives(text.as_bytes());
    }

    #[test]
    fn a_mutilated_plan_is_survived(
        cut in 0..SHIPPED.len(), length in 0_usize..60, insert in "[\\PC\\n\\t\\x00]{0,12}", again in 0..SHIPPED.len(),
    ) {
        let mut bytes = SHIPPED.as_bytes().to_vec();
        let end = (cut + length).min(bytes.len());
        bytes.splice(cut..end, insert.bytes());
        let end = (again + length).min(bytes.len());
        let moved = bytes[again.min(end)..end].to_vec();
        bytes.splice(cut.min(bytes.len())..cut.min(bytes.len()), moved);
        survives(&bytes);
    }

    #[test]
    fn a_first_plan_is_valid(
        name in "[a-z]([a-z0-9-]{0,18}[a-z0-9])?", agents in any::<u32>(), disk_gb in 8_u32..=16_000,
        email in prop::option::of("[a-z.+]{1,10}@[a-z]{1,8}\\.com"), address in any::<[u8; 4]>(), prefix in 1_u8..=32,
        source in "\\PC{1,40}",
    ) {
        let net = ipnet::Ipv4Net::new(address.into(), prefix).unwrap().trunc();
        let answers = Answers {
            name: PlanName::parse(&name).unwrap(),
            region: Region::parse("eu-central-1").unwrap(),
            agents,
            disk_gb: Gigabytes(disk_gb),
            email: email.map(|email| Email::parse(&email).unwrap()),
            ssh_from: Source::parse(&net.to_string()).unwrap(),
            source,
        };
        let text = render(&answers);
        if let Err(findings) = parse("plan.toml", text.as_bytes()) {
            panic!("{}", findings.render(false, 100));
        }
    }

    #[test]
    fn spans_read_as_they_are_written(seconds in 0_u64..1_000_000_000) {
        let span = Span::from_secs(seconds);
        prop_assert_eq!(Span::parse(&span.to_string()).unwrap(), span);
    }

    #[test]
    fn schedules_read_as_they_are_written(
        text in "hourly|every [1-9][0-9]{0,3}s|daily (0[0-9]|1[0-9]|2[0-3]):[0-5][0-9]|weekly (mon|sun) 02:00",
    ) {
        let schedule = Schedule::parse(&text).unwrap();
        prop_assert_eq!(Schedule::parse(&schedule.to_string()).unwrap(), schedule);
    }
}
