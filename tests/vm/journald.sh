# Logs and events in a real journal: what was written there is read back, and by journalctl too.
#
# As root: an ordinary user may write, but reads his messages only where the journal is kept on disk, or as
# one of the group systemd-journal.

root_test_logs_in_the_journal() {
	ctr image exists alpine || ctr import /lab/alpine.tar docker.io/library/alpine:latest >/dev/null
	expect 0 ctr run -d --name j --log-driver journald --network=none alpine \
		sh -c 'echo err >&2; sleep 1; echo out; printf no-newline'
	expect 0 ctr wait j
	journalctl --sync
	expect 0 ctr logs j
	is "$OUT" $'out\nno-newline'
	is "$ERR" err
	expect 0 ctr logs --tail 1 j
	is "$OUT" no-newline
	is "$(journalctl -q -o cat CONTAINER_NAME=j PRIORITY=3)" err
	is "$(journalctl -q -o cat CONTAINER_NAME=j PRIORITY=6 | head -n 1)" out
	expect 0 ctr run -d --name f --log-driver journald --network=none alpine \
		sh -c 'echo first; sleep 1; echo last'
	expect 0 timeout 60 ctr-lite logs -f f
	is "$OUT" $'first\nlast'
	expect 0 ctr rm -f -t 0 j f
}

root_test_events_in_the_journal() {
	ctr image exists alpine || ctr import /lab/alpine.tar docker.io/library/alpine:latest >/dev/null
	expect 0 ctr --events-backend journald run --rm --name ev --network=none alpine true
	journalctl --sync
	expect 0 ctr --events-backend journald events --stream=false --since 5m --filter container=ev --format '{{.Status}}'
	is "$(xargs <<<"$OUT")" "create init start attach died remove"
	expect 0 ctr events --stream=false --since 5m --filter container=ev --format '{{.Status}}'
	is "$OUT" ""
}
