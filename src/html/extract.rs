//! Records out of a page: an element for each, and a path for each of its fields.

use std::borrow::Cow;
use std::str::FromStr;

use super::element::Element;
use super::page::Page;
use crate::error::{Error, ErrorKind, Result};
use crate::record::Value;

/// Where one field of a record stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldPath {
    /// The name of the field.
    pub name: String,
    /// The element, inside of that of the record; the record's own where it is empty.
    pub selector: String,
    /// The attribute; the text where `None`.
    pub attribute: Option<String>,
}

/// `name=selector`, `name=selector@attribute` or `name=@attribute`.
impl FromStr for FieldPath {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = || {
            Error::new(ErrorKind::Usage, format!("read the field `{text}`"))
                .hint("write `name=selector`, or `url=a@href` for an attribute")
        };
        let (name, path) = text.split_once('=').ok_or_else(wrong)?;
        let (selector, attribute) = match path.rsplit_once('@') {
            Some((selector, attribute)) if !attribute.contains(']') => (selector, Some(attribute.to_owned())),
            _ => (path, None),
        };
        let is_bad = name.trim().is_empty() || attribute.as_deref() == Some("");
        if is_bad || selector.trim().is_empty() && attribute.is_none() {
            return Err(wrong());
        }
        Ok(Self { name: name.trim().to_owned(), selector: selector.trim().to_owned(), attribute })
    }
}

/// What is taken out of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extract {
    /// The elements that are records.
    pub selector: String,
    /// The fields of each.
    pub fields: Vec<FieldPath>,
}

impl Extract {
    /// The records of a page. A field that an element does not have is null; addresses are absolute.
    ///
    /// # Errors
    /// Usage, for what is no selector.
    pub fn records<'a>(&'a self, page: &Page) -> Result<Vec<Value<'a>>> {
        let mut records = Vec::new();
        for element in page.select(&self.selector)? {
            let mut fields = Vec::with_capacity(self.fields.len());
            for field in &self.fields {
                fields.push((Cow::Borrowed(field.name.as_str()), field.value(page, &element)?));
            }
            records.push(Value::Object(fields));
        }
        Ok(records)
    }
}

impl FieldPath {
    fn value(&self, page: &Page, element: &Element<'_>) -> Result<Value<'static>> {
        let found = match self.selector.is_empty() {
            true => Some(*element),
            false => element.select(&self.selector)?.first().copied(),
        };
        let Some(found) = found else { return Ok(Value::Null) };
        let Some(attribute) = &self.attribute else { return Ok(Value::from(found.text())) };
        Ok(page.attribute(&found, attribute).map_or(Value::Null, Value::from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::write_json;

    #[test]
    fn fields_are_found_inside_of_their_record() {
        let html = "<div class=p data-id=7><h2>Milk</h2><a href='/m'>more</a></div><div class=p><h2>Tea</h2></div>";
        let page = Page::parse(html, Some("https://example.com/")).expect("a page");
        let fields = ["name=h2", "url=a@href", "id=@data-id"].map(|field| field.parse().expect(field)).to_vec();
        let extract = Extract { selector: ".p".to_owned(), fields };
        let mut out = Vec::new();
        extract.records(&page).expect("records").iter().for_each(|record| write_json(record, &mut out));
        assert_eq!(
            String::from_utf8(out).expect("text"),
            "{\"name\": \"Milk\", \"url\": \"https://example.com/m\", \"id\": \"7\"}\
             {\"name\": \"Tea\", \"url\": null, \"id\": null}"
        );
        for field in ["name", "=h2", "name=", "name=a@"] {
            assert!(field.parse::<FieldPath>().is_err(), "{field}");
        }
    }
}
