//! Settings, and times as people write them.

use crate::clock;
use crate::settings::{Environment, Settings, Source};
use crate::zone::Zone;

/// Any text as a dc.toml: settings, or an error with its place; all that it names is read.
pub fn settings(data: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("dc.toml");
    std::fs::write(&file, data).expect("a file");
    let source = Source { folder: None, config: Some(file) };
    match Settings::load(&source, Environment::of([])) {
        Ok(settings) => {
            for name in settings.database_names() {
                let _ = settings.database(&name).map(|found| found.target.label());
            }
            let _ = (settings.names("notify"), settings.secret_values().len());
        }
        Err(error) => assert!(error.to_string().contains("dc.toml"), "{error}"),
    }
}

/// Any text as a length of time, as a moment and as a zone.
pub fn times(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(length) = clock::duration(text) {
        assert_eq!(clock::duration(&format!("{}ms", length.as_millis())).ok(), Some(length));
    }
    if let Ok(moment) = clock::moment(text) {
        assert!(!clock::text(moment).is_empty() && !clock::brief(moment).is_empty());
        assert!(!clock::local(moment).is_empty());
        if let Some(zone) = Zone::named("Europe/Zagreb") {
            let _ = (zone.wall(moment), zone.first_moment(moment), zone.offset(moment));
        }
    }
    if let Some(zone) = Zone::named(text) {
        assert_eq!(Zone::named(zone.name()).map(|again| again.name().to_owned()), Some(zone.name().to_owned()));
    }
}
