//! A file of settings as JSON Schema, which editors complete and check it by.

use serde_json::{Map, Value, json};

use super::{Field, Kind, Known};

/// The draft that editors know best.
const DRAFT: &str = "http://json-schema.org/draft-07/schema#";

/// The JSON Schema (draft 07) of a file with these sections. `*` in a section's name stands for any name, `[]` behind it
/// for a list of such sections; the section without a name has the fields at the top. `is_open` lets sections of other
/// names be there.
pub fn json_schema(title: &str, sections: &[Known], is_open: bool) -> Value {
    let mut root = table();
    root.insert("$schema".to_owned(), DRAFT.into());
    root.insert("title".to_owned(), title.into());
    for known in sections {
        let steps: Vec<&str> = known.section.split('.').filter(|step| !step.is_empty()).collect();
        let section = steps.iter().fold(&mut root, |place, step| enter(place, step));
        section.entry("description").or_insert_with(|| known.about.into());
        for field in known.fields {
            properties(section).insert(field.name.to_owned(), schema_of(field));
        }
        if known.fields.is_empty() {
            // names of the reader's own
            section.insert("additionalProperties".to_owned(), json!({"type": ["string", "number", "boolean"]}));
        }
        if known.section.ends_with("[]") {
            // what a stage uses has fields of its own
            section.remove("additionalProperties");
        }
    }
    if is_open {
        root.insert("additionalProperties".to_owned(), json!({"type": "object"}));
    }
    Value::Object(root)
}

/// A table that takes nothing yet.
fn table() -> Map<String, Value> {
    let Value::Object(table) = json!({"type": "object", "properties": {}, "additionalProperties": false}) else {
        return Map::new();
    };
    table
}

fn properties(place: &mut Map<String, Value>) -> &mut Map<String, Value> {
    object(place.entry("properties").or_insert_with(|| json!({})))
}

/// The table that a step leads to, made where it is not there.
fn enter<'a>(place: &'a mut Map<String, Value>, step: &str) -> &'a mut Map<String, Value> {
    if step == "*" {
        let members = place.entry("additionalProperties").or_insert(Value::Null);
        if !members.is_object() {
            *members = Value::Object(table());
        }
        return object(members);
    }
    match step.strip_suffix("[]") {
        Some(step) => {
            let list = properties(place).entry(step).or_insert_with(|| json!({"type": "array", "items": table()}));
            object(object(list).entry("items").or_insert(Value::Null))
        }
        None => object(properties(place).entry(step).or_insert_with(|| Value::Object(table()))),
    }
}

fn object(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    match value {
        Value::Object(object) => object,
        _ => unreachable!("it was made an object"),
    }
}

fn schema_of(field: &Field) -> Value {
    let texts = json!({"type": "array", "items": {"type": "string"}});
    let mut schema = match field.kind {
        Kind::Text => json!({"type": ["string", "number", "boolean"]}),
        Kind::Flag => json!({"type": "boolean"}),
        Kind::Number => json!({"type": "integer", "minimum": 0}),
        Kind::Decimal => json!({"type": "number", "exclusiveMinimum": 0}),
        Kind::Duration => json!({"type": "string", "examples": ["30s", "5m", "1h30m"]}),
        Kind::Bytes => json!({"type": ["string", "integer"], "examples": ["64MiB"]}),
        Kind::Words => json!({"anyOf": [texts, {"type": "string"}]}),
        Kind::Choice(words) => json!({"enum": words}),
        Kind::Whole(least, most) => json!({"type": "integer", "minimum": least, "maximum": most}),
        Kind::List => texts,
        Kind::Program => json!({"anyOf": [texts, {"type": "string"}]}),
        Kind::Table => json!({"type": "object"}),
    };
    let about = match field.default {
        "" => field.help.to_owned(),
        default => format!("{} (default: {default})", field.help),
    };
    object(&mut schema).insert("description".to_owned(), about.into());
    schema
}
