//! The Prometheus text format, version 0.0.4.

use super::{BatchResult, Counter, Histogram, Metrics};
use std::fmt::Write;

/// What is read off at the moment of rendering.
#[derive(Debug, Default)]
pub struct Gauges {
    pub queue_batches: usize,
    pub in_flight_bytes: usize,
    pub in_flight_requests: usize,
    pub database_up: bool,
    pub writers: usize,
}

impl Metrics {
    pub fn render(&self, gauges: &Gauges) -> String {
        let mut out = String::with_capacity(4096);
        self.render_batches(&mut out);
        counter(&mut out, "ingest_rows_total", "Records committed.", &self.rows);
        counter(&mut out, "ingest_body_bytes_total", "Bytes of request bodies, as received.", &self.bytes);
        counter(&mut out, "ingest_write_retries_total", "Group transactions that were tried again.", &self.retries);
        counter(&mut out, "ingest_database_connections_total", "Database connections opened.", &self.connections);
        histogram(&mut out, "ingest_batch_seconds", "From request to answer.", &self.batch_seconds);
        histogram(&mut out, "ingest_queue_seconds", "Wait for a writer.", &self.queue_seconds);
        histogram(&mut out, "ingest_database_seconds", "Wait for the database, a group.", &self.database_seconds);
        histogram(&mut out, "ingest_group_batches", "Batches committed together.", &self.group_batches);
        gauge(&mut out, "ingest_queue_batches", "Batches waiting for a writer.", gauges.queue_batches);
        gauge(&mut out, "ingest_in_flight_bytes", "Bytes held for requests.", gauges.in_flight_bytes);
        gauge(&mut out, "ingest_in_flight_requests", "Requests being worked on.", gauges.in_flight_requests);
        gauge(&mut out, "ingest_database_up", "1 if the database answers.", usize::from(gauges.database_up));
        gauge(&mut out, "ingest_writers", "Writers, each with a connection.", gauges.writers);
        out
    }

    fn render_batches(&self, out: &mut String) {
        head(out, "ingest_batches_total", "Requests by result.", "counter");
        for result in BatchResult::ALL {
            let count = self.batches[result as usize].get();
            let _ = writeln!(out, "ingest_batches_total{{result=\"{}\"}} {count}", result.name());
        }
    }
}

fn head(out: &mut String, name: &str, help: &str, kind: &str) {
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn counter(out: &mut String, name: &str, help: &str, counter: &Counter) {
    head(out, name, help, "counter");
    let _ = writeln!(out, "{name} {}", counter.get());
}

fn gauge(out: &mut String, name: &str, help: &str, value: usize) {
    head(out, name, help, "gauge");
    let _ = writeln!(out, "{name} {value}");
}

fn histogram(out: &mut String, name: &str, help: &str, histogram: &Histogram) {
    head(out, name, help, "histogram");
    histogram.render(name, out);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_has_help_type_and_samples() {
        let metrics = Metrics::default();
        metrics.count(BatchResult::Saturated);
        metrics.rows.add(500);
        let text = metrics.render(&Gauges { database_up: true, ..Gauges::default() });
        assert!(text.contains("ingest_rows_total 500\n"));
        assert!(text.contains("ingest_batches_total{result=\"saturated\"} 1\n"));
        assert!(text.contains("ingest_database_up 1\n"));
        assert_eq!(text.matches("# HELP").count(), text.matches("# TYPE").count());
    }
}
