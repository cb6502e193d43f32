# ps and inspect of containers: columns, filters, formats.

#: fast
test_states_and_columns() {
	make_image
	expect 0 ctr ps -a
	is "$OUT" "CONTAINER ID  IMAGE       COMMAND     CREATED     STATUS      PORTS       NAMES"
	expect 0 ctr create --name made bb sh -c 'echo a rather long command'
	expect 3 ctr run --name gone --network=none bb sh -c 'exit 3'
	expect 0 ctr run -d --name up --network=none bb sleep 1000
	local id=$OUT
	expect 0 ctr ps --format '{{.ID}} {{.Names}} {{.State}}'
	is "$OUT" "${id:0:12} up running"
	expect 0 ctr ps -a --format '{{.Names}} {{.State}} {{.Command}}'
	is "$OUT" $'made created sh -c echo a rath...\ngone exited sh -c exit 3\nup running sleep 1000'
	expect 0 ctr ps -a --no-trunc --format '{{.Command}}'
	contains "$OUT" "sh -c echo a rather long command"
	expect 0 ctr ps -q
	is "$OUT" "${id:0:12}"
	expect 0 ctr ps -q --no-trunc
	is "$OUT" "$id"
	expect 0 ctr ps -a
	matches "$OUT" "${id:0:12}  localhost/bb:latest  sleep 1000 .* Up "
	contains "$OUT" "Exited (3) "
	expect 0 ctr ps -l -q
	is "$OUT" "${id:0:12}"
	expect 0 ctr ps -n 2 --format '{{.Names}}'
	is "$OUT" $'gone\nup'
	expect 0 ctr container ls -q
	is "$OUT" "${id:0:12}"
	expect 0 ctr ps -a --sort names --format '{{.Names}}'
	is "$OUT" $'gone\nmade\nup'
	expect 125 ctr ps -q -s
	contains "$ERR" "quiet conflicts with size and namespace"
	expect 0 ctr ps --pod=false
}

#: fast
test_filters() {
	make_image
	expect 0 ctr create --name one -l kind=a -l both bb true
	expect 0 ctr create --name two -l kind=b -l both bb true
	expect 2 ctr run --network=none --name three bb sh -c 'exit 2'
	names() { expect 0 ctr ps -a --format '{{.Names}}' "$@"; }
	names -f name=t
	is "$OUT" $'two\nthree'
	names -f name='^t.*e$'
	is "$OUT" three
	names -f label=kind=a
	is "$OUT" one
	names -f label=both -f label=kind=b
	is "$OUT" two
	names -f label!=both
	is "$OUT" three
	names -f status=created -f status=exited
	is "$OUT" $'one\ntwo\nthree'
	names -f exited=2
	is "$OUT" three
	names -f exited=0
	is "$OUT" ""
	names -f before=two
	is "$OUT" one
	names -f since=one
	is "$OUT" $'two\nthree'
	names -f ancestor=bb
	is "$(wc -l <<<"$OUT")" 3
	names -f ancestor=other
	is "$OUT" ""
	names -f until=1h
	is "$OUT" ""
	names -f network=none
	is "$OUT" three
	# a filter on the state looks at all states
	expect 0 ctr ps -q -f status=exited
	is "$(wc -l <<<"$OUT")" 1
	expect 125 ctr ps -f a
	is "$ERR" 'Error: invalid filter "a"'
	expect 125 ctr ps -f a=b
	is "$ERR" "Error: a is an invalid filter"
	expect 125 ctr ps -f status=foo
	contains "$ERR" "unknown container state: foo"
	expect 125 ctr ps -f exited=many
	expect 125 ctr ps -f name='('
	expect 125 ctr ps -f before=nope
}

#: fast
test_formats() {
	make_image
	expect 0 ctr create --name one -l k=v -p 8080:80 -p 9000-9001:90-91/udp -v /tmp:/t bb true
	local id=$OUT
	expect 0 ctr ps -a --format json
	is "$(jq -r '.[0].Id' <<<"$OUT")" "$id"
	is "$(jq -r '.[0].Labels.k' <<<"$OUT")" v
	is "$(jq -c '.[0].Names' <<<"$OUT")" '["one"]'
	is "$(jq -c '.[0].Ports[0].host_port' <<<"$OUT")" 8080
	matches "$OUT" $'^\\[\n  \\{\n    "AutoRemove": false'
	expect 0 ctr ps -a --format '{{.Ports}}'
	is "$OUT" "0.0.0.0:8080->80/tcp, 0.0.0.0:9000-9001->90-91/udp"
	expect 0 ctr ps -a --format '{{.Label "k"}}|{{.Labels}}|{{.Mounts}}|{{.Status}}'
	is "$OUT" "v|map[k:v]|[/t]|Created"
	expect 0 ctr ps -a --format 'table {{.Names}}\t{{.ID}}'
	is "$OUT" $'NAMES       CONTAINER ID\none         '"${id:0:12}"
	expect 0 ctr ps --format '{{.Foo}}'
	is "$OUT" ""
	expect 125 ctr ps -a --format '{{.Foo}}'
	contains "$ERR" "can't evaluate field Foo"
	expect 0 ctr ps -a -s --format '{{.Size}}'
	matches "$OUT" '^0B \(virtual [0-9.]+[kM]B\)$'
}

