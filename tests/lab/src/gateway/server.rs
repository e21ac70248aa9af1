//! Listening and accepting. hyper is used directly because a rule may close a connection without an answer, which
//! axum's own server has no word for.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use anyhow::Context;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::admin;
use super::calls::Calls;
use super::dispatch::Gate;
use super::ec2::Ec2Model;
use super::holds::Holds;
use super::passthrough::Passthrough;
use super::rules::Rules;
use super::violations::Violations;
use crate::behind::Behind;
use crate::ec2::Ec2;
use crate::lightsail::Lightsail;
use crate::machines::{Machines, NoMachines};
use crate::model::{self, Model, Service};
use crate::rds::Rds;
use crate::settings::Settings;
use crate::ssh::Authority;

/// How to start a gateway. The default suits a test: any free port, no machines, nothing behind it.
pub struct Options {
    /// 0 for any free one.
    pub port: u16,
    /// Where the account is kept. Two gateways must not share it.
    pub state: PathBuf,
    pub machines: Arc<dyn Machines>,
    pub settings: Settings,
    /// botocore's service model of Lightsail; without it nothing is validated.
    pub model: Option<PathBuf>,
    /// botocore's service model of EC2; without it EC2 is not answered.
    pub ec2_model: Option<PathBuf>,
    /// Where hosts of EC2 ask for their metadata; 0 for any free port.
    pub metadata_port: u16,
    /// Where MiniStack listens, such as `http://127.0.0.1:4781`.
    pub ministack: Option<String>,
    /// Whether MiniStack's databases are containers; without, they exist in the account only.
    pub databases: bool,
    /// How often the machines' CPU time is looked at.
    pub sample_every: Duration,
}

impl Options {
    /// No machines, nothing but Lightsail; `state` must exist.
    pub fn new(state: impl Into<PathBuf>) -> Self {
        Self {
            port: 0,
            state: state.into(),
            machines: Arc::new(NoMachines::default()),
            settings: Settings { operation_ms: 20, ..Settings::default() },
            model: model::find(Service::Lightsail),
            ec2_model: model::find(Service::Ec2),
            metadata_port: 0,
            ministack: None,
            databases: false,
            sample_every: Duration::from_secs(60),
        }
    }
}

/// Starts gateways.
pub struct Gateway;

/// A gateway that runs until this is dropped.
pub struct Running {
    pub url: String,
    lightsail: Arc<Lightsail>,
    ec2: Arc<Ec2>,
    stop: CancellationToken,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
        self.lightsail.shut_down();
        self.ec2.shut_down();
    }
}

impl Gateway {
    pub async fn start(options: Options) -> anyhow::Result<Running> {
        std::fs::create_dir_all(&options.state).with_context(|| format!("cannot make {}", options.state.display()))?;
        let listener = TcpListener::bind(("127.0.0.1", options.port))
            .await
            .with_context(|| format!("cannot listen on 127.0.0.1:{}", options.port))?;
        let address = listener.local_addr().context("a listening socket has an address")?;
        let gate = Arc::new(gate(options).await?);
        let stop = CancellationToken::new();
        if let Some(rds) = &gate.rds {
            rds.control(stop.clone());
        }
        let (lightsail, ec2) = (Arc::clone(&gate.lightsail), Arc::clone(&gate.ec2));
        tokio::spawn(accept(listener, gate, stop.clone()));
        Ok(Running { url: url(address), lightsail, ec2, stop })
    }
}

fn url(address: SocketAddr) -> String {
    format!("http://{address}")
}

async fn gate(options: Options) -> anyhow::Result<Gate> {
    let settings = Arc::new(RwLock::new(options.settings));
    let authority = Authority::open(&options.state.join("ssh")).await?;
    let file = options.state.join("account.json");
    let machines = Arc::clone(&options.machines);
    let lightsail = Lightsail::open(file, Arc::clone(&settings), machines, authority, options.sample_every)?;
    let behind = options.ministack.clone().map(Behind::new).transpose()?;
    let ec2 = Ec2::open(options.state.join("ec2.json"), Arc::clone(&settings), options.machines, behind)?;
    let rds = options.ministack.clone().map(|base| {
        let (lightsail, ec2) = (Arc::clone(&lightsail), Arc::clone(&ec2));
        Rds::open(base, &options.state.join("rds"), lightsail, ec2, options.databases)
    });
    let rds = rds.transpose().context("cannot open what is known of databases")?;
    ec2.start(options.metadata_port).await.context("EC2 cannot be started")?;
    Ok(Gate {
        lightsail,
        ec2,
        ec2_model: Ec2Model::new(options.ec2_model),
        passthrough: Passthrough::new(options.ministack)?,
        rds,
        settings,
        model: options.model.as_deref().map(Model::load).transpose()?,
        rules: Rules::default(),
        holds: Holds::default(),
        calls: Calls::default(),
        violations: Violations::default(),
        sample_every: options.sample_every,
    })
}

async fn accept(listener: TcpListener, gate: Arc<Gate>, stop: CancellationToken) {
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => drop(tokio::spawn(serve(stream, Arc::clone(&gate), stop.clone()))),
            Err(error) => tracing::warn!("a connection could not be accepted: {error}"),
        }
    }
}

/// One connection. A handler's future is dropped when the client goes away, which is what ends a held request.
async fn serve(stream: TcpStream, gate: Arc<Gate>, stop: CancellationToken) {
    let service = service_fn(move |request: Request<Incoming>| {
        let gate = Arc::clone(&gate);
        async move {
            let request = request.map(Body::new);
            match request.uri().path().starts_with("/_lab/") {
                true => Ok(administer(gate, request).await),
                false => gate.handle(request).await,
            }
        }
    });
    let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        () = stop.cancelled() => {}
        result = connection => {
            if let Err(error) = result {
                tracing::debug!("a connection ended: {error}");
            }
        }
    }
}

async fn administer(gate: Arc<Gate>, request: Request<Body>) -> axum::http::Response<Body> {
    use hyper::service::Service;
    let answered = TowerToHyperService::new(admin::router(gate)).call(request).await;
    answered.unwrap_or_else(|never| match never {})
}
