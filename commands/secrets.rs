//! `dc secrets`

use std::ffi::OsString;
use std::path::PathBuf;

use data_collector::context::Context;
use data_collector::error::Result;
use data_collector::ops::{
    self, DecryptOptions, EncryptOptions, ExecOptions, ExportOptions, Hide, InstallOptions, LoginShell,
    PasswordSources, RekeyOptions, SetSecretOptions,
};
use data_collector::settings::Settings;
use data_collector::shell::Shell;

const EXAMPLES: &str = "\
Examples:
  dc secrets set API_KEY                     type a value unseen; the first one makes the store
  dc secrets set TLS_KEY <key.pem            or take it from a file
  dc secrets encrypt .env                    make the store of a dotenv file
  dc secrets set --hide never REGION         it is no secret: logs show it
  dc secrets list                            the names, and no values
  dc secrets edit                            all of it in your editor, on a file in memory
  dc secrets exec -- ./report.sh             run a command with the secrets in its environment
  dc secrets rekey                           another password
  dc secrets check                           who can read it, how old it is, what is weak in it

The password comes from --password-fd, --password-file, DC_SECRET_PASSWORD, `[secrets] password_file` in
dc.toml, or you are asked; it is never an argument. Apps find the secrets in their environment: all of them,
or those that `secrets = [\"API_KEY\"]` in app.toml names. Names such as DC_DB_MAIN_URL are settings of dc.";

/// What dc-secrets(1) says besides, so that a store can be read without dc.
const FORMAT: &str = "\
Format: secrets.zip is a ZIP archive with one stored member, `secrets.env.enc`. Numbers are little-endian.
  bytes 0..8    DCSECRET
  8, 9          version 1; flags: bit 0 is set when names begin with DC_
  10, 11        1: Argon2id, version 1.3; 1: AES-256-GCM
  12, 16, 20    Argon2id's memory in KiB, passes, lanes: 4 bytes each
  24..32        when the password was set, in Unix seconds
  32..48        salt
  48..60        nonce
  60..76        check: the last 16 of the 48 bytes that Argon2id derives of the password and the salt
  76..          ciphertext, and its tag of 16 bytes
The first 32 derived bytes are the key, bytes 0..76 the associated data. The plain text is a dotenv file.";

/// What dc-secrets(1) says of the plain text.
const RULES: &str = "\
Dotenv rules: one NAME=value a line; a name has letters, digits and _, no digit first; `export` in front is allowed.
  # begins a comment at the start of a line or after a space: in NAME=#x the value is #x
  a bare value ends at the comment or the end of the line, without the spaces around it
  '..' is taken as it is, \"..\" knows \\n \\r \\t \\\" \\\\ \\$; both may go over several lines
  $NAME, ${NAME}, $(command) and backticks are text: nothing is put in, nothing is run; `encrypt`, `edit` and `check`
  name the lines where other programs would do so
  of a name that stands twice the last counts";

/// What dc-secrets(1) says of hiding.
const HIDING: &str = "\
Hiding: the output of apps is stored and shown with *** in place of the values. Plain words, numbers and values
under 4 bytes are shown, unless the name ends with a word such as PASSWORD, TOKEN or SECRET. `set --hide always`
hides any value, `--hide never` none; in the store this is a comment behind the value: `# dc:hide=never`. Compressed,
encrypted, reversed and hashed values, UTF-16, and pieces of less than 23 bytes are not recognised.";

/// Keep secrets encrypted, and hand them to apps
#[derive(Debug, clap::Args)]
#[command(after_long_help = format!("{EXAMPLES}\n\n{RULES}\n\n{HIDING}\n\n{FORMAT}"))]
#[command(after_help = "`dc secrets --help` has examples, and the format of the file")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
    /// Store to use instead of the project's secrets.zip [env: DC_SECRETS_PATH]
    #[arg(long, global = true, value_name = "FILE")]
    store: Option<PathBuf>,
    #[command(flatten)]
    password: PasswordArgs,
}

