//! What a metric is, for people.

use crate::migrate::prose::wrapped;
use crate::watch::explain::{Entry, Source, is_of_plans};

/// The longest name of a place, with two spaces around.
const COLUMN: usize = 22;

pub fn explain_text(entry: &Entry) -> String {
    let bad = if entry.below { "bad when it is low" } else { "bad when it is high" };
    let mut lines = vec![wrapped("", 2, &format!("{}: {}, {bad}", entry.name, entry.unit))];
    if !is_of_plans(entry) {
        lines.push("  plans do not know it yet".to_owned());
    }
    lines.push(wrapped("\n  ", 2, entry.what));
    lines.push("\nMeasured:".to_owned());
    lines.extend(entry.measured.iter().map(|source| wrapped(&column(source), COLUMN, source.by)));
    lines.push("\nAlarms that infra sets:".to_owned());
    let set = entry.measured.iter().filter_map(|source| Some((source, source.alarm?)));
    let alarms: Vec<_> = set.map(|(source, alarm)| wrapped(&column(source), COLUMN, alarm)).collect();
    lines.extend(if alarms.is_empty() { vec!["  none".to_owned()] } else { alarms });
    let said = [("In the warning zone", Some(entry.warning)), ("In the migrate zone", Some(entry.migrate))];
    for (title, said) in said.into_iter().chain([("Beware", entry.caution)]) {
        lines.extend(said.map(|said| format!("\n{title}:\n{}", wrapped("  ", 2, said))));
    }
    lines.join("\n") + "\n"
}

/// Each with its first sentence.
pub fn metrics_text(entries: &[Entry]) -> String {
    let short = |entry: &Entry| entry.what.split_inclusive(". ").next().unwrap_or_default().trim().to_owned();
    entries.iter().map(|entry| wrapped(&format!("{:<COLUMN$}", entry.name), COLUMN, &short(entry)) + "\n").collect()
}

fn column(source: &Source) -> String {
    format!("  {:<1$}", source.of.word(), COLUMN - 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::explain::{entries, entry};

    #[test]
    fn a_metric_on_a_terminal_of_eighty_columns() {
        let text = explain_text(entry("disk.queue_depth").unwrap());
        assert!(text.starts_with("disk.queue_depth: requests, bad when it is high\n\n  How many"), "{text}");
        assert!(text.contains("\nMeasured:\n  Lightsail host      the host itself"), "{text}");
        assert!(text.contains("  RDS                 CloudWatch, one for each limit"), "{text}");
        assert!(text.contains("\nIn the migrate zone:\n  The disk is the limit."), "{text}");
        for entry in entries() {
            let text = explain_text(entry);
            assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        }
    }

    #[test]
    fn the_list_has_every_metric_with_its_first_sentence() {
        let text = metrics_text(entries());
        assert!(text.contains("cpu.percent           How much of all processors is used.\n"), "{text}");
        assert_eq!(text.lines().filter(|line| !line.starts_with(' ')).count(), entries().len());
    }
}
