//! A message of Dramatiq, as it travels.

use std::time::Duration;

use serde::Serialize;

use super::json::{Fields, Json};
use super::queues::{DELAYED, base_of};
use crate::broker::{Envelope, Properties};
use crate::clock;
use crate::die;
use crate::error::{Error, ErrorKind, Result};
use crate::ident::new_identity;

/// The option of a message that is sent when this one is given up. It is ours: Dramatiq passes it on, and does nothing
/// with it.
pub(super) const FAILURE_TARGET: &str = "failure_target";
/// The longest identity and the longest names.
const NAME_BYTES_MAX: usize = 255;
/// The largest content of a message; files travel by their names.
const BODY_BYTES_MAX: usize = 64 << 20;

/// A task for an actor: who does it, with which arguments, and how.
///
/// ```
/// use data_collector::dramatiq::Message;
///
/// # fn main() -> data_collector::error::Result<()> {
/// let message = Message::new("ner", "find_names").argument("Ana lives in Split")?.keyword("language", "hr")?;
/// assert!(message.to_json().starts_with(r#"{"queue_name":"ner","actor_name":"find_names","args":["Ana lives in Split"]"#));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The queue; while it is delayed with `.DQ` at its end.
    pub queue_name: String,
    /// The actor.
    pub actor_name: String,
    /// The arguments in their order.
    pub args: Vec<Json>,
    /// The arguments by name.
    pub kwargs: Fields,
    /// What the workers are told: `max_retries`, `eta`, `pipe_target`, and whatever else.
    pub options: Fields,
    /// The message's identity, a UUID.
    pub message_id: String,
    /// When it was first sent, in milliseconds since 1970.
    pub message_timestamp: i64,
}

impl Message {
    /// A message without arguments that is sent now.
    pub fn new(queue: &str, actor: &str) -> Self {
        Self {
            queue_name: queue.to_owned(),
            actor_name: actor.to_owned(),
            args: Vec::new(),
            kwargs: Fields::default(),
            options: Fields::default(),
            message_id: new_id(),
            message_timestamp: now_ms(),
        }
    }

    /// With one more argument.
    ///
    /// # Errors
    /// When the value has no form in JSON.
    pub fn argument<T: Serialize + ?Sized>(mut self, value: &T) -> Result<Self> {
        self.args.push(Json::of(value)?);
        Ok(self)
    }

    /// With an argument by name.
    ///
    /// # Errors
    /// When the value has no form in JSON.
    pub fn keyword<T: Serialize + ?Sized>(mut self, name: &str, value: &T) -> Result<Self> {
        self.kwargs.set(name, Json::of(value)?);
        Ok(self)
    }

    /// With an option, such as `max_retries`, `time_limit` or `on_failure`.
    ///
    /// # Errors
    /// When the value has no form in JSON.
    pub fn option<T: Serialize + ?Sized>(mut self, name: &str, value: &T) -> Result<Self> {
        self.options.set(name, Json::of(value)?);
        Ok(self)
    }

    /// Not before so much time has passed.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.options.set("delay", Json::number(milliseconds(delay)));
        self
    }

    /// With a priority, for queues that have priorities: the highest goes first.
    #[must_use]
    pub fn priority(mut self, priority: u8) -> Self {
        self.options.set("broker_priority", Json::number(i64::from(priority)));
        self
    }

    /// What is sent when it is done, with its result behind the arguments of its own.
    #[must_use]
    pub fn pipe(mut self, next: &Self) -> Self {
        self.options.set("pipe_target", next.as_json());
        self
    }

    /// What is sent when a worker of this house gives it up, with `{"dc":"fail","kind":"permanent","msg":".."}` behind the
    /// arguments of its own. Workers in Python do not know it: they leave a dead letter.
    #[must_use]
    pub fn or_else(mut self, next: &Self) -> Self {
        self.options.set(FAILURE_TARGET, next.as_json());
        self
    }

    /// Reads the content of a message.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(body: &[u8]) -> Result<Self> {
        if body.len() > BODY_BYTES_MAX {
            return Err(wrong(&format!("it has more than {BODY_BYTES_MAX} bytes")));
        }
        let text = std::str::from_utf8(body).map_err(|_| wrong("it is no UTF-8"))?;
        Self::of(&Json::read(text)?)
    }

    /// Reads a message that is a value of another one.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn of(value: &Json) -> Result<Self> {
        let mut fields = value.fields().ok_or_else(|| wrong("it is no object"))?;
        let mut take = |name: &str| fields.remove(name).ok_or_else(|| wrong(&format!("it has no `{name}`")));
        let no_object = |name: &str| wrong(&format!("its `{name}` is no object"));
        let message = Self {
            queue_name: name(&take("queue_name")?, "queue_name")?,
            actor_name: name(&take("actor_name")?, "actor_name")?,
            args: take("args")?.items().ok_or_else(|| wrong("its `args` is no array"))?,
            kwargs: take("kwargs")?.fields().ok_or_else(|| no_object("kwargs"))?,
            options: take("options")?.fields().ok_or_else(|| no_object("options"))?,
            message_id: name(&take("message_id")?, "message_id")?,
            message_timestamp: take("message_timestamp")?
                .as_whole()
                .ok_or_else(|| wrong("its `message_timestamp` is no number"))?,
        };
        match fields.is_empty() {
            true => Ok(message),
            // Dramatiq refuses them as well
            false => Err(wrong("it has a field that is unknown")),
        }
    }

    /// Its content, as Dramatiq has it.
    pub fn to_json(&self) -> String {
        let args = Json::array(&self.args);
        format!(
            "{{\"queue_name\":{},\"actor_name\":{},\"args\":{},\"kwargs\":{},\"options\":{},\"message_id\":{},\
             \"message_timestamp\":{}}}",
            Json::of_text(&self.queue_name).text(),
            Json::of_text(&self.actor_name).text(),
            args.text(),
            self.kwargs.to_json().text(),
            self.options.to_json().text(),
            Json::of_text(&self.message_id).text(),
            self.message_timestamp
        )
    }

    /// As a value of another message.
    pub fn as_json(&self) -> Json {
        Json::known(self.to_json())
    }

    /// How often it was tried again.
    pub fn retries(&self) -> i64 {
        self.options.get("retries").and_then(Json::as_whole).unwrap_or_default()
    }

    /// When it is due, where it is delayed. One that makes no sense is due now.
    pub(super) fn eta(&self, now_ms: i64) -> Option<i64> {
        self.options.given("eta").map(|eta| eta.as_whole().unwrap_or(now_ms))
    }

    /// The form in which it waits until then.
    #[must_use]
    pub(super) fn delayed(mut self, eta_ms: i64) -> Self {
        self.queue_name = format!("{}{DELAYED}", base_of(&self.queue_name));
        self.options.set("eta", Json::number(eta_ms));
        self
    }

    /// The form in which it is executed.
    #[must_use]
    pub(super) fn due(mut self) -> Self {
        self.queue_name = base_of(&self.queue_name).to_owned();
        self.options.remove("eta");
        self
    }

    /// What is sent to the broker.
    pub(super) fn envelope(&self) -> Envelope {
        let priority = self.options.get("broker_priority").and_then(Json::as_whole);
        let properties = Properties {
            is_persistent: true,
            priority: priority.and_then(|priority| u8::try_from(priority).ok()),
            ..Properties::default()
        };
        let (exchange, key) = (String::new(), self.queue_name.clone());
        Envelope { exchange, key, body: self.to_json().into_bytes(), properties }
    }
}

