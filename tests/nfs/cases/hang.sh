# shellcheck shell=bash
# shellcheck disable=SC2086,SC2154  # src, dst and scratch are set in common.sh
# A server that is silent in mid-run. Whatever its threads wait for, two Ctrl-C end the command.

mkdir -p /srv/src/hang
for number in {1..12}; do head -c 1000000 /dev/urandom > "/srv/src/hang/f$number"; done

# begin DIR: starts a mirror to it, whose server falls silent when it has begun; its process
# is $mirror, what it says in $scratch/output.
begin() {
  nfs-ctl latency all 20
  "$EFSBACKUP" mirror $src/hang "$dst/$1" > $scratch/output 2>&1 &
  mirror=$!
  for _ in {1..500}; do [ -e "/srv/dst/$1" ] && break; sleep 0.02; done
  nfs-ctl blackhole dst on
  silent=$(milliseconds)
}

begin hang
for _ in {1..80}; do grep -q 'has not answered' $scratch/output && break; sleep 0.1; done
took=$(($(milliseconds) - silent))
if [ $took -ge 4000 ] && [ $took -lt 7000 ]; then pass "that a server is silent is told after $took ms"; else fail "told after $took ms"; fi
says "and which" "nfs-dst:/, mounted at /mnt/nfs-dst, has not answered for 5 s"
if kill -0 $mirror; then pass "it is waited for"; else fail "the run ended"; fi
nfs-ctl blackhole dst off
if wait $mirror; then pass "when it is back the run goes on and succeeds"; else fail "exit status $?" && cat $scratch/output; fi
says "which is told too" "nfs-dst:/, mounted at /mnt/nfs-dst, answers again"
equal "and the trees are equal" $src/hang $dst/hang

begin stopped
sleep 0.5
kill -INT $mirror
sleep 0.5
if kill -0 $mirror; then pass "one Ctrl-C waits for what is under way"; else fail "it ended"; fi
second=$(milliseconds)
kill -INT $mirror
wait $mirror
status=$?
took=$(($(milliseconds) - second))
if [ $status = 130 ] && [ $took -lt 1500 ]; then pass "a second one ends the command ($took ms)"; else fail "exit status $status after $took ms"; fi
nfs-ctl blackhole dst off
for _ in {1..100}; do pgrep -f "$EFSBACKUP mirror" > /dev/null || break; sleep 0.1; done
left=$(pgrep -f "$EFSBACKUP mirror")
if [ -z "$left" ]; then pass "with the server back no process is left"; else fail "left: $left"; fi
nfs-ctl latency all 1
expect 0 "the next run completes it" "$EFSBACKUP" mirror --delete $src/hang $dst/stopped
equal "the trees are equal" $src/hang $dst/stopped

# Outside of a copy too: listing, verifying, removing and restoring snapshots.
backups=$dst/hang-backups
for _ in 1 2; do "$EFSBACKUP" backup --quiet --name s $src/hang $backups > $scratch/output || fail "a backup: $(cat $scratch/output)"; done
snapshot=$(find /srv/dst/hang-backups/s -maxdepth 1 -name '2*' -printf '%f\n' | sort | tail -n 1)
verbs=(snapshots verify prune restore)
nfs-ctl remount dst
nfs-ctl blackhole dst on
silent=$(milliseconds)
"$EFSBACKUP" snapshots --name s $backups > $scratch/snapshots 2>&1 &
waiting=($!)
"$EFSBACKUP" verify --name s $backups "$snapshot" > $scratch/verify 2>&1 &
waiting+=($!)
"$EFSBACKUP" prune --name s --keep-last 2 $backups > $scratch/prune 2>&1 &
waiting+=($!)
"$EFSBACKUP" restore --name s $backups "$snapshot" $scratch/restored > $scratch/restore 2>&1 &
waiting+=($!)
for verb in "${verbs[@]}"; do
  for _ in {1..90}; do grep -q 'has not answered' $scratch/$verb && break; sleep 0.1; done
  cp $scratch/$verb $scratch/output
  says "$verb tells of a silent server ($(($(milliseconds) - silent)) ms)" "nfs-dst:/, mounted at /mnt/nfs-dst, has not answered for 5 s"
done
nfs-ctl blackhole dst off
for number in "${!verbs[@]}"; do
  verb=${verbs[number]}
  if wait "${waiting[number]}"; then pass "$verb goes on when it is back"; else fail "$verb: exit status $?" && cat $scratch/$verb; fi
  grep -q 'answers again' $scratch/$verb || fail "$verb does not tell that it is back: $(cat $scratch/$verb)"
  [ "$(grep -c 'has not answered' $scratch/$verb)" = 1 ] || fail "$verb tells twice: $(cat $scratch/$verb)"
done
equal "and what was restored is equal" $src/hang $scratch/restored
