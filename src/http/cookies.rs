//! A session's cookies, in memory or kept in a file that the user alone can read.

use std::cmp::Reverse;
use std::ffi::OsString;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use cookie_store::{Cookie, CookieStore};
use ureq::http::HeaderValue;
use url::Url;

use super::options::Cookies;
use super::registries::is_registry;
use crate::error::{Error, OrFail, Result, file_error};

/// The most bytes of one cookie that are kept.
const COOKIE_BYTES_MAX: usize = 8 << 10;

/// The jar.
pub(super) struct Jar {
    policy: Cookies,
    store: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    store: CookieStore,
    /// What answers have set since the file was written: the header, and the URL.
    set: Vec<(String, Url)>,
}

impl Jar {
    /// # Errors
    /// When the file is there and cannot be read.
    pub(super) fn open(policy: &Cookies) -> Result<Self> {
        let store = match policy {
            Cookies::Kept(path) => load(path)?,
            Cookies::None | Cookies::Session => CookieStore::default(),
        };
        Ok(Self { policy: policy.clone(), store: Mutex::new(Kept { store, set: Vec::new() }) })
    }

    /// The value of the header `Cookie` for this URL. A cookie that no header can hold is left out, and no other with it.
    pub(super) fn header(&self, url: &Url) -> Option<HeaderValue> {
        if self.policy == Cookies::None {
            return None;
        }
        let kept = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        let mut cookies = kept.store.matches(url);
        // the ones for the deeper path first, as servers expect it; and the same order every time
        let key =
            |cookie: &Cookie<'_>| (Reverse(cookie.path.len()), cookie.name().to_owned(), cookie.value().to_owned());
        cookies.sort_by_cached_key(|cookie| key(cookie));
        let pairs = cookies.iter().map(|cookie| format!("{}={}", cookie.name(), cookie.value()).into_bytes());
        let pairs: Vec<Vec<u8>> = pairs.filter(|pair| HeaderValue::from_bytes(pair).is_ok()).collect();
        HeaderValue::from_bytes(&pairs.join(&b"; "[..])).ok().filter(|header| !header.is_empty())
    }

    /// Takes what an answer sets; how many cookies were taken.
    pub(super) fn take<'a>(&self, url: &Url, headers: impl Iterator<Item = &'a [u8]>) -> usize {
        let mut taken = 0;
        if self.policy == Cookies::None {
            return taken;
        }
        for header in headers.filter(|header| header.len() <= COOKIE_BYTES_MAX) {
            let text = String::from_utf8_lossy(header);
            let mut kept = self.store.lock().unwrap_or_else(PoisonError::into_inner);
            if sets_for_a_registry(&text, url) {
                log::debug!("a cookie for a whole registry was refused");
                continue;
            }
            if breaks_its_prefix(&text, url) {
                log::debug!("a cookie was refused that is not what its name promises");
                continue;
            }
            match kept.store.parse(&text, url) {
                Ok(_) => {
                    taken += 1;
                    if matches!(self.policy, Cookies::Kept(_)) {
                        kept.set.push((text.into_owned(), url.clone()));
                    }
                }
                // the value must not be seen
                Err(error) => log::debug!("a cookie of {} was refused: {error}", url.host_str().unwrap_or_default()),
            }
        }
        // whoever is killed has them all the same
        if let Err(error) = self.keep() {
            log::error!("{error}");
        }
        taken
    }

    /// The cookies that go to a URL: their names and values.
    pub(super) fn of(&self, url: &Url) -> Vec<(String, String)> {
        let kept = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        let mut cookies = kept.store.matches(url);
        cookies.sort_by_cached_key(|cookie| Reverse(cookie.path.len()));
        cookies.iter().map(|cookie| (cookie.name().to_owned(), cookie.value().to_owned())).collect()
    }

    /// Forgets all cookies, and those of the file.
    ///
    /// # Errors
    /// What the file system says.
    pub(super) fn clear(&self) -> Result<()> {
        let mut kept = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        *kept = Kept::default();
        let Cookies::Kept(path) = &self.policy else { return Ok(()) };
        match std::fs::remove_file(path) {
            Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => {
                Err(file_error(format!("forget the cookies in {}", path.display()), cause))
            }
            _ => Ok(()),
        }
    }

    /// Writes what was set into the file of kept cookies, among what others have set meanwhile; the file is whole at any time.
    ///
    /// # Errors
    /// What the file system says.
    pub(super) fn keep(&self) -> Result<()> {
        let Cookies::Kept(path) = &self.policy else { return Ok(()) };
        let mut kept = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.set.is_empty() {
            return Ok(());
        }
        let what = || format!("keep the cookies in {}", path.display());
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder).map_err(|cause| file_error(what(), cause))?;
        let turn = lock_of(path);
        let turn = File::create(&turn).map_err(|cause| file_error(what(), cause))?;
        // a file system without locks has to do without turns
        if let Err(cause) = turn.lock() {
            log::debug!("{} cannot be locked: {cause}", path.display());
        }
        let mut store = load(path)?;
        for (header, url) in &kept.set {
            // it was understood before
            let _ = store.parse(header, url);
        }
        kept.store = store;
        // made for the user alone
        let mut file = tempfile::NamedTempFile::new_in(folder).map_err(|cause| file_error(what(), cause))?;
        cookie_store::serde::json::save_incl_expired_and_nonpersistent(&kept.store, &mut file)
            .map_err(|cause| Error::failed(what()).because(cause.to_string()))?;
        file.flush().or_fail(what)?;
        file.persist(path).map_err(|cause| file_error(what(), cause.error))?;
        kept.set.clear();
        Ok(())
    }
}

/// The file that says whose turn it is to write.
fn lock_of(path: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".lock");
    path.with_file_name(name)
}

