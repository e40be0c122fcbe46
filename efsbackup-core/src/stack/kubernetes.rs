//! A backup as a CronJob of Kubernetes.

use super::node::{list, map, plain, text};
use super::{File, cadence};
use crate::error::Result;
use crate::formats::yaml;
use crate::pipeline::Node;
use crate::recipe::{Checked, EfsBackup, Location, ScheduleType, invalid};

/// Where both file systems are in the container.
const SOURCE: &str = "/source";
const BACKUPS: &str = "/backups";

/// The manifest: two volumes with their claims, the script, and the job.
pub(super) fn files(spec: &EfsBackup, name: &str) -> Result<Vec<File>> {
    if spec.start.is_some() {
        return Err(invalid("a CronJob has no first time: leave start out"));
    }
    let checked = spec.check()?;
    let name = name.to_ascii_lowercase();
    let container = container(spec)?;
    let mut documents = Vec::new();
    for (what, location, id, read_only) in [
        ("source", &checked.source, &checked.source_id, true),
        ("backups", &checked.destination, &checked.destination_id, false),
    ] {
        documents.extend(volume(spec, &format!("{name}-{what}"), location, id, read_only)?);
    }
    let data = map([("backup.sh", text(spec.engine.script()))]);
    documents.push(document("v1", "ConfigMap", &name, [("data", data)]));
    let job = job(&checked, &name, container);
    documents.push(match spec.schedule_type {
        ScheduleType::Ondemand => document("batch/v1", "Job", &name, [("spec", job)]),
        _ => {
            let spec = map([
                ("schedule", text(&cadence::cron(spec.checked_period()?)?)),
                ("timeZone", text("Etc/UTC")),
                ("concurrencyPolicy", text("Forbid")),
                ("startingDeadlineSeconds", plain(600)),
                ("successfulJobsHistoryLimit", plain(3)),
                ("failedJobsHistoryLimit", plain(3)),
                ("jobTemplate", map([("spec", job)])),
            ]);
            document("batch/v1", "CronJob", &name, [("spec", spec)])
        }
    });
    let documents: Vec<String> = documents.iter().map(yaml::write).collect();
    Ok(vec![File { name: format!("{name}-cronjob.yaml"), text: documents.join("---\n") }])
}

/// The image that the spec's environment names.
pub(super) fn container(spec: &EfsBackup) -> Result<&str> {
    let container = spec.environment.as_ref().and_then(|it| it.container.as_deref());
    container.ok_or_else(|| {
        invalid("this runner needs container, in [environment]: an image with bash and efsbackup")
    })
}

fn document<const N: usize>(
    version: &str,
    kind: &str,
    name: &str,
    more: [(&str, Node); N],
) -> Node {
    let head = [
        ("apiVersion", text(version)),
        ("kind", text(kind)),
        ("metadata", map([("name", text(name))])),
    ];
    map(head.into_iter().chain(more))
}

/// A volume, and the claim that takes it alone.
fn volume(
    spec: &EfsBackup,
    name: &str,
    location: &Location,
    id: &str,
    read_only: bool,
) -> Result<[Node; 2]> {
    let Some((host, path)) = location.text.split_once(":/") else {
        return Err(invalid(format!("a CronJob mounts HOST:/PATH, not {}", location.text)));
    };
    let path = format!("/{path}");
    let mut options = Vec::new();
    let place = if spec.tls {
        options.push("tls");
        options.extend(spec.iam.then_some("iam"));
        let csi = map([
            ("driver", text("efs.csi.aws.com")),
            ("volumeHandle", text(&format!("{id}:{path}"))),
            ("readOnly", plain(read_only)),
        ]);
        ("csi", csi)
    } else {
        options.extend(["nfsvers=4.1", "rsize=1048576", "wsize=1048576", "hard", "timeo=600"]);
        options.extend(["retrans=2", "noresvport"]);
        let server = host.trim_start_matches('[').trim_end_matches(']');
        let nfs =
            map([("server", text(server)), ("path", text(&path)), ("readOnly", plain(read_only))]);
        ("nfs", nfs)
    };
    let mode = list([text(if read_only { "ReadOnlyMany" } else { "ReadWriteMany" })]);
    // The size is asked for, but means nothing of NFS.
    let size = || map([("storage", text("1Gi"))]);
    let options = list(options.into_iter().map(text));
    let volume = map([
        ("capacity", size()),
        ("accessModes", mode.clone()),
        ("persistentVolumeReclaimPolicy", text("Retain")),
        ("storageClassName", text("")),
        ("mountOptions", options),
        place,
    ]);
    let claim = map([
        ("accessModes", mode),
        ("storageClassName", text("")),
        ("volumeName", text(name)),
        ("resources", map([("requests", size())])),
    ]);
    Ok([
        document("v1", "PersistentVolume", name, [("spec", volume)]),
        document("v1", "PersistentVolumeClaim", name, [("spec", claim)]),
    ])
}

fn job(checked: &Checked<'_>, name: &str, image: &str) -> Node {
    let arguments = checked.arguments_in_container(SOURCE, BACKUPS);
    // `$(X)` would be a variable.
    let arguments = arguments.map(|word| text(&word.replace("$(", "$$(")));
    let claim = |what: &str, read_only: bool| {
        let claim =
            map([("claimName", text(&format!("{name}-{what}"))), ("readOnly", plain(read_only))]);
        map([("name", text(what)), ("persistentVolumeClaim", claim)])
    };
    let volumes = list([
        claim("source", true),
        claim("backups", false),
        map([("name", text("script")), ("configMap", map([("name", text(name))]))]),
        map([("name", text("tmp")), ("emptyDir", map::<&str>([]))]),
    ]);
    let mounted = |volume: &str, path: &str, read_only: bool| {
        map([("name", text(volume)), ("mountPath", text(path)), ("readOnly", plain(read_only))])
    };
    let mounts = list([
        mounted("source", SOURCE, true),
        mounted("backups", BACKUPS, false),
        mounted("script", "/script", true),
        mounted("tmp", "/tmp", false),
    ]);
    // What root needs to give a copy its owners, modes and devices, and to read all.
    let added = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "MKNOD", "SETFCAP"];
    let capabilities =
        map([("drop", list([text("ALL")])), ("add", list(added.into_iter().map(text)))]);
    let security = map([
        ("runAsUser", plain(0)),
        ("allowPrivilegeEscalation", plain(false)),
        ("readOnlyRootFilesystem", plain(true)),
        ("capabilities", capabilities),
    ]);
    let requests = map([("cpu", text("500m")), ("memory", text("512Mi"))]);
    let container = map([
        ("name", text("backup")),
        ("image", text(image)),
        ("command", list([text("/bin/bash"), text("/script/backup.sh")])),
        ("args", list(arguments)),
        ("securityContext", security),
        ("resources", map([("requests", requests)])),
        ("volumeMounts", mounts),
    ]);
    let profile = map([("seccompProfile", map([("type", text("RuntimeDefault"))]))]);
    let pod = map([
        ("restartPolicy", text("Never")),
        ("automountServiceAccountToken", plain(false)),
        ("securityContext", profile),
        ("containers", list([container])),
        ("volumes", volumes),
    ]);
    map([
        ("backoffLimit", plain(checked.spec.retries.unwrap_or(2))),
        ("activeDeadlineSeconds", plain(checked.life * 60)),
        ("template", map([("spec", pod)])),
    ])
}
