//! The windows of the house: what it shows over HTTP. Metrics for Prometheus, and health for whoever asks whether a manager
//! lives. Off unless it is asked for.

mod documents;
mod exposition;
mod figures;
mod health;
mod metrics;
mod pulse;
mod queues;
mod server;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;

use self::figures::Figures;
use self::server::Server;
use crate::context::Context;
use crate::error::Result;
pub use pulse::Pulse;

/// What the answers are made of.
#[derive(Clone)]
struct Shown {
    pulse: Pulse,
    figures: Figures,
    queues: Figures,
}

/// Serves metrics and health of the manager whose pulse this is, until the process ends. `place` is an address with a port,
/// or a port of this machine alone.
///
/// # Errors
/// Usage for a place that is none; busy when it is taken.
pub fn serve(context: &Context, place: &str, pulse: &Pulse) -> Result<()> {
    let (figures, queues) = (Figures::of(context, figures::of_database), Figures::of(context, queues::queues));
    let shown = Shown { pulse: pulse.clone(), figures, queues };
    let router = Router::new()
        .route("/", get(health::health))
        .route("/health", get(health::health))
        .route("/live", get(health::live))
        .route("/metrics", get(metrics::metrics))
        .fallback(|| async { (StatusCode::NOT_FOUND, "there are /metrics, /health and /live\n") })
        .method_not_allowed_fallback(|| async { (StatusCode::METHOD_NOT_ALLOWED, "only GET\n") })
        .with_state(shown);
    Server::bind(place)?.serve(router)
}
