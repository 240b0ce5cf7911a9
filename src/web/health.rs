//! Whether a manager lives, and whether it can work.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;

use super::Shown;
use super::pulse::Beat;

/// Whether it works: its loop turns, and the database answers. Where no manager works in this process, whether it serves.
pub(super) async fn health(State(shown): State<Shown>) -> impl IntoResponse {
    let beat = shown.pulse.map(|pulse| pulse.last());
    let is_well = beat.as_ref().is_none_or(|beat| beat.is_alive() && beat.state.away.is_none());
    answer(beat.as_ref(), is_well)
}

/// Whether its loop turns: what a new start would mend. It waits for a database that is away, and needs none.
pub(super) async fn live(State(shown): State<Shown>) -> impl IntoResponse {
    let beat = shown.pulse.map(|pulse| pulse.last());
    answer(beat.as_ref(), beat.as_ref().is_none_or(Beat::is_alive))
}

fn answer(beat: Option<&Beat>, ok: bool) -> impl IntoResponse + use<> {
    let body = serde_json::json!({
        "ok": ok,
        "manager": beat.map(|beat| &beat.state.id),
        "last_pass_seconds": beat.map(|beat| beat.age().as_secs_f64()),
        "database_away": beat.and_then(|beat| beat.state.away.as_ref()),
    });
    let status = if ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, [(header::CONTENT_TYPE, "application/json; charset=utf-8")], format!("{body}\n"))
}
