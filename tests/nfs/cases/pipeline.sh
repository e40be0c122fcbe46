# shellcheck shell=bash
# shellcheck disable=SC2086,SC2154  # src, dst and scratch are set in common.sh
# Pipelines that mount both file systems themselves, run by the embedded service.

from=fs-0123456789abcdef0 to=fs-0fedcba9876543210 zone=efs.eu-west-1.amazonaws.com
printf '%s\n' "10.99.1.2 $from.$zone" "10.99.2.2 $to.$zone" >> /etc/hosts
[ -d /srv/src/tree ] || make_tree /srv/src/tree 100
mkdir -p $scratch/stand-ins
# What an instance has and this machine need not: its package manager, and sudo.
printf '#!/bin/sh\nexit 0\n' > $scratch/stand-ins/yum
printf '#!/bin/sh\nexec "$@"\n' > $scratch/stand-ins/sudo
chmod +x $scratch/stand-ins/*
# A mount of the same export would lend its name to those made here.
nfs-ctl umount all

for engine in efsbackup rsync; do
  expect 0 "write the pipeline, engine $engine" "$EFSBACKUP" pipeline new --engine $engine \
    --source "$from.$zone:/tree" --destination "$to.$zone:/$engine" -o $scratch/$engine.json
  mkdir /srv/dst/$engine
  values=()
  while IFS= read -r name; do
    grep -q "\"$name\": \"" $scratch/$engine.json || values+=(--value "$name=unused")
  done < <(grep -o '"id": "my[A-Za-z]*"' $scratch/$engine.json | cut -d'"' -f4)
  expect 0 "run it over both mounts" env "PATH=$scratch/stand-ins:$PATH" "$EFSBACKUP" run \
    --once --log-dir $scratch/logs ${values[@]+"${values[@]}"} $scratch/$engine.json
  snapshot=$(find /srv/dst/$engine/$from -maxdepth 1 -name '2*' | tail -n 1)
  nfs-ctl mount all
  equal "the snapshot equals its source" $src/tree "$dst/$engine/$from/${snapshot##*/}"
  [ $engine = rsync ] ||
    expect 0 "and verifies" "$EFSBACKUP" verify $dst/$engine "${snapshot##*/}"
  expect 1 "a state on NFS is refused" "$EFSBACKUP" run --once --log-dir $scratch/logs \
    --state $dst/state.db ${values[@]+"${values[@]}"} $scratch/$engine.json
  says "and told why" "the state can't be kept on NFS"
  nfs-ctl umount all
  if grep -q efsbackup/ /proc/mounts; then fail "mounts are left"; else pass "no mount is left"; fi
done

# A definition in the form that went round: its activity's own command installs, mounts by
# mount(8), copies into a dated directory, keeps the log there and leaves the mounts.
cat > $scratch/plain.sh << 'END'
from="$1"
to="$2"
name="$3"
zone="$4"
day="/mnt/plain-backups/$name/$(TZ=$zone date +%Y-%m-%d-%H-%M)"
options=nfsvers=4.1,rsize=1048576,wsize=1048576,timeo=600,retrans=2,hard
sudo yum -y install nfs-utils
for dir in /plain-source /mnt/plain-backups; do
  [[ -d $dir ]] || sudo mkdir $dir
done
mount -l -t nfs4 | grep -qF "$from" || sudo mount -t nfs -o $options "$from" /plain-source
mount -l -t nfs4 | grep -qF "$to" || sudo mount -t nfs -o $options "$to" /mnt/plain-backups
sudo mkdir -p "$day"
sudo rsync -ah --stats --delete --numeric-ids --log-file=/tmp/plain.log /plain-source/ "$day"
ended="$?"
sudo cp /tmp/plain.log "$day"
exit "$ended"
END
python3 - $scratch/plain.sh > $scratch/plain.json << 'END'
import json, sys
activity = {"id": "ShellCommandActivityObj", "name": "ShellCommandActivityObj",
            "type": "ShellCommandActivity", "runsOn": {"ref": "EC2ResourceObj"},
            "command": open(sys.argv[1]).read(), "onSuccess": {"ref": "Told"}, "onFail": {"ref": "Warned"},
            "scriptArgument": ["#{mySource}", "#{myBackup}", "#{myName}", "#{myTimeZone}"]}
alarm = lambda id, subject: {"id": id, "name": id, "type": "SnsAlarm", "topicArn": "#{myTopic}",
                             "role": "r", "subject": subject, "message": "#{node.@actualEndTime}"}
json.dump({"objects": [
    {"id": "Default", "name": "Default", "scheduleType": "cron", "failureAndRerunMode": "CASCADE",
     "schedule": {"ref": "DefaultSchedule"}, "role": "r", "resourceRole": "r"},
    {"id": "DefaultSchedule", "name": "Every hour", "type": "Schedule", "period": "1 Hours",
     "startAt": "FIRST_ACTIVATION_DATE_TIME"},
    {"id": "EC2ResourceObj", "name": "EC2ResourceObj", "type": "Ec2Resource",
     "terminateAfter": "30 Minutes"},
    activity, alarm("Told", "it went well"), alarm("Warned", "it failed")],
    "parameters": [{"id": id, "type": "String"}
                   for id in ("mySource", "myBackup", "myName", "myTimeZone", "myTopic")]}, sys.stdout)
END
expect 0 "a definition with a script of its own" env "PATH=$scratch/stand-ins:$PATH" "$EFSBACKUP" run \
  --once --log-dir $scratch/logs --value mySource=10.99.1.2:/tree --value myBackup=10.99.2.2:/ \
  --value myName=plain --value myTimeZone=Asia/Tokyo \
  --value myTopic=arn:aws:sns:eu-west-1:111122223333:backups $scratch/plain.json
if [ "$(mounted /plain-source)" = 1 ] && [ "$(mounted /mnt/plain-backups)" = 1 ]; then
  pass "which mounted both by NFSv4.1"
else
  fail "mounted: $(grep plain /proc/mounts)"
fi
day=$(find /mnt/plain-backups/plain -mindepth 1 -maxdepth 1 -name '2*' | tail -n 1)
rm -f "$day/plain.log"
rsync -anO --delete --checksum --itemize-changes /plain-source/ "$day/" > $scratch/rsync
if [ -n "$day" ] && [ ! -s $scratch/rsync ]; then pass "and copied all"; else fail "in ${day:-no directory} differ: $(head $scratch/rsync)"; fi
umount /plain-source /mnt/plain-backups
nfs-ctl mount all
