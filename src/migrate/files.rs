//! Names of the files in a migration's folder, all of them: who writes one and who reads it may be far apart, and an infra of
//! another version finds it by the same name. What is in a file stands where its type does. They are JSON, unless their name
//! says otherwise.

/// What is asked for. Its presence makes the folder one of a migration.
pub const JOB: &str = "job.json";
/// What happened; the crate's journal appends to it.
pub const JOURNAL: &str = "journal.jsonl";
/// Locked by whoever looks where the migration stands and writes down what follows; empty.
pub const TURN: &str = "turn";
/// What is under way, in a stage's own words: only shown.
pub const PROGRESS: &str = "progress.json";
/// Where an earlier infra kept how far its switch had come, before that was part of the journal.
pub const FORMER_SWITCH: &str = "cutover.json";

// The two ends.

/// The new database as infra enters it.
pub const TARGET: &str = "target.json";
/// Where the database that is read is, where it is not the bundle's own.
pub const SOURCE: &str = "source.json";
/// How pg_dump enters that one: a shell's assignments.
pub const DUMP_ENVIRONMENT: &str = "dump.env";
/// The roots by which it is verified, in PEM.
pub const TARGET_ROOTS: &str = "ca.pem";
/// How the clients enter the new database, where infra made it.
pub const CLIENTS: &str = "clients.json";
/// The slots that the old server makes at the new one while it copies tables that came: a pattern of LIKE, since its subscription
/// cannot be asked for its number when it is gone.
pub const WAY_BACK_COPYING: &str = "way-back-copying.json";
/// What had no place at the old database when the definitions were last read.
pub const WAY_BACK_PLACES: &str = "way-back-places.json";
/// Which clients came to the new database since it serves.
pub const CLIENTS_CAME: &str = "clients-came.json";
/// Of the roles that enter a managed database.
pub const LOGIN_PASSWORDS: &str = "logins.json";
/// What was done for the new database by its provider.
pub const SECURED: &str = "secured.json";
/// The password of the role that replicates.
pub const REPLICATION_PASSWORD: &str = "replication.json";
/// The settings of the old server's TLS are ours to take back.
pub const OUR_TLS: &str = "tls.json";
/// Roles of the old server whose own setting was overridden, to keep them from writing.
pub const OVERRIDDEN_ROLES: &str = "overridden.json";

// What was found before anything is made.

/// What the last preflight found, if it came to an end.
pub const FINDINGS: &str = "findings.json";
/// Codes that the user has agreed to since the beginning.
pub const ACCEPTED: &str = "accepted.json";
/// The safety copy: where it is, and how large.
pub const SAFETY_COPY: &str = "safety.json";

// The schema.

/// The old one, as read and rehearsed once for all of the migration.
pub const SCHEMA: &str = "schema.json";
/// From now on the schema is what was read: the new database is being made of it.
pub const SCHEMA_IS_FINAL: &str = "schema-settled.json";
/// How the new server prints each definition: what the rehearsal told.
pub const REHEARSAL: &str = "rehearsal.json";
/// What the new server did not take of it, and how it took the rest.
pub const TRIED: &str = "tried.json";
/// How the dump writes names.
pub const DUMP_NAMES: &str = "names.json";
/// How the new database's server prints what the old one's prints.
pub const PRINTS: &str = "prints.json";
/// A hash of the old database's definitions as they were read.
pub const DEFINITIONS_READ: &str = "source-as-read.json";
/// What the old database was made of when its schema was looked at.
pub const OBJECTS_SEEN: &str = "looked-at.json";
/// Fingerprints of both ends, of the last time when they were the same.
pub const SAME_SCHEMA: &str = "schema-same.json";
/// How the schema changed, where that stopped the migration: sentences.
pub const SCHEMA_CHANGES: &str = "schema-changes.json";

// The copy.

/// The snapshot, while a process holds it.
pub const SNAPSHOT: &str = "snapshot.json";
/// Why the last process that held a snapshot ended, unless it was killed.
pub const SNAPSHOT_ENDED: &str = "snapshot-ended.json";
/// The parts, decided once for a snapshot.
pub const PARTS: &str = "parts.json";
/// How fast the user lets it go.
pub const LIMIT: &str = "limit.json";
/// What was copied, once all of it was: from then on the copy is over, whatever happens to its snapshot.
pub const COPIED: &str = "copied.json";
/// How much of its log the old server may keep for the migration.
pub const LOG_BOUND: &str = "log-bound.json";
/// Why the old server's slots were dropped, until a copy takes one anew.
pub const LOG_GIVEN_UP: &str = "log-given-up.json";

// The verification.

/// The report, as data.
pub const VERIFICATION: &str = "verification.json";
/// The same for a person to read, with what changed since.
pub const VERIFICATION_REPORT: &str = "verification.md";
/// What changed at either end since, and is still to be compared.
pub const CHANGED: &str = "changed.json";
/// Offline: how many rows were ever written at the old database, which nobody may write to, at the verification.
pub const ROWS_WRITTEN: &str = "written.json";

// The switch, and after it.

/// Since when writers wait.
pub const PAUSED_SINCE: &str = "paused.json";
/// How long they waited, and for what.
pub const PAUSE: &str = "pause.json";
/// Where nothing comes back: how many rows were ever written at the new database when the clients were pointed to it.
pub const ROWS_WRITTEN_BEFORE_CLIENTS: &str = "written-new.json";
/// Where nothing comes back: whether every row can, while the clients wait.
pub const WAY_HOME: &str = "way-home.json";
/// The migration within this one that brings them: a folder of its own, as long as it may be gone on with.
pub const HOME: &str = "home";
/// There: every row was compared.
pub const HOME_COMPARED: &str = "compared.json";
/// There: the database beside the old one is ready for the clients.
pub const HOME_READY: &str = "ready.json";
/// How the way back stands.
pub const WAY_BACK: &str = "way-back.json";
/// The new database's definitions, when all of them had been carried to the old one.
pub const WAY_BACK_SCHEMA: &str = "way-back-schema.json";
/// How much of its log the new server may keep for the way back.
pub const WAY_BACK_LOG_BOUND: &str = "log-bound-new.json";
/// For how many seconds the old data are to stay, as the user said before `finish`.
pub const OLD_DATA_SECONDS: &str = "keep.json";
/// Until when they stay, from the stage `finish` on.
pub const OLD_DATA: &str = "kept.json";
