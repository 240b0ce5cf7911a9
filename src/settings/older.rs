//! The names that settings had in the programs before dc: they are taken, and the newer name is told.

use zeroize::Zeroizing;

use super::environment::Environment;
use super::percent::encode;

/// What a database's fields were called.
const FIELDS: [(&str, &str); 4] =
    [("IP", "HOST"), ("DATABASENAME", "NAME"), ("DATABASE_NAME", "NAME"), ("USER", "USERNAME")];
const DATABASE: &str = "DC_DB_";
/// RabbitMQ had a variable for each part of its URL.
const BROKER: &str = "DC_RABBIT_";
const BROKER_PARTS: [&str; 8] = ["URL", "IP", "HOST", "PORT", "USERNAME", "PASSWORD", "VIRTUALHOST", "VHOST"];

/// Variables by their older names.
struct Found {
    older: Vec<String>,
    newer: String,
    value: Zeroizing<String>,
}

/// Takes variables by their older names, where the newer ones are not set; what was taken for what.
pub(super) fn rename(environment: &mut Environment) -> Vec<String> {
    let mut notes = Vec::new();
    for Found { older, newer, value } in found(environment) {
        let named = older.join(", ");
        notes.push(match environment.is_set(&newer) {
            true => format!("{named}: not read, because {newer} is set"),
            false => format!("{named}: taken as {newer}; rename it, the older name will go"),
        });
        environment.rename(&older, &newer, value);
    }
    notes
}

fn found(environment: &Environment) -> Vec<Found> {
    let of_database = |name: &str| {
        let renamed = FIELDS.iter().find_map(|(older, newer)| {
            let member = name.strip_prefix(DATABASE)?.strip_suffix(older)?.strip_suffix('_')?;
            (!member.is_empty()).then(|| format!("{DATABASE}{member}_{newer}"))
        })?;
        let value = Zeroizing::new(environment.get(name)?.to_owned());
        Some(Found { older: vec![name.to_owned()], newer: renamed, value })
    };
    environment.names(DATABASE).filter_map(of_database).chain(broker(environment)).collect()
}

/// One URL out of its parts; what is none of them stays, and is refused as any unknown variable.
fn broker(environment: &Environment) -> Option<Found> {
    let part = |names: &[&str]| names.iter().find_map(|name| environment.get(&format!("{BROKER}{name}")));
    let older: Vec<String> = BROKER_PARTS.iter().map(|part| format!("{BROKER}{part}")).collect();
    let older: Vec<String> = older.into_iter().filter(|name| environment.is_set(name)).collect();
    let url = match (part(&["URL"]), part(&["IP", "HOST"])) {
        (Some(url), _) => url.to_owned(),
        (None, Some(host)) => {
            let login = part(&["USERNAME"]).map(|user| match part(&["PASSWORD"]) {
                Some(password) => format!("{}:{}@", encode(user), encode(password)),
                None => format!("{}@", encode(user)),
            });
            let port = part(&["PORT"]).map(|port| format!(":{port}")).unwrap_or_default();
            let vhost = part(&["VIRTUALHOST", "VHOST"]).map(encode).unwrap_or_default();
            format!("amqp://{}{host}{port}/{vhost}", login.unwrap_or_default())
        }
        (None, None) => return None,
    };
    Some(Found { older, newer: "DC_BROKER_URL".to_owned(), value: Zeroizing::new(url) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn older_names_are_taken_and_the_newer_told() {
        let mut environment = Environment::of([
            ("DC_DB_MAIN_IP", "10.0.0.1"),
            ("DC_DB_MAIN_DATABASENAME", "findata"),
            ("DC_DB_WARE_HOUSE_IP", "a"),
            ("DC_DB_WARE_HOUSE_HOST", "b"),
            ("DC_RABBIT_IP", "rabbit"),
            ("DC_RABBIT_PORT", "5672"),
            ("DC_RABBIT_USERNAME", "me"),
            ("DC_RABBIT_PASSWORD", "p@ss"),
        ]);
        let notes = rename(&mut environment);
        assert_eq!(environment.get("DC_DB_MAIN_HOST"), Some("10.0.0.1"));
        assert_eq!(environment.get("DC_DB_MAIN_NAME"), Some("findata"));
        assert_eq!(environment.get("DC_DB_WARE_HOUSE_HOST"), Some("b"), "the newer name wins");
        assert_eq!(environment.get("DC_BROKER_URL"), Some("amqp://me:p%40ss@rabbit:5672/"));
        assert_eq!(environment.names("DC_RABBIT_").count() + environment.names("DC_DB_MAIN_IP").count(), 0);
        assert!(notes.iter().any(|note| note.contains("DC_DB_MAIN_IP: taken as DC_DB_MAIN_HOST")), "{notes:?}");
        assert!(notes.iter().any(|note| note.contains("not read")) && !notes.concat().contains("p@ss"), "{notes:?}");
        assert!(rename(&mut environment).is_empty());
    }
}
