//! Sections of the project's own: `[findata]`, which dc.toml names in `[project] sections`, as a type of the author's.

use serde::de::DeserializeOwned;
use serde::de::value::MapDeserializer;

use super::failure::settings_error;
use super::layers::Layers;
use super::setting::Flaw;
use crate::error::Result;

/// A section of the project's own as `T`: a variable `DC_<SECTION>_<FIELD>` wins over the project's dc.toml, that over
/// the user's.
pub(super) fn read<T: DeserializeOwned>(layers: &Layers, section: &str) -> Result<T> {
    if !layers.own_sections().iter().any(|own| own == section) {
        return Err(settings_error(format!("read the section `{section}`: it is none of the project's own"))
            .hint(format!("write `sections = [\"{section}\"]` under `[project]` in dc.toml")));
    }
    T::deserialize(MapDeserializer::new(layers.own(section).into_iter()))
        .map_err(|cause: Flaw| settings_error(format!("read the section `{section}`: {cause}")))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use crate::settings::{Environment, Settings, Source};

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields, rename_all = "lowercase")]
    enum Mode {
        Fast,
        Slow,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Findata {
        years: Vec<u16>,
        code: String,
        mode: Option<Mode>,
        #[serde(default)]
        is_full: bool,
    }

    const FILE: &str = "[project]\nsections = [\"findata\"]\n[findata]\nyears = [2024]\ncode = \"007\"\n";

    fn load(file: &str, pairs: &[(&str, &str)]) -> crate::error::Result<Settings> {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("dc.toml"), file).expect("a file");
        let source = Source { folder: Some(folder.path().to_owned()), config: None };
        Settings::load(&source, Environment::of(pairs.iter().copied()))
    }

    #[test]
    fn a_section_of_ones_own_is_a_type_of_ones_own() {
        let of_file: Findata = load(FILE, &[]).and_then(|it| it.own("findata")).expect("settings");
        assert_eq!(of_file, Findata { years: vec![2024], code: "007".to_owned(), mode: None, is_full: false });
        let pairs = [
            ("DC_FINDATA_YEARS", "2025, 2026"),
            ("DC_FINDATA_CODE", "008"),
            ("DC_FINDATA_MODE", "slow"),
            ("DC_FINDATA_IS_FULL", "true"),
        ];
        let of_variables: Findata = load(FILE, &pairs).and_then(|it| it.own("findata")).expect("settings");
        let expected =
            Findata { years: vec![2025, 2026], code: "008".to_owned(), mode: Some(Mode::Slow), is_full: true };
        assert_eq!(of_variables, expected);
    }

    #[test]
    fn what_does_not_fit_is_told_and_what_is_not_declared_refused() {
        let error = |file: &str, pairs: &[(&str, &str)]| {
            load(file, pairs).and_then(|it| it.own::<Findata>("findata")).expect_err("wrong").to_string()
        };
        assert!(error(FILE, &[("DC_FINDATA_YEARS", "soon")]).contains("findata"));
        assert!(error(FILE, &[("DC_FINDATA_YERAS", "2025")]).contains("yeras"));
        assert!(error("", &[]).contains("none of the project's own"));
        assert!(error(&FILE.replace("[project]\nsections = [\"findata\"]\n", ""), &[]).contains("findata"));
        assert!(error("[project]\nsections = [\"run\"]", &[]).contains("run"), "a section of dc's");
    }
}
