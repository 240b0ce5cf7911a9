//! One call: JSON in, an envelope there and back, JSON out.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::addressing;
use super::attachments::{Attachment, Package, packed};
use super::bound::{Bound, PartDecl, Parts};
use super::decode::{Decoder, add_attribute, is_data, put};
use super::encode::{Encoder, XSI};
use super::envelope::open;
use super::fault::Fault;
use super::options::ClientOptions;
use super::schema::{Found, Type, XSD};
use super::security::Login;
use super::unwrap::unwrapped;
use super::xml::{Element, Name, Writer, parse};
use crate::error::{Error, ErrorKind, Result};
use crate::http::{Body, Request, Response};

/// A call of an operation.
#[must_use = "it is not sent yet"]
pub struct Call<'a> {
    request: &'a Request,
    options: &'a ClientOptions,
    bound: Bound<'a>,
    arguments: Value,
    headers: Value,
    login: Option<Login>,
}

/// What comes back, whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// What the operation gives back: of an answer that holds nothing but one value that value.
    pub value: Value,
    /// The answer with all its wrapping, by the names of its parts.
    pub body: Value,
    /// What stood in the header, by the names of its parts.
    pub headers: Value,
    /// What came beside the envelope, and is not a part of a value: SOAP with attachments. A value names it as `cid:ID`.
    pub attachments: Vec<Attachment>,
}

impl<'a> Call<'a> {
    pub(super) fn new(request: &'a Request, options: &'a ClientOptions, bound: Bound<'a>) -> Self {
        let login = options.login.clone();
        Self { request, options, bound, arguments: Value::Null, headers: Value::Null, login }
    }

    /// What the operation takes: an object with the names of its parameters.
    ///
    /// # Errors
    /// Usage, for a value that JSON cannot hold.
    pub fn arguments(mut self, arguments: &impl Serialize) -> Result<Self> {
        self.arguments = to_json(arguments)?;
        Ok(self)
    }

    /// What it takes in the header: an object with the names of the headers.
    ///
    /// # Errors
    /// As [`Call::arguments`].
    pub fn headers(mut self, headers: &impl Serialize) -> Result<Self> {
        self.headers = to_json(headers)?;
        Ok(self)
    }

    /// Who asks, by WS-Security.
    pub fn login(mut self, login: Login) -> Self {
        self.login = Some(login);
        self
    }

    /// The envelope, as it will be sent.
    ///
    /// # Errors
    /// Usage, with the path of what does not fit.
    pub fn envelope(&self) -> Result<String> {
        let version = self.bound.binding.version;
        let mut writer = Writer::new(&[("soap", version.namespace()), ("xsi", XSI), ("xsd", XSD[0])]);
        writer.start(&version.element("Envelope"));
        let headers = self.bound.headers()?;
        let addressing = self.bound.port_operation.addressing.as_ref();
        // those that the WSDL only allows make none: an empty one says nothing
        let has_given = self.headers.as_object().is_some_and(|given| !given.is_empty());
        if has_given || self.login.is_some() || addressing.is_some() {
            writer.start(&version.element("Header"));
            if let Some(login) = &self.login {
                login.write(&mut writer, version.namespace())?;
            }
            self.write_headers(&mut writer, &headers)?;
            if let Some(action) = addressing {
                let is_given = |local: &str| self.headers.get(local).is_some_and(|value| !value.is_null());
                addressing::write(&mut writer, action, self.address(), is_given);
            }
            writer.end();
        }
        writer.start(&version.element("Body"));
        self.write_body(&mut writer)?;
        writer.end();
        writer.end();
        Ok(writer.finish())
    }

    /// Sends it, and gives back what the operation gives.
    ///
    /// # Errors
    /// Usage for arguments that do not fit; what the network says; failed with a [`Fault`] as its cause.
    pub fn send(self) -> Result<Value> {
        self.answer().map(|answer| answer.value)
    }

    /// As [`Call::send`], as a value of one's own type.
    ///
    /// # Errors
    /// As [`Call::send`], and when it does not fit.
    pub fn send_as<T: DeserializeOwned>(self) -> Result<T> {
        let name = self.bound.operation.name.clone();
        serde_json::from_value(self.send()?)
            .map_err(|cause| Error::failed(format!("use the answer of {name}")).because(cause))
    }

