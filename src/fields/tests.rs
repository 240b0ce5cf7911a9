//! Rules on whole documents: invoices in three languages, a scan, tables, and what goes wrong.

use serde_json::{Value, json};

use super::{Rejection, Rules};

fn fixture(name: &str) -> Value {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/documents").join(name);
    serde_json::from_str(&std::fs::read_to_string(path).expect("a fixture")).expect("JSON")
}

fn rules(text: &str) -> Rules {
    Rules::read(&toml::from_str(text).expect("TOML")).expect("rules")
}

fn apply(text: &str, document: &Value) -> Result<Value, Rejection> {
    rules(text).apply(document)
}

/// A page of words: text, left side and top; each letter is 6 points wide and 10 high.
fn page(words: &[(&str, f64, f64)]) -> Value {
    let word = |(text, x0, top): &(&str, f64, f64)| {
        let x1 = x0 + 6.0 * text.chars().count() as f64;
        json!({"words": [{"text": text, "points": {"x0": x0, "top": top, "x1": x1, "bottom": top + 10.0}}]})
    };
    json!({"page": 1, "lines": words.iter().map(word).collect::<Vec<_>>()})
}

const CROATIAN: &str = r#"
number = { pattern = 'RAČUN br\. (\S+)', required = true }
date = { after = ["Datum računa"], type = "date", required = true }
due = { after = ["Datum dospijeća"], type = "date", format = "dmy" }
seller = { after = "OIB", type = "vat", country = "HR", required = true }
account = { after = "IBAN", type = "iban", required = true }
net = { after = "Osnovica", type = "amount" }
tax = { after = "PDV", type = "amount" }
total = { after = ["Total", "Ukupno za platiti"], type = "amount", pick = "last", required = true }
buyer = { after = "Kupac" }
"#;

#[test]
fn a_croatian_invoice_is_read_with_the_places_of_its_fields() {
    let found = apply(CROATIAN, &fixture("croatian.json")).expect("fields");
    for (name, value) in [
        ("number", json!("117/1/1")),
        ("date", json!("2026-11-20")),
        ("due", json!("2026-12-04")),
        ("seller", json!("HR33392005961")),
        ("account", json!("HR1210010051863000160")),
        ("net", json!("987.65")),
        ("net_currency", json!(null)),
        ("tax", json!("246.91")),
        ("total", json!("1234.56")),
        ("total_currency", json!("EUR")),
        ("buyer", json!("Ribarska zadruga Vis,")),
    ] {
        assert_eq!(found[name], value, "{name}");
    }
    let total = &found["_fields"]["total"];
    assert_eq!((&total["text"], &total["page"]), (&json!("1.234,56 EUR"), &json!(1)));
    assert_eq!((&total["confidence"], &total["rule"]), (&json!(null), &json!("after Ukupno za platiti")));
    let sides: Vec<f64> = total["box"].as_array().expect("a box").iter().filter_map(Value::as_f64).collect();
    // right-aligned at 545 points, on the line at 322
    assert!((sides[2] - 545.0).abs() < 1.0 && sides[1] < 322.0 && sides[3] > 318.0, "{sides:?}");
}

#[test]
fn a_scan_gives_the_same_and_says_what_the_check_digits_proved() {
    let native = apply(CROATIAN, &fixture("croatian.json")).expect("fields");
    let found = apply(CROATIAN, &fixture("croatian_scanned.json")).expect("fields");
    for (name, value) in native.as_object().expect("an object").iter().filter(|(name, _)| *name != "_fields") {
        assert_eq!(&found[name], value, "{name}");
    }
    let account = &found["_fields"]["account"];
    assert_eq!(account["text"], "HR12 1OO1 OO51 8630 0016 0");
    assert!(account["note"].as_str().is_some_and(|note| note.ends_with("the check digits prove it")), "{account}");
    let confidence = account["confidence"].as_f64().expect("a confidence");
    assert!((0.8..0.92).contains(&confidence), "{confidence}");
}

