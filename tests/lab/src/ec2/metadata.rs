//! The instance metadata service: http://169.254.169.254 inside a host. Hosts are led here by their own nftables; who asks is
//! told by the address that the question comes from.
//!
//! The answer to a request for a token is sent with the time to live that the instance's hop limit says, as AWS does it:
//! whoever is further away, such as a container of the host, never sees it.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

use super::account::Region;
use super::instances::{Instance, State};
use super::metadata_tree::{Role, tree};
use super::service::Ec2;
use crate::behind::Caller;
use crate::lightsail::now;

const TOKEN: &str = "x-aws-ec2-metadata-token";
const TTL: &str = "x-aws-ec2-metadata-token-ttl-seconds";
/// Six hours.
const MAX_TTL: u32 = 21600;
/// What everything but a token is sent with.
const FAR: u32 = 64;

/// Tokens: for whom, until when.
type Tokens = Mutex<HashMap<String, (String, f64)>>;

/// Listens; with port 0 on any that is free.
pub async fn serve(ec2: &Arc<Ec2>, address: SocketAddrV4) -> anyhow::Result<SocketAddrV4> {
    let listener = TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
    let SocketAddr::V4(bound) = listener.local_addr()? else { anyhow::bail!("{address} became another address") };
    let (ec2, tokens) = (Arc::clone(ec2), Arc::<Tokens>::default());
    tokio::spawn(async move {
        loop {
            let accepted = tokio::select! {
                () = ec2.stop.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, SocketAddr::V4(from))) => {
                    drop(tokio::spawn(converse(Arc::clone(&ec2), Arc::clone(&tokens), stream, *from.ip())));
                }
                Ok(_) => {}
                Err(error) => tracing::warn!("a question about metadata could not be accepted: {error}"),
            }
        }
    });
    Ok(bound)
}

/// One connection.
async fn converse(ec2: Arc<Ec2>, tokens: Arc<Tokens>, stream: TcpStream, from: Ipv4Addr) {
    let split = || -> std::io::Result<(TcpStream, Arc<std::net::TcpStream>)> {
        let stream = stream.into_std()?;
        let control = Arc::new(stream.try_clone()?);
        Ok((TcpStream::from_std(stream)?, control))
    };
    let Ok((stream, control)) = split() else { return };
    let service = service_fn(|request: Request<Incoming>| {
        let (ec2, tokens, control) = (Arc::clone(&ec2), Arc::clone(&tokens), Arc::clone(&control));
        async move {
            let (response, hops) = answer(&ec2, &tokens, &request, from).await;
            if let Err(error) = control.set_ttl(hops) {
                tracing::debug!("the time to live could not be set: {error}");
            }
            Ok::<_, std::convert::Infallible>(response)
        }
    });
    let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    if let Err(error) = connection.await {
        tracing::debug!("a connection about metadata ended: {error}");
    }
}

/// The answer, and how many hops it may take.
async fn answer(ec2: &Ec2, tokens: &Tokens, request: &Request<Incoming>, from: Ipv4Addr) -> (Response<Body>, u32) {
    let Some((region, instance)) = ec2.asker(from).await else { return (status(StatusCode::NOT_FOUND), FAR) };
    if instance.metadata.endpoint != "enabled" {
        return (status(StatusCode::FORBIDDEN), FAR);
    }
    let (path, headers) = (request.uri().path(), request.headers());
    if request.method() == Method::PUT && path == "/latest/api/token" {
        return (token(tokens, &instance.id, headers), u32::from(instance.metadata.hop_limit));
    }
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return (status(StatusCode::METHOD_NOT_ALLOWED), FAR);
    }
    if !is_allowed(tokens, &instance, headers) {
        return (status(StatusCode::UNAUTHORIZED), FAR);
    }
    (get(ec2, &region, &instance, from, path).await, FAR)
}

