//! A backup as a service and a timer of systemd.

use super::{File, cadence};
use crate::error::Result;
use crate::recipe::{EfsBackup, ScheduleType, invalid};

/// Where the files are to lie: the script beside other configuration.
const FOLDER: &str = "/etc/efsbackup";

/// The script, the service, its timer, and what tells the topic.
pub(super) fn files(spec: &EfsBackup, name: &str) -> Result<Vec<File>> {
    if spec.start.is_some() {
        return Err(invalid("a timer of systemd has no first time: leave start out"));
    }
    let checked = spec.check()?;
    let unit = format!("efsbackup-{name}");
    let mut files = vec![
        File { name: format!("{name}.sh"), text: spec.engine.script().to_owned() },
        File { name: format!("{unit}.service"), text: service(&checked, spec, name, &unit) },
    ];
    if spec.schedule_type != ScheduleType::Ondemand {
        let text = format!(
            "[Unit]\nDescription=When the backup {name} runs\n\n[Timer]\n{}AccuracySec=1min\n\n\
             [Install]\nWantedBy=timers.target\n",
            cadence::timer(spec.checked_period()?)
        );
        files.push(File { name: format!("{unit}.timer"), text });
    }
    if let Some(topic) = &spec.topic {
        let region = topic.split(':').nth(3).unwrap_or_default();
        let message = format!("{name} on %H: see journalctl -u {unit}.service");
        let words = ["/usr/bin/env", "aws", "sns", "publish", "--region", region];
        let more = ["--topic-arn", topic, "--subject", "EFS backup %i", "--message", &message];
        // The specifiers are systemd's to fill in.
        let words: Vec<String> =
            words.iter().chain(&more).map(|word| quoted(word).replace("%%", "%")).collect();
        let text = format!(
            "[Unit]\nDescription=Tell how the backup {name} ended\n\n[Service]\nType=oneshot\n\
             TimeoutStartSec=300\nExecStart={}\n",
            words.join(" ")
        );
        files.push(File { name: format!("{unit}-notify@.service"), text });
    }
    Ok(files)
}

fn service(
    checked: &crate::recipe::Checked<'_>,
    spec: &EfsBackup,
    name: &str,
    unit: &str,
) -> String {
    let retries = spec.retries.unwrap_or(2);
    let life = checked.life * 60;
    let mut head = format!(
        "[Unit]\nDescription=Backup {name} of {}\nWants=network-online.target\n\
         After=network-online.target remote-fs.target\nStartLimitIntervalSec={life}\n\
         StartLimitBurst={}\n",
        checked.source_id,
        retries + 1
    );
    if spec.topic.is_some() {
        head += &format!(
            "OnSuccess={unit}-notify@succeeded.service\nOnFailure={unit}-notify@failed.service\n"
        );
    }
    let script = format!("{FOLDER}/{name}.sh");
    let words = ["/bin/bash", &script].map(str::to_owned).into_iter().chain(checked.arguments());
    let words: Vec<String> = words.map(|word| quoted(&word)).collect();
    // The watchdog of an encrypted mount must see it: then the service shares the machine's mounts.
    let apart = if spec.tls { "" } else { "PrivateMounts=yes\nPrivateTmp=yes\n" };
    // What was refused, or is wrongly used, is so the next time too.
    let again = match retries {
        0 => String::new(),
        _ => "Restart=on-failure\nRestartSec=2min\nRestartPreventExitStatus=2 3\n".to_owned(),
    };
    format!(
        "{head}\n[Service]\nType=oneshot\nExecStart={}\nTimeoutStartSec={life}\n{again}{apart}\
         NoNewPrivileges=yes\nProtectClock=yes\nProtectHostname=yes\nProtectKernelModules=yes\n\
         RestrictRealtime=yes\nNice=10\n",
        words.join(" ")
    )
}

/// A word of a command line as systemd reads it: in quotes, with nothing expanded.
fn quoted(word: &str) -> String {
    let mut out = "\"".to_owned();
    for c in word.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            // systemd's own specifiers and variables.
            '%' | '$' => out.extend([c, c]),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
