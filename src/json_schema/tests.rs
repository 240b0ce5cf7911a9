//! Schemas as files: what they find, what they refuse, and where they look.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::{Schema, Violation};
use crate::error::{Error, ErrorKind};

/// A folder with files in it.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
    folder
}

fn schema(text: &str) -> Schema {
    let folder = folder(&[("it.json", text)]);
    Schema::read(&folder.path().join("it.json")).expect("a schema")
}

fn failure(files: &[(&str, &str)]) -> (Error, String) {
    let folder = folder(files);
    let error = Schema::read(&folder.path().join("it.json")).expect_err("an error");
    let text = error.to_string().replace(&format!("{}/", folder.path().display()), "");
    (error, text)
}

fn told(schema: &Schema, value: &str) -> Vec<String> {
    schema.check_text(value).expect("JSON").iter().map(Violation::to_string).collect()
}

const INVOICE: &str = r##"{
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$defs": {"amount": {"type": "number", "multipleOf": 0.01, "exclusiveMinimum": 0}},
    "type": "object",
    "required": ["number", "date"],
    "properties": {
        "number": {"type": "string", "pattern": "^[A-Z]+-\\d+$", "maxLength": 10},
        "date": {"format": "date"},
        "currency": {"enum": ["EUR", "CHF"]},
        "total": {"$ref": "#/$defs/amount", "maximum": 12345678901234567890.11},
        "lines": {"type": "array", "minItems": 1, "items": {"required": ["amount"], "properties": {
            "amount": {"$ref": "#/$defs/amount"}
        }}}
    },
    "additionalProperties": false
}"##;

