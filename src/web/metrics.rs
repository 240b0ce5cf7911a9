//! `/metrics`: the manager's own figures, and those of the database and of the broker while they answer.

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use futures_util::future::join;

use super::Shown;
use super::exposition::Exposition;
use super::pulse::Beat;

pub(super) async fn metrics(State(shown): State<Shown>) -> impl IntoResponse {
    let (of_database, of_queues) = join(shown.figures.text(), shown.queues.text()).await;
    let body = shown.pulse.as_ref().map(|pulse| own(&pulse.last())).unwrap_or_default()
        + &of_database.unwrap_or_default()
        + &of_queues.unwrap_or_default();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], body)
}

fn own(beat: &Beat) -> String {
    let mut out = Exposition::default();
    let state = &beat.state;
    out.one("dc_database_up", "gauge", "Whether the database answers.", f64::from(u8::from(state.away.is_none())));
    out.one("dc_passes_total", "counter", "Passes of this manager.", state.passes as f64);
    out.one("dc_started_total", "counter", "Occurrences that this manager started.", state.started as f64);
    out.one("dc_settled_total", "counter", "Occurrences that it decided otherwise.", state.settled as f64);
    out.one("dc_pass_seconds", "gauge", "How long the last pass took.", state.pass_ms as f64 / 1e3);
    out.one("dc_last_pass_age_seconds", "gauge", "How long the last pass is ago.", beat.age().as_secs_f64());
    out.into_text()
}
