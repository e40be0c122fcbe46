//! The scripts that the activity runs.

use serde::{Deserialize, Serialize};

/// What takes the snapshot on the machine that runs the activity.
///
/// ```
/// use efsbackup_core::recipe::{EfsBackup, Engine};
///
/// assert_eq!(Engine::from_name("rsync"), Some(Engine::Rsync));
/// let spec = EfsBackup::new("192.0.2.7:/", "192.0.2.8:/").engine(Engine::Rsync);
/// assert!(Engine::Rsync.script().contains("rsync"));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Engine {
    /// `efsbackup backup`, found on PATH or by the environment variable `EFSBACKUP`.
    #[default]
    Efsbackup,
    /// rsync, installed where it is missing: for machines without efsbackup. It keeps
    /// no records beside the snapshots, and publishes nothing when any entry fails.
    Rsync,
}

impl Engine {
    /// Every engine.
    pub const ALL: [Engine; 2] = [Engine::Efsbackup, Engine::Rsync];

    /// The stable name: `efsbackup` or `rsync`.
    pub fn name(self) -> &'static str {
        match self {
            Engine::Efsbackup => "efsbackup",
            Engine::Rsync => "rsync",
        }
    }

    /// The engine called `name`.
    pub fn from_name(name: &str) -> Option<Engine> {
        Engine::ALL.into_iter().find(|engine| engine.name() == name)
    }

    /// The bash script that the activity runs; its head tells its arguments. It fits an
    /// inline `command`, which may hold 10,240 bytes (Data Pipeline's limits page).
    pub fn script(self) -> &'static str {
        match self {
            Engine::Efsbackup => {
                concat!(
                    include_str!("scripts/common.sh"),
                    include_str!("scripts/efs.sh"),
                    include_str!("scripts/efsbackup.sh")
                )
            }
            Engine::Rsync => concat!(
                include_str!("scripts/common.sh"),
                include_str!("scripts/prove.sh"),
                include_str!("scripts/rsync.sh")
            ),
        }
    }
}

/// The bash script of a restore by [`Engine::Efsbackup`]; its head tells its arguments.
pub const RESTORE_SCRIPT: &str = concat!(
    include_str!("scripts/common.sh"),
    include_str!("scripts/efs.sh"),
    include_str!("scripts/prove.sh"),
    include_str!("scripts/restore.sh")
);

#[cfg(test)]
mod tests {
    use super::*;

    fn scripts() -> Vec<&'static str> {
        Engine::ALL.map(Engine::script).into_iter().chain([RESTORE_SCRIPT]).collect()
    }

    #[test]
    fn a_script_fits_an_inline_command() {
        for script in scripts() {
            assert!(script.len() <= 10_240, "{} bytes", script.len());
            // What the service's API accepts in a string: printable characters, LF and TAB.
            assert!(script.chars().all(|c| c == '\n' || c == '\t' || c >= ' '));
        }
    }

    #[test]
    fn a_script_holds_nothing_that_the_service_would_evaluate() {
        for script in scripts() {
            assert!(!script.contains("#{"));
        }
    }
}
