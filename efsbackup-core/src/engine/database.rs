//! The SQLite file: opening it, its schema, its errors.

use super::turns;
use crate::error::{Error, ErrorKind, Result};
use jiff::Timestamp;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Marks the file as this library's: "EFSB".
const APPLICATION_ID: i64 = 0x4546_5342;

/// The steps that made the schema what it is. Step n leads to version n + 1; a step
/// that was released never changes.
const MIGRATIONS: &[&str] = &[
    include_str!("schema_1.sql"),
    include_str!("schema_2.sql"),
    include_str!("schema_3.sql"),
    include_str!("schema_4.sql"),
];

/// Opens or makes the file.
pub(super) fn open(path: &Path) -> Result<Connection> {
    refuse_network(path)?;
    // The file holds parameter values, secrets among them. One that is there is left to SQLite:
    // to close it here would take away the locks that this process has on it elsewhere.
    match OpenOptions::new().create_new(true).write(true).mode(0o600).open(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            return Err(Error::from_io("open state", error).with_path(path));
        }
        _ => {}
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection =
        Connection::open_with_flags(path, flags).map_err(|error| failed(error).with_path(path))?;
    prepare(connection).map_err(|error| error.with_path(path))
}

/// A database that lives as long as the connection.
pub(super) fn in_memory() -> Result<Connection> {
    prepare(Connection::open_in_memory().map_err(failed)?)
}

fn prepare(mut connection: Connection) -> Result<Connection> {
    let setup = |connection: &Connection| {
        connection.pragma_update(None, "journal_mode", "WAL")?;
        // Every transition survives a power cut, not only the end of the process.
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        // Plans don't depend on the values bound, so statements stay prepared.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(drop)
    };
    turns::wait_for_lock(&mut connection)?;
    let application = pragma(&connection, "application_id")?;
    if application != APPLICATION_ID && table_count(&connection)? > 0 {
        return Err(Error::new(ErrorKind::InvalidInput, "open state")
            .with_message("this SQLite file belongs to another program"));
    }
    setup(&connection).map_err(failed)?;
    migrate(&mut connection)?;
    Ok(connection)
}

fn migrate(connection: &mut Connection) -> Result<()> {
    let behavior = rusqlite::TransactionBehavior::Immediate;
    let transaction = connection.transaction_with_behavior(behavior).map_err(failed)?;
    let version = usize::try_from(pragma(&transaction, "user_version")?).unwrap_or(0);
    if version > MIGRATIONS.len() {
        return Err(Error::new(ErrorKind::Unsupported, "open state").with_message(format!(
            "the state has version {version} and was written by a newer release; \
             this one knows versions up to {}",
            MIGRATIONS.len()
        )));
    }
    for step in MIGRATIONS.iter().skip(version) {
        transaction.execute_batch(step).map_err(failed)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(failed)?;
    transaction.pragma_update(None, "user_version", MIGRATIONS.len() as i64).map_err(failed)?;
    transaction.commit().map_err(failed)
}

fn pragma(connection: &Connection, name: &str) -> Result<i64> {
    connection.pragma_query_value(None, name, |row| row.get(0)).map_err(failed)
}

fn table_count(connection: &Connection) -> Result<i64> {
    let count = "SELECT count(*) FROM sqlite_schema";
    connection.query_row(count, [], |row| row.get(0)).map_err(failed)
}

/// SQLite's write-ahead log needs memory that all its users share, and its locks are not
/// to be relied on over a network.
fn refuse_network(path: &Path) -> Result<()> {
    // Before the file is there, its folder tells.
    let asked = if path.exists() { path } else { folder(path) };
    let status = rustix::fs::statfs(asked)
        .map_err(|error| Error::from_errno("open state", error.raw_os_error()).with_path(path))?;
    match network_name(status.f_type) {
        Some(name) => Err(Error::new(ErrorKind::Unsupported, "open state")
            .with_message(format!(
                "the state can't be kept on {name}: SQLite's log needs memory and locks that only \
                 one machine has; choose a local disk"
            ))
            .with_path(path)),
        None => Ok(()),
    }
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The name of a file system that several machines share, by what statfs calls its type.
fn network_name(magic: rustix::fs::FsWord) -> Option<&'static str> {
    // Linux's magic numbers, as in linux/magic.h, statfs(2) and coreutils' stat.
    const NETWORK: [(u32, &str); 12] = [
        (0x6969, "NFS"),
        (0xff53_4d42, "CIFS"),
        (0xfe53_4d42, "SMB"),
        (0x517b, "SMB"),
        (0x0102_1997, "9p"),
        (0x00c3_6400, "Ceph"),
        (0x5346_414f, "AFS"),
        (0x0bd0_0bd0, "Lustre"),
        (0x4750_4653, "GPFS"),
        (0x1983_0326, "BeeGFS"),
        (0x0116_1970, "GFS2"),
        (0x7461_636f, "OCFS2"),
    ];
    // The word is signed on some machines.
    let magic = magic as u32;
    NETWORK.iter().find(|(known, _)| *known == magic).map(|(_, name)| *name)
}

/// The library's error for one of SQLite's.
pub(super) fn failed(error: rusqlite::Error) -> Error {
    let (kind, message) = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            (ErrorKind::Busy, "another process holds the state")
        }
        Some(ErrorCode::DiskFull) => (ErrorKind::NoSpace, "no space for the state"),
        Some(ErrorCode::NotADatabase) => (ErrorKind::InvalidInput, "not a SQLite file"),
        Some(ErrorCode::DatabaseCorrupt) => (ErrorKind::Io, "the state is damaged"),
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            (ErrorKind::PermissionDenied, "the state can't be written")
        }
        Some(ErrorCode::SystemIoFailure) => (ErrorKind::Io, "reading or writing the state failed"),
        _ => (ErrorKind::Internal, "a query of the state failed"),
    };
    Error::new(kind, "state").with_message(message).with_source(error)
}