/// Where the password of the store comes from.
#[derive(Debug, clap::Args)]
pub(crate) struct PasswordArgs {
    /// Read the store's password from a file that only you can read
    #[arg(long, global = true, value_name = "FILE", conflicts_with = "password_fd")]
    password_file: Option<PathBuf>,
    /// Read the store's password from this file descriptor; 0 is standard input
    #[arg(long, global = true, value_name = "NUMBER")]
    password_fd: Option<i32>,
}

impl PasswordArgs {
    pub(crate) fn sources(&self) -> PasswordSources {
        PasswordSources { descriptor: self.password_fd, file: self.password_file.clone(), ..PasswordSources::default() }
    }
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Create the store from a dotenv file
    Encrypt(EncryptArgs),
    /// Print the plain text of a store, in the current or older format
    Decrypt(DecryptArgs),
    /// List the names of all secrets
    List,
    /// Print one secret
    Get {
        /// Name of the secret
        name: String,
    },
    /// Set a secret, from standard input or a hidden prompt
    Set {
        /// Name of the secret: letters, digits and _
        name: String,
        /// Hiding of the value in logs; auto hides all but plain words and numbers
        #[arg(long, value_name = "WHEN")]
        hide: Option<Hiding>,
    },
    /// Remove secrets
    Unset {
        /// Names of the secrets
        #[arg(required = true)]
        names: Vec<String>,
    },
    /// Change the store in $VISUAL or $EDITOR
    Edit,
    /// Change the password, or the cost of trying one
    Rekey(RekeyArgs),
    /// Rewrite a file of the older format as a store
    Upgrade {
        /// File to rewrite [default: the store]
        file: Option<PathBuf>,
    },
    /// Run a command with the secrets in its environment
    Exec(ExecArgs),
    /// Print the secrets as assignments for a shell to read
    #[command(hide = true)]
    Export(ExportArgs),
    /// Load secrets into your shell at login
    Install(InstallArgs),
    /// Remove that line from your shell's profile
    Uninstall(InstallArgs),
    /// Check permissions, age, parameters and weak values
    Check,
}

/// When logs hide a value.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Hiding {
    Auto,
    Always,
    Never,
}

impl From<Hiding> for Hide {
    fn from(hiding: Hiding) -> Self {
        match hiding {
            Hiding::Auto => Self::Auto,
            Hiding::Always => Self::Always,
            Hiding::Never => Self::Never,
        }
    }
}

#[derive(Debug, clap::Args)]
struct EncryptArgs {
    /// Dotenv file; - for standard input
    file: PathBuf,
    /// Replace an existing store
    #[arg(long)]
    replace: bool,
}

#[derive(Debug, clap::Args)]
struct DecryptArgs {
    /// File to read instead of the store
    file: Option<PathBuf>,
    /// Print even to a terminal
    #[arg(long)]
    show: bool,
}

#[derive(Debug, clap::Args)]
struct RekeyArgs {
    /// Keep the password; change only salt and parameters
    #[arg(long, conflicts_with_all = ["new_password_file", "new_password_fd"])]
    keep_password: bool,
    /// Read the new password from this file [env: DC_SECRET_PASSWORD_NEW]
    #[arg(long, value_name = "FILE", conflicts_with = "new_password_fd")]
    new_password_file: Option<PathBuf>,
    /// Read the new password from an open descriptor
    #[arg(long, value_name = "NUMBER")]
    new_password_fd: Option<i32>,
    /// Memory of Argon2id in MiB: 64 to 1024
    #[arg(long, value_name = "MIB")]
    memory: Option<u32>,
    /// Passes of Argon2id: 3 to 64
    #[arg(long, value_name = "COUNT")]
    passes: Option<u32>,
    /// Lanes of Argon2id: 1 to 16
    #[arg(long, value_name = "COUNT")]
    lanes: Option<u32>,
}