#[test]
fn values_stand_below_their_labels_and_on_later_pages() {
    let text = r#"
        number = { after = "Rechnungs-Nr." }
        date = { after = ["Date", "Rechnungsdatum"], type = "date" }
        customer = { after = "Kundennummer", type = "integer" }
        total = { after = "Gesamtbetrag", type = "amount" }
        largest = { pattern = '(?m)(\S+) €$', type = "amount", pick = "largest" }
        seller = { after = "USt-IdNr.", type = "vat" }
        account = { after = "IBAN", type = "iban" }
    "#;
    let found = apply(text, &fixture("german.json")).expect("fields");
    assert_eq!((&found["number"], &found["date"]), (&json!("RE-2026-0815"), &json!("2026-03-03")));
    assert_eq!((&found["customer"], &found["total"]), (&json!(10_044), &json!("2854.10")));
    assert_eq!((&found["largest"], &found["total_currency"]), (&json!("2854.10"), &json!("EUR")));
    assert_eq!((&found["seller"], &found["account"]), (&json!("DE136695976"), &json!("DE89370400440532013000")));
    assert_eq!(found["_fields"]["date"]["rule"], "below Rechnungsdatum");
    assert_eq!((&found["_fields"]["date"]["page"], &found["_fields"]["total"]["page"]), (&json!(1), &json!(2)));
}

#[test]
fn a_label_over_two_lines_is_one_and_an_ambiguous_date_is_no_date() {
    let text = r#"
        number = { after = "Invoice number", required = true }
        date = { after = "Date", type = "date", format = "mdy" }
        vat = { after = "VAT No", type = "vat" }
        total = { after = "Total", type = "amount" }
        returned = { after = "Returned fender", type = "amount", pick = "last" }
        reference = { after = "Reference", type = "luhn" }
    "#;
    let english = fixture("english.json");
    let found = apply(text, &english).expect("fields");
    for (name, value) in [
        ("number", "INV-00421"),
        ("date", "2026-05-06"),
        ("vat", "IE6388047V"),
        ("total", "1000.50"),
        ("total_currency", "$"),
        ("returned", "-49.50"),
        ("reference", "4111111111111111"),
    ] {
        assert_eq!(found[name], value, "{name}");
    }
    // the due date could be read, and is not the date
    let ambiguous = r#"date = { after = ["Date", "Due date"], type = "date", required = true }"#;
    let rejection = apply(ambiguous, &english).expect_err("a rejection");
    assert_eq!(
        rejection.reasons,
        ["date: `05/06/2026` on page 1 (after Date): its month is 5 or 6: say `format = \"dmy\"` or `\"mdy\"`"]
    );
    let found = apply(&ambiguous.replace("required = true", "pick = 'last'"), &english).expect("fields");
    assert_eq!(found["date"], "2026-07-20");
    let found = apply(&ambiguous.replace("required = true", "pick = 'largest'"), &english).expect("fields");
    assert_eq!(found["date"], Value::Null);
    assert!(found["_fields"]["date"]["refused"][0].as_str().is_some_and(|it| it.contains("05/06/2026")), "{found}");
}

#[test]
fn pairs_of_the_reader_and_fields_of_forms_are_asked_last() {
    let place = |x0: f64, top: f64| json!({"x0": x0, "top": top, "x1": x0 + 60.0, "bottom": top + 10.0});
    let mut read = page(&[("Due", 50.0, 50.0), ("3.4.2026", 300.0, 120.0)]);
    read["lines"][1]["words"][0]["confidence"] = json!(62.0);
    read["blocks"] = json!([
        {"kind": "paragraph", "area": place(0.0, 0.0), "text": "x"},
        {"kind": "key_values", "area": place(0.0, 0.0), "pairs": [
            {"label": "Due", "value": "3.4.2026", "label_area": place(50.0, 50.0), "value_area": place(295.0, 119.0)},
            {"label": "Due date of the other", "value": "5.6.2026", "label_area": place(50.0, 50.0)},
        ]},
    ]);
    read["fields"] = json!([{"name": "form1.total_due[0]", "value": "12.50", "points": place(400.0, 400.0)}]);
    let document = json!({"pages": [read]});
    let text = r#"
        due = { after = "Due", type = "date", format = "dmy" }
        total = { after = "Total due", type = "amount", format = "point" }
    "#;
    let found = apply(text, &document).expect("fields");
    assert_eq!((&found["due"], &found["total"]), (&json!("2026-04-03"), &json!("12.50")));
    let about = &found["_fields"];
    assert_eq!((&about["due"]["rule"], &about["due"]["confidence"]), (&json!("after Due in a pair"), &json!(0.62)));
    assert_eq!(
        (&about["total"]["rule"], &about["total"]["box"][0]),
        (&json!("the form field form1.total_due[0]"), &json!(400.0))
    );
    let sure = apply(&text.replace("\"dmy\"", "\"dmy\", confidence = 0.8"), &document).expect("fields");
    assert_eq!(sure["due"], Value::Null, "what was hardly read is not taken by a side door");
}

