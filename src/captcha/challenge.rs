//! What is to be solved.

use crate::settings::Secret;

/// A captcha.
#[derive(Debug, Clone)]
pub enum Challenge {
    /// A picture with letters or a sum.
    Image {
        /// The picture: PNG, JPEG or GIF.
        bytes: Vec<u8>,
        /// What is known of the text.
        rules: ImageRules,
    },
    /// reCAPTCHA v2, with a box to tick or invisible.
    RecaptchaV2 {
        /// The page that it stands on.
        url: String,
        /// The page's key, `data-sitekey`.
        key: String,
        /// It shows no box.
        is_invisible: bool,
        /// It is the enterprise edition.
        is_enterprise: bool,
        /// `data-s`, which some pages of Google have.
        data_s: Option<String>,
        /// From where it is solved; `None` for the service's own machines.
        visitor: Option<Visitor>,
    },
    /// reCAPTCHA v3, which gives a score.
    RecaptchaV3 {
        /// The page that it stands on.
        url: String,
        /// The page's key.
        key: String,
        /// The least score: 0.3, 0.7 or 0.9.
        score_min: f64,
        /// What the page calls the action.
        action: Option<String>,
        /// It is the enterprise edition.
        is_enterprise: bool,
    },
    /// Cloudflare's Turnstile.
    Turnstile {
        /// The page that it stands on.
        url: String,
        /// The page's key.
        key: String,
        /// What the page calls the action.
        action: Option<String>,
        /// `cData`, which some pages have.
        data: Option<String>,
        /// From where it is solved; `None` for the service's own machines.
        visitor: Option<Visitor>,
    },
}

/// What is known of the text of a picture.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageRules {
    /// There are several words.
    pub is_phrase: bool,
    /// Capitals count.
    pub is_case_sensitive: bool,
    /// `Some(true)` for digits alone, `Some(false)` for none.
    pub digits: Option<bool>,
    /// It is a sum whose result is wanted.
    pub is_sum: bool,
    /// The fewest letters.
    pub length_min: u32,
    /// The most letters; 0 for any number.
    pub length_max: u32,
    /// A hint for whoever solves it.
    pub comment: Option<String>,
}

/// From where a captcha is solved: some pages want the answer from the address that asked.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// The proxy.
    pub proxy: VisitorProxy,
    /// The browser that it pretends to be.
    pub user_agent: String,
    /// Its cookies, `a=1; b=2`.
    pub cookies: Option<String>,
}

/// A proxy that the service goes through.
#[derive(Debug, Clone)]
pub struct VisitorProxy {
    /// `http`, `https`, `socks4` or `socks5`.
    pub kind: String,
    /// Its address: a number of IPv4 or IPv6, or a name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// A name and a password.
    pub login: Option<(String, Secret)>,
}

impl Challenge {
    /// Its kind in a word.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Image { .. } => "image",
            Self::RecaptchaV2 { .. } => "reCAPTCHA v2",
            Self::RecaptchaV3 { .. } => "reCAPTCHA v3",
            Self::Turnstile { .. } => "Turnstile",
        }
    }
}