/// Whether a cookie is not what the prefix of its name says: `__Secure-` came over TLS, `__Host-` is for this host alone.
fn breaks_its_prefix(cookie: &str, url: &Url) -> bool {
    let name = cookie.trim_start().to_ascii_lowercase();
    let (is_secure, is_host) = (name.starts_with("__secure-"), name.starts_with("__host-"));
    let attributes: Vec<(String, &str)> = cookie
        .split(';')
        .skip(1)
        .map(|part| part.split_once('=').unwrap_or((part, "")))
        .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim()))
        .collect();
    let has = |wanted: &str| attributes.iter().any(|(name, _)| name == wanted);
    let is_sealed = url.scheme() == "https" && has("secure");
    let is_whole = attributes.iter().rfind(|(name, _)| name == "path").is_some_and(|(_, path)| *path == "/");
    (is_secure || is_host) && !is_sealed || is_host && (has("domain") || !is_whole)
}

fn load(path: &Path) -> Result<CookieStore> {
    let what = || format!("read the cookies in {}", path.display());
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(CookieStore::default()),
        Err(cause) => return Err(file_error(what(), cause)),
    };
    cookie_store::serde::json::load(std::io::BufReader::new(file)).map_err(|cause| {
        Error::failed(what()).because(cause.to_string()).hint(format!("delete it to begin anew: rm {}", path.display()))
    })
}

/// Whether a cookie is meant for everything below a registry: for `com`, `co.uk`, `github.io`.
fn sets_for_a_registry(cookie: &str, url: &Url) -> bool {
    let attributes = cookie.split(';').skip(1).filter_map(|part| part.split_once('='));
    let domain = attributes.filter(|(name, _)| name.trim().eq_ignore_ascii_case("domain")).last();
    let Some(domain) = domain.map(|(_, value)| value.trim().trim_start_matches('.').to_ascii_lowercase()) else {
        return false;
    };
    // a site that is a registry itself may keep its own
    let is_own = url.host_str().is_some_and(|host| host.eq_ignore_ascii_case(&domain));
    !is_own && is_registry(&domain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_that_no_header_can_hold_takes_no_other_with_it() {
        let url = Url::parse("https://a.example.com/").expect("a URL");
        let jar = Jar::open(&Cookies::Session).expect("a jar");
        jar.take(&url, ["a=1", "b=\u{10d}", "c=\u{1}x", "d=2"].into_iter().map(str::as_bytes));
        assert_eq!(jar.header(&url).expect("a header").as_bytes(), "a=1; b=\u{10d}; d=2".as_bytes());
    }

    #[test]
    fn two_jars_of_one_file_keep_what_either_was_given_at_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let policy = Cookies::Kept(folder.path().join("cookies.json"));
        let url = Url::parse("https://a.example.com/").expect("a URL");
        let jars = [Jar::open(&policy).expect("a jar"), Jar::open(&policy).expect("a jar")];
        jars[0].take(&url, [b"a=1; Max-Age=60".as_slice()].into_iter());
        jars[1].take(&url, [b"b=2; Max-Age=60".as_slice()].into_iter());
        jars[0].take(&url, [b"c=3; Max-Age=60".as_slice()].into_iter());
        // nobody has said goodbye
        let later = Jar::open(&policy).expect("a jar");
        assert_eq!(later.header(&url).expect("cookies"), "a=1; b=2; c=3");
        assert_eq!(jars[0].header(&url).expect("cookies"), "a=1; b=2; c=3");
        jars[1].take(&url, [b"a=; Max-Age=0".as_slice()].into_iter());
        assert_eq!(Jar::open(&policy).expect("a jar").header(&url).expect("cookies"), "b=2; c=3");
    }

    #[test]
    fn a_cookie_is_what_its_name_promises() {
        let (sealed, open) = ("https://a.example.com/", "http://a.example.com/");
        for (url, cookie, expected) in [
            (sealed, "__Host-a=1; Secure; Path=/", false),
            (sealed, "__host-a=1; Secure; Path=/", false),
            (sealed, "__Host-a=1; Secure; Path=/x", true),
            (sealed, "__Host-a=1; Path=/", true),
            (sealed, "__Host-a=1; Secure; Path=/; Domain=example.com", true),
            (open, "__Host-a=1; Secure; Path=/", true),
            (sealed, "__Secure-a=1; Secure; Domain=example.com", false),
            (open, "__Secure-a=1; Secure", true),
            (open, "a=1", false),
        ] {
            assert_eq!(breaks_its_prefix(cookie, &Url::parse(url).expect("a URL")), expected, "{cookie}");
        }
    }

    #[test]
    fn registries_are_known_and_sites_are_not_taken_for_one() {
        for (host, domain, expected) in [
            ("a.co.uk", "co.uk", true),
            ("a.example.com", ".example.com", false),
            ("a.com", ".COM", true),
            ("me.github.io", "github.io", true),
            ("github.io", "github.io", false),
            ("a.b.kawasaki.jp", "b.kawasaki.jp", true),
            ("x.city.kawasaki.jp", "city.kawasaki.jp", false),
            ("wiki.intranet", "intranet", true),
            ("a.wiki.intranet", "wiki.intranet", false),
            ("127.0.0.1", "127.0.0.1", false),
            ("a.xn--55qx5d.cn", "xn--55qx5d.cn", true),
            ("a.公司.cn", "公司.cn", true),
            ("a.example.xn--55qx5d.cn", "example.xn--55qx5d.cn", false),
        ] {
            let url = Url::parse(&format!("https://{host}/")).expect("a URL");
            assert_eq!(
                sets_for_a_registry(&format!("a=1; Path=/; Domain={domain}"), &url),
                expected,
                "{host} {domain}"
            );
        }
    }
}