#[derive(Debug, clap::Args)]
struct ExecArgs {
    /// Only these secrets
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    only: Vec<String>,
    /// Override variables that are already set
    #[arg(long)]
    replace: bool,
    /// Command and its arguments, after --
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

#[derive(Debug, clap::Args)]
struct ExportArgs {
    /// Whose words to use
    #[arg(long, value_enum)]
    shell: Option<ShellName>,
    /// No error when the store is gone, or locked with nobody to ask
    #[arg(long)]
    at_login: bool,
}

#[derive(Debug, clap::Args)]
struct InstallArgs {
    /// Shell to set up [default: $SHELL]
    #[arg(long, value_enum)]
    shell: Option<ShellName>,
    /// Profile to change instead of the shell's own
    #[arg(long, value_name = "FILE")]
    profile: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum ShellName {
    Sh,
    Bash,
    Zsh,
    Fish,
}

impl ShellName {
    fn login(self) -> LoginShell {
        match self {
            Self::Sh => LoginShell::Sh,
            Self::Bash => LoginShell::Bash,
            Self::Zsh => LoginShell::Zsh,
            Self::Fish => LoginShell::Fish,
        }
    }
}

/// The context of these commands: they open the store by themselves, whatever settings it holds.
pub(crate) fn context(settings: Settings, shell: Shell, args: &Args) -> Result<Context> {
    let context = Context::new(settings, shell);
    let store = args.store.as_ref().map(|store| std::path::absolute(store).unwrap_or_else(|_| store.clone()));
    let secrets = context.secrets().with(store, args.password.sources());
    Ok(context.with_secrets(secrets))
}

pub(crate) fn run(context: &Context, args: Args) -> Result<i32> {
    let shell = context.shell();
    let stdin_is_taken = args.password.password_fd == Some(0);
    let printed = match args.command {
        Command::Encrypt(EncryptArgs { file, replace }) => {
            shell.print(&ops::encrypt(context, &EncryptOptions { input: file, replace, stdin_is_taken })?)
        }
        Command::Decrypt(DecryptArgs { file, show }) => {
            shell.print_data(&ops::decrypt(context, &DecryptOptions { file, show })?)
        }
        Command::List => shell.print(&ops::list_secrets(context)?),
        Command::Get { name } => shell.print_data(&ops::get_secret(context, &name)?),
        Command::Set { name, hide } => {
            let hide = hide.map(Hide::from);
            shell.print(&ops::set_secret(context, &SetSecretOptions { name, hide, stdin_is_taken })?)
        }
        Command::Unset { names } => shell.print(&ops::unset_secrets(context, &names)?),
        Command::Edit => shell.print(&ops::edit_secrets(context)?),
        Command::Rekey(args) => shell.print(&ops::rekey(context, &rekey_options(args))?),
        Command::Upgrade { file } => shell.print(&ops::upgrade(context, file.as_deref())?),
        Command::Exec(ExecArgs { only, replace, command }) => {
            Err(ops::exec(context, &ExecOptions { command, only, replace }))
        }
        Command::Export(ExportArgs { shell: name, at_login }) => {
            let options = ExportOptions { shell: name.map(ShellName::login), at_login };
            shell.print_data(&ops::export_secrets(context, &options)?)
        }
        Command::Install(args) => shell.print(&ops::install_secrets(context, &install_options(args))?),
        Command::Uninstall(args) => shell.print(&ops::uninstall_secrets(context, &install_options(args))?),
        Command::Check => {
            let diagnosis = ops::check_secrets(context)?;
            shell.print(&diagnosis)?;
            return Ok(i32::from(!diagnosis.is_well()));
        }
    };
    printed.map(|()| 0)
}

fn rekey_options(args: RekeyArgs) -> RekeyOptions {
    let RekeyArgs { keep_password, new_password_file, new_password_fd, memory, passes, lanes } = args;
    let new_password =
        PasswordSources { descriptor: new_password_fd, file: new_password_file, ..PasswordSources::default() };
    RekeyOptions { keep_password, new_password, memory_mib: memory, passes, lanes }
}

fn install_options(args: InstallArgs) -> InstallOptions {
    InstallOptions { shell: args.shell.map(ShellName::login), profile: args.profile }
}