#[test]
fn a_candidate_that_fails_its_check_gives_way_and_reasons_are_told() {
    let words = [("IBAN", 50.0, 50.0), ("HR1210010051863000161", 100.0, 50.0), ("IBAN:", 50.0, 70.0)];
    let rule = "account = { after = \"IBAN\", type = \"iban\", required = true }";
    let both = [&words[..], &[("HR1210010051863000160", 100.0, 70.0)]].concat();
    let found = apply(rule, &json!({"pages": [page(&both)]})).expect("fields");
    assert_eq!(found["account"], "HR1210010051863000160");
    let rejection = apply(rule, &json!({"pages": [page(&words)]})).expect_err("a rejection");
    assert_eq!(
        rejection.reasons,
        ["account: `HR1210010051863000161` on page 1 (after IBAN): its check digits are wrong (mod 97)"]
    );
    let rejection = apply(rule, &json!({"pages": [page(&[("Total", 1.0, 1.0)])]})).expect_err("a rejection");
    assert_eq!(rejection.reasons, ["account: no page has the label `IBAN`"]);
    let failed = json!({"pages": [{"page": 3, "text": "", "error": "it is damaged"}]});
    let rejection = apply(rule, &failed).expect_err("a rejection");
    assert_eq!(rejection.reasons, ["account: no page has the label `IBAN`; page 3 could not be read: it is damaged"]);
    let rejection = apply(rule, &json!({"text": "x"})).expect_err("a rejection");
    assert!(rejection.reasons[0].starts_with("the input is no reading of a document: "), "{rejection}");
}

#[test]
fn a_column_of_figures_and_labels_in_one_word_are_read() {
    let row = [("Total", 50.0, 50.0), ("2", 200.0, 50.0), ("19.99", 300.0, 50.0), ("39.98", 400.0, 50.0)];
    let document = json!({"pages": [page(&row)]});
    for (pick, value) in [("first", "2"), ("last", "39.98"), ("largest", "39.98")] {
        let found = apply(&format!("a = {{ after = 'total', type = 'amount', pick = '{pick}' }}"), &document);
        assert_eq!(found.expect("fields")["a"], value, "{pick}");
    }
    let found = apply("a = { after = 'total', type = 'amount', pick = 'only', required = true }", &document);
    assert_eq!(
        found.expect_err("a rejection").reasons,
        ["a: `2` on page 1 (after total) and `19.99` on page 1 (after total) are different values"]
    );
    // parts of a number that stand close are one, the label is glued to its value, the row is not level
    let glued = [("Datum:20.11.2026", 50.0, 50.0), ("Iznos", 50.0, 70.0), ("1", 300.0, 73.0), ("234,56", 310.0, 68.0)];
    let found = apply(
        "a = { after = 'Datum', type = 'date' }\nb = { after = 'Iznos', type = 'amount' }",
        &json!({"pages": [page(&glued)]}),
    );
    let found = found.expect("fields");
    assert_eq!((&found["a"], &found["b"]), (&json!("2026-11-20"), &json!("1234.56")));
}

#[test]
fn a_label_of_another_field_ends_a_value() {
    let header = [("Date", 50.0, 50.0), ("Number", 150.0, 50.0), ("20.11.2026", 50.0, 64.0), ("R-7", 150.0, 64.0)];
    let found = apply(
        "a = { after = 'Date' }\nb = { after = 'Number' }\nc = { after = 'Date', pattern = '(\\d{4})', type = 'integer' }",
        &json!({"pages": [page(&header)]}),
    );
    let found = found.expect("fields");
    assert_eq!((&found["a"], &found["b"], &found["c"]), (&json!("20.11.2026"), &json!("R-7"), &json!(2_026)));
}

#[test]
fn a_label_inside_of_a_longer_one_is_not_looked_at() {
    let words = [
        ("Due", 50.0, 50.0),
        ("date", 74.0, 50.0),
        ("2026-12-04", 150.0, 50.0),
        ("Date", 50.0, 70.0),
        ("2026-11-20", 150.0, 70.0),
    ];
    let document = json!({"pages": [page(&words)]});
    let found = apply("a = { after = 'Date', type = 'date' }\nb = { after = 'Due date', type = 'date' }", &document);
    let found = found.expect("fields");
    assert_eq!((&found["a"], &found["b"]), (&json!("2026-11-20"), &json!("2026-12-04")));
}

