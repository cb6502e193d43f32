# Events: what happens is said once, in order, with podman's words, and can be filtered and followed.

# The statuses of one container's events, on one line.
statuses() { ctr events --stream=false --filter type=container --filter "container=$1" --format '{{.Status}}' | xargs; }

#: fast
test_the_life_of_a_container() {
	pull alpine
	expect 3 ctr run --name c --label k=v --network=none alpine sh -c 'exit 3'
	is "$(statuses c)" "create init start attach died cleanup"
	expect 0 ctr rm c
	is "$(statuses c)" "create init start attach died cleanup remove"
	expect 0 ctr events --stream=false --filter event=died --format '{{.Name}} {{.ContainerExitCode}} {{.Attributes.k}} {{.Image}}'
	is "$OUT" "c 3 v docker.io/library/alpine:latest"
	expect 0 ctr run --rm --name d --network=none alpine true
	is "$(statuses d)" "create init start attach died remove"
}

test_stop_kill_exec_and_attach() {
	pull alpine
	expect 0 ctr run -d --name c --network=none alpine sh -c 'trap "exit 0" USR1; while :; do sleep 0.05; done'
	expect 0 ctr exec c true
	expect 0 ctr kill -s USR1 c
	expect 0 ctr wait c
	is "$(statuses c | sed 's/kill died cleanup/KILLED/; s/died kill cleanup/KILLED/; s/died cleanup kill/KILLED/')" \
		"create init start exec exec_died KILLED"
	expect 0 ctr start c
	expect 0 ctr stop -t 0 c
	contains "$(statuses c)" "died cleanup stop"
	expect 0 ctr rm c
}

test_images() {
	pull alpine
	expect 0 ctr tag alpine other:1
	expect 0 ctr untag alpine other:1
	expect 0 ctr rmi alpine
	expect 0 ctr events --stream=false --filter type=image --format '{{.Status}} {{.Name}}'
	is "$OUT" "pull alpine
tag localhost/other:1
untag localhost/other:1
remove alpine"
}

#: fast
test_formats() {
	pull alpine
	expect 0 ctr create --name c --label k=v alpine
	local id=$OUT
	expect 0 ctr events --stream=false --filter type=container
	matches "$OUT" "^[0-9-]{10} [0-9:]{8}\.[0-9]+ [+-][0-9]{4} [A-Z+0-9-]+ container create $id \(image=docker.io/library/alpine:latest, name=c, k=v\)$"
	expect 0 ctr events --stream=false --no-trunc=false --filter type=container
	contains "$OUT" " container create ${id:0:12} ("
	expect 0 ctr events --stream=false --filter type=container --format json
	is "$(python3 -c 'import json,sys; e = json.loads(sys.argv[1]); print(e["ID"] == sys.argv[2], e["Name"], e["Status"], e["Type"], e["time"] == e["timeNano"] // 10**9, e["Attributes"])' "$OUT" "$id")" \
		"True c create container True {'k': 'v'}"
	expect 0 ctr system events --stream=false --filter type=container --format '{{json .}}'
	contains "$OUT" '"Status":"create"'
	expect 0 ctr events --stream=false --filter type=container --format '{{.Action}} {{.Actor.ID}} {{.Actor.Attributes.k}} {{.Scope}}'
	is "$OUT" "create $id v local"
	expect 0 ctr rm c
}

test_filters() {
	pull alpine
	expect 0 ctr create --name a --label x=1 --label y=2 alpine
	local a=$OUT
	expect 0 ctr create --name b --label x=1 alpine
	expect 0 ctr rm a b
	n() { ctr events --stream=false --format '{{.Name}}' "$@" | xargs; }
	is "$(n --filter container=a)" "a a"
	is "$(n --filter "container=${a:0:9}")" "a a"
	is "$(n --filter container=a --filter container=b --filter event=create)" "a b"
	is "$(n --filter label=x=1 --filter label=y=2)" "a a"
	is "$(n --filter label=x --filter event=destroy)" "a b"
	is "$(n --filter event=create --filter event=remove --filter type=container)" "a b a b"
	is "$(n --filter type=volume)" ""
	is "$(n --filter type=image --filter image=alpine)" "alpine"
	expect 125 ctr events --stream=false --filter nonsense=1
	contains "$ERR" "nonsense is an invalid filter"
	expect 125 ctr events --stream=false --filter type
	expect 125 ctr events --since yesterday
	expect 125 ctr events --stream=false --format '{{.Nope}}'
}

