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
  nfs-ctl umount all
  if grep -q efsbackup/ /proc/mounts; then fail "mounts are left"; else pass "no mount is left"; fi
done

# A definition in the form that went round: its script installs, mounts and copies by itself.
cat > $scratch/plain.sh << 'END'
set -e
sudo yum -y install nfs-utils rsync
sudo mkdir -p /mnt/plain-source /mnt/plain-backup
sudo mount -t nfs4 -o nfsvers=4.1,rsize=1048576,wsize=1048576,hard,timeo=600,retrans=2 $1 /mnt/plain-source
sudo mount -t nfs4 -o nfsvers=4.1,rsize=1048576,wsize=1048576,hard,timeo=600,retrans=2 $2 /mnt/plain-backup
sudo mkdir -p /mnt/plain-backup/$3/today
sudo rsync -aHAX --delete --numeric-ids /mnt/plain-source/tree/ /mnt/plain-backup/$3/today/
sudo umount /mnt/plain-source /mnt/plain-backup
END
cat > $scratch/plain.json << END
{"objects": [
  {"id": "Default", "name": "Default", "scheduleType": "cron", "failureAndRerunMode": "CASCADE",
   "schedule": {"ref": "DefaultSchedule"}, "role": "r", "resourceRole": "r"},
  {"id": "DefaultSchedule", "name": "Every hour", "type": "Schedule", "period": "1 Hours",
   "startAt": "FIRST_ACTIVATION_DATE_TIME"},
  {"id": "EC2ResourceObj", "name": "EC2ResourceObj", "type": "Ec2Resource", "terminateAfter": "30 Minutes"},
  {"id": "ShellCommandActivityObj", "name": "ShellCommandActivityObj", "type": "ShellCommandActivity",
   "runsOn": {"ref": "EC2ResourceObj"}, "command": "bash $scratch/plain.sh \$1 \$2 \$3",
   "scriptArgument": ["#{mySource}", "#{myBackup}", "#{myName}"]}],
 "parameters": [{"id": "mySource", "type": "String"}, {"id": "myBackup", "type": "String"},
  {"id": "myName", "type": "String"}]}
END
expect 0 "a definition with a script of its own" env "PATH=$scratch/stand-ins:$PATH" "$EFSBACKUP" run \
  --once --log-dir $scratch/logs --value mySource=10.99.1.2:/ --value myBackup=10.99.2.2:/ \
  --value myName=plain $scratch/plain.json
nfs-ctl mount all
equal "copies all by NFS" $src/tree $dst/plain/today
