//! Matrix: a message to rooms, by an access token or a login. A letter has the same transaction however often it is sent, so
//! that the server shows it once.

use std::collections::HashMap;
use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::context::Context;
use crate::error::Result;
use crate::http::{Auth, Request, Response};
use crate::notify::away::{judge, session, unreached};
use crate::notify::letter::Letter;
use crate::notify::notifier::{Entry, Given, Notifier, Pace, Undelivered};
use crate::settings::Secret;

/// This kind's line in the registry.
pub(in crate::notify) const ENTRY: Entry = Entry { name: "matrix", open };

/// An event has at most 65,536 bytes, and a character may take six in JSON.
const BODY_BYTES_MAX: usize = 16_000;
/// What servers allow by default: one event in five seconds.
const EVERY: Duration = Duration::from_secs(5);

struct Matrix {
    request: Request,
    server: String,
    rooms: Vec<String>,
    token: Option<Secret>,
    login: Option<(String, Secret)>,
    /// The identities of rooms that are joined.
    joined: HashMap<String, String>,
    msgtype: &'static str,
}

fn open(context: &Context, given: &Given<'_>) -> Result<Box<dyn Notifier>> {
    let token = given.text("token")?.map(Secret::new);
    let login = match (&token, given.text("username")?) {
        (None, None) => return Err(given.wrong("token", "an access token, unless there are `username` and `password`")),
        (None, Some(username)) => Some((username, given.secret("password")?)),
        (Some(_), _) => None,
    };
    given.required("room")?;
    let msgtype = match given.text("msgtype")?.as_deref() {
        None | Some("text") => "m.text",
        Some("notice") => "m.notice",
        Some(_) => return Err(given.wrong("msgtype", "text or notice")),
    };
    Ok(Box::new(Matrix {
        request: session(context, given)?,
        server: given.required("server")?.trim_end_matches('/').to_owned(),
        rooms: given.words("room")?,
        token,
        login,
        joined: HashMap::new(),
        msgtype,
    }))
}

/// A part of a path.
fn part(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// How long the server wants to be left alone.
fn pause(answer: &Response) -> Option<Duration> {
    let said: Value = answer.json().ok()?;
    said["retry_after_ms"].as_u64().map(Duration::from_millis)
}

impl Matrix {
    fn token(&mut self) -> Result<Secret, Undelivered> {
        if let Some(token) = &self.token {
            return Ok(token.clone());
        }
        let Some((username, password)) = &self.login else {
            return Err(Undelivered::Broken { reason: "neither a token nor a login".to_owned() });
        };
        let body = json!({
            "type": "m.login.password", "identifier": {"type": "m.id.user", "user": username},
            "password": password.reveal(), "initial_device_display_name": "dc",
        });
        let said = self.ask("login", &body, None)?;
        let token = said["access_token"].as_str().map(Secret::new);
        let token = token.ok_or_else(|| Undelivered::Broken { reason: "the login gives no token".to_owned() })?;
        self.token = Some(token.clone());
        Ok(token)
    }

    fn ask(&self, path: &str, body: &Value, token: Option<&Secret>) -> Result<Value, Undelivered> {
        let mut call = self.request.post(&format!("{}/_matrix/client/v3/{path}", self.server));
        if let Some(token) = token {
            call = call.auth(Auth::Bearer(token.clone()));
        }
        let answer = call.json(body).map_err(unreached)?.send().map_err(unreached)?;
        judge(&answer, pause(&answer), &["no word of the letter"])?;
        answer.json().map_err(unreached)
    }
}

impl Notifier for Matrix {
    fn send(&mut self, letter: &Letter, to: &str) -> Result<(), Undelivered> {
        let token = self.token()?;
        let room = match self.joined.get(to) {
            Some(room) => room.clone(),
            None => {
                let said = self.ask(&format!("join/{}", part(to)), &json!({}), Some(&token))?;
                let room = said["room_id"].as_str().unwrap_or(to).to_owned();
                self.joined.insert(to.to_owned(), room.clone());
                room
            }
        };
        // the pages of a letter differ by their subjects
        let transaction = part(&format!("{} {}", letter.id, letter.subject));
        let path = format!("rooms/{}/send/m.room.message/{transaction}", part(&room));
        let body = json!({"msgtype": self.msgtype, "body": letter.text(usize::MAX)});
        let call = self.request.put(&format!("{}/_matrix/client/v3/{path}", self.server)).auth(Auth::Bearer(token));
        let answer = call.json(&body).map_err(unreached)?.send().map_err(unreached)?;
        if answer.status() == 401 && self.login.is_some() {
            // a token of a login ends some day
            self.token = None;
        }
        judge(&answer, pause(&answer), &["m_too_large", "m_bad_json"])
    }

    fn recipients(&self) -> Vec<String> {
        self.rooms.clone()
    }

    fn body_max(&self, _letter: &Letter) -> Option<usize> {
        Some(BODY_BYTES_MAX)
    }

    fn weight(&self, character: char) -> usize {
        character.len_utf8()
    }

    fn pace(&self) -> Pace {
        Pace { every: EVERY }
    }
}
