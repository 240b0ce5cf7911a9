//! Figures as Prometheus reads them: its text format, version 0.0.4.

use std::fmt::Write as _;

/// A text of figures.
#[derive(Default)]
pub(super) struct Exposition(String);

impl Exposition {
    /// One figure of its own.
    pub(super) fn one(&mut self, name: &str, kind: &str, help: &str, value: f64) {
        self.head(name, kind, help);
        // writing to a text cannot fail
        let _ = writeln!(self.0, "{name} {value}");
    }

    /// A figure for each value of a label.
    pub(super) fn each(
        &mut self,
        (name, kind, help): (&str, &str, &str),
        label: &str,
        values: impl IntoIterator<Item = (String, f64)>,
    ) {
        self.labelled((name, kind, help), &[label], values.into_iter().map(|(of, value)| (vec![of], value)));
    }

    /// A figure for each combination of the values of labels.
    pub(super) fn labelled(
        &mut self,
        (name, kind, help): (&str, &str, &str),
        labels: &[&str],
        values: impl IntoIterator<Item = (Vec<String>, f64)>,
    ) {
        self.head(name, kind, help);
        for (of, value) in values {
            let escaped = |of: &String| of.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let of: Vec<String> =
                labels.iter().zip(&of).map(|(label, of)| format!("{label}=\"{}\"", escaped(of))).collect();
            let _ = writeln!(self.0, "{name}{{{}}} {value}", of.join(","));
        }
    }

    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    pub(super) fn into_text(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::Exposition;

    #[test]
    fn values_of_labels_are_escaped() {
        let mut out = Exposition::default();
        out.one("dc_up", "gauge", "Whether.", 1.0);
        out.each(("dc_app", "gauge", "An app."), "app", [("a\"b\\c\nd".to_owned(), 0.5)]);
        let text = "# HELP dc_up Whether.\n# TYPE dc_up gauge\ndc_up 1\n\
                    # HELP dc_app An app.\n# TYPE dc_app gauge\ndc_app{app=\"a\\\"b\\\\c\\nd\"} 0.5\n";
        assert_eq!(out.into_text(), text);
    }
}
