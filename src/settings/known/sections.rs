//! All sections but those of channels, with every field that is read anywhere.

use super::field::Kind::{Bytes, Choice, Decimal, Duration, Flag, Number, Text, Words};
use super::field::{Field, field, secret};

pub(super) const BROKER: &[Field] = &[
    secret("url", Text, "RabbitMQ: amqps://user:password@host/vhost, or amqp:// without TLS"),
    field("certificates", Text, "", "PEM file to trust instead of the system's certificates"),
];

pub(super) const CAPTCHA: &[Field] = &[
    field("solver", Text, "anticaptcha", "Service that solves captchas"),
    secret("key", Text, "Key of the account"),
    field("api", Text, "", "Address of the service, if it is not its usual one"),
    field("timeout", Duration, "3m", "Longest wait for a solution"),
    field("poll", Duration, "3s", "Pause between two questions about a solution"),
];

pub(super) const DATABASE: &[Field] = &[
    secret("url", Text, "sqlite:PATH, or postgres://, mysql://, mariadb:// or mssql://USER:PASSWORD@HOST:PORT/NAME"),
    field("backend", Choice(&["postgres", "mysql", "mariadb", "mssql"]), "postgres", "Kind of server behind `host`"),
    field("path", Text, "", "SQLite file, relative to the project's folder"),
    field("host", Text, "", "Server, if no `url` names it"),
    field("port", Number, "", "Port of the server"),
    field("name", Text, "", "Database on the server"),
    field("username", Text, "", "User to log in as"),
    secret("password", Text, "Password of the user"),
    field(
        "sslmode",
        Choice(&["disable", "prefer", "require", "verify-ca", "verify-full"]),
        "prefer",
        "Whether the connection is encrypted, and what of the certificate is verified",
    ),
    field("sslrootcert", Text, "", "PEM file to trust instead of the system's certificates"),
    field("encrypt", Text, "", "SQL Server: as Encrypt of a connection string"),
    field("trust", Flag, "false", "SQL Server: as TrustServerCertificate of a connection string"),
    field("instance", Text, "", "SQL Server: instance, found by its browser service"),
    field("integrated", Flag, "false", "SQL Server: log in by Kerberos"),
    field("schema", Text, "", "Of `main`: schema, or on MariaDB database, of the framework's own tables"),
    field("pool_size", Number, "20", "Connections that the threads of one process share, at most"),
];

pub(super) const DEPLOY: &[Field] = &[
    field("publish", Flag, "false", "Store the folders of apps for machines that have no copy"),
    field("ignore", Words, "", "Names or paths in an app's folder that are not published"),
    field("size_max", Bytes, "256MiB", "Largest folder of an app that is published"),
];

pub(super) const DRAMATIQ: &[Field] =
    &[field("max_priority", Number, "", "Number of priorities of queues, as in Python")];

pub(super) const GROUP: &[Field] = &[field("max_running", Number, "", "Apps of this group that run at once")];

pub(super) const HOST: &[Field] = &[
    field("rate", Decimal, "", "Requests a second"),
    field("concurrency", Number, "", "Requests at once"),
    field("verify", Flag, "true", "Verify the certificate; false warns"),
    field("certificates", Text, "", "PEM file to trust instead of the system's certificates"),
    field("client_certificate", Text, "", "PEM file that tells the host who asks"),
    secret("client_key_pem", Text, "Key of the client certificate, as PEM text"),
    field("client_key", Text, "", "Key of the client certificate, as a PEM file"),
    secret("proxies", Words, "Proxies for this host; \"none\" for no proxy"),
];

pub(super) const HTTP: &[Field] = &[
    field("timeout", Duration, "5m", "Longest time of a call with all its attempts"),
    field("connect_timeout", Duration, "10s", "Longest time until a connection is made"),
    field("read_timeout", Duration, "30s", "Longest silence of a server"),
    field("retries", Number, "3", "Attempts after the first one"),
    field("user_agent", Text, "", "User-Agent of requests"),
    secret("proxies", Words, "Proxies, used in turns"),
    field("proxy_cool_down", Duration, "1m", "Rest of a proxy that failed, doubled with each failure"),
    field("proxy_rest", Duration, "", "Rest of a proxy from a site after each request to it"),
    field("rate", Decimal, "", "Requests a second to a host"),
    field("concurrency", Number, "", "Requests at once to a host"),
    field("save", Text, "", "Folder in which every answer is kept, or \"storage\""),
    field("save_retention", Text, "", "Retention of answers that are kept in the storage"),
    field("certificates", Text, "", "PEM file to trust instead of the system's certificates"),
    field("client_certificate", Text, "", "PEM file that tells servers who asks"),
    secret("client_key_pem", Text, "Key of the client certificate, as PEM text"),
    field("client_key", Text, "", "Key of the client certificate, as a PEM file"),
    field("cache", Text, "", "Folder of answers that are asked for again only if they changed"),
    field("body_max", Bytes, "64MiB", "Largest body that is kept in memory"),
    field("in_flight_max", Number, "512", "Threads for requests at once"),
];

pub(super) const LOG: &[Field] = &[
    field("level", Text, "info", "What dc and apps in Rust log themselves; a filter as RUST_LOG takes it"),
    field("format", Choice(&["text", "json"]), "text", "Form of records on the console"),
    field("sinks", Words, "database", "Where records go: database, file, splunk"),
    field("queue", Choice(&["spill", "drop_newest", "block"]), "spill", "What happens when 10,000 records wait"),
    field("folder", Text, ".dc/log", "Folder in which records wait"),
    field("waiting_max", Bytes, "1GiB", "Most bytes that wait on disk for one sink"),
    field("flush", Duration, "5s", "Longest wait at the end of a run for a sink that does not move"),
];

