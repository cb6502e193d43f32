# inspect: the paths that scripts written for podman and docker ask for.

shows() { # OBJECT TEMPLATE WANT
	expect 0 ctr inspect -f "$2" "$1"
	is "$OUT" "$3" "$2"
}

#: fast
test_docker_idioms() {
	local pid
	make_image
	expect 0 ctr run -d --name c --network=none -l a.b/c=d -l x=y -e FOO=bar -w /bin --restart=on-failure:3 \
		--sysctl net.ipv4.ip_forward=1 -v "$T/w:/in:ro" bb sleep 1000
	pid=$(ctr inspect -f '{{.State.Pid}}' c)
	[ -d "/proc/$pid" ] || fail "no process $pid"
	shows c '{{.State.Running}} {{.State.Status}} {{.State.ExitCode}} {{.State.OOMKilled}}' "true running 0 false"
	shows c '{{.HostConfig.RestartPolicy.Name}}:{{.HostConfig.RestartPolicy.MaximumRetryCount}}' "on-failure:3"
	shows c '{{json .Config.Labels}}' '{"a.b/c":"d","x":"y"}'
	shows c '{{index .Config.Labels "a.b/c"}}' d
	shows c '{{range .Mounts}}{{.Source}} -> {{.Destination}} {{.RW}};{{end}}' "$T/w -> /in false;"
	shows c '{{range $k, $v := .Config.Labels}}{{$k}}={{$v}};{{end}}' "a.b/c=d;x=y;"
	shows c '{{.NetworkSettings.IPAddress}}|{{.Config.WorkingDir}}|{{.Path}} {{join .Args " "}}' "|/bin|sleep 1000"
	shows c '{{.HostConfig.NetworkMode}} {{.Platform}} {{.HostConfig.CgroupnsMode}}' "none linux private"
	shows c '{{.HostConfig.Sysctls}}' "map[net.ipv4.ip_forward:1]"
	shows c '{{index .HostConfig.MaskedPaths 0}} {{index .HostConfig.ReadonlyPaths 0}}' "/proc/acpi /proc/asound"
	shows c '{{.HostConfig.Init}} {{.HostConfig.IDMappings}} {{.State.StoppedByUser}}' "false <nil> false"
	expect 0 ctr inspect -f '{{.LogPath}}' c
	[ -f "$OUT" ] || fail "no log at $OUT"
	expect 0 ctr inspect --type=container -f '{{range .Config.Env}}{{println .}}{{end}}' c
	contains "$OUT" "FOO=bar"
	# one newline belongs to the template, whatever it has printed
	is "$(ctr inspect -f '{{println "x"}}' c | wc -l)" 2
	is "$(ctr inspect -f $'x\n' c | wc -l)" 1
	expect 0 ctr inspect c
	is "$(head -n 3 <<<"$OUT" | cut -c1-12)" $'[\n     {\n          "I'
	is "$(jq -r '.[0].Config.Annotations' <<<"$OUT")" null
}

#: fast
test_ports() {
	make_image
	expect 0 ctr create --name c -p 127.0.0.1:28085:80 -p 28086:53/udp --expose 90 bb true
	shows c '{{(index (index .NetworkSettings.Ports "80/tcp") 0).HostPort}}' 28085
	shows c '{{range $p, $conf := .NetworkSettings.Ports}}{{$p}} -> {{if $conf}}{{(index $conf 0).HostIP}}{{end}};{{end}}' \
		"53/udp -> 0.0.0.0;80/tcp -> 127.0.0.1;90/tcp -> ;"
	shows c '{{json .Config.ExposedPorts}}' '{"53/udp":{},"80/tcp":{},"90/tcp":{}}'
	shows c '{{range $n, $v := .NetworkSettings.Networks}}{{$v.NetworkID}} {{$v.IPAddress}}{{end}}' \
		"$(ctr inspect -f '{{.HostConfig.NetworkMode}}' c) "
	expect 0 ctr ps -a --format '{{.Ports}}'
	is "$OUT" "127.0.0.1:28085->80/tcp, 0.0.0.0:28086->53/udp, 90/tcp"
}

#: fast
test_capabilities_are_the_difference() {
	make_image
	expect 0 ctr create --name c --cap-add sys_time --cap-drop MKNOD --cap-drop CHOWN bb true
	shows c '{{.HostConfig.CapAdd}} {{.HostConfig.CapDrop}}' "[CAP_SYS_TIME] [CAP_CHOWN]"
	expect 0 ctr inspect c
	is "$(jq -c '.[0].BoundingCaps | . == sort' <<<"$OUT")" true
	is "$(jq -c '.[0].EffectiveCaps | index("CAP_CHOWN")' <<<"$OUT")" null
}

#: fast
test_what_is_not_there() {
	make_image
	expect 0 ctr create --name one bb true
	expect 0 ctr create --name two bb true
	expect 125 ctr inspect -f '{{.Name}}' no one nor two
	is "$OUT" $'one\ntwo'
	is "$ERR" $'Error: no such object: "no"\nError: no such object: "nor"'
	expect 125 ctr inspect --type container bb:latest
	is "$OUT" "[]"
	is "$ERR" "Error: no such container bb:latest"
	expect 125 ctr inspect --type image one
	is "$ERR" "Error: one: image not known"
	expect 125 ctr inspect --type pod one
	is "$ERR" "Error: no such pod one"
	expect 125 ctr inspect --type network one
	contains "$ERR" "unable to find network with name or ID one: network not found"
	expect 125 ctr inspect --type thing one
	contains "$ERR" 'invalid type "thing": must be "image", "container"'
	expect 125 ctr inspect
	is "$ERR" "Error: no names or ids specified"
	expect 125 ctr inspect -l one
	contains "$ERR" "--latest and arguments cannot be used together"
	expect 125 ctr inspect -f '{{.Nothing}}' one
	contains "$ERR" "can't evaluate field Nothing"
	expect 0 ctr inspect -l -f '{{.Name}}'
	is "$OUT" two
}

#: fast
test_volumes() {
	make_image
	expect 0 ctr volume create --label k=v data
	expect 0 ctr create --name data bb true
	expect 0 ctr inspect --type volume data
	is "$(jq -r '.[0] | "\(.Name) \(.Labels.k) \(.Driver)"' <<<"$OUT")" "data v local"
	shows data '{{.Path}}' true # the container first
	expect 0 ctr rm data
	shows data '{{.Mountpoint}} {{.Anonymous}}' "$GRAPHROOT/volumes/data/_data false"
	expect 125 ctr inspect --type volume none
	is "$OUT" "[]"
	is "$ERR" "Error: no such volume none"
}

#: fast
test_sizes() {
	make_image
	expect 0 ctr run --name c --network=none bb sh -c 'echo 12345 >/file'
	expect 0 ctr inspect -s -f '{{.SizeRw}}' c
	[ "$OUT" -ge 6 ] || fail "SizeRw $OUT"
	expect 0 ctr inspect -f '{{.SizeRw}}' c
	is "$OUT" "<nil>"
}
