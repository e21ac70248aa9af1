//! What the gateway does for every service: counting, delaying, passing through, starting over.

use std::time::{Duration, Instant};

use anyhow::ensure;
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use lab::{Gateway, Options};
use serde_json::json;
use tokio::net::TcpListener;

use crate::support::Lab;

const S3: &str = "AWS4-HMAC-SHA256 Credential=lab/20260101/eu-west-1/s3/aws4_request, SignedHeaders=host, Signature=00";
const RDS: &str =
    "AWS4-HMAC-SHA256 Credential=lab/20260101/us-east-1/rds/aws4_request, SignedHeaders=host, Signature=00";

#[tokio::test]
async fn latency_delays_every_request() -> anyhow::Result<()> {
    let lab = Lab::start().await?;
    lab.admin("PUT", "latency", json!({ "ms": 200 })).await?;
    let begun = Instant::now();
    lab.call("GetDisks", json!({})).await?;
    ensure!(begun.elapsed() >= Duration::from_millis(200));
    Ok(())
}

#[tokio::test]
async fn counts_tell_reads_from_changes_and_start_over() -> anyhow::Result<()> {
    let lab = Lab::start().await?;
    lab.call("GetDisks", json!({})).await?;
    lab.change("AllocateStaticIp", json!({ "staticIpName": "ip" })).await?;
    let calls = lab.admin("GET", "calls", json!({})).await?;
    ensure!(calls["mutating"] == 1 && calls["services"]["lightsail"]["GetDisks"]["calls"] == 1, "{calls}");
    lab.admin("DELETE", "calls", json!({})).await?;
    ensure!(lab.admin("GET", "calls", json!({})).await?["total"] == 0);
    Ok(())
}

#[tokio::test]
async fn reset_forgets_everything() -> anyhow::Result<()> {
    let lab = Lab::start().await?;
    lab.instance("web").await?;
    lab.admin("POST", "reset", json!({})).await?;
    ensure!(lab.admin("GET", "inventory", json!({})).await? == json!({}));
    lab.instance("web").await.map(drop)
}

#[tokio::test]
async fn without_ministack_other_services_are_unavailable() -> anyhow::Result<()> {
    let lab = Lab::start().await?;
    let client = crate::support::client()?;
    let answer = client.get(format!("{}/bucket", lab.url)).header("authorization", S3).send().await?;
    ensure!(answer.status().as_u16() == 503);
    Ok(())
}

/// Answers with what it was asked.
async fn echo(request: Request<Body>) -> Result<String, axum::http::StatusCode> {
    let (parts, body) = request.into_parts();
    let bytes = axum::body::to_bytes(body, 1 << 24).await.map_err(|_| axum::http::StatusCode::BAD_REQUEST)?;
    let length = parts.headers.get("content-length").and_then(|value| value.to_str().ok()).unwrap_or("none");
    Ok(format!("{} {} {length} {}", parts.method, parts.uri, bytes.len()))
}

#[tokio::test]
async fn other_services_pass_through_and_are_counted() -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let behind = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(echo)).await });
    let state = tempfile::tempdir()?;
    let gateway = Gateway::start(Options { ministack: Some(behind), ..Options::new(state.path()) }).await?;
    let client = crate::support::client()?;

    let large = vec![7_u8; 5_000_000];
    let put = client
        .put(format!("{}/bucket/key?x=1%2F2", gateway.url))
        .header("authorization", S3)
        .body(large)
        .send()
        .await?;
    ensure!(put.text().await? == "PUT /bucket/key?x=1%2F2 5000000 5000000");
    let form = "Action=CreateDBInstance&Version=2014-10-31";
    let kind = ("content-type", "application/x-www-form-urlencoded");
    let post = client.post(&gateway.url).header("authorization", RDS).header(kind.0, kind.1).body(form).send().await?;
    ensure!(post.text().await?.starts_with("POST / "));
    let calls: serde_json::Value = client.get(format!("{}/_lab/calls", gateway.url)).send().await?.json().await?;
    ensure!(calls["services"]["rds"]["CreateDBInstance"]["mutating"] == true, "{calls}");
    ensure!(calls["services"]["s3"]["PUT"]["calls"] == 1, "{calls}");
    Ok(())
}