#[test]
fn cells_of_tables_and_pages_without_words_are_looked_at() {
    let area = json!({"x0": 10.0, "top": 20.0, "x1": 30.0, "bottom": 40.0});
    let rows = json!([["Invoice\nnumber", null, "R-7"], ["Due date", "Total", null], ["2026-11-20", "12,50 €", null]]);
    let document = json!({"pages": [{"page": 4, "text": "", "tables": [{"area": area, "rows": rows}]}]});
    let text = r#"
        number = { after = "Invoice number" }
        due = { after = "Due date", type = "date" }
        total = { after = "Total", type = "amount" }
    "#;
    let found = apply(text, &document).expect("fields");
    assert_eq!((&found["number"], &found["due"]), (&json!("R-7"), &json!("2026-11-20")));
    assert_eq!((&found["total"], &found["total_currency"]), (&json!("12.50"), &json!("EUR")));
    assert_eq!(found["_fields"]["due"]["box"], json!([10.0, 20.0, 30.0, 40.0]));
    let bare = json!({"pages": [{"page": 1, "text": "Total: 1.234,50 kn\nDue date: 2026-11-20\n"}]});
    let found = apply(text, &bare).expect("fields");
    assert_eq!(
        (&found["total"], &found["due"], &found["number"]),
        (&json!("1234.50"), &json!("2026-11-20"), &json!(null))
    );
    assert_eq!(found["_fields"]["total"]["box"], Value::Null);
}

#[test]
fn a_rule_that_fits_everything_is_refused() {
    let text = "word ".repeat(2_000);
    let document = json!({"pages": [{"page": 1, "text": text}]});
    let found = apply("a = { pattern = '(\\w)', required = true, pick = 'last' }", &document);
    assert_eq!(found.expect_err("a rejection").reasons, ["a: more than 1000 places fit its rule"]);
}

#[test]
fn labels_are_asked_in_their_order_and_what_was_not_taken_is_told() {
    let document = json!({"pages": [page(&[("Total:", 50.0, 90.0), ("80.00", 150.0, 90.0), ("Due:", 50.0, 120.0), ("99.00", 150.0, 120.0)])]});
    let found = apply("sum = { after = ['Due', 'Total'], type = 'amount' }", &document).expect("fields");
    assert_eq!((&found["sum"], &found["_fields"]["sum"]["rule"]), (&json!("99.00"), &json!("after Due")));
    // another pick looks at all of them
    let found = apply("sum = { after = ['Total', 'Due'], type = 'amount', pick = 'last' }", &document).expect("fields");
    assert_eq!(found["sum"], "99.00");
    // the first label has no value, and why
    let found = apply("day = { after = ['Total', 'Due'], type = 'date' }", &document).expect("fields");
    let reason = "nothing beside or below `Total` or `Due` looks like a value of type date";
    assert_eq!((&found["day"], &found["_fields"]["day"]["refused"]), (&Value::Null, &json!([reason])));
    let document = json!({"pages": [page(&[("IBAN", 50.0, 90.0), ("HR1210010051863000161", 150.0, 90.0), ("Account", 50.0, 120.0), ("HR1210010051863000160", 150.0, 120.0)])]});
    let found = apply("iban = { after = ['IBAN', 'Account'], type = 'iban' }", &document).expect("fields");
    let refused = found["_fields"]["iban"]["refused"][0].as_str().expect("a reason");
    assert!(found["iban"] == "HR1210010051863000160" && refused.contains("HR1210010051863000161"), "{found}");
}

#[test]
fn a_refusal_in_a_table_is_told() {
    let table = json!({"rows": [["Date", "31.02.2026"]], "area": {"x0": 0.0, "top": 0.0, "x1": 99.0, "bottom": 99.0}});
    let document = json!({"pages": [{"page": 1, "lines": [], "tables": [table]}]});
    let found = apply("day = { after = 'Date', type = 'date' }", &document).expect("fields");
    assert!(found["_fields"]["day"]["refused"].to_string().contains("31.02.2026"), "{found}");
}

#[test]
fn what_was_recognised_with_little_confidence_is_not_taken() {
    let word = |text: &str, x0: f64, confidence: f64| {
        let x1 = x0 + 6.0 * text.len() as f64;
        json!({"text": text, "confidence": confidence, "points": {"x0": x0, "top": 90.0, "x1": x1, "bottom": 100.0}})
    };
    let words = [word("Total", 50.0, 96.0), word("80.00", 150.0, 62.0)];
    let document = json!({"pages": [{"page": 1, "lines": [{"words": words}]}]});
    let found = apply("sum = { after = 'Total', type = 'amount' }", &document).expect("fields");
    assert_eq!((&found["sum"], &found["_fields"]["sum"]["confidence"]), (&json!("80.00"), &json!(0.62)));
    let found = apply("sum = { after = 'Total', type = 'amount', confidence = 0.8 }", &document).expect("fields");
    let refused = found["_fields"]["sum"]["refused"][0].as_str().expect("a reason");
    assert!(found["sum"].is_null() && refused.ends_with("a confidence of 0.62, below 0.8"), "{found}");
}
