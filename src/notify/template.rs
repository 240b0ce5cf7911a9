//! Templates of subject and body: text with `{names}`.

use super::letter::Letter;
use crate::clock;
use crate::ident::host;

/// The names that a template may have.
const NAMES: [&str; 10] = ["subject", "body", "severity", "kind", "app", "host", "time", "time_utc", "id", "count"];

/// A text with names in braces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template(String);

impl Template {
    /// # Errors
    /// What is wrong with it, in words.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let mut rest = text;
        while let Some(start) = rest.find('{') {
            let Some(end) = rest[start..].find('}') else { return Err("it has a `{` without a `}`".to_owned()) };
            let name = &rest[start + 1..start + end];
            if !NAMES.contains(&name) {
                return Err(format!("there is no {{{name}}}; there are {{{}}}", NAMES.join("}, {")));
            }
            rest = &rest[start + end + 1..];
        }
        Ok(Self(text.to_owned()))
    }

    /// Fills it in, in one pass: what a message says is not read as a template.
    pub(super) fn fill(&self, letter: &Letter) -> String {
        let mut filled = String::new();
        let mut rest = self.0.as_str();
        while let Some(start) = rest.find('{') {
            let end = rest[start..].find('}').map_or(rest.len(), |end| start + end);
            filled.push_str(&rest[..start]);
            filled.push_str(&value(&rest[start + 1..end], letter));
            rest = rest.get(end + 1..).unwrap_or_default();
        }
        filled + rest
    }
}

fn value(name: &str, letter: &Letter) -> String {
    match name {
        "subject" => letter.subject.clone(),
        "body" => letter.body.clone(),
        "severity" => letter.severity_name().to_owned(),
        "kind" => letter.kind.clone(),
        "app" => letter.app.clone().unwrap_or_default(),
        "host" => host(),
        "time" => clock::local(letter.at),
        "time_utc" => clock::brief(letter.at),
        "id" => letter.id.clone(),
        "count" => letter.count.to_string(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_filled_once() {
        let mut letter = Letter::test("the-id".to_owned());
        letter.subject = "{body} of {app}".to_owned();
        letter.app = Some("a/b/c".to_owned());
        let template = Template::read("[{severity}] {subject} ({app}, {id})").expect("a template");
        assert_eq!(template.fill(&letter).to_lowercase(), "[info] {body} of {app} (a/b/c, the-id)");
        assert!(Template::read("{nobody}").expect_err("unknown").contains("{subject}"));
        assert!(Template::read("{subject").is_err());
    }
}