#: fast
test_size_counts_what_was_written() {
	make_image
	expect 0 ctr run --name one --network=none bb sh -c \
		'busybox dd if=/dev/zero of=/f bs=1000 count=50 2>/dev/null; busybox mkdir -m 0 /d; busybox chown 5:5 /d'
	expect 0 ctr inspect -s -f '{{.SizeRw}}' one
	is "$OUT" 50000
	expect 0 ctr ps -as --format '{{.Size}}'
	matches "$OUT" '^50kB '
}

#: fast
test_inspect_container() {
	make_image
	expect 0 ctr create --name one -e A=b -w /tmp -u 5:6 --read-only -v /tmp:/t:ro --tmpfs /run --cap-add NET_ADMIN bb sh -c 'x y'
	local id=$OUT
	expect 0 ctr inspect one
	matches "$OUT" $'^\\[\n     \\{\n          "Id": "'
	get() { jq -rc ".[0]$1" <<<"$OUT"; }
	is "$(get .Id)" "$id"
	is "$(get .Name)" one
	is "$(get .Path)" sh
	is "$(get .Args)" '["-c","x y"]'
	is "$(get .State.Status)" created
	is "$(get .State.Running)" false
	is "$(get .State.StartedAt)" 0001-01-01T00:00:00Z
	is "$(get .Config.User)" 5:6
	is "$(get .Config.WorkingDir)" /tmp
	is "$(get .HostConfig.ReadonlyRootfs)" true
	is "$(get .Mounts[0].Source)" /tmp
	is "$(get .Mounts[0].Destination)" /t
	is "$(get .Mounts[0].RW)" false
	is "$(get .HostConfig.CapAdd)" '["CAP_NET_ADMIN"]'
	contains "$(get .Config.Env)" '"A=b"'
	contains "$(get .BoundingCaps)" CAP_NET_ADMIN
	expect 0 ctr inspect -f '{{.ID}} {{range .Mounts}}{{.Destination}}{{end}} {{index .Config.Labels "no"}}|{{.State.StartedAt}}' one
	is "$OUT" "$id /t |0001-01-01 00:00:00 +0000 UTC"
	expect 0 ctr container inspect -l -f '{{.Name}}'
	is "$OUT" one
}

#: fast
test_inspect_failures() {
	make_image
	expect 0 ctr create --name one bb true
	expect 125 ctr inspect nope
	is "$OUT" "[]"
	is "$ERR" 'Error: no such object: "nope"'
	expect 125 ctr inspect one nope
	is "$(jq -r '.[0].Name' <<<"$OUT")" one
	contains "$ERR" nope
	expect 125 ctr inspect --type image one
	contains "$ERR" "one: image not known"
	expect 125 ctr container inspect bb
	contains "$ERR" "no such container"
	expect 125 ctr inspect -f '{{.State.Foo}}' one
	contains "$ERR" "can't evaluate field Foo"
	expect 125 ctr inspect --type pod one
	contains "$ERR" "no such pod"
	expect 125 ctr inspect --type thing one
}

#: fast
test_info_and_version() {
	expect 0 ctr info --format '{{.Store.GraphRoot}}'
	is "$OUT" "$GRAPHROOT"
	expect 0 ctr info --format json
	is "$(jq -r .host.os <<<"$OUT")" linux
	is "$(jq -r .store.containerStore.number <<<"$OUT")" 0
	expect 0 ctr system info
	contains "$OUT" "  rungs:"
	expect 0 ctr version --format '{{.Client.Version}}'
	is "ctr-lite version $OUT" "$(ctr --version)"
	expect 0 ctr version -f json
	is "$(jq -r .Client.OsArch <<<"$OUT")" "linux/$(dpkg --print-architecture)"
}