    /// As [`Call::send`], with all that came back.
    ///
    /// # Errors
    /// As [`Call::send`].
    pub fn answer(self) -> Result<Answer> {
        let name = &self.bound.operation.name;
        let envelope = self.envelope().map_err(|error| error.within(format!("call {name}")))?;
        let address = self.address();
        let (version, action) = (self.bound.binding.version, &self.bound.operation.action);
        let kind = version.content_type(action);
        let (body, kind) = match self.bound.binding.wants_mtom {
            true => packed(&envelope, &kind),
            false => (envelope.into_bytes(), kind),
        };
        let mut call = self.request.post(address).body(Body::bytes(body)).header("Content-Type", kind);
        call = call.body_bytes_max(self.options.limits.bytes_max);
        call = call.header("Accept", "text/xml, application/soap+xml, multipart/related");
        if version.name() == "1.1" {
            call = call.header("SOAPAction", format!("\"{}\"", action.replace('"', "")));
        }
        let response = call.send().map_err(|error| error.within(format!("call {name}")))?;
        self.read(&response)
    }

    fn address(&self) -> &str {
        self.options.address.as_deref().unwrap_or(&self.bound.port.address)
    }

    fn read(&self, response: &Response) -> Result<Answer> {
        let name = &self.bound.operation.name;
        let kind = response.header("content-type").unwrap_or_default();
        let nothing = Answer { value: Value::Null, body: Value::Null, headers: Value::Null, attachments: Vec::new() };
        if response.bytes().is_empty() && response.is_success() {
            return Ok(nothing);
        }
        let mut package = match Package::is(kind) {
            true => Some(Package::read(kind, response.bytes()).map_err(|error| error.within(format!("call {name}")))?),
            false => None,
        };
        let bytes = package.as_ref().map_or(response.bytes(), |package| package.root);
        let root = match parse(bytes, &self.options.limits) {
            Ok(mut root) => {
                if let Some(package) = &mut package {
                    let included = package.include(&mut root, self.options.limits.bytes_max);
                    included.map_err(|error| error.within(format!("call {name}")))?;
                }
                root
            }
            // a page of an error of the server says more by its status
            Err(error) => {
                response.clone().ok()?;
                return Err(error.within(format!("call {name}")));
            }
        };
        let opened = match open(&root) {
            Ok(opened) => opened,
            Err(error) => {
                response.clone().ok()?;
                return Err(error.within(format!("call {name}")));
            }
        };
        let decoder = Decoder { schemas: &self.bound.wsdl.schemas };
        if let Some(fault) = opened
            .body
            .elements()
            .find(|it| &*it.name.local == "Fault" && it.name.namespace == opened.body.name.namespace)
        {
            return Err(Fault::read(fault, &decoder).into_error(name));
        }
        let parts = self.bound.output()?;
        let mut body = Map::new();
        let inner = match parts.is_rpc {
            true => opened.body.elements().next(),
            false => Some(opened.body),
        };
        if let Some(inner) = inner {
            read_parts(&decoder, &parts.list, inner, &mut body)?;
            // and what else came in the body
            let others = opened.body.elements().filter(|it| parts.is_rpc && !std::ptr::eq(*it, inner));
            others.for_each(|it| put(&mut body, &it.name.local, decoder.by_its_name(it)));
        }
        let mut headers = Map::new();
        if let Some(header) = opened.header {
            read_parts(&decoder, &self.bound.output_headers()?, header, &mut headers)?;
        }
        let value = unwrapped(&self.bound.wsdl.schemas, &parts, &body)?;
        let attachments = package.map(Package::rest).unwrap_or_default();
        Ok(Answer { value, body: Value::Object(body), headers: Value::Object(headers), attachments })
    }

    fn write_headers(&self, writer: &mut Writer, headers: &[PartDecl]) -> Result<()> {
        let empty = Map::new();
        let given = self.headers.as_object().unwrap_or(&empty);
        let mut encoder = Encoder { schemas: &self.bound.wsdl.schemas, writer, path: vec!["header".to_owned()] };
        for part in headers {
            let value = given.get(&*part.name.local).or_else(|| given.get(&part.part));
            let Some(value) = value.filter(|value| !value.is_null()) else { continue };
            encoder.path.push(part.name.local.to_string());
            encoder.named(&part.name, &part.of, true, value)?;
            encoder.path.pop();
        }
        let is_known = |key: &String| headers.iter().any(|part| *key == *part.name.local || *key == part.part);
        match given.keys().find(|key| !is_known(key)) {
            Some(key) => {
                let known: Vec<&str> = headers.iter().map(|part| &*part.name.local).collect();
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                let message = format!("write the header `{key}`: there is none; known: {known}");
                Err(Error::new(ErrorKind::Usage, message))
            }
            None => Ok(()),
        }
    }

