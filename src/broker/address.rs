//! Where a broker is, and who we are there: `amqp://USER:PASSWORD@HOST:PORT/VHOST`, or `amqps://` for TLS.

use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

use percent_encoding::percent_decode_str;
use url::Url;

use crate::error::{Error, ErrorKind, Result};
use crate::settings::Secret;

/// How long one attempt to connect may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// What RabbitMQ gives a user that the URL does not name.
const GUEST: &str = "guest";

/// A broker's URL, taken apart. Without `Debug`: it holds the password.
pub(super) struct Address {
    /// Whether TLS is spoken.
    pub(super) is_encrypted: bool,
    pub(super) user: String,
    pub(super) password: String,
    pub(super) host: String,
    pub(super) port: u16,
    /// The virtual host; `/` is RabbitMQ's own.
    pub(super) virtual_host: String,
}

impl Address {
    /// Takes a URL apart.
    ///
    /// # Errors
    /// Settings (exit 3), without the URL itself.
    pub(super) fn read(url: &Secret) -> Result<Self> {
        let wrong = |why: String| {
            Error::new(ErrorKind::Settings, format!("read the setting `broker.url`: {why}")).hint(
                "write it as amqp://USER:PASSWORD@HOST:PORT/VHOST, or amqps:// for TLS; %2F stands for a / in a word",
            )
        };
        let url = Url::parse(url.reveal()).map_err(|cause| wrong(cause.to_string()))?;
        let (is_encrypted, port) = match url.scheme() {
            "amqp" => (false, 5672),
            "amqps" => (true, 5671),
            _ => return Err(wrong("it begins with amqp:// or amqps://".to_owned())),
        };
        if url.query().is_some() || url.fragment().is_some() {
            return Err(wrong("it takes no parameters after ? or #".to_owned()));
        }
        let text = |part: &str| match percent_decode_str(part).decode_utf8() {
            Ok(text) => Ok(text.into_owned()),
            Err(_) => Err(wrong("it is no UTF-8".to_owned())),
        };
        let host = url.host_str().filter(|host| !host.is_empty()).unwrap_or("localhost");
        let path = url.path().strip_prefix('/').unwrap_or_default();
        if path.contains('/') {
            return Err(wrong("the virtual host is one word".to_owned()));
        }
        let user = text(url.username())?;
        Ok(Self {
            is_encrypted,
            password: url.password().map_or_else(|| Ok(GUEST.to_owned()), text)?,
            user: if user.is_empty() { GUEST.to_owned() } else { user },
            // brackets belong to the URL, not to the address
            host: host.trim_matches(['[', ']']).to_owned(),
            port: url.port().unwrap_or(port),
            virtual_host: if path.is_empty() { "/".to_owned() } else { text(path)? },
        })
    }

    /// Opens a connection to the first of the host's addresses that answers.
    ///
    /// # Errors
    /// Temporary, with the reason of the last.
    pub(super) fn connect(&self) -> Result<TcpStream> {
        let place = format!("{}:{}", self.host, self.port);
        let away = |reason: String| Error::new(ErrorKind::Busy, format!("connect to the broker at {place}: {reason}"));
        let found = (self.host.as_str(), self.port).to_socket_addrs().map_err(|cause| away(cause.to_string()))?;
        let mut reason = "its name has no address".to_owned();
        for address in found {
            match attempt(&address) {
                Ok(stream) => return Ok(stream),
                Err(cause) => reason = cause.to_string(),
            }
        }
        Err(away(reason))
    }
}

fn attempt(address: &SocketAddr) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(address, CONNECT_LIMIT)?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> Result<Address> {
        Address::read(&Secret::new(url))
    }

    #[test]
    fn parts_are_found_and_decoded() {
        let address = read("amqps://us%40er:p%2Fw%3A@[::1]:77/my%2Fhost").expect("an address");
        assert!(address.is_encrypted);
        assert_eq!((address.user.as_str(), address.password.as_str()), ("us@er", "p/w:"));
        assert_eq!((address.host.as_str(), address.port), ("::1", 77));
        assert_eq!(address.virtual_host, "my/host");
    }

    #[test]
    fn what_is_left_out_is_as_rabbitmq_has_it() {
        let address = read("amqp://rabbit").expect("an address");
        assert_eq!((address.user.as_str(), address.password.as_str()), ("guest", "guest"));
        assert_eq!((address.port, address.virtual_host.as_str()), (5672, "/"));
        assert_eq!(read("amqps://rabbit/").expect("an address").port, 5671);
    }

    #[test]
    fn what_is_no_address_is_told_without_the_password() {
        for url in ["http://u:hidden@h", "amqp://u:hidden@h:99999", "amqp://u:hidden@h/a/b", "amqp://u:hidden@h/?x=1"] {
            let error = read(url).err().expect("refused");
            assert_eq!(error.kind(), ErrorKind::Settings);
            assert!(!format!("{error:?}").contains("hidden"), "{error:?}");
        }
    }
}
