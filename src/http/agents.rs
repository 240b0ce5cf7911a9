//! ureq's agents: one for each way to trust and each proxy that passes plain HTTP on, made when it is first needed. Each
//! keeps its connections and uses them again.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use ureq::config::Config;
use ureq::unversioned::transport::{Connector, DefaultConnector};
use ureq::{Agent, Proxy};

use super::forward::{Forward, ForwardResolver};
use super::head::HEAD_BYTES_MAX;
use super::identity::Identity;
use super::names::Names;
use super::tls::Trust;
use super::wire::{BUFFER_BYTES, Wires};
use crate::error::Result;

/// Connections that are kept while nobody uses them.
const IDLE_MAX: usize = 1_024;

#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    trust: Option<(Trust, Option<Identity>)>,
    forward: Option<String>,
}

/// The agents of a session.
#[derive(Default)]
pub(super) struct Agents(Mutex<HashMap<Key, Agent>>);

impl Agents {
    /// The agent for this kind of exchange.
    ///
    /// # Errors
    /// When certificates cannot be read.
    pub(super) fn get(
        &self,
        is_tls: bool,
        trust: &Trust,
        identity: Option<&Identity>,
        forward: Option<&Proxy>,
    ) -> Result<Agent> {
        let key = Key {
            trust: is_tls.then(|| (trust.clone(), identity.cloned())),
            forward: forward.map(|proxy| format!("{}:{}", proxy.host(), proxy.port())),
        };
        let mut agents = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(agent) = agents.get(&key) {
            return Ok(agent.clone());
        }
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent("")
            .accept("")
            .accept_encoding("")
            .proxy(None)
            .input_buffer_size(BUFFER_BYTES)
            .output_buffer_size(BUFFER_BYTES)
            .max_idle_connections(IDLE_MAX)
            .max_idle_connections_per_host(IDLE_MAX)
            .max_response_header_size(HEAD_BYTES_MAX)
            .allow_non_standard_methods(true);
        if is_tls {
            config = config.tls_config(trust.config(identity)?);
        }
        let config: Config = config.build();
        let agent = match forward {
            Some(proxy) => {
                let connector = DefaultConnector::new().chain(Forward).chain(Wires);
                Agent::with_parts(config, connector, ForwardResolver::to(proxy))
            }
            None => Agent::with_parts(config, DefaultConnector::new().chain(Wires), Names::default()),
        };
        agents.insert(key, agent.clone());
        Ok(agent)
    }
}