#[test]
fn each_violation_has_its_place_and_says_what_is_wrong() {
    let schema = schema(INVOICE);
    assert_eq!(
        told(&schema, r#"{"number": "R-7", "date": "2026-11-20", "total": 19.99, "lines": [{"amount": 1}]}"#),
        [""; 0]
    );
    let value =
        r#"{"number": "r7 of this year", "currency": "USD", "total": 19.999, "lines": [{"amount": 0}, {}], "a/b": 1}"#;
    assert_eq!(
        told(&schema, value),
        [
            "`date` is missing",
            "/number: it has 15 characters, more than 10",
            "/number: \"r7 of this year\" does not match `^[A-Z]+-\\d+$`",
            "/currency: \"USD\" is not one of \"EUR\", \"CHF\"",
            "/total: 19.999 is no multiple of 0.01",
            "/lines/0/amount: 0 is not more than 0",
            "/lines/1: `amount` is missing",
            "/a~1b: nothing is allowed here",
        ]
    );
    assert_eq!(told(&schema, "[]"), ["a list is not an object"]);
    assert_eq!(
        told(&schema, r#"{"number": 7, "date": "2026-02-30", "lines": []}"#),
        [
            "/number: 7 is not text",
            "/date: \"2026-02-30\" has not the format date",
            "/lines: it has 0 items, fewer than 1",
        ]
    );
}

#[test]
fn numbers_are_judged_by_all_their_digits() {
    let schema = schema(r#"{"maximum": 12345678901234567890.11, "multipleOf": 0.01, "not": {"const": 1.5}}"#);
    for (number, wrong) in [
        ("12345678901234567890.11", None),
        ("12345678901234567890.12", Some("12345678901234567890.12 is more than 12345678901234567890.11")),
        ("1234567890123456789.123", Some("1234567890123456789.123 is no multiple of 0.01")),
        ("0.07", None),
        ("19.99", None),
        ("1e2", None),
        ("-1e300", None),
        ("15e-1", Some("it fits the schema of `not`")),
    ] {
        assert_eq!(told(&schema, number), wrong.into_iter().collect::<Vec<_>>(), "{number}");
    }
    let whole = self::schema(r#"{"type": "integer", "enum": [9007199254740993, 1.0]}"#);
    assert_eq!(told(&whole, "9007199254740993"), [""; 0]);
    assert_eq!(told(&whole, "1"), [""; 0]);
    assert_eq!(told(&whole, "9007199254740992").len(), 1);
    // serde_json has rounded it below the maximum: who wants it judged hands over the text
    let rounded: serde_json::Value = serde_json::from_str("12345678901234567890.12").expect("JSON");
    assert_eq!(schema.check_json(&rounded).expect("a value"), []);
}

#[test]
fn what_fits_none_or_too_many_says_so_by_each() {
    let schema = schema(
        r#"{"oneOf": [
            {"properties": {"kind": {"const": "a"}, "size": {"type": "integer"}}, "required": ["kind"]},
            {"properties": {"kind": {"const": "b"}}, "required": ["kind", "name"]}
        ]}"#,
    );
    assert_eq!(
        told(&schema, r#"{"kind": "b"}"#),
        ["it fits no schema of `oneOf` (1: /kind: \"b\" is not \"a\"; 2: `name` is missing)"]
    );
    assert_eq!(told(&schema, "5"), ["it fits more than one schema of `oneOf`: 1, 2"]);
}

#[test]
fn a_slip_in_a_schema_names_file_and_place() {
    for (text, expected) in [
        ("{\n\"type\": }", "could not read the schema it.json line 2: a value is missing"),
        (
            r#"{"requird": []}"#,
            "could not read the schema it.json at `#`: there is no keyword `requird` in draft 2020-12",
        ),
        (
            r#"{"properties": {"a": 5}}"#,
            "could not read the schema it.json at `#/properties/a`: a schema is an object, true or false",
        ),
        (
            r#"{"properties": {"a/b": {"maximum": "5"}}}"#,
            "could not read the schema it.json at `#/properties/a~1b/maximum`: `maximum` takes a number",
        ),
        (
            r#"{"pattern": "(?=a)"}"#,
            "could not read the schema it.json at `#/pattern`: the pattern `(?=a)`: look-around, including look-ahead and look-behind, is not supported",
        ),
        (
            r#"{"type": "text"}"#,
            "could not read the schema it.json at `#/type`: `type` takes one or more of null, boolean, integer, number, string, array, object",
        ),
        (
            r#"{"multipleOf": 0}"#,
            "could not read the schema it.json at `#/multipleOf`: `multipleOf` takes a number above 0 of at most 18 digits",
        ),
        (
            r#"{"minItems": -1}"#,
            "could not read the schema it.json at `#/minItems`: `minItems` takes a whole number from 0 on",
        ),
        (r##"{"$ref": "#/$defs/a"}"##, "could not read the schema it.json at `#`: `#/$defs/a` leads nowhere"),
        (
            r##"{"allOf": [{"$ref": "#"}]}"##,
            "could not read the schema it.json at `#`: it refers to itself without going into the value, and would never end",
        ),
        (
            r#"{"$ref": "https://example.org/a.json"}"#,
            "could not read the schema it.json at `#`: `https://example.org/a.json` is not in its folder, and nothing is fetched",
        ),
        (
            r#"{"$schema": "http://json-schema.org/draft-04/schema#"}"#,
            "could not read the schema it.json at `#`: `$schema` names no draft that is known: http://json-schema.org/draft-04/schema#",
        ),
        (
            r#"{"$schema": "http://json-schema.org/draft-07/schema#", "prefixItems": []}"#,
            "could not read the schema it.json at `#`: there is no keyword `prefixItems` in draft-07",
        ),
    ] {
        let (error, told) = failure(&[("it.json", text)]);
        assert_eq!(error.kind(), ErrorKind::Settings, "{text}");
        let is_line = expected.contains(" line ");
        assert!(
            told == expected || is_line && told.starts_with("could not read the schema it.json line 2: "),
            "{told}"
        );
    }
    let (error, told) = failure(&[("it.json", r#"{"format": "datum"}"#)]);
    assert!(
        error.kind() == ErrorKind::Settings && told.contains("there is no format `datum`; known: date, "),
        "{told}"
    );
    assert_eq!(failure(&[]).0.kind(), ErrorKind::NotFound);
}

#[test]
fn references_lead_to_files_of_the_folder_and_not_out_of_it() {
    let folder = folder(&[
        (
            "app/schemas/it.json",
            r#"{"properties": {
            "seller": {"$ref": "../party.json"}, "date": {"$ref": "dates.json#day"}, "tax": {"$ref": "https://example.org/tax"}
        }, "$defs": {"tax": {"$id": "https://example.org/tax", "type": "number"}}}"#,
        ),
        (
            "app/party.json",
            r#"{"$id": "https://example.org/party", "required": ["name"], "properties": {"date": {"$ref": "schemas/dates.json#day"}}}"#,
        ),
        ("app/schemas/dates.json", r#"{"$defs": {"day": {"$anchor": "day", "format": "date"}}}"#),
        ("secret.json", "true"),
        ("app/out.json", r#"{"$ref": "../secret.json"}"#),
        ("app/linked.json", r#"{"$ref": "link.json"}"#),
    ]);
    let app = folder.path().join("app");
    let schema = Schema::read_in(&app, &app.join("schemas/it.json")).expect("a schema");
    assert_eq!(
        told(&schema, r#"{"seller": {"date": "x"}, "date": "y", "tax": "z"}"#),
        [
            "/seller: `name` is missing",
            "/seller/date: \"x\" has not the format date",
            "/date: \"y\" has not the format date",
            "/tax: \"z\" is not a number",
        ]
    );
    std::os::unix::fs::symlink(folder.path().join("secret.json"), app.join("link.json")).expect("a link");
    for name in ["out.json", "linked.json"] {
        let error = Schema::read(&app.join(name)).expect_err("an error");
        assert!(error.to_string().contains("it is outside of "), "{error}");
    }
    // the folder of the file itself is too small for its neighbour above
    assert!(Schema::read(&app.join("schemas/it.json")).is_err());
}

#[test]
fn what_goes_too_deep_or_too_far_is_given_up_and_never_passes() {
    let nested = format!("{}{}", "[".repeat(500), "]".repeat(500));
    let schema = schema(r##"{"items": {"$ref": "#"}}"##);
    assert_eq!(schema.check_text(&nested).expect("JSON").len(), 1);
    assert_eq!(told(&schema, "[[[[]]]]"), [""; 0]);
    // each level is judged twice by each of two
    let twice = self::schema(
        r##"{"anyOf": [{"items": {"$ref": "#"}}, {"items": {"$ref": "#"}}], "allOf": [{"items": {"$ref": "#"}}]}"##,
    );
    let nested = format!("{}{}", "[".repeat(60), "]".repeat(60));
    let found = twice.check_text(&nested).expect("JSON");
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].message, "it is not judged: the schema goes too deep for it");
    let many = format!("[{}]", vec!["5"; 1_000].join(","));
    assert_eq!(self::schema(r#"{"items": {"type": "string"}}"#).check_text(&many).expect("JSON").len(), 100);
    let deep = format!("{}true{}", r#"{"not":"#.repeat(500), "}".repeat(500));
    assert_eq!(told(&self::schema(&deep), "1"), ["it is not judged: the schema goes too deep for it"]);
}

/// The tests that everybody's JSON Schema has to pass. `DC_TEST_SCHEMA_SUITE` is a copy of
/// github.com/json-schema-org/JSON-Schema-Test-Suite; what is stricter here, or not there, is left out by name.
#[test]
#[ignore = "it needs a copy of the JSON-Schema-Test-Suite"]
fn the_suite_of_json_schema_passes() {
    const LEFT_OUT: &[&str] = &["nothing is fetched", "there is no keyword", "names no draft that is known"];
    let root = std::env::var("DC_TEST_SCHEMA_SUITE").expect("DC_TEST_SCHEMA_SUITE");
    let (root, mut count) = (Path::new(&root), 0);
    for (draft, name) in [("draft2020-12", ""), ("draft7", "http://json-schema.org/draft-07/schema#")] {
        let files = fs::read_dir(root.join("tests").join(draft)).expect("a folder");
        let files = files.map(|file| file.expect("a file").path()).filter(|file| file.is_file());
        // a format is judged here, and a remark there
        for file in files.filter(|file| !file.ends_with("format.json")) {
            let groups: Vec<serde_json::Value> =
                serde_json::from_str(&fs::read_to_string(&file).expect("a file")).expect("JSON");
            for mut group in groups {
                if let Some(fields) = group["schema"].as_object_mut().filter(|_| !name.is_empty()) {
                    fields.entry("$schema").or_insert(name.into());
                }
                let remotes = format!("file://{}/", root.join("remotes").display());
                let path = root.join("it.json");
                fs::write(&path, group["schema"].to_string().replace("http://localhost:1234/", &remotes))
                    .expect("a file");
                let schema = match Schema::read(&path) {
                    Ok(schema) => schema,
                    Err(error) if LEFT_OUT.iter().any(|reason| error.to_string().contains(reason)) => continue,
                    Err(error) => panic!("{}: {}: {error}", file.display(), group["description"]),
                };
                for test in group["tests"].as_array().expect("tests") {
                    let found = schema.check_text(&test["data"].to_string()).expect("JSON");
                    let is_right = Some(found.is_empty()) == test["valid"].as_bool();
                    assert!(
                        is_right,
                        "{}: {}: {}: {found:?}",
                        file.display(),
                        group["description"],
                        test["description"]
                    );
                    count += 1;
                }
            }
        }
    }
    assert!(count > 1_900, "{count}");
}
