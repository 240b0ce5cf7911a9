//! How a session makes its requests; what `[http]` says, and what a program says instead.

use std::path::PathBuf;
use std::time::Duration;

use super::identity::{ClientCertificate, Identity};
use super::politeness::Politeness;
use super::retry::Retries;
use crate::error::{Error, ErrorKind, Result};
use crate::settings::{Secret, Settings};

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a server may be silent.
const READ: Duration = Duration::from_secs(30);
/// How long a call may take with all its attempts; a download has no such end.
const TOTAL: Duration = Duration::from_secs(300);
/// The most bytes of a body that are kept in memory, unpacked.
const BODY_BYTES_MAX: u64 = 64 << 20;
/// How many redirects are followed.
const REDIRECTS_MAX: u32 = 10;
/// How long a proxy is left alone after it failed; it doubles with each time.
const COOL_DOWN: Duration = Duration::from_secs(60);
/// The word for the storage, in the place of a folder.
const STORAGE: &str = "storage";
/// Statuses that tell that a proxy is banned.
const BAN_STATUSES: [u16; 3] = [403, 407, 429];

/// How a session makes its requests.
#[derive(Debug, Clone)]
pub struct RequestOptions {
    /// Headers on every request that does not say otherwise.
    pub headers: Vec<(String, String)>,
    /// Who asks.
    pub auth: Option<Auth>,
    /// What the `User-Agent` says.
    pub user_agent: String,
    /// How long things may take.
    pub timeouts: Timeouts,
    /// What is tried again.
    pub retries: Retries,
    /// How many redirects are followed; 0 for none, then the redirect is the answer.
    pub redirects_max: u32,
    /// The most bytes of a body that are kept in memory, unpacked.
    pub body_bytes_max: u64,
    /// What becomes of cookies.
    pub cookies: Cookies,
    /// Proxies, in turns.
    pub proxying: Proxying,
    /// How gently a host is treated, unless `[host."NAME"]` says otherwise.
    pub politeness: Politeness,
    /// Where every answer is kept, with what was asked.
    pub save: Option<SaveAnswers>,
    /// Certificates (PEM) to trust instead of the system's.
    pub certificates: Option<PathBuf>,
    /// Who we are to servers that ask for a certificate.
    pub client: Option<ClientCertificate>,
    /// Where answers are kept that can be asked for again: what has not changed since comes from there.
    pub cache: Option<PathBuf>,
    /// Whose requests these are.
    pub traffic: Traffic,
}

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// A connection, with its handshakes.
    pub connect: Duration,
    /// The server's silence, before and within an answer.
    pub read: Duration,
    /// A call with all its attempts, redirects and pauses; `None` for ever. A download counts from silence alone.
    pub total: Option<Duration>,
}

/// Who asks. It goes to the host that was named alone, never to where that redirects to.
#[derive(Debug, Clone)]
pub enum Auth {
    /// A name and a password.
    Basic(String, Secret),
    /// A name and a password that is never sent (RFC 7616): the server asks for a proof first.
    Digest(String, Secret),
    /// A token.
    Bearer(Secret),
}

/// Where answers are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SaveAnswers {
    /// In a folder of this machine.
    Folder(PathBuf),
    /// In storage, with the app and the run that got them.
    Storage {
        /// How long: `short_term`. As `[storage] retention` says where `None`.
        retention: Option<String>,
    },
}

/// What becomes of cookies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Cookies {
    /// They are thrown away.
    None,
    /// They live as long as the session.
    #[default]
    Session,
    /// They are read from this file, and written to it when the session ends: readable for the user alone.
    Kept(PathBuf),
}

/// Proxies, in turns.
#[derive(Debug, Clone)]
pub struct Proxying {
    /// `http://`, `https://`, `socks4://`, `socks5://` (names are looked up here) or `socks5h://` (looked up there), each
    /// with or without `user:password@`.
    pub proxies: Vec<Secret>,
    /// How long one is left alone after it failed or was banned; it doubles with each time in a row, up to an hour.
    pub cool_down: Duration,
    /// How long one rests from a root domain (`example.com` with all its subdomains) after a request, for all apps that share
    /// the database; zero for no rest.
    pub rest: Duration,
    /// Statuses that tell that a proxy is banned.
    pub ban_statuses: Vec<u16>,
    /// Texts in an answer that tell it.
    pub ban_texts: Vec<String>,
}

