//! A form of a page, as a browser would send it: with its hidden fields and what is chosen already.

use serde::Serialize;

use super::element::Element;
use super::page::Page;
use crate::error::{Error, ErrorKind, Result};
use crate::http::{Request, Response};

/// A form of a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Form {
    /// Its name or id.
    pub name: Option<String>,
    /// Where it is sent to.
    pub action: String,
    /// Whether it is posted.
    pub is_post: bool,
    /// Its fields, in the order of the page.
    pub fields: Vec<FormField>,
    /// Its buttons, by name and value: a browser sends the one that is pressed.
    pub buttons: Vec<(String, String)>,
}

/// A field of a form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FormField {
    /// Its name.
    pub name: String,
    /// What is sent; `None` for a box that is not ticked, or a list in which nothing is chosen.
    pub value: Option<String>,
    /// What may be sent, where it is a list or a choice.
    pub choices: Vec<String>,
}

impl Form {
    /// Fills a field in. One that the form does not have is an error: the page may have changed.
    ///
    /// # Errors
    /// Not found, with the names that there are.
    pub fn fill(&mut self, name: &str, value: impl Into<String>) -> Result<()> {
        let known: Vec<String> = self.fields.iter().map(|field| format!("`{}`", field.name)).collect();
        let Some(field) = self.fields.iter_mut().find(|field| field.name == name) else {
            let what = format!("fill in `{name}`: the form has {}", known.join(", "));
            return Err(Error::new(ErrorKind::NotFound, what)
                .hint("the page may have changed: `dc html --forms URL` lists its forms"));
        };
        let value = value.into();
        if !field.choices.is_empty() && !field.choices.contains(&value) {
            let what = format!("choose `{value}` in `{name}`: it has `{}`", field.choices.join("`, `"));
            return Err(Error::new(ErrorKind::NotFound, what));
        }
        field.value = Some(value);
        Ok(())
    }

    /// Presses a button: its value is sent as well.
    ///
    /// # Errors
    /// Not found, with the buttons that there are.
    pub fn press(&mut self, name: &str) -> Result<()> {
        let Some((name, value)) = self.buttons.iter().find(|(known, _)| known == name).cloned() else {
            let known: Vec<&str> = self.buttons.iter().map(|(name, _)| name.as_str()).collect();
            let what = format!("press `{name}`: the form has the buttons `{}`", known.join("`, `"));
            return Err(Error::new(ErrorKind::NotFound, what));
        };
        self.fields.push(FormField { name, value: Some(value), choices: Vec::new() });
        Ok(())
    }

    /// The pairs that are sent.
    pub fn pairs(&self) -> Vec<(&str, &str)> {
        let sent = self.fields.iter().filter_map(|field| Some((field.name.as_str(), field.value.as_deref()?)));
        sent.collect()
    }

    /// Sends it.
    ///
    /// # Errors
    /// As any call.
    pub fn submit(&self, request: &Request) -> Result<Response> {
        if self.is_post {
            return request.post(&self.action).form(self.pairs()).send();
        }
        // the fields of a form that is got take the place of what the address asks for
        let action = self.action.split('?').next().unwrap_or(&self.action);
        let call = request.get(action);
        self.pairs().into_iter().fold(call, |call, (name, value)| call.query(name, value)).send()
    }
}

impl Page {
    /// The forms, each with its fields as a browser would send them.
    pub fn forms(&self) -> Vec<Form> {
        self.select("form").unwrap_or_default().iter().map(|form| of(self, form)).collect()
    }
}