pub(super) const LOG_FILE: &[Field] = &[
    field("path", Text, ".dc/records.ndjson", "File of JSON lines"),
    field("size_max", Bytes, "64MiB", "Size at which it is rotated"),
    field("files_max", Number, "5", "Number of files that are kept"),
];

pub(super) const LOG_SPLUNK: &[Field] = &[
    field("url", Text, "", "Address of the HTTP Event Collector"),
    secret("token", Text, "Token of the HTTP Event Collector"),
    field("index", Text, "", "Index of the events"),
    field("source", Text, "data-collector", "Source of the events"),
    field("sourcetype", Text, "_json", "Source type of the events"),
    field("acknowledge", Flag, "false", "Wait until the indexer has stored each batch"),
    field("acknowledge_timeout", Duration, "2m", "Longest wait for it; then the batch is sent again"),
    field("timeout", Duration, "30s", "Longest time of a request"),
    field("certificates", Text, "", "PEM file to trust instead of the system's certificates"),
];

pub(super) const MANAGER: &[Field] = &[
    field("max_running", Number, "", "Apps that run at once, over all machines"),
    field("labels", Words, "", "Labels of this machine, for `on` in app.toml"),
    field("backoff", Duration, "30s", "Pause of an app after a failure, doubled with each further one"),
    field("backoff_max", Duration, "1h", "Longest such pause"),
    field("keep", Duration, "", "How long runs, occurrences and commands are kept; for ever if not set"),
    field("deploy", Choice(&["manual", "auto"]), "manual", "Whether new and changed apps are registered by a manager"),
    secret("heartbeat", Text, "Address that is requested while the manager works"),
    field("heartbeat_every", Duration, "1m", "Pause between two such requests"),
];

pub(super) const MERGE: &[Field] = &[
    field("max_gone_percent", Number, "50", "Percentage of active rows that one merge may archive"),
    field("max_gone_rows", Number, "20", "Number of rows from which on that is checked"),
];

pub(super) const OCR: &[Field] = &[
    field("engine", Choice(&["tesseract", "paddle", "auto", "none"]), "tesseract", "Engine that reads pages"),
    field("languages", Words, "eng", "Languages of the text, as Tesseract names them"),
    field("way", Choice(&["any", "library", "program"]), "any", "How Tesseract is reached"),
    field("library", Text, "", "Shared library of Tesseract"),
    field("program", Text, "", "Program of Tesseract"),
    field("tessdata", Text, "", "Folder of Tesseract's languages"),
    field("models", Text, ".dc/models", "Folder of Paddle's models"),
    field("timeout", Duration, "2m", "Longest time for a page"),
    field("memory", Bytes, "4GiB", "Memory of a process that reads pages"),
    field("pixels_max", Number, "100000000", "Largest picture, in pixels"),
];

pub(super) const PROJECT: &[Field] =
    &[field("sections", Words, "", "Sections of your own: `findata` for `[findata]` and DC_FINDATA_*")];

pub(super) const RUN: &[Field] = &[
    field("map_objects", Flag, "true", "Record which tables an app touches"),
    field("timeout", Duration, "", "Longest run of apps that set none themselves"),
    field("grace", Duration, "10s", "Time between TERM and KILL"),
    field("lease", Duration, "60s", "How long a run or manager that is not heard of counts as alive; 2s to 10m"),
];

pub(super) const SECRETS: &[Field] = &[
    field("path", Text, "secrets.zip", "Encrypted store of secrets"),
    field("password_file", Text, "", "File with its password, readable only by its owner"),
];

pub(super) const STORAGE: &[Field] = &[
    field("root", Text, ".dc/files", "Folder of the store `local`"),
    field("store", Text, "local", "Store of new files"),
    field("dates", Choice(&["daily", "flat", "yearly", "monthly", "hourly"]), "daily", "Folders of dates in a store"),
    field("retention", Text, "standard", "Retention of files that name none"),
    field("min_free", Text, "5%", "What of a disk stays free: a percentage or a size"),
    field("prune_every", Duration, "1h", "Pause between two deletions of expired files"),
];

pub(super) const WEB: &[Field] = &[
    secret("token", Text, "Token of operators, who may start and stop apps"),
    secret("viewer_token", Text, "Token of viewers, who may only look"),
    field("hosts", Words, "", "Further names by which the dashboard is reached"),
];

pub(super) const STORE: &[Field] = &[
    field("type", Choice(&["folder", "s3"]), "folder", "Kind of store"),
    field("path", Text, "", "Folder of the store"),
    field("endpoint", Text, "", "Address of a server that speaks S3, if it is not Amazon's"),
    field("region", Text, "us-east-1", "Region of the bucket"),
    field("bucket", Text, "", "Bucket"),
    field("prefix", Text, "", "What names in the bucket begin with"),
    field("addressing", Choice(&["path", "virtual"]), "", "Whether the bucket stands in the path or in the host"),
    field("access_key", Text, "", "Access key"),
    secret("secret_key", Text, "Secret key"),
    secret("session_token", Text, "Token of a temporary session"),
    field("certificates", Text, "", "PEM file to trust instead of the system's certificates"),
    field("min_free", Text, "", "What of its disk stays free; as in [storage]"),
];
