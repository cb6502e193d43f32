# ps: the rarer columns and flags.

#: fast
test_namespaces() {
	local pid
	make_image
	expect 0 ctr run -d --name up --network=none bb sleep 1000
	expect 0 ctr create --name made bb true
	pid=$(ctr inspect -f '{{.State.Pid}}' up)
	ns() { readlink "/proc/$pid/ns/$1" | tr -dc 0-9; }
	expect 0 ctr ps -a --ns
	is "$(head -n 1 <<<"$OUT" | tr -s ' ')" \
		"CONTAINER ID NAMES PID CGROUPNS IPC MNT NET PIDNS USERNS UTS"
	is "$(sed -n 2p <<<"$OUT" | tr -s ' ' | cut -d' ' -f2-)" \
		"up $pid $(ns cgroup) $(ns ipc) $(ns mnt) $(ns net) $(ns pid) $(ns user) $(ns uts)"
	is "$(sed -n 3p <<<"$OUT" | tr -s ' ' | cut -d' ' -f2-3)" "made 0"
	expect 0 ctr ps --ns --format json
	is "$(jq -r '.[0].Namespaces.Net' <<<"$OUT")" "$(ns net)"
	expect 0 ctr ps --namespace --format '{{.NET}} {{.USERNS}}'
	is "$OUT" "$(ns net) $(ns user)"
	expect 125 ctr ps -q --ns
	is "$ERR" "Error: quiet conflicts with size and namespace"
	expect 125 ctr ps -s --ns
	is "$ERR" "Error: size and namespace options conflict"
}

#: fast
test_flags() {
	make_image
	expect 0 ctr create --name one bb true
	expect 0 ctr create --name two bb true
	expect 0 ctr ps -a -p
	matches "$(head -n 1 <<<"$OUT")" "NAMES +POD ID +PODNAME"
	expect 0 ctr ps -a -p -s --format 'table {{.Names}} {{.Size}}'
	matches "$(sed -n 2p <<<"$OUT")" "^one +0B \(virtual .*MB\)$"
	expect 0 ctr ps -a --external --sync --noheading --format '{{.Names}}'
	is "$OUT" $'one\ntwo'
	expect 0 ctr ps -n 1 --format '{{.Names}}'
	is "$OUT" two
	expect 0 ctr ps -n 0 -q
	is "$OUT" ""
	expect 125 ctr ps -l -n 1
	is "$ERR" "Error: last and latest are mutually exclusive"
	expect 125 ctr ps -w 1 -l
	is "$ERR" "Error: the watch and latest flags cannot be used together"
	expect 125 ctr ps one
	contains "$ERR" "takes no arguments"
	expect 0 ctr container exists --external one
	expect 1 ctr container exists --external three
}

test_watch() {
	local pid
	make_image
	expect 0 ctr create --name one bb true
	command ctr-lite ps -a -w 1 --format '{{.Names}}' >"$T/w/out" &
	pid=$!
	wait_for 10 grep -q one "$T/w/out"
	expect 0 ctr create --name two bb true
	wait_for 10 grep -q two "$T/w/out"
	kill $pid
	wait $pid || true
	matches "$(cat "$T/w/out")" $'^\033\\[2J\033\\[1;1Hone'
}

#: fast
test_volume_filter() {
	make_image
	mkdir "$T/w/dir"
	expect 0 ctr create --name bound -v "$T/w/dir:/in:ro" bb true
	expect 0 ctr create --name mounted --mount "type=bind,src=$T/w/dir,dst=/other,ro" bb true
	names() { expect 0 ctr ps -a --format '{{.Names}}' -f "volume=$1"; }
	names "$T/w/dir"
	is "$OUT" $'bound\nmounted'
	names /in
	is "$OUT" bound
	names "$T/w/dir:/other"
	is "$OUT" mounted
	names ro
	is "$OUT" ""
	names "$T/w/dir:/no"
	is "$OUT" ""
}
