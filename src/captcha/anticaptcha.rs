//! AntiCaptcha: a task is made, and asked for until it is ready.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::challenge::Challenge;
use super::costs;
use super::failure::{Meaning, error, meaning};
use super::solver::{Entry, Solution, Solver};
use super::task::{cookies_of, task_of, text_of};
use crate::context::{Cancellation, Context};
use crate::error::{Error, ErrorKind, Result};
use crate::http::{Request, RequestOptions, Retries, Timeouts};
use crate::settings::{Secret, Section};

/// This service's line in the registry.
pub(super) const ENTRY: Entry = Entry { name: "anticaptcha", open };

/// Where the API is, unless `api` says otherwise.
const API: &str = "https://api.anti-captcha.com";
/// How long one captcha may take.
const TIMEOUT: Duration = Duration::from_secs(180);
/// The pause between two questions.
const POLL: Duration = Duration::from_secs(3);
/// How often a captcha that nobody could solve is given to somebody else.
const TASKS_MAX: u32 = 3;
/// How often the wish to stop is looked for in a pause.
const LOOK_EVERY: Duration = Duration::from_millis(100);

struct AntiCaptcha {
    request: Request,
    cancellation: Cancellation,
    api: String,
    key: Secret,
    timeout: Duration,
    poll: Duration,
}

fn open(context: &Context, section: Section<'_>) -> Result<Box<dyn Solver>> {
    let key = section.secret("key")?.ok_or_else(|| {
        Error::new(ErrorKind::Settings, "solve captchas: the setting `captcha.key` is missing")
            .hint("set it in dc.toml, or DC_CAPTCHA_KEY")
    })?;
    let timeouts = Timeouts { total: Some(Duration::from_secs(60)), ..Timeouts::default() };
    Ok(Box::new(AntiCaptcha {
        request: Request::with(context, RequestOptions { timeouts, ..RequestOptions::default() })?,
        cancellation: context.cancellation().clone(),
        api: section.text("api")?.unwrap_or_else(|| API.to_owned()).trim_end_matches('/').to_owned(),
        key,
        timeout: section.duration("timeout")?.unwrap_or(TIMEOUT),
        poll: section.duration("poll")?.unwrap_or(POLL),
    }))
}

impl Solver for AntiCaptcha {
    fn solve(&self, challenge: &Challenge) -> Result<Solution> {
        let what = format!("solve a captcha ({})", challenge.name());
        let (began, mut tasks) = (Instant::now(), 0);
        let until = began + self.timeout;
        loop {
            tasks += 1;
            match self.try_once(challenge, &what, began, until)? {
                Ok(solution) => {
                    costs::count(solution.cost, solution.took);
                    return Ok(solution);
                }
                Err(failed) if tasks >= TASKS_MAX || Instant::now() >= until => return Err(failed),
                Err(failed) => log::debug!("given to somebody else: {failed}"),
            }
        }
    }

    fn balance(&self) -> Result<f64> {
        let said = self.ask("getBalance", json!({}), true)?;
        let what = "read the balance of the captcha service";
        if let Some(failed) = failure_in(&said, what) {
            return Err(failed.1);
        }
        said["balance"].as_f64().ok_or_else(|| Error::failed(format!("{what}: the answer holds none")))
    }

    fn report_wrong(&self, solution: &Solution) -> Result<()> {
        let method = match solution.kind {
            "image" => "reportIncorrectImageCaptcha",
            "reCAPTCHA v2" | "reCAPTCHA v3" => "reportIncorrectRecaptcha",
            other => {
                let message = format!("report a wrong answer: the service takes none for {other}");
                return Err(Error::new(ErrorKind::Usage, message));
            }
        };
        let said = self.ask(method, json!({"taskId": solution.task}), true)?;
        failure_in(&said, "report a wrong answer").map_or(Ok(()), |(_, failed)| Err(failed))
    }
}

/// The code and the error that an answer tells.
fn failure_in(said: &Value, what: &str) -> Option<(String, Error)> {
    if said["errorId"].as_i64().unwrap_or_default() == 0 {
        return None;
    }
    let code = said["errorCode"].as_str().unwrap_or("no code").to_owned();
    let failed = error(what, &code, said["errorDescription"].as_str().unwrap_or_default());
    Some((code, failed))
}

impl AntiCaptcha {
    /// One task. The inner error is one after which another task may help.
    fn try_once(
        &self,
        challenge: &Challenge,
        what: &str,
        began: Instant,
        until: Instant,
    ) -> Result<Result<Solution, Error>> {
        let task = loop {
            let said = self.ask("createTask", json!({"task": task_of(challenge)}), false)?;
            match failure_in(&said, what) {
                None => {
                    let task = said["taskId"].clone();
                    match task.is_number() || task.as_str().is_some_and(|text| !text.is_empty()) {
                        true => break task,
                        false => return Err(Error::failed(format!("{what}: the service names no task"))),
                    }
                }
                Some((code, failed)) => match meaning(&code) {
                    Meaning::Wait if Instant::now() + self.poll < until => self.wait(self.poll)?,
                    Meaning::Wait | Meaning::Final(_) => return Err(failed),
                    Meaning::Anew => return Ok(Err(failed)),
                },
            }
        };
        loop {
            self.wait(self.poll)?;
            let said = self.ask("getTaskResult", json!({"taskId": task}), true)?;
            if let Some((code, failed)) = failure_in(&said, what) {
                match meaning(&code) {
                    Meaning::Final(_) => return Err(failed),
                    Meaning::Wait | Meaning::Anew => return Ok(Err(failed)),
                }
            }
            if said["status"] == "ready" {
                return self.solution(challenge, what, task, began, &said).map(Ok);
            }
            if Instant::now() >= until {
                let seconds = self.timeout.as_secs();
                return Err(Error::new(ErrorKind::Timeout, format!("{what} within {seconds} s")).temporary(true));
            }
        }
    }

    fn solution(
        &self,
        challenge: &Challenge,
        what: &str,
        task: Value,
        began: Instant,
        said: &Value,
    ) -> Result<Solution> {
        let solution = &said["solution"];
        let text = text_of(solution).ok_or_else(|| Error::failed(format!("{what}: the answer holds no solution")))?;
        // as text, or as a number
        let cost = said["cost"].as_str().and_then(|text| text.parse().ok()).or_else(|| said["cost"].as_f64());
        Ok(Solution {
            text,
            task,
            kind: challenge.name(),
            cost: cost.unwrap_or_default(),
            took: began.elapsed(),
            user_agent: solution["userAgent"].as_str().map(str::to_owned),
            cookies: cookies_of(solution),
        })
    }

    /// A question may be repeated, a task may not: it would be paid twice.
    fn ask(&self, method: &str, mut body: Value, may_repeat: bool) -> Result<Value> {
        body["clientKey"] = self.key.reveal().into();
        let retries = Retries { every_method: may_repeat, ..Retries::default() };
        let call = self.request.post(&format!("{}/{method}", self.api)).retries(retries).json(&body)?;
        call.send()?.ok()?.json()
    }

    fn wait(&self, pause: Duration) -> Result<()> {
        if self.request.is_replayed() {
            return Ok(());
        }
        let until = Instant::now() + pause;
        while Instant::now() < until {
            self.cancellation.check()?;
            std::thread::sleep(LOOK_EVERY.min(until.saturating_duration_since(Instant::now())));
        }
        Ok(())
    }
}
