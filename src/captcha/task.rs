//! Challenges as AntiCaptcha takes them.

use base64::Engine;
use serde_json::{Map, Value, json};

use super::challenge::{Challenge, Visitor};

/// The task of a challenge.
pub(super) fn task_of(challenge: &Challenge) -> Value {
    match challenge {
        Challenge::Image { bytes, rules } => {
            let numeric = match rules.digits {
                Some(true) => 1,
                Some(false) => 2,
                None => 0,
            };
            let mut task = json!({
                "type": "ImageToTextTask", "body": base64::engine::general_purpose::STANDARD.encode(bytes),
                "phrase": rules.is_phrase, "case": rules.is_case_sensitive, "numeric": numeric, "math": rules.is_sum,
                "minLength": rules.length_min, "maxLength": rules.length_max,
            });
            put(&mut task, "comment", rules.comment.as_deref());
            task
        }
        Challenge::RecaptchaV2 { url, key, is_invisible, is_enterprise, data_s, visitor } => {
            let name = if *is_enterprise { "RecaptchaV2EnterpriseTask" } else { "RecaptchaV2Task" };
            let mut task = json!({"type": kind(name, visitor.as_ref()), "websiteURL": url, "websiteKey": key});
            match (is_enterprise, data_s) {
                (true, Some(data)) => task["enterprisePayload"] = json!({ "s": data }),
                (false, data) => put(&mut task, "recaptchaDataSValue", data.as_deref()),
                (true, None) => {}
            }
            if *is_invisible {
                task["isInvisible"] = true.into();
            }
            add_visitor(&mut task, visitor.as_ref());
            task
        }
        Challenge::RecaptchaV3 { url, key, score_min, action, is_enterprise } => {
            let mut task = json!({
                "type": "RecaptchaV3TaskProxyless", "websiteURL": url, "websiteKey": key, "minScore": score_min,
                "isEnterprise": is_enterprise,
            });
            put(&mut task, "pageAction", action.as_deref());
            task
        }
        Challenge::Turnstile { url, key, action, data, visitor } => {
            let mut task =
                json!({"type": kind("TurnstileTask", visitor.as_ref()), "websiteURL": url, "websiteKey": key});
            put(&mut task, "action", action.as_deref());
            put(&mut task, "cData", data.as_deref());
            add_visitor(&mut task, visitor.as_ref());
            task
        }
    }
}

fn kind(name: &str, visitor: Option<&Visitor>) -> String {
    format!("{name}{}", if visitor.is_some() { "" } else { "Proxyless" })
}

fn put(task: &mut Value, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        task[name] = value.into();
    }
}

fn add_visitor(task: &mut Value, visitor: Option<&Visitor>) {
    let (Some(Visitor { proxy, user_agent, cookies }), Value::Object(task)) = (visitor, task) else { return };
    let mut add = |name: &str, value: Value| drop(task.insert(name.to_owned(), value));
    add("proxyType", proxy.kind.as_str().into());
    add("proxyAddress", proxy.host.as_str().into());
    add("proxyPort", proxy.port.into());
    if let Some((name, password)) = &proxy.login {
        add("proxyLogin", name.as_str().into());
        add("proxyPassword", password.reveal().into());
    }
    add("userAgent", user_agent.as_str().into());
    if let Some(cookies) = cookies {
        add("cookies", cookies.as_str().into());
    }
}

/// The text, or the token, of a solution.
pub(super) fn text_of(solution: &Value) -> Option<String> {
    let fields = ["text", "gRecaptchaResponse", "token"];
    fields.iter().find_map(|field| solution[*field].as_str()).map(str::to_owned)
}

/// The cookies of a solution.
pub(super) fn cookies_of(solution: &Value) -> Vec<(String, String)> {
    let empty = Map::new();
    let cookies = solution["cookies"].as_object().unwrap_or(&empty).iter();
    cookies.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}
