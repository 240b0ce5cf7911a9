//! The house with windows: what it shows over HTTP. Metrics for Prometheus, health for whoever asks whether a manager
//! lives, and the dashboard for people. Off unless it is asked for.

mod access;
mod actions;
mod answer;
mod assets;
mod attempts;
mod cache;
mod charts;
mod desk;
mod documents;
mod export;
mod exposition;
mod figures;
mod health;
mod host;
mod layout;
mod login;
mod metrics;
mod pages;
mod parts;
mod peer;
mod pictures;
mod pulse;
mod query;
mod queues;
mod server;
mod site;
mod told;
mod watch;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;

use self::access::Access;
use self::figures::Figures;
use self::server::Server;
use self::site::Site;
use crate::context::Context;
use crate::error::Result;
use crate::tables::Store;
pub use export::{Exported, export};
pub use pulse::Pulse;

/// What metrics and health are made of.
#[derive(Clone)]
struct Shown {
    /// Of the manager beside it, where there is one.
    pulse: Option<Pulse>,
    figures: Figures,
    queues: Figures,
}

/// Serves the dashboard, metrics and health, until the process ends. `place` is an address with a port, or a port of this
/// machine alone; `pulse` is of the manager in this process, if one works here. Tells where it is.
///
/// # Errors
/// Usage for a place that is none; busy when it is taken; settings where other machines could come in without a token.
pub fn serve(context: &Context, place: &str, pulse: Option<&Pulse>) -> Result<String> {
    let server = Server::bind(place)?;
    let access = Access::of(context, server.is_local())?;
    // made and brought up to date here, so that pages only have to read
    let ready = Store::ready(context);
    if let Err(error) = ready.map(drop)
        && !error.is_temporary()
    {
        return Err(error);
    }
    let site = Site::open(context, access)?;
    let (figures, queues) = (Figures::of(context, figures::of_database), Figures::of(context, queues::queues));
    let shown = Shown { pulse: pulse.cloned(), figures, queues };
    let own = Router::new()
        .route("/health", get(health::health))
        .route("/live", get(health::live))
        .route("/metrics", get(metrics::metrics))
        .method_not_allowed_fallback(|| async { (StatusCode::METHOD_NOT_ALLOWED, "only GET\n") })
        .with_state(shown);
    let address = server.address();
    server.serve(own.fallback(move |request| site.clone().answer(request)))?;
    Ok(format!("http://{address}/"))
}
