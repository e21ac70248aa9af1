//! The HTTP interface.

mod digest;
mod download;
mod list;
mod publish;

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::sync::Semaphore;
use tower_http::trace::TraceLayer;

use crate::auth::Access;
use crate::config::Limits;
use crate::error::ApiError;
use crate::metrics::Metrics;
use crate::store::Store;

/// What all requests share.
#[derive(Debug)]
pub struct Service {
    store: Arc<Store>,
    access: Access,
    limits: Limits,
    uploads: Semaphore,
    metrics: Arc<Metrics>,
}

impl Service {
    /// Puts the parts together.
    pub fn new(store: Store, access: Access, limits: Limits) -> Arc<Self> {
        let uploads = Semaphore::new(limits.uploads);
        Arc::new(Self { store: Arc::new(store), access, limits, uploads, metrics: Arc::default() })
    }

    /// All routes.
    pub fn router(self: Arc<Self>) -> Router {
        Router::new()
            .route("/adapters", get(list::all))
            .route("/adapters/{name}/manifest.json", get(list::one))
            .route("/adapters/{name}/{version}/{file}", get(download::download).put(publish::publish))
            .route("/healthz", get(healthz))
            .route("/metrics", get(metrics))
            .fallback(|| async { ApiError::NotFound })
            .layer(TraceLayer::new_for_http())
            .with_state(self)
    }

    /// Runs blocking work on the store off the async threads.
    async fn on_store<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> std::io::Result<T> + Send + 'static,
    ) -> Result<T, ApiError> {
        let store = self.store.clone();
        let done = tokio::task::spawn_blocking(move || work(&store)).await;
        Ok(done.map_err(std::io::Error::other)??)
    }
}

/// Well means that the folder answers. A full disk is no reason to restart or roll back: metrics tell about that.
async fn healthz(State(service): State<Arc<Service>>) -> Result<&'static str, StatusCode> {
    service.on_store(Store::free).await.map(|_| "ok\n").map_err(|_| StatusCode::SERVICE_UNAVAILABLE)
}

async fn metrics(State(service): State<Arc<Service>>, headers: HeaderMap) -> Result<impl IntoResponse, ApiError> {
    service.access.to_read(&headers)?;
    let free = service.on_store(Store::free).await.ok();
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], service.metrics.render(free)))
}

/// Counts one while it exists.
struct InFlight(Arc<Metrics>);

impl InFlight {
    fn begin(metrics: &Arc<Metrics>) -> Self {
        metrics.uploading.fetch_add(1, Relaxed);
        Self(metrics.clone())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.uploading.fetch_sub(1, Relaxed);
    }
}
