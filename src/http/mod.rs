//! HTTP, for everything in the framework that speaks it: [`Request`] is the one class for all of it. ureq does a single
//! exchange underneath; sessions, redirects, retries, politeness, proxies, and what is kept of it stand here, so that a
//! cassette can stand in for the network and everything above it runs as it did.

mod agents;
mod answer;
mod asked;
mod body;
mod call;
mod cassette;
mod charset;
mod cookies;
mod decode;
mod download;
mod exchange;
mod failure;
mod fetch;
mod forward;
#[cfg(any(test, fuzzing))]
#[path = "../../fuzz/targets/http.rs"]
pub(crate) mod fuzzing;
mod hide;
mod host;
mod keeper;
mod lanes;
mod metrics;
mod names;
mod options;
mod polite;
mod proxies;
mod reading;
mod ready;
mod redirect;
mod registries;
mod request;
mod response;
mod retry;
mod save;
mod send;
mod session;
mod tls;

pub use body::{Body, Form};
pub use call::Call;
pub use cassette::{Cassette, Recorded};
pub use download::{Download, DownloadOptions};
pub use fetch::Fetches;
pub use keeper::{AnswerKeeper, OpenKeeper, set_answer_keeper};
pub use metrics::{RequestTimes, report};
pub use options::{Auth, Cookies, Proxying, RequestOptions, SaveAnswers, Timeouts, Traffic};
pub use polite::Politeness;
pub use reading::Reading;
pub use request::Request;
pub use response::Response;
pub use retry::Retries;
pub use ureq::http::Method;
