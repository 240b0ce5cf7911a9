//! Plain HTTP by way of a proxy, as proxies expect it: the whole URL stands in the first line of the request. (ureq asks
//! for a tunnel with CONNECT, which squid allows to port 443 alone; for https that is the way.)

use ureq::Proxy;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport};

use super::names::Names;

/// Finds the proxy, whatever is asked for.
#[derive(Debug)]
pub(super) struct ForwardResolver {
    proxy: Option<Uri>,
    names: Names,
}

impl ForwardResolver {
    pub(super) fn to(proxy: &Proxy) -> Self {
        let uri = Uri::builder().scheme("http").authority(format!("{}:{}", proxy.host(), proxy.port()));
        Self { proxy: uri.path_and_query("/").build().ok(), names: Names::default() }
    }
}

impl Resolver for ForwardResolver {
    fn resolve(
        &self,
        _: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> std::result::Result<ResolvedSocketAddrs, ureq::Error> {
        match &self.proxy {
            Some(proxy) => self.names.resolve(proxy, config, timeout),
            None => Err(ureq::Error::InvalidProxyUrl),
        }
    }
}

/// Wraps the connection to the proxy.
#[derive(Debug)]
pub(super) struct Forward;

impl<In: Transport> Connector<In> for Forward {
    type Out = Forwarded<In>;

    fn connect(
        &self,
        details: &ConnectionDetails,
        chained: Option<In>,
    ) -> std::result::Result<Option<Self::Out>, ureq::Error> {
        let prefix = details.uri.authority().map(|authority| format!("http://{authority}")).unwrap_or_default();
        Ok(chained.map(|inner| Forwarded { inner, prefix, is_head: true }))
    }
}

/// A connection on which the first line of each request is completed.
#[derive(Debug)]
pub(super) struct Forwarded<T> {
    inner: T,
    /// `http://host:port`.
    prefix: String,
    /// The next bytes that go out begin a request.
    is_head: bool,
}

impl<T: Transport> Transport for Forwarded<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> std::result::Result<(), ureq::Error> {
        if !self.is_head {
            return self.inner.transmit_output(amount, timeout);
        }
        self.is_head = false;
        let prefix = self.prefix.as_bytes();
        let output = self.inner.buffers().output();
        let place = output[..amount].iter().position(|byte| *byte == b' ').map_or(0, |space| space + 1);
        if output.get(place) != Some(&b'/') {
            return self.inner.transmit_output(amount, timeout);
        }
        if amount + prefix.len() > output.len() {
            return Err(ureq::Error::Other("the head of the request is too long for a proxy".into()));
        }
        output.copy_within(place..amount, place + prefix.len());
        output[place..place + prefix.len()].copy_from_slice(prefix);
        self.inner.transmit_output(amount + prefix.len(), timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> std::result::Result<bool, ureq::Error> {
        self.is_head = true;
        self.inner.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        self.inner.is_open()
    }
}
