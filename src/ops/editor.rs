//! A text in a person's editor, as a private file in memory that does not outlive us.

mod interrupts;
mod private;

use std::path::Path;
use std::process::Command;

use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind, Result};
use crate::settings::Settings;
use interrupts::Guard;
use private::PrivateFile;

/// What is edited.
#[derive(Debug, Clone, Copy)]
pub(super) struct Edited {
    /// The name that the editor sees: it knows how to colour it.
    pub(super) name: &'static str,
    /// For messages.
    pub(super) what: &'static str,
    /// The command that edits it.
    pub(super) command: &'static str,
}

/// The editor of a person.
pub(super) struct Editor<'a> {
    settings: &'a Settings,
    line: String,
    edited: Edited,
    removed: [&'static str; 3],
}

impl<'a> Editor<'a> {
    /// `$VISUAL`, else `$EDITOR`, else vi.
    ///
    /// # Errors
    /// Settings, for a variable that is no text; usage, for an editor that would not be waited for.
    pub(super) fn of(settings: &'a Settings, edited: Edited) -> Result<Self> {
        let line = match settings.foreign_variable("VISUAL")? {
            Some(line) => line,
            None => settings.foreign_variable("EDITOR")?.unwrap_or("vi"),
        };
        check_waits(line)?;
        let removed =
            [crate::secrets::PASSWORD_VARIABLE, crate::secrets::NEW_PASSWORD_VARIABLE, crate::secrets::KEY_VARIABLE];
        Ok(Self { settings, line: line.to_owned(), edited, removed })
    }

    /// The text as the person has left it.
    pub(super) fn edit(&self, text: &str) -> Result<Zeroizing<String>> {
        let Edited { name, what, command } = self.edited;
        let file = PrivateFile::make(self.settings, name, text.as_bytes(), command)?;
        let guard = Guard::of(file.folder().to_owned())?;
        let mut editor = self.command(file.path()).spawn().map_err(|cause| self.not_started(cause))?;
        guard.started(editor.id());
        let status = editor.wait().map_err(|cause| self.not_started(cause))?;
        if !status.success() {
            let line = &self.line;
            return Err(Error::failed(format!("edit {what}: `{line}` ended with {status}; nothing was changed")));
        }
        let edited = file.read()?;
        let text = std::str::from_utf8(&edited)
            .map_err(|_| Error::new(ErrorKind::Usage, "read what was edited: it is no UTF-8; nothing was changed"))?;
        Ok(Zeroizing::new(text.to_owned()))
    }

    /// The editor's line is the shell's to read, as git does it; the path comes as an argument of its own.
    fn command(&self, path: &Path) -> Command {
        let line = &self.line;
        let mut command = Command::new("sh");
        let quiet = quiet_flags(line);
        command.arg("-c").arg(format!("{line} {quiet} \"$@\"")).arg("sh").arg(path);
        self.removed.iter().for_each(|name| {
            command.env_remove(name);
        });
        command
    }

    fn not_started(&self, cause: std::io::Error) -> Error {
        Error::new(ErrorKind::NotFound, format!("start the editor `{}`", self.line))
            .because(cause)
            .hint(format!("name one that is there: `EDITOR=nano {}`", self.edited.command))
    }
}

/// What keeps editors that we know from writing copies of the text elsewhere.
fn quiet_flags(line: &str) -> &'static str {
    match program(line) {
        "vi" | "vim" | "view" | "vim.basic" | "vim.tiny" | "nvim" | "gvim" => {
            "-n -i NONE --cmd 'set noswapfile nobackup nowritebackup noundofile'"
        }
        "nano" => "--ignorercfiles",
        "emacs" => "--eval '(setq make-backup-files nil auto-save-default nil create-lockfiles nil)'",
        _ => "",
    }
}

/// The name of an editor's program.
fn program(line: &str) -> &str {
    line.split_whitespace().next().unwrap_or_default().rsplit('/').next().unwrap_or_default()
}

/// Editors with windows leave at once unless they are told to wait: the file would be gone before anybody saw it.
fn check_waits(line: &str) -> Result<()> {
    let flags: &[&str] = match program(line) {
        "code" | "code-insiders" | "codium" | "vscodium" | "cursor" | "zed" | "zeditor" => &["--wait", "-w"],
        "subl" | "sublime_text" | "mate" | "atom" => &["--wait", "-w"],
        "gedit" | "gnome-text-editor" => &["--wait", "-w", "--standalone", "-s"],
        "gvim" => &["--nofork", "-f"],
        "kate" => &["--block", "-b"],
        _ => return Ok(()),
    };
    if line.split_whitespace().any(|word| flags.contains(&word)) {
        return Ok(());
    }
    let message = format!("use the editor `{line}`: it does not wait until the file is closed");
    Err(Error::new(ErrorKind::Usage, message).hint(format!("EDITOR='{line} {}'", flags[0])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_editor_that_leaves_at_once_is_refused_with_the_flag_that_makes_it_wait() {
        for line in ["vi", "code --wait", "/usr/bin/subl -n -w", "emacsclient", "gvim -f", "mate -w"] {
            assert!(check_waits(line).is_ok(), "{line}");
        }
        let error = check_waits("/usr/bin/code -n").expect_err("it does not wait");
        assert_eq!(error.hint_text(), Some("EDITOR='/usr/bin/code -n --wait'"));
    }
}