fn of(page: &Page, form: &Element<'_>) -> Form {
    let address = form.attr("action").filter(|action| !action.trim().is_empty());
    let action = address.and_then(|action| page.resolve(action)).or(page.url().map(str::to_owned)).unwrap_or_default();
    let own = "input[name], select[name], textarea[name], button[name]";
    let mut elements = form.select(own).unwrap_or_default();
    if let Some(id) = form.attr("id") {
        // fields may stand elsewhere and name their form
        let others = page.select(own).unwrap_or_default();
        elements.extend(others.into_iter().filter(|element| element.attr("form") == Some(id)));
    }
    let (mut fields, mut buttons): (Vec<FormField>, Vec<(String, String)>) = (Vec::new(), Vec::new());
    for element in elements {
        let Some(name) = element.attr("name").filter(|name| !name.is_empty()) else { continue };
        if element.attr("disabled").is_some() {
            continue;
        }
        let value = || element.attr("value").unwrap_or_default().to_owned();
        let kind = element.attr("type").unwrap_or("text").to_lowercase();
        match (element.name(), kind.as_str()) {
            ("input", "submit" | "image" | "button" | "reset") | ("button", _) => {
                buttons.push((name.to_owned(), value()))
            }
            ("input", "file") => {}
            ("input", "checkbox" | "radio") => {
                let value = element.attr("value").unwrap_or("on").to_owned();
                let chosen = element.attr("checked").is_some().then(|| value.clone());
                match fields.iter_mut().find(|field| field.name == name && kind == "radio") {
                    Some(field) => {
                        field.value = chosen.or(field.value.take());
                        field.choices.push(value);
                    }
                    None => fields.push(FormField { name: name.to_owned(), value: chosen, choices: vec![value] }),
                }
            }
            ("select", _) => fields.extend(of_list(name, &element)),
            ("textarea", _) => {
                let text: String = element.0.text().collect();
                // a line feed right behind the tag is none of the text
                let text = text.strip_prefix('\n').unwrap_or(&text).to_owned();
                fields.push(FormField { name: name.to_owned(), value: Some(text), choices: Vec::new() });
            }
            _ => fields.push(FormField { name: name.to_owned(), value: Some(value()), choices: Vec::new() }),
        }
    }
    let name = form.attr("name").or(form.attr("id")).map(str::to_owned);
    let is_post = form.attr("method").is_some_and(|method| method.eq_ignore_ascii_case("post"));
    Form { name, action, is_post, fields, buttons }
}

/// The fields of a list: one for each choice that is made, or the first choice where only one can be made.
fn of_list(name: &str, list: &Element<'_>) -> Vec<FormField> {
    let options = list.select("option").unwrap_or_default();
    let value = |option: &Element<'_>| option.attr("value").map_or_else(|| option.text(), str::to_owned);
    let choices: Vec<String> = options.iter().map(value).collect();
    let chosen = options.iter().filter(|option| option.attr("selected").is_some()).map(value);
    let mut chosen: Vec<String> = chosen.collect();
    let is_many = list.attr("multiple").is_some();
    if !is_many {
        let last = chosen.pop().or_else(|| choices.first().cloned());
        return vec![FormField { name: name.to_owned(), value: last, choices }];
    }
    if chosen.is_empty() {
        return vec![FormField { name: name.to_owned(), value: None, choices }];
    }
    let field = |value| FormField { name: name.to_owned(), value: Some(value), choices: choices.clone() };
    chosen.into_iter().map(field).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_sends_what_a_browser_would() {
        let page = Page::parse(
            "<form id=f method=POST action='/search.aspx'><input type=hidden name=__VIEWSTATE value='/wEP=='>\
             <input name=q><input type=checkbox name=all><input type=checkbox name=new checked value=1>\
             <input type=radio name=kind value=a><input type=radio name=kind value=b checked>\
             <select name=town><option value=1>A<option value=2 selected>B</select><select name=one><option>x<option>y</select>\
             <textarea name=note>\nhello</textarea><input name=off disabled value=x><input type=submit name=go value=Go>\
             </form><input form=f name=late value=z>",
            Some("https://example.com/a"),
        )
        .expect("a page");
        let mut form = page.forms().remove(0);
        assert_eq!((form.action.as_str(), form.is_post), ("https://example.com/search.aspx", true));
        form.fill("q", "milk").expect("a field");
        form.press("go").expect("a button");
        let expected = [
            ("__VIEWSTATE", "/wEP=="),
            ("q", "milk"),
            ("new", "1"),
            ("kind", "b"),
            ("town", "2"),
            ("one", "x"),
            ("note", "hello"),
            ("late", "z"),
            ("go", "Go"),
        ];
        assert_eq!(form.pairs(), expected);
        assert!(form.fill("nothing", "x").is_err() && form.fill("town", "3").is_err() && form.press("no").is_err());
    }
}
