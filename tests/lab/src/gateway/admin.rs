//! `/_lab`: for tests and whoever runs the lab. README lists the routes.

use std::sync::{Arc, PoisonError};

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post, put};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::dispatch::Gate;
use super::rules::Rule;
use crate::settings::Settings;

pub fn router(gate: Arc<Gate>) -> Router {
    Router::new()
        .route("/_lab/health", get(|| async { Json(json!({ "status": "ok" })) }))
        .route("/_lab/calls", get(calls).delete(clear_calls))
        .route("/_lab/settings", get(settings).put(set_settings))
        .route("/_lab/latency", put(set_latency))
        .route("/_lab/rules", get(rules).post(add_rule).delete(remove_rules))
        .route("/_lab/rules/{id}", delete(remove_rule))
        .route("/_lab/holds", get(holds))
        .route("/_lab/holds/{id}/release", post(release))
        .route("/_lab/violations", get(violations))
        .route("/_lab/inventory", get(inventory))
        .route("/_lab/metrics", post(set_metric))
        .route("/_lab/contact", put(set_contact))
        .route("/_lab/ec2/event", put(set_event))
        .route("/_lab/ec2/interrupt", post(interrupt))
        .route("/_lab/operations/resume", post(resume))
        .route("/_lab/reset", post(reset))
        .with_state(gate)
}

type Gated = State<Arc<Gate>>;

async fn calls(State(gate): Gated) -> Response {
    Json(gate.calls.summary()).into_response()
}

async fn clear_calls(State(gate): Gated) -> Json<Value> {
    gate.calls.clear();
    done()
}

async fn settings(State(gate): Gated) -> Json<Settings> {
    Json(gate.settings.read().unwrap_or_else(PoisonError::into_inner).clone())
}

/// Members that are left out stay as they are.
async fn set_settings(State(gate): Gated, Json(changes): Json<Value>) -> Response {
    let mut settings = gate.settings.write().unwrap_or_else(PoisonError::into_inner);
    let mut merged = json!(*settings);
    merge(&mut merged, &changes);
    match serde_json::from_value::<Settings>(merged) {
        Ok(new) => {
            *settings = new.clone();
            Json(new).into_response()
        }
        Err(error) => refused(&error.to_string()),
    }
}

fn merge(into: &mut Value, changes: &Value) {
    for (name, change) in changes.as_object().into_iter().flatten() {
        match &mut into[name.as_str()] {
            member if member.is_object() && change.is_object() => merge(member, change),
            member => *member = change.clone(),
        }
    }
}

#[derive(Deserialize)]
struct Latency {
    ms: u64,
}

async fn set_latency(State(gate): Gated, Json(latency): Json<Latency>) -> Json<Value> {
    gate.settings.write().unwrap_or_else(PoisonError::into_inner).latency_ms = latency.ms;
    done()
}

async fn rules(State(gate): Gated) -> Json<Value> {
    Json(gate.rules.list())
}

async fn add_rule(State(gate): Gated, Json(rule): Json<Rule>) -> Json<Value> {
    Json(json!({ "id": gate.rules.add(rule) }))
}

async fn remove_rules(State(gate): Gated) -> Json<Value> {
    gate.rules.remove(None);
    done()
}

async fn remove_rule(State(gate): Gated, Path(id): Path<u64>) -> Response {
    found(gate.rules.remove(Some(id)))
}

async fn holds(State(gate): Gated) -> Json<Value> {
    Json(gate.holds.list())
}

async fn release(State(gate): Gated, Path(id): Path<u64>) -> Response {
    found(gate.holds.release(id))
}

async fn violations(State(gate): Gated) -> Response {
    Json(gate.violations.summary()).into_response()
}

async fn inventory(State(gate): Gated) -> Json<Value> {
    let mut all = gate.lightsail.inventory();
    merge(&mut all, &gate.ec2.inventory());
    Json(all)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetMetric {
    #[serde(default = "default_region")]
    region: String,
    instance: String,
    metric: String,
    /// Left out: back to what is measured.
    value: Option<f64>,
}

fn default_region() -> String {
    "us-east-1".into()
}

async fn set_metric(State(gate): Gated, Json(set): Json<SetMetric>) -> Response {
    answered(gate.lightsail.set_metric(&set.region, &set.instance, &set.metric, set.value))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetContact {
    #[serde(default = "default_region")]
    region: String,
    protocol: String,
    status: String,
}

async fn set_contact(State(gate): Gated, Json(set): Json<SetContact>) -> Response {
    answered(gate.lightsail.set_contact_status(&set.region, &set.protocol, &set.status))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetEvent {
    #[serde(default = "default_region")]
    region: String,
    instance: String,
    /// AWS's code, such as `instance-retirement`.
    code: String,
    /// In so many seconds; left out: there is no such event any more.
    in_seconds: Option<f64>,
}

async fn set_event(State(gate): Gated, Json(set): Json<SetEvent>) -> Response {
    let not_before = set.in_seconds.map(|seconds| crate::lightsail::now() + seconds);
    answered(gate.ec2.set_event(&set.region, &set.instance, &set.code, not_before))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Interrupt {
    #[serde(default = "default_region")]
    region: String,
    instance: String,
    /// AWS gives two minutes.
    #[serde(default = "two_minutes")]
    in_seconds: f64,
}

fn two_minutes() -> f64 {
    120.0
}

/// Spot takes an instance back.
async fn interrupt(State(gate): Gated, Json(wanted): Json<Interrupt>) -> Response {
    answered(gate.ec2.interrupt(&wanted.region, &wanted.instance, wanted.in_seconds))
}

/// Lets operations that a rule keeps from ending go on.
async fn resume(State(gate): Gated) -> Json<Value> {
    Json(json!({ "resumed": gate.lightsail.resume(true) + gate.ec2.resume(true) }))
}

async fn reset(State(gate): Gated) -> Response {
    gate.rules.remove(None);
    gate.calls.clear();
    match reset_all(&gate).await {
        Ok(()) => done().into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}")).into_response(),
    }
}

/// Databases first: they are in the network that goes with the machines.
async fn reset_all(gate: &Gate) -> anyhow::Result<()> {
    if let Some(rds) = &gate.rds {
        rds.reset().await?;
    }
    gate.ec2.reset();
    gate.lightsail.reset(gate.sample_every).await
}

fn done() -> Json<Value> {
    Json(json!({}))
}

fn found(found: bool) -> Response {
    if found { done().into_response() } else { StatusCode::NOT_FOUND.into_response() }
}

fn answered<E: std::fmt::Display>(result: Result<(), E>) -> Response {
    match result {
        Ok(()) => done().into_response(),
        Err(error) => refused(&error.to_string()),
    }
}

fn refused(reason: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({ "error": reason }))).into_response()
}
