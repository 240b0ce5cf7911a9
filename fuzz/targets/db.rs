//! Where databases are.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio_postgres::config::Host;

use super::{context, halves};
use crate::db::postgres::server::server_target;
use crate::settings::{Secret, Settings, Target};

/// Shorter texts stand in any message.
const SECRET_BYTES_MIN: usize = 6;

/// Any URL; and behind the mark a password of any signs, encoded and as it is: it arrives, and nothing shows it.
pub fn database_url(data: &[u8]) {
    let Some((url, password)) = halves(data) else { return };
    let (_folder, context) = context(&[("DC_DB_ONE_URL", url)]);
    look(context.settings(), "");
    let encoded = utf8_percent_encode(password, NON_ALPHANUMERIC).to_string();
    let target = server_target(&Secret::new(format!("postgres://me:{encoded}@db.example:77/house"))).expect("a target");
    assert_eq!(target.config.get_password().unwrap_or_default(), password.as_bytes());
    assert_eq!(target.config.get_hosts(), [Host::Tcp("db.example".to_owned())]);
    assert_eq!(
        (target.label.as_str(), target.config.get_dbname()),
        ("postgres://me@db.example:77/house", Some("house"))
    );
    let by_hand = format!("postgres://me:{password}@db.example:77/house");
    if password.len() >= SECRET_BYTES_MIN && !by_hand.replacen(password, "", 1).contains(password) {
        let (_folder, context) = self::context(&[("DC_DB_ONE_URL", &by_hand)]);
        look(context.settings(), password);
    }
}

/// Reads the database's settings and connects to nothing; `hidden` must not be seen.
fn look(settings: &Settings, hidden: &str) {
    let is_hidden = |text: &str| hidden.is_empty() || !text.contains(hidden);
    let found = match settings.database("one") {
        Ok(found) => found,
        Err(error) => return assert!(is_hidden(&format!("{error:?}"))),
    };
    assert!(is_hidden(&found.target.label()) && is_hidden(&format!("{found:?}")), "{}", found.target.label());
    if let Target::Server { url, .. } = &found.target {
        match server_target(url) {
            Ok(target) => assert!(is_hidden(&target.label) && is_hidden(&format!("{:?}", target.config))),
            Err(error) => assert!(is_hidden(&format!("{error:?}")), "{error:?}"),
        }
    }
}