test_since_and_until() {
	pull alpine
	expect 0 ctr create --name a alpine
	local between
	sleep 0.02
	between=$(date +%s.%N)
	sleep 0.02
	expect 0 ctr create --name b alpine
	is "$(ctr events --stream=false --since "$between" --format '{{.Name}}')" b
	is "$(ctr events --stream=false --until "$between" --filter type=container --format '{{.Name}}')" a
	is "$(ctr events --stream=false --since 1h --filter type=container --format '{{.Name}}' | xargs)" "a b"
	is "$(ctr events --stream=false --since "$(date -Is -d '1 hour ago')" --filter type=container --format '{{.Name}}' | xargs)" "a b"
	# in the stream: what was, and then until that time
	is "$(timeout 20 ctr-lite events --since 1h --until 0.2s --filter type=container --format '{{.Name}}' | xargs)" "a b"
	expect 0 ctr rm a b
}

test_following() {
	local pid
	pull alpine
	expect 0 ctr create --name before alpine
	command ctr-lite events --format '{{.Name}} {{.Status}}' >"$T/w/out" &
	pid=$!
	seen() {
		ctr create --name "x$RANDOM$RANDOM" alpine >/dev/null
		grep -q create "$T/w/out"
	}
	wait_for 10 seen
	lacks "$(cat "$T/w/out")" before
	expect 0 ctr rm before
	wait_for 5 grep -qx "before remove" "$T/w/out"
	kill $pid
	wait $pid || true
	expect 0 ctr rm -a
}

test_a_stream_ends_with_its_reader() {
	pull alpine
	expect 0 timeout 20 bash -c 'ctr-lite events --since 1h --filter type=image | grep -m1 pull'
}

test_no_line_is_lost_to_rotation() {
	local f=$RUNROOT/events/events.log pid i
	pull alpine
	expect 0 ctr events --stream=false
	command ctr-lite events --filter type=system --format '{{.Name}}' >"$T/w/out" &
	pid=$!
	# A line that nearly fills the file, then lines from two writers over the limit.
	python3 - "$f" <<'EOF'
import sys
line = '{"Name":"%s","Status":"pad","Time":"2026-01-01T00:00:00Z","Type":"pad"}\n' % ("x" * 900)
with open(sys.argv[1], "a") as f:
    while f.tell() < 998000:
        f.write(line)
EOF
	for i in 1 2 3 4 5 6; do
		printf '{"Name":"n%s","Status":"s","Time":"2026-01-01T00:00:00Z","Type":"system"}\n' $i >>"$f"
		ctr create --label "pad=$(printf %1000d 0)" alpine >/dev/null
	done
	[ -e "$f.1" ] || fail "the file was not renamed"
	wait_for 5 grep -qx n6 "$T/w/out"
	kill $pid
	wait $pid || true
	is "$(xargs <"$T/w/out")" "n1 n2 n3 n4 n5 n6"
	is "$(ctr events --stream=false --filter type=system --format '{{.Name}}' | xargs)" "n1 n2 n3 n4 n5 n6"
	is "$(ctr events --stream=false --filter event=create --format x | wc -l)" 6
	expect 0 ctr rm -a
}

test_hostile_and_torn_lines_are_left_out() {
	local f=$RUNROOT/events/events.log
	expect 0 ctr events --stream=false
	mkdir -p "${f%/*}"
	{
		printf '{"ID":"torn","Status":"create","Ti{"Name":"whole","Status":"s1","Time":"2026-01-01T00:00:00Z","Type":"system"}\n'
		printf 'nonsense\n\0\0\0\n{}\n[]\n{"Status":1}\n'
		head -c 700000 /dev/zero | tr '\0' '{'
		printf '\n{"Name":"e\\u001b[2Jvil","Status":"s2","Time":"2026-01-01T00:00:00Z","Type":"system"}\n'
		printf '{"Name":"unfinished","Status":"s3","Time":"2026-01-01T00:00:00Z","Type":"system"}'
	} >"$f"
	expect 0 ctr events --stream=false --format '{{.Status}}'
	is "$OUT" $'s1\ns2'
	expect 0 ctr events --stream=false
	lacks "$OUT" $'\033'
	rm "$f"
	mkfifo "$f"
	expect 0 timeout 10 ctr-lite events --stream=false
	is "$OUT" ""
	rm "$f"
	echo secret >"$T/w/secret"
	ln -s "$T/w/secret" "$f"
	run timeout 10 ctr-lite events --stream=false
	pull alpine
	is "$(cat "$T/w/secret")" secret
	rm "$f"
}

