//! The files that people write: dc.toml and app.toml, field by field, for manual pages and editors.

use serde::Serialize;
use serde_json::Value;

use crate::apps::{DEFINITION, DEFINITION_FILE};
use crate::settings::{KNOWN, Known, json_schema};

/// A file that people write.
#[derive(Debug, Clone, Copy)]
pub struct FileShape {
    /// Its name.
    pub name: &'static str,
    /// What it is, in a line.
    pub about: &'static str,
    /// Its sections, of which one without a name has the fields at the top.
    pub sections: &'static [Known],
    /// Whether each field has a variable that wins over it.
    pub has_variables: bool,
}

/// All such files.
pub const FILES: &[FileShape] = &[
    FileShape { name: "dc.toml", about: "Settings of a Data Collector project", sections: KNOWN, has_variables: true },
    FileShape {
        name: DEFINITION_FILE,
        about: "Definition of an app or pipeline of Data Collector",
        sections: DEFINITION,
        has_variables: false,
    },
];

/// A JSON Schema.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub struct SchemaReport(Value);

impl std::fmt::Display for SchemaReport {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // a value always serialises
        formatter.write_str(&serde_json::to_string_pretty(&self.0).unwrap_or_default())
    }
}

impl FileShape {
    /// Its JSON Schema (draft 07). A project may have sections of its own in dc.toml.
    pub fn schema(&self) -> SchemaReport {
        SchemaReport(json_schema(self.about, self.sections, self.has_variables))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json_schema::Schema;

    fn violations(name: &str, text: &str) -> Vec<String> {
        let file = FILES.iter().find(|file| file.name == name).expect("a file");
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("schema.json");
        std::fs::write(&path, file.schema().to_string()).expect("written");
        let value: toml::Table = toml::from_str(text).expect("TOML");
        let value = serde_json::to_value(value).expect("JSON");
        let found = Schema::read(&path).expect("a schema").check_json(&value).expect("checked");
        found.into_iter().map(|violation| violation.pointer).collect()
    }

    #[test]
    fn what_dc_takes_an_editor_takes_and_a_slip_is_marked() {
        let settings = "[run]\ntimeout = \"2h\"\n[db.main]\nurl = \"sqlite:x.db\"\npool_size = 3\n[log]\nsinks = [\"file\"]\n\
            [log.file]\nfiles_max = 3\n[storage]\nstore = \"s3\"\n[storage.stores.s3]\ntype = \"s3\"\n\
            [host.\"api.example.com\"]\nrate = 0.5\n[project]\nsections = [\"findata\"]\n[findata]\nyears = [2024]\n";
        assert!(violations("dc.toml", settings).is_empty(), "{:?}", violations("dc.toml", settings));
        for (right, wrong, pointer) in [
            ("timeout = \"2h\"", "timeuot = \"2h\"", "/run/timeuot"),
            ("pool_size = 3", "pool_size = \"three\"", "/db/main/pool_size"),
            ("[storage.stores.s3]\ntype = \"s3\"", "[storage.stores.s3]\ntype = \"s4\"", "/storage/stores/s3/type"),
        ] {
            assert_eq!(violations("dc.toml", &settings.replace(right, wrong)), [pointer], "{wrong}");
        }
        let app = "command = [\"python3\", \"main.py\"]\nschedule = \"@daily\"\nnice = -5\n[env]\nPAGES = 3\n";
        assert!(violations("app.toml", app).is_empty(), "{:?}", violations("app.toml", app));
        assert_eq!(violations("app.toml", &app.replace("nice = -5", "nice = 40")), ["/nice"]);
        assert_eq!(violations("app.toml", &app.replace("schedule", "shcedule")), ["/shcedule"]);
        let pipeline = "[pipeline]\nwatch = [\"in\"]\n[[stage]]\nname = \"read\"\nuse = \"ocr\"\nengine = \"auto\"\n";
        assert!(violations("app.toml", pipeline).is_empty(), "{:?}", violations("app.toml", pipeline));
        assert_eq!(violations("app.toml", &pipeline.replace("watch", "wacht")), ["/pipeline/wacht"]);
    }

    #[test]
    fn every_field_says_what_it_is_for() {
        for file in FILES {
            for (known, field) in file.sections.iter().flat_map(|known| known.fields.iter().map(move |it| (known, it)))
            {
                let place = format!("{} {}.{}", file.name, known.section, field.name);
                assert!(!field.help.is_empty() && !field.help.ends_with('.'), "{place}");
                assert!(field.help.chars().next().is_some_and(|first| !first.is_whitespace()), "{place}");
                let named = known.fields.iter().filter(|other| other.name == field.name).count();
                assert_eq!(named, 1, "{place}");
            }
        }
    }
}
