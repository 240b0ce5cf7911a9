//! A virtual host of RabbitMQ for one test; it goes with it.

use crate::support::clean;
use std::process::Output;

use super::needs;

/// Where RabbitMQ is looked for.
const RABBITMQ: &str = "amqp://guest:guest@127.0.0.1:5672";

pub(crate) struct Rabbit {
    /// `amqp://USER:PASSWORD@HOST:PORT`.
    pub(crate) server: String,
    pub(crate) host: String,
}

impl Rabbit {
    /// `None`, said aloud, where no server answers that lets us make one; a failure where one is required.
    pub(crate) fn new() -> Option<Self> {
        let server = std::env::var("DC_TEST_RABBITMQ").unwrap_or_else(|_| RABBITMQ.to_owned());
        let host = format!("dc_test_{}", uuid::Uuid::now_v7().simple());
        needs::need("rabbitmq", || {
            control(&["add_vhost", &host])?;
            control(&["set_permissions", "-p", &host, "guest", ".*", ".*", ".*"])
        })?;
        Some(Self { server, host })
    }

    pub(crate) fn url(&self) -> String {
        format!("{}/{}", self.server, self.host)
    }

    /// The same host by another port.
    pub(crate) fn url_through(&self, port: u16) -> String {
        let login = self.server.rsplit_once('@').map_or("amqp://guest:guest", |(login, _)| login);
        format!("{login}@127.0.0.1:{port}/{}", self.host)
    }

    /// `HOST:PORT`.
    pub(crate) fn address(&self) -> &str {
        self.server.rsplit_once('@').map_or("127.0.0.1:5672", |(_, address)| address)
    }
}

impl Drop for Rabbit {
    fn drop(&mut self) {
        let _ = control(&["delete_vhost", &self.host]);
    }
}

fn control(arguments: &[&str]) -> Result<(), String> {
    let Output { status, stderr, .. } = clean("rabbitmqctl")
        .arg("--quiet")
        .args(arguments)
        .output()
        .map_err(|cause| format!("rabbitmqctl: {cause}"))?;
    if status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&stderr).trim().to_owned()) }
}