/// A token, unless the request came through a proxy.
fn token(tokens: &Tokens, instance: &str, headers: &HeaderMap) -> Response<Body> {
    if headers.contains_key("x-forwarded-for") {
        return status(StatusCode::FORBIDDEN);
    }
    let ttl = headers.get(TTL).and_then(|value| value.to_str().ok()).and_then(|text| text.parse::<u32>().ok());
    let Some(ttl) = ttl.filter(|ttl| (1..=MAX_TTL).contains(ttl)) else { return status(StatusCode::BAD_REQUEST) };
    let made = hex::encode(rand::random::<[u8; 28]>());
    let mut known = tokens.lock().unwrap_or_else(PoisonError::into_inner);
    known.retain(|_, (_, until)| *until > now());
    known.insert(made.clone(), (instance.to_owned(), now() + f64::from(ttl)));
    let mut response = Response::new(Body::from(made));
    response.headers_mut().insert(TTL, HeaderValue::from(ttl));
    response
}

/// With a token that is its own, or without one where none is required.
fn is_allowed(tokens: &Tokens, instance: &Instance, headers: &HeaderMap) -> bool {
    match headers.get(TOKEN).map(|value| value.to_str().unwrap_or_default()) {
        None => instance.metadata.tokens != "required",
        Some(token) => {
            let known = tokens.lock().unwrap_or_else(PoisonError::into_inner);
            known.get(token).is_some_and(|(of, until)| *of == instance.id && *until > now())
        }
    }
}

async fn get(ec2: &Ec2, region: &str, instance: &Instance, from: Ipv4Addr, path: &str) -> Response<Body> {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let Some((_version, below)) = parts.split_first() else { return text("latest".to_owned()) };
    let wanted = below.join("/");
    let role = match wanted.starts_with("meta-data/iam") {
        true => ec2.role(region, instance).await,
        false => None,
    };
    let account = ec2.region(region);
    let leaves = tree(&account, region, instance, from, role.as_ref());
    if let Some(value) = leaves.get(&wanted) {
        return text(value.clone());
    }
    let listed = children(leaves.keys().map(String::as_str), &wanted);
    if listed.is_empty() { status(StatusCode::NOT_FOUND) } else { text(listed.join("\n")) }
}

/// What lies directly below; folders end with a slash.
fn children<'a>(leaves: impl Iterator<Item = &'a str>, folder: &str) -> Vec<String> {
    let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
    let mut found: Vec<String> = leaves
        .filter_map(|leaf| leaf.strip_prefix(&prefix))
        .map(|rest| rest.split_once('/').map_or(rest.to_owned(), |(first, _)| format!("{first}/")))
        .collect();
    found.dedup();
    found
}

fn text(body: String) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert("content-type", HeaderValue::from_static("text/plain"));
    response.headers_mut().insert("server", HeaderValue::from_static("EC2ws"));
    response
}

fn status(code: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::from(code.canonical_reason().unwrap_or_default()));
    *response.status_mut() = code;
    response
}

impl Ec2 {
    /// The instance that asks from an address, with its region. One that boots has no address in the account yet.
    async fn asker(&self, from: Ipv4Addr) -> Option<(String, Instance)> {
        let known = self.find_instance(|instance| {
            instance.private_address == Some(from) && matches!(instance.state, State::Running | State::Stopping)
        });
        if known.is_some() {
            return known;
        }
        let machine = self.machines.machine_at(from).await.ok().flatten()?;
        self.find_instance(|instance| instance.id == machine.0)
    }

    fn find_instance(&self, is_it: impl Fn(&Instance) -> bool) -> Option<(String, Instance)> {
        let known = self.lock();
        let mut regions = known.account.regions.iter();
        regions.find_map(|(name, region): (&String, &Region)| {
            Some((name.clone(), region.instances.values().find(|instance| is_it(instance))?.clone()))
        })
    }

    /// The role of the instance's profile, as IAM has it now.
    async fn role(&self, region: &str, instance: &Instance) -> Option<Role> {
        let held = instance.profile.as_ref()?;
        let caller = Caller { access_key: "lab".into(), region: region.to_owned() };
        let name = match &self.behind {
            Some(behind) => behind.role_of(&caller, &held.profile.name).await.ok().flatten()?,
            None => return None,
        };
        Some(Role { name, since: held.since })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_list_what_is_below_them() {
        let leaves = ["meta-data/iam/info", "meta-data/instance-id", "user-data"];
        assert_eq!(children(leaves.into_iter(), "meta-data"), ["iam/", "instance-id"]);
        assert_eq!(children(leaves.into_iter(), ""), ["meta-data/", "user-data"]);
        assert!(children(leaves.into_iter(), "meta-data/spot").is_empty());
    }
}
