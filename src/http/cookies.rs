//! A session's cookies, in memory or kept in a file that the user alone can read.

use std::cmp::Reverse;
use std::io::Write;
use std::path::Path;
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
    has_changed: bool,
}

impl Jar {
    /// # Errors
    /// When the file is there and cannot be read.
    pub(super) fn open(policy: &Cookies) -> Result<Self> {
        let store = match policy {
            Cookies::Kept(path) => load(path)?,
            Cookies::None | Cookies::Session => CookieStore::default(),
        };
        Ok(Self { policy: policy.clone(), store: Mutex::new(Kept { store, has_changed: false }) })
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

    /// Takes what an answer sets.
    pub(super) fn take<'a>(&self, url: &Url, headers: impl Iterator<Item = &'a [u8]>) {
        if self.policy == Cookies::None {
            return;
        }
        for header in headers.filter(|header| header.len() <= COOKIE_BYTES_MAX) {
            let text = String::from_utf8_lossy(header);
            let mut kept = self.store.lock().unwrap_or_else(PoisonError::into_inner);
            if sets_for_a_registry(&text, url) {
                log::debug!("a cookie for a whole registry was refused");
                continue;
            }
            match kept.store.parse(&text, url) {
                Ok(_) => kept.has_changed = true,
                // the value must not be seen
                Err(error) => log::debug!("a cookie of {} was refused: {error}", url.host_str().unwrap_or_default()),
            }
        }
    }

    /// Writes the file of kept cookies, whole or not at all.
    ///
    /// # Errors
    /// What the file system says.
    pub(super) fn keep(&self) -> Result<()> {
        let Cookies::Kept(path) = &self.policy else { return Ok(()) };
        let mut kept = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        if !kept.has_changed {
            return Ok(());
        }
        let what = || format!("keep the cookies in {}", path.display());
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder).map_err(|cause| file_error(what(), cause))?;
        // made for the user alone
        let mut file = tempfile::NamedTempFile::new_in(folder).map_err(|cause| file_error(what(), cause))?;
        cookie_store::serde::json::save_incl_expired_and_nonpersistent(&kept.store, &mut file)
            .map_err(|cause| Error::failed(what()).because(cause.to_string()))?;
        file.flush().or_fail(what)?;
        file.persist(path).map_err(|cause| file_error(what(), cause.error))?;
        kept.has_changed = false;
        Ok(())
    }
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
