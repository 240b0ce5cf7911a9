//! The door of a run that is recorded or played back: programs that know of no cassette are led here by `http_proxy` and
//! `https_proxy`, and what they ask is written down, or answered from the cassette. TLS ends here, by certificates of an
//! authority that lives as long as the run.

mod asking;
mod authority;
mod connection;
mod sent;

use std::ffi::{OsStr, OsString};
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tempfile::TempDir;
use tokio::sync::oneshot;

use self::authority::{Authority, Trusted};
use super::options::{Cookies, RequestOptions};
use super::retry::Retries;
use super::session::Session;
use crate::context::Context;
use crate::die;
use crate::error::{OrFail, Result};
use crate::hash::hash_bytes;
use crate::settings::{BEYOND_VARIABLES, CassetteSettings, DOOR_VARIABLE};

/// Variables by which programs find a proxy.
const LEADING: [&str; 6] = ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
/// Variables that lead past it.
const SPARING: [&str; 2] = ["no_proxy", "NO_PROXY"];
/// Variables by which programs find whom to trust, in place of the system's authorities.
const TRUSTING: [&str; 7] = [
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "AWS_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "PIP_CERT",
    "DENO_CERT",
];
/// As Node has it: in addition to those that it brings.
const TRUSTING_TOO: &str = "NODE_EXTRA_CA_CERTS";
/// The settings that wget reads first: it has no variable for whom to trust.
const WGET_READS: &str = "SYSTEM_WGETRC";
/// Node looks for a proxy in its environment where this is set.
const NODE_LOOKS: &str = "NODE_USE_ENV_PROXY";
/// So many places are told.
const PLACES_MAX: usize = 5;
/// Random bytes of the password.
const PASSWORD_BYTES: usize = 16;
/// How long an answer that is on its way may take when the run has ended.
const END_PATIENCE: Duration = Duration::from_secs(2);

/// What went through the door.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Passed {
    /// Requests that were recorded, or answered from the cassette.
    pub answered: i64,
    /// Requests that the cassette does not have.
    pub missing: i64,
    /// The first servers that they were for.
    pub places: Vec<String>,
    /// The first servers to which programs spoke without trusting the run's authority, or no HTTP.
    pub unseen: Vec<String>,
}

/// A proxy for the programs of one run, which know its password. It is closed when this is dropped.
pub struct Door {
    url: String,
    /// The certificates that the programs shall trust, and their folder, which goes with the door.
    trusted: Trusted,
    _folder: TempDir,
    beyond: Vec<(String, OsString)>,
    shared: Arc<Shared>,
    open: Mutex<Option<(oneshot::Sender<()>, JoinHandle<()>)>>,
}

/// What all connections share.
struct Shared {
    session: Session,
    authority: Authority,
    /// What programs have to show: others on this machine are nobody's that we would ask for.
    login: String,
    passed: Mutex<Passed>,
}

impl Shared {
    fn note(&self, change: impl FnOnce(&mut Passed)) {
        change(&mut self.passed.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Adds a place to those that are told.
fn add(places: &mut Vec<String>, place: &str) {
    if places.len() < PLACES_MAX && !places.iter().any(|known| known == place) {
        places.push(place.to_owned());
    }
}

impl Door {
    /// Opens it on a free port of this machine alone, before a cassette.
    ///
    /// # Errors
    /// When the cassette cannot be read or written, and when the system has neither a port nor a thread.
    pub fn open(context: &Context, cassette: CassetteSettings) -> Result<Self> {
        let failed = || "open a port for the requests of other programs".to_owned();
        let mut settings = context.settings().clone();
        let beyond = BEYOND_VARIABLES.iter().filter_map(|(beyond, names)| {
            let value = names.iter().find_map(|name| settings.variable(name))?;
            Some(((*beyond).to_owned(), OsString::from(value)))
        });
        let beyond = beyond.collect();
        settings.cassette = Some(cassette);
        let context = Context::new(settings, context.shell().clone());
        // what a program asks is asked once, as it is
        let options = RequestOptions {
            retries: Retries::none(),
            cookies: Cookies::None,
            redirects_max: 0,
            save: None,
            cache: None,
            ..RequestOptions::of(context.settings())?
        };
        let session = Session::open(&context, options)?;
        let authority = Authority::new()?;
        let folder = tempfile::Builder::new().prefix("dc-door-").tempdir().or_fail(failed)?;
        let trusted = authority.write(folder.path(), context.settings())?;
        let mut random = [0; PASSWORD_BYTES];
        die::fill(&mut random).or_fail(failed)?;
        let user = format!("dc:{}", hash_bytes(&random));
        let login = format!("Basic {}", STANDARD.encode(&user));
        let shared = Arc::new(Shared { session, authority, login, passed: Mutex::default() });
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).or_fail(failed)?;
        listener.set_nonblocking(true).or_fail(failed)?;
        let port = listener.local_addr().or_fail(failed)?.port();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().or_fail(failed)?;
        let (end, ended) = oneshot::channel();
        let inner = Arc::clone(&shared);
        let work = move || {
            runtime.block_on(connection::attend(listener, inner, ended, END_PATIENCE));
            runtime.shutdown_timeout(END_PATIENCE);
        };
        let thread = std::thread::Builder::new().name("door".to_owned()).spawn(work).or_fail(failed)?;
        let url = format!("http://{user}@127.0.0.1:{port}");
        Ok(Self { url, trusted, _folder: folder, beyond, shared, open: Mutex::new(Some((end, thread))) })
    }

    /// What leads programs here, and lets them trust what they find.
    pub fn environment(&self) -> Vec<(String, OsString)> {
        let Trusted { all, own, wgetrc } = &self.trusted;
        let set = |name: &str, value: &dyn AsRef<OsStr>| (name.to_owned(), value.as_ref().to_owned());
        let leading = LEADING.iter().chain([&DOOR_VARIABLE]).map(|name| set(name, &self.url));
        let sparing = SPARING.iter().map(|name| set(name, &""));
        let trusting = TRUSTING.iter().map(|name| set(name, all));
        let others = [set(TRUSTING_TOO, own), set(NODE_LOOKS, &"1"), set(WGET_READS, wgetrc)];
        leading.chain(sparing).chain(trusting).chain(others).chain(self.beyond.iter().cloned()).collect()
    }

    /// What went through so far.
    pub fn passed(&self) -> Passed {
        self.shared.passed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Lets nobody in any more; what was on its way has been written down then.
    pub fn close(&self) {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((end, thread)) = open {
            let _ = end.send(());
            let _ = thread.join();
        }
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.close();
    }
}
