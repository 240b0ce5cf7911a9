//! HTTP, for everything in the framework that speaks it: [`Request`] is the one class for all of it. ureq does a single
//! exchange underneath; sessions, redirects, retries, politeness, proxies, and what is kept of it stand here, so that a
//! cassette can stand in for the network and everything above it runs as it did.

mod agents;
mod answer;
mod asked;
mod body;
mod cache;
mod call;
mod cassette;
mod charset;
mod commons;
mod cookies;
mod decode;
mod digest;
mod door;
mod download;
mod exchange;
mod failure;
mod fetch;
mod forward;
#[cfg(any(test, fuzzing))]
#[path = "../../fuzz/targets/http.rs"]
pub(crate) mod fuzzing;
mod head;
mod hide;
mod host;
mod identity;
mod keeper;
mod lanes;
mod machine;
mod metrics;
mod names;
mod options;
mod polite;
mod politeness;
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
mod ways;
mod wire;

pub use body::{Body, Form};
pub use call::Call;
pub use cassette::{Cassette, Exchange, ExchangePage, Recorded, replayed};
pub use charset::page_text;
pub use commons::{Commons, OpenCommons, ProxyHealth, set_commons};
pub use door::{Door, Passed};
pub use download::{Download, DownloadOptions};
pub use fetch::Fetches;
pub use identity::{ClientCertificate, ClientKey};
pub use keeper::{AnswerKeeper, OpenKeeper, set_answer_keeper};
pub use metrics::{RequestTimes, report};
pub use options::{Auth, Cookies, Proxying, RequestOptions, SaveAnswers, Timeouts, Traffic};
pub use politeness::Politeness;
pub use reading::Reading;
pub use request::Request;
pub use response::Response;
pub(crate) use response::header_parameters;
pub use retry::Retries;
pub use ureq::http::Method;