test_backends() {
	pull alpine
	expect 0 ctr --events-backend none create --name a alpine
	is "$(statuses a)" ""
	expect 125 ctr --events-backend none events --stream=false
	contains "$ERR" '"none" backend'
	expect 125 ctr --events-backend paper events
	contains "$ERR" "file, journald or none"
	# A journal that is not there makes no command fail.
	CTR_LITE_JOURNAL_SOCKET=$T/none expect 0 ctr --events-backend journald create --name b alpine
	is "$(statuses b)" ""
	is "$(ctr info -f '{{.Host.EventLogger}}') $(ctr --events-backend none info -f '{{.Host.EventLogger}}')" "file none"
	expect 0 ctr rm a b
}

# A journal of our own: what arrives at the socket, in the form that journalctl -o json has.
fake_journal() {
	mkdir -p "$T/jbin"
	cat >"$T/journald" <<'EOF'
import json, os, socket, struct, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
out = open(sys.argv[2], "ab", 0)
export = open(sys.argv[3], "ab", 0)
n = 0
while True:
    data, anc, _, _ = s.recvmsg(1 << 20, 256)
    if anc:
        fd = struct.unpack("i", anc[0][2][:4])[0]
        data = os.pread(fd, 1 << 24, 0)
        os.close(fd)
    n += 1
    export.write(b"__REALTIME_TIMESTAMP=%d\n" % (1700000000000000 + n) + data + b"\n")
    f = {}
    while data:
        line, rest = data.split(b"\n", 1)
        if b"=" in line:
            k, v = line.split(b"=", 1)
            data = rest
        else:
            k, size = line, struct.unpack("<Q", rest[:8])[0]
            v, data = rest[8:8 + size], rest[9 + size:]
        f[k.decode()] = v.decode(errors="replace")
    out.write(json.dumps(f).encode() + b"\n")
EOF
	python3 "$T/journald" "$T/jsock" "$T/jout" "$T/jexport" &
	JPID=$!
	export CTR_LITE_JOURNAL_SOCKET=$T/jsock
	wait_for 5 test -S "$T/jsock"
}

test_the_journal() {
	fake_journal
	printf '#!/bin/sh\ncat %s\n' "$T/jout" >"$T/jbin/journalctl"
	chmod +x "$T/jbin/journalctl"
	pull alpine
	expect 0 ctr --events-backend journald run --rm --name c --network=none --label big="$(printf %120000d 7)" alpine true
	expect 0 ctr --events-backend journald run --rm --name d --network=none alpine true
	wait_for 5 sh -c "grep -c remove $T/jout | grep -qx 2"
	PATH=$T/jbin:$PATH expect 0 ctr --events-backend journald events --stream=false --filter container=d --format '{{.Status}}'
	is "$(xargs <<<"$OUT")" "create init start attach died remove"
	contains "$(head -n 1 "$T/jout")" '"SYSLOG_IDENTIFIER": "ctr-lite"'
	kill $JPID
	wait $JPID || true
}

test_many_at_once_lose_nothing() {
	local i
	pull alpine
	for i in 1 2 3 4 5 6 7 8; do
		ctr create --name "c$i" alpine >/dev/null &
	done
	wait
	is "$(ctr events --stream=false --filter event=create --format '{{.Name}}' | sort | xargs)" "c1 c2 c3 c4 c5 c6 c7 c8"
	expect 0 ctr rm -a
}

test_a_killed_monitor_is_an_end_too() {
	pull alpine
	expect 0 ctr run -d --name c --network=none alpine sleep 1000
	kill -9 "$(ctr inspect -f '{{.State.ConmonPid}}' c)"
	wait_for 5 sh -c 'ctr-lite ps -a --filter name=c --format "{{.Status}}" | grep -q Exited'
	is "$(ctr events --stream=false --filter event=died --format '{{.Name}} {{.ContainerExitCode}}')" "c 137"
	expect 0 ctr rm c
}
