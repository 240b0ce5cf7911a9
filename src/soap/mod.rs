//! SOAP: a client that is built at run time from a WSDL 1.1 document. It lists the operations with their parameters, and
//! calls one with JSON, or anything that serializes, and gives JSON back.

mod addressing;
mod attachments;
mod bound;
mod call;
mod client;
mod columns;
mod decode;
mod encode;
mod envelope;
mod fault;
#[cfg(any(test, fuzzing))]
#[path = "../../fuzz/targets/soap.rs"]
pub(crate) mod fuzzing;
mod load;
mod operation;
mod options;
mod schema;
mod security;
mod unwrap;
mod wsdl;
pub mod xml;

pub use attachments::Attachment;
pub use call::{Answer, Call};
pub use client::Client;
pub use fault::Fault;
pub use operation::{Field, Operation};
pub use options::ClientOptions;
pub use security::Login;
