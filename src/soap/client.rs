//! The client: what a WSDL describes, and calls.

use super::bound::Bound;
use super::call::Call;
use super::load::{Loader, Place};
use super::operation::{Operation, describe};
use super::options::ClientOptions;
use super::schema::near;
use super::wsdl::{Wsdl, read};
use crate::error::{Error, ErrorKind, Result};
use crate::http::Request;

/// A client of a service.
///
/// ```no_run
/// use data_collector::http::Request;
/// use data_collector::soap::{Client, ClientOptions};
///
/// # fn example(context: &data_collector::context::Context) -> data_collector::error::Result<()> {
/// let request = Request::new(context)?;
/// let client = Client::open(&request, "https://example.com/rates?wsdl", ClientOptions::default())?;
/// for operation in client.operations() {
///     log::info!("{operation}");
/// }
/// let rate = client.call("GetRate")?.arguments(&serde_json::json!({"currency": "EUR"}))?.send()?;
/// # Ok(())
/// # }
/// ```
pub struct Client {
    request: Request,
    wsdl: Wsdl,
    options: ClientOptions,
    missing: Vec<String>,
}

impl Client {
    /// Reads a WSDL 1.1 document, a file or a URL, with everything that it imports and includes.
    ///
    /// # Errors
    /// When it cannot be loaded or is none. What it imports and cannot be loaded is no error until it is needed:
    /// [`Client::missing`].
    pub fn open(request: &Request, place: &str, options: ClientOptions) -> Result<Self> {
        let mut loader = Loader::new(request, options.limits);
        let wsdl = read(&mut loader, &Place::of(place))?;
        let missing = std::mem::take(&mut loader.missing);
        Ok(Self { request: request.clone(), wsdl, options, missing })
    }

    /// Documents that could not be loaded, and why.
    pub fn missing(&self) -> &[String] {
        &self.missing
    }

    /// All operations that SOAP can call, in the order of the document.
    pub fn operations(&self) -> Vec<Operation> {
        self.bound().iter().map(|bound| describe(&self.wsdl.schemas, bound)).collect()
    }

    /// A call of an operation: by its name, or `Port.Name` or `Service.Port.Name` where several have one of that name.
    /// Of several the first that can be called is taken.
    ///
    /// # Errors
    /// Not found, with the names that are known; refused, for what cannot be called.
    pub fn call(&self, operation: &str) -> Result<Call<'_>> {
        let all = self.bound();
        let is_meant = |bound: &Bound<'_>| {
            let (service, port, name) = (&bound.service.name, &bound.port.name, &bound.operation.name);
            name == operation
                || format!("{port}.{name}") == operation
                || format!("{service}.{port}.{name}") == operation
        };
        // one that cannot be called only where no other is meant
        let named = || all.iter().copied().filter(is_meant);
        let Some(bound) = named().find(|it| it.refusal().is_none()).or_else(|| named().next()) else {
            let mut names: Vec<&str> = all.iter().map(|bound| bound.operation.name.as_str()).collect();
            names.sort_unstable();
            names.dedup();
            let message = format!("call {operation}: the service has no such operation");
            return Err(Error::new(ErrorKind::NotFound, message).hint(format!("it has {}", names.join(", "))));
        };
        match bound.refusal() {
            Some(why) => Err(Error::new(ErrorKind::Refused, format!("call {operation}: {why}"))),
            None => Ok(Call::new(&self.request, &self.options, bound)),
        }
    }

    fn bound(&self) -> Vec<Bound<'_>> {
        let wsdl = &self.wsdl;
        let mut all = Vec::new();
        for service in &wsdl.services {
            for port in &service.ports {
                let Some(binding) = near(&wsdl.bindings, &port.binding) else { continue };
                let Some(port_type) = near(&wsdl.port_types, &binding.port_type) else { continue };
                for operation in &binding.operations {
                    if let Some(port_operation) = port_type.iter().find(|it| it.name == operation.name) {
                        all.push(Bound { wsdl, service, port, binding, operation, port_operation });
                    }
                }
            }
        }
        all
    }
}
