//! An app in Rust that asks a SOAP service: `app.toml` beside it tells how.

use data_collector::error::Result;
use data_collector::http::Request;
use data_collector::ops::App;
use data_collector::soap::{Client, ClientOptions, Fault};
use serde::Deserialize;
use serde_json::Value;

/// What `dc run --args` may say.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// A file or a URL.
    #[serde(default = "demo")]
    wsdl: String,
    /// Nothing for a list of all.
    operation: Option<String>,
    /// What the operation takes.
    #[serde(default)]
    arguments: Value,
    /// Another address than the one in the WSDL.
    address: Option<String>,
}

fn demo() -> String {
    "../../../../fixtures/services/rates.wsdl".to_owned()
}

fn main() -> Result<()> {
    let app = App::start()?;
    let Arguments { wsdl, operation, arguments, address } = app.arguments()?;
    let request = Request::new(app.context())?;
    let client = Client::open(&request, &wsdl, ClientOptions { address, ..ClientOptions::default() })?;
    let shell = app.context().shell();
    let Some(operation) = operation else {
        for operation in client.operations() {
            shell.line(&operation.to_string())?;
        }
        return Ok(());
    };
    match client.call(&operation)?.arguments(&arguments)?.send() {
        Ok(Value::Array(records)) => records.iter().try_for_each(|record| shell.json_line(&record.to_string())),
        Ok(value) => shell.json_line(&value.to_string()),
        Err(error) => {
            if let Some(fault) = Fault::of(&error) {
                log::error!(code = fault.code.as_str(), detail:? = fault.detail; "the service answers with a fault");
            }
            Err(error)
        }
    }
}