/// A new identity, of the version that Dramatiq makes.
fn new_id() -> String {
    let mut bytes = [0; 16];
    match die::fill(&mut bytes) {
        Ok(()) => uuid::Builder::from_random_bytes(bytes).into_uuid().to_string(),
        // where the system gives no random bytes, the time is in it
        Err(_) => new_identity(),
    }
}

/// Now, in milliseconds since 1970.
pub(super) fn now_ms() -> i64 {
    clock::now().and_utc().timestamp_millis()
}

/// A length of time in milliseconds.
pub(super) fn milliseconds(length: Duration) -> i64 {
    i64::try_from(length.as_millis()).unwrap_or(i64::MAX)
}

fn name(value: &Json, field: &str) -> Result<String> {
    let text = value.as_text().ok_or_else(|| wrong(&format!("its `{field}` is no text")))?;
    match text.is_empty() || text.len() > NAME_BYTES_MAX || text.chars().any(char::is_control) {
        true => Err(wrong(&format!("its `{field}` is empty, too long, or holds control characters"))),
        false => Ok(text),
    }
}

fn wrong(why: &str) -> Error {
    Error::new(ErrorKind::Failed, format!("read a message of Dramatiq: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ODD: &str = r#"{"queue_name":"ner","actor_name":"find","args":[1180591620717411303424,Infinity,"\ud800"],"kwargs":{"a":NaN},"options":{"mine":[ 1 ],"retries":2},"message_id":"5e3a","message_timestamp":1764428400000}"#;

    #[test]
    fn what_is_odd_comes_back_as_it_came() {
        let message = Message::read(ODD.as_bytes()).expect("a message");
        assert_eq!(message.to_json(), ODD);
        assert_eq!((message.retries(), message.eta(0)), (2, None));
        let delayed = message.clone().delayed(7);
        assert_eq!((delayed.queue_name.as_str(), delayed.eta(0)), ("ner.DQ", Some(7)));
        assert_eq!(delayed.due(), message);
    }

    #[test]
    fn what_is_no_message_says_why() {
        for (from, to, why) in [
            ("\"args\":[1180591620717411303424,Infinity,\"\\ud800\"]", "\"args\":null", "`args`"),
            ("\"kwargs\":{\"a\":NaN}", "\"kwargs\":[]", "`kwargs`"),
            (",\"message_timestamp\":1764428400000", "", "`message_timestamp`"),
            ("\"5e3a\"", "\"\"", "`message_id`"),
            ("\"5e3a\"", "\"\\u0000\"", "`message_id`"),
            ("\"options\"", "\"more\":1,\"options\"", "unknown"),
            ("{\"queue_name\"", "[\"queue_name\"", "byte"),
        ] {
            assert!(ODD.contains(from));
            let error = Message::read(ODD.replacen(from, to, 1).as_bytes()).expect_err(to).to_string();
            assert!(error.contains(why), "{to}: {error}");
        }
        assert!(Message::read(b"\xff").is_err() && Message::read(b"5").is_err());
    }
}