    fn write_body(&self, writer: &mut Writer) -> Result<()> {
        let parts = self.bound.input()?;
        let schemas = &self.bound.wsdl.schemas;
        let mut encoder = Encoder { schemas, writer, path: Vec::new() };
        if parts.is_rpc {
            encoder.writer.start(&Name::new(&self.bound.operation.input.namespace, &self.bound.operation.name));
        }
        let single = match parts.list.as_slice() {
            [part] if !parts.is_rpc => Some(part),
            _ => None,
        };
        match single {
            Some(part) => {
                let is_complex = match schemas.find(&part.of)? {
                    Found::Declared(declared) => matches!(*declared, Type::Complex(_)),
                    _ => false,
                };
                let inner = self.arguments.get(&*part.name.local).or_else(|| self.arguments.get(&part.part));
                let empty = Value::Object(Map::new());
                let value = match (&self.arguments, is_complex) {
                    (Value::Null, true) => &empty,
                    (arguments, true) => arguments,
                    (arguments, false) => inner.unwrap_or(arguments),
                };
                let is_nillable = part.element.as_ref().is_some_and(|element| element.is_nillable);
                encoder.named(&part.name, &part.of, is_nillable, value)?;
            }
            None => self.write_parts(&mut encoder, &parts)?,
        }
        if parts.is_rpc {
            encoder.writer.end();
        }
        Ok(())
    }

    fn write_parts(&self, encoder: &mut Encoder<'_>, parts: &Parts) -> Result<()> {
        let empty = Map::new();
        let given = match &self.arguments {
            Value::Object(given) => given,
            Value::Null => &empty,
            _ => return Err(Error::new(ErrorKind::Usage, "write the arguments: they must be an object")),
        };
        for part in &parts.list {
            let value = given.get(&*part.name.local).or_else(|| given.get(&part.part));
            let value = value
                .ok_or_else(|| Error::new(ErrorKind::Usage, format!("write `{}`: it is missing", part.name.local)))?;
            encoder.path.push(part.name.local.to_string());
            encoder.named(&part.name, &part.of, true, value)?;
            encoder.path.pop();
        }
        let is_known = |key: &String| parts.list.iter().any(|part| *key == *part.name.local || *key == part.part);
        match given.keys().find(|key| !is_known(key)) {
            Some(key) => {
                let known: Vec<&str> = parts.list.iter().map(|part| &*part.name.local).collect();
                let message = format!("write the arguments: there is no `{key}`; known: {}", known.join(", "));
                Err(Error::new(ErrorKind::Usage, message))
            }
            None => Ok(()),
        }
    }
}

fn to_json(value: &impl Serialize) -> Result<Value> {
    serde_json::to_value(value)
        .map_err(|cause| Error::new(ErrorKind::Usage, "write the arguments as JSON").because(cause))
}

/// Reads the parts of a message, and what came beside them.
fn read_parts(
    decoder: &Decoder<'_>,
    parts: &[PartDecl],
    within: &Element,
    found: &mut Map<String, Value>,
) -> Result<()> {
    let elements: Vec<&Element> = within.elements().collect();
    let mut is_read = vec![false; elements.len()];
    for (place, part) in parts.iter().enumerate() {
        let named = elements.iter().position(|it| it.name.local == part.name.local);
        // one whose name is wrong is better than none
        let place = named.or_else(|| Some(place).filter(|_| elements.len() == parts.len()));
        let value = match place {
            Some(place) => {
                is_read[place] = true;
                decoder.content(&part.of, elements[place])?
            }
            None => Value::Null,
        };
        found.insert(part.name.local.to_string(), value);
    }
    let others = elements.iter().zip(is_read).filter(|(_, is_read)| !is_read);
    others.for_each(|(it, _)| put(found, &it.name.local, decoder.by_its_name(it)));
    let foreign = within.attributes.iter().filter(|(name, _)| is_data(name));
    foreign.for_each(|(name, value)| add_attribute(found, name, value));
    Ok(())
}
