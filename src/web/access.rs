//! Who may look and who may act: tokens, signed sessions, and the tokens of forms. Nothing is kept of a session: its
//! cookie is signed by a key that comes from the token, so that whoever changes the token ends all sessions.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::clock;
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::settings::Secret;

/// Shorter tokens can be guessed.
const TOKEN_CHARS_MIN: usize = 16;
/// How long a session lasts, in seconds.
pub(super) const SESSION_S: i64 = 12 * 3_600;
/// The most letters of the name that somebody gives.
const NAME_CHARS_MAX: usize = 40;
const TOKEN_HINT: &str = "set DC_WEB_TOKEN, or `[web] token = ..` in dc.toml: `openssl rand -hex 24` makes one";

/// What somebody may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Role {
    /// Look.
    Viewer,
    /// Look and act.
    Operator,
}

impl Role {
    fn letter(self) -> &'static str {
        match self {
            Self::Viewer => "v",
            Self::Operator => "o",
        }
    }

    /// In a word.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
        }
    }
}

/// Somebody who was let in.
#[derive(Debug, Clone)]
pub(super) struct Visitor {
    pub(super) role: Role,
    /// The name that stands beside what they do.
    pub(super) name: String,
    /// What the tokens of their forms belong to.
    session: String,
    /// Whether they signed in, and can sign out.
    pub(super) is_signed_in: bool,
}

/// The tokens, and the keys that come from them.
pub(super) struct Access {
    operator: Option<Secret>,
    viewer: Option<Secret>,
    /// Signs what needs no token.
    own: [u8; 32],
}

impl Access {
    /// Reads the tokens of `[web]`.
    ///
    /// # Errors
    /// Settings: no token where strangers can come in, a token that can be guessed, two that are the same.
    pub(super) fn of(context: &Context, is_local: bool) -> Result<Self> {
        let section = context.settings().section("web");
        let (operator, viewer) = (section.secret("token")?, section.secret("viewer_token")?);
        let refused = |message: &str| Error::new(ErrorKind::Settings, message.to_owned()).hint(TOKEN_HINT);
        if operator.is_none() && viewer.is_none() && !is_local {
            return Err(refused("serve the dashboard to other machines: there is no token that keeps strangers out"));
        }
        for token in [&operator, &viewer].into_iter().flatten() {
            if token.reveal().chars().count() < TOKEN_CHARS_MIN {
                return Err(refused("use the token of `[web]`: it has fewer than 16 characters, and can be guessed"));
            }
        }
        if let (Some(operator), Some(viewer)) = (&operator, &viewer)
            && operator.reveal() == viewer.reveal()
        {
            return Err(refused("tell operators from viewers: `token` and `viewer_token` of `[web]` are the same"));
        }
        let mut own = [0; 32];
        getrandom::fill(&mut own).map_err(|cause| Error::failed("make a key for the dashboard").because(cause))?;
        Ok(Self { operator, viewer, own })
    }

    /// Whether nobody needs a token: this machine's own user is let in.
    pub(super) fn is_open(&self) -> bool {
        self.operator.is_none() && self.viewer.is_none()
    }

    /// The role that a token gives.
    pub(super) fn role(&self, token: &str) -> Option<Role> {
        let is = |known: &Option<Secret>| known.as_ref().is_some_and(|known| self.is_same(known.reveal(), token));
        // both are always compared
        match (is(&self.operator), is(&self.viewer)) {
            (true, _) => Some(Role::Operator),
            (false, true) => Some(Role::Viewer),
            (false, false) => None,
        }
    }

    /// In a time that says nothing of what differs.
    fn is_same(&self, one: &str, other: &str) -> bool {
        let tag = sign(&self.own, &["compare", one]);
        keyed(&self.own, &["compare", other]).verify_slice(&tag).is_ok()
    }

    /// The visitor of a token that comes with each request.
    pub(super) fn bearer(&self, token: &str) -> Option<Visitor> {
        let role = self.role(token)?;
        Some(Visitor { role, name: role.name().to_owned(), session: "bearer".to_owned(), is_signed_in: false })
    }

    /// Who needs no token: the user of this process.
    pub(super) fn own_user(&self, context: &Context) -> Visitor {
        let name = format!("{} (dashboard)", context.settings().user);
        Visitor { role: Role::Operator, name, session: "open".to_owned(), is_signed_in: false }
    }

    /// The value of the cookie of a new session.
    pub(super) fn cookie(&self, role: Role, name: &str) -> Option<String> {
        let name: String = name.trim().chars().filter(|letter| !letter.is_control()).take(NAME_CHARS_MAX).collect();
        let name = if name.is_empty() { role.name().to_owned() } else { name };
        let until = clock::now().and_utc().timestamp() + SESSION_S;
        let mut random = [0; 12];
        getrandom::fill(&mut random).ok()?;
        let body =
            format!("{}.{}.{until}.{}", role.letter(), URL_SAFE_NO_PAD.encode(name), URL_SAFE_NO_PAD.encode(random));
        let tag = sign(self.key(role)?, &["session", &body]);
        Some(format!("{body}.{}", URL_SAFE_NO_PAD.encode(tag)))
    }

