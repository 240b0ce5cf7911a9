//! What the settings say of a host: `[host."api.example.com"]`, with or without its port.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use url::Url;

use super::options::RequestOptions;
use super::polite::Politeness;
use super::tls::Trust;
use crate::context::Context;
use crate::error::Result;

/// What holds for a host.
#[derive(Debug, Clone)]
pub(super) struct HostRules {
    pub(super) politeness: Politeness,
    pub(super) trust: Trust,
}

/// The rules of the hosts that were asked so far.
pub(super) struct Hosts {
    context: Context,
    default: HostRules,
    known: Mutex<HashMap<String, Arc<HostRules>>>,
}

impl Hosts {
    pub(super) fn new(context: &Context, options: &RequestOptions) -> Self {
        let trust = options.certificates.clone().map_or(Trust::System, Trust::File);
        let default = HostRules { politeness: options.politeness, trust };
        Self { context: context.clone(), default, known: Mutex::default() }
    }

    /// The rules for the host of this URL.
    ///
    /// # Errors
    /// Settings, for a field that is not what it takes.
    pub(super) fn of(&self, url: &Url) -> Result<Arc<HostRules>> {
        let name = key(url);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(rules) = known.get(&name) {
            return Ok(Arc::clone(rules));
        }
        let rules = Arc::new(self.read(url, &name)?);
        known.insert(name, Arc::clone(&rules));
        Ok(rules)
    }

    fn read(&self, url: &Url, key: &str) -> Result<HostRules> {
        let settings = self.context.settings();
        let mut rules = self.default.clone();
        for name in [url.host_str().unwrap_or_default(), key] {
            let section = format!("host.{name}");
            let section = settings.section(&section);
            rules.politeness.rate = section.decimal("rate")?.or(rules.politeness.rate);
            let concurrency = section.number("concurrency")?.map(|count| count as usize);
            rules.politeness.concurrency = concurrency.or(rules.politeness.concurrency);
            if let Some(path) = section.text("certificates")? {
                rules.trust = Trust::File(settings.project.root.join(PathBuf::from(path)));
            }
            if section.flag("verify")? == Some(false) {
                log::warn!(
                    "the certificate of {name} is not verified, as [host.\"{name}\"] says: whoever sits between can read and change everything"
                );
                rules.trust = Trust::Anybody;
            }
        }
        Ok(rules)
    }
}

/// The name under which a host is known: with its port.
pub(super) fn key(url: &Url) -> String {
    format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or_default())
}