/// An instant as the database keeps it.
pub(super) fn to_column(time: Timestamp) -> i64 {
    time.as_millisecond()
}

/// The instant of a column.
pub(super) fn from_column(milliseconds: i64) -> Timestamp {
    // Out of range only where somebody else has written the file.
    Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_state_keeps_its_rows() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state");
        let old = Connection::open(&path).unwrap();
        MIGRATIONS.iter().take(3).for_each(|step| old.execute_batch(step).unwrap());
        old.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
        old.pragma_update(None, "user_version", 3).unwrap();
        old.execute_batch(
            "INSERT INTO pipeline (id, name, unique_id, description, state, created)
             VALUES ('df-1', 'n', 'u', '', 'SCHEDULED', 0);
             INSERT INTO instance (pipeline, id, component, kind, version, status, open, created,
             scheduled_start, scheduled_end, due) VALUES
             ('df-1', '@M', 'M', 'resource', 1, 'FINISHED', 0, 0, 0, 0, 0),
             ('df-1', '@A', 'A', 'activity', 1, 'RUNNING', 1, 0, 0, 0, 0);
             INSERT INTO attempt (pipeline, instance, number, status, not_before)
             VALUES ('df-1', '@A', 1, 'RUNNING', 0);",
        )
        .unwrap();
        drop(old);
        let new = open(&path).unwrap();
        let query = "SELECT group_concat(id || ' ' || kind), (SELECT count(*) FROM attempt)
             FROM (SELECT * FROM instance ORDER BY id)";
        let found: (String, i64) =
            new.query_row(query, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        assert_eq!(found, ("@A activity,@M resource".to_owned(), 1));
        let check: String = new.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(check, "ok");
    }

    #[test]
    fn file_systems_of_several_machines_are_known_by_their_numbers() {
        assert_eq!(network_name(0x6969), Some("NFS"));
        // As it comes where the word has a sign and 32 bits.
        assert_eq!(network_name(0xff53_4d42_u32 as i32 as rustix::fs::FsWord), Some("CIFS"));
        let (ext4, xfs, tmpfs, overlay) = (0xef53, 0x5846_5342, 0x0102_1994, 0x794c_7630);
        for local in [ext4, xfs, tmpfs, overlay] {
            assert_eq!(network_name(local), None);
        }
    }
}