/// Whose requests these are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Traffic {
    /// What an app collects: counted, recorded, replayed.
    #[default]
    Collected,
    /// The framework's own: log sinks and messages to people.
    Own,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: CONNECT, read: READ, total: Some(TOTAL) }
    }
}

impl Default for Proxying {
    fn default() -> Self {
        Self {
            proxies: Vec::new(),
            cool_down: COOL_DOWN,
            rest: Duration::ZERO,
            ban_statuses: BAN_STATUSES.to_vec(),
            ban_texts: Vec::new(),
        }
    }
}

impl Default for RequestOptions {
    fn default() -> Self {
        Self {
            headers: Vec::new(),
            auth: None,
            user_agent: concat!("data-collector/", env!("CARGO_PKG_VERSION")).to_owned(),
            timeouts: Timeouts::default(),
            retries: Retries::default(),
            redirects_max: REDIRECTS_MAX,
            body_bytes_max: BODY_BYTES_MAX,
            cookies: Cookies::default(),
            proxying: Proxying::default(),
            politeness: Politeness::default(),
            save: None,
            certificates: None,
            client: None,
            cache: None,
            traffic: Traffic::default(),
        }
    }
}

impl RequestOptions {
    /// What the section `[http]` says.
    ///
    /// # Errors
    /// Settings, for a field that is not what it takes.
    pub fn of(settings: &Settings) -> Result<Self> {
        let section = settings.section("http");
        let default = Self::default();
        let in_project = |path: String| settings.project.root.join(path);
        let total = section.duration("timeout")?.unwrap_or(TOTAL);
        let retries = match section.number("retries")? {
            Some(count) => Retries { max: u32::try_from(count).unwrap_or(u32::MAX), ..default.retries },
            None => default.retries,
        };
        Ok(Self {
            user_agent: section.text("user_agent")?.unwrap_or(default.user_agent),
            timeouts: Timeouts {
                connect: section.duration("connect_timeout")?.unwrap_or(CONNECT),
                read: section.duration("read_timeout")?.unwrap_or(READ),
                total: (!total.is_zero()).then_some(total),
            },
            retries,
            body_bytes_max: section.bytes("body_max")?.unwrap_or(BODY_BYTES_MAX),
            proxying: Proxying {
                proxies: section.words("proxies")?.unwrap_or_default().into_iter().map(Secret::new).collect(),
                cool_down: section.duration("proxy_cool_down")?.unwrap_or(COOL_DOWN),
                rest: section.duration("proxy_rest")?.unwrap_or_default(),
                ..default.proxying
            },
            politeness: Politeness::given(&section, Politeness::default())?,
            save: save(settings)?,
            certificates: section.text("certificates")?.map(in_project),
            client: Identity::given(settings, &section)?,
            cache: section.text("cache")?.map(in_project),
            ..Self::default()
        })
    }

    /// For the framework's own requests: one attempt, nothing counted, recorded or saved.
    pub fn own() -> Self {
        Self {
            retries: Retries::none(),
            cookies: Cookies::None,
            redirects_max: 0,
            traffic: Traffic::Own,
            ..Self::default()
        }
    }
}

/// `save = "storage"`, or a folder; `save_retention` is for the storage alone.
fn save(settings: &Settings) -> Result<Option<SaveAnswers>> {
    let section = settings.section("http");
    let retention = section.text("save_retention")?;
    match (section.text("save")?, retention) {
        (Some(word), retention) if word == STORAGE => Ok(Some(SaveAnswers::Storage { retention })),
        (_, Some(retention)) => {
            let message = format!("read `http.save_retention`: `{retention}` is for answers that are kept in storage");
            Err(Error::new(ErrorKind::Settings, message)
                .hint("save = \"storage\" keeps them there; files in a folder stay until somebody deletes them"))
        }
        (folder, None) => Ok(folder.map(|folder| SaveAnswers::Folder(settings.project.root.join(folder)))),
    }
}