    /// The visitor of a session that has not ended.
    pub(super) fn session(&self, cookie: &str) -> Option<Visitor> {
        let (body, tag) = cookie.rsplit_once('.')?;
        let mut parts = body.split('.');
        let role =
            [Role::Viewer, Role::Operator].into_iter().find(|role| Some(role.letter()) == parts.clone().next())?;
        parts.next()?;
        let name = String::from_utf8(URL_SAFE_NO_PAD.decode(parts.next()?).ok()?).ok()?;
        let until: i64 = parts.next()?.parse().ok()?;
        let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
        keyed(self.key(role)?, &["session", body]).verify_slice(&tag).ok()?;
        let is_over = clock::now().and_utc().timestamp() >= until;
        (!is_over).then(|| Visitor { role, name, session: body.to_owned(), is_signed_in: true })
    }

    fn key(&self, role: Role) -> Option<&[u8]> {
        let token = match role {
            Role::Operator => &self.operator,
            Role::Viewer => &self.viewer,
        };
        token.as_ref().map(|token| token.reveal().as_bytes())
    }

    /// A token for the forms of a page: another one each time, so that nothing can be learned from the length of what is
    /// compressed.
    pub(super) fn form_token(&self, visitor: &Visitor) -> String {
        let mut random = [0; 12];
        // without randomness the tokens of a session are all alike, and still its own
        let _ = getrandom::fill(&mut random);
        let random = URL_SAFE_NO_PAD.encode(random);
        let tag = sign(&self.own, &["form", &visitor.session, &random]);
        format!("{random}.{}", URL_SAFE_NO_PAD.encode(tag))
    }

    /// Whether a form of this visitor has this token.
    pub(super) fn is_form_of(&self, visitor: &Visitor, token: &str) -> bool {
        let read = || {
            let (random, tag) = token.split_once('.')?;
            let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
            keyed(&self.own, &["form", &visitor.session, random]).verify_slice(&tag).ok()
        };
        read().is_some()
    }
}

fn keyed(key: &[u8], parts: &[&str]) -> Hmac<Sha256> {
    let made = <Hmac<Sha256> as KeyInit>::new_from_slice(key);
    let mut hmac = made.unwrap_or_else(|_| unreachable!("an HMAC takes a key of any length"));
    for part in parts {
        hmac.update(&(part.len() as u64).to_be_bytes());
        hmac.update(part.as_bytes());
    }
    hmac
}

fn sign(key: &[u8], parts: &[&str]) -> Vec<u8> {
    keyed(key, parts).finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(operator: Option<&str>, viewer: Option<&str>) -> Access {
        let secret = |text: &str| Secret::new(text.to_owned());
        Access { operator: operator.map(secret), viewer: viewer.map(secret), own: [7; 32] }
    }

    #[test]
    fn a_session_is_what_its_token_signed() {
        let both = access(Some("operator-token-1"), Some("viewer-token-22"));
        let cookie = both.cookie(Role::Viewer, " Ana\n ").expect("a cookie");
        let visitor = both.session(&cookie).expect("a visitor");
        assert_eq!((visitor.role, visitor.name.as_str()), (Role::Viewer, "Ana"));
        // nobody makes an operator of a viewer
        assert!(both.session(&cookie.replacen('v', "o", 1)).is_none());
        for wrong in ["", ".", "o", "o.YQ.9999999999.x.", &cookie[1..], &format!("{cookie}x")] {
            assert!(both.session(wrong).is_none(), "{wrong}");
        }
        let others = access(Some("operator-token-1"), Some("another-token-22"));
        assert!(others.session(&cookie).is_none(), "a new token ends all sessions");
    }

    #[test]
    fn a_form_belongs_to_its_session() {
        let access = access(Some("operator-token-1"), None);
        let visit = || access.session(&access.cookie(Role::Operator, "").expect("a cookie")).expect("a visitor");
        let (one, other) = (visit(), visit());
        let token = access.form_token(&one);
        assert!(access.is_form_of(&one, &token) && !access.is_form_of(&other, &token));
        assert_ne!(token, access.form_token(&one));
        assert!(!access.is_form_of(&one, "") && !access.is_form_of(&one, "x.y"));
    }

    #[test]
    fn a_token_gives_its_role() {
        let both = access(Some("operator-token-1"), Some("viewer-token-22"));
        assert_eq!(both.role("operator-token-1"), Some(Role::Operator));
        assert_eq!(both.role("viewer-token-22"), Some(Role::Viewer));
        assert_eq!((both.role(""), both.role("operator-token-"), access(None, None).role("")), (None, None, None));
    }
}
