//! Settings from the store: a variable wins over the store, the store over dc.toml.

use std::collections::BTreeMap;

use super::keeper::Secrets;
use super::sealed::{Form, Sealed};
use crate::dotenv::SETTING_PREFIX;
use crate::error::Result;
use crate::settings::Settings;

/// The variable with the names of the secrets that an environment was given by a dc before.
pub const GIVEN_VARIABLE: &str = "DC_SECRETS_GIVEN";
/// The variable with the names of dc's own settings that an app was not given.
pub const WITHHELD_VARIABLE: &str = "DC_SECRETS_WITHHELD";

impl Secrets {
    /// The settings with what the store says of them. The store is opened only when its header tells that it holds
    /// settings of dc, and when nobody has opened it for this process before. Without a password the settings that the
    /// store may hold cannot be read later, instead of having other values than they should.
    ///
    /// # Errors
    /// Permission (exit 4), for a wrong password or a damaged store; what is wrong with a value, as for a variable.
    pub fn applied_to(&self, settings: Settings) -> Result<Settings> {
        // a shell that was given them at log-in may be older than the store; an app has what it shall have
        let is_fresh = self.has_password() && settings.inside.is_none();
        if settings.variable(GIVEN_VARIABLE).is_some() && !is_fresh {
            return Ok(settings);
        }
        let Some(sealed) = Sealed::read(self.path())? else { return Ok(settings) };
        if matches!(sealed.form(), Form::Today(header) if !header.holds_settings) {
            return Ok(settings);
        }
        if !self.can_open() {
            return Ok(settings.with_locked_store(self.path()));
        }
        let Some(unlocked) = self.open()? else { return Ok(settings) };
        let document = &unlocked.document;
        let own = document.names().into_iter().filter(|name| name.starts_with(SETTING_PREFIX));
        let values: BTreeMap<_, _> =
            own.filter_map(|name| Some((name.to_owned(), document.get(name)?.clone()))).collect();
        settings.with_store(values, self.path())
    }
}
