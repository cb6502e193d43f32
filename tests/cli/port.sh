# port: published ports of running containers.

#: fast
test_published_ports() {
	local a b id
	make_image
	a=$(free_port)
	b=$(free_port)
	expect 0 ctr run -d --name web -p "127.0.0.1:$a:80" -p "$b:443" bb sleep 1000
	id=$OUT
	expect 0 ctr port web
	is "$OUT" "80/tcp -> 127.0.0.1:$a
443/tcp -> 0.0.0.0:$b"
	expect 0 ctr port web 80
	is "$OUT" "127.0.0.1:$a"
	expect 0 ctr port web 443/tcp
	is "$OUT" "0.0.0.0:$b"
	expect 0 ctr port -l 80
	is "$OUT" "127.0.0.1:$a"
	expect 0 ctr port --all
	is "$OUT" "${id:0:12}	80/tcp -> 127.0.0.1:$a
${id:0:12}	443/tcp -> 0.0.0.0:$b"
	expect 0 ctr container port web 80
	is "$OUT" "127.0.0.1:$a"
	for p in 81 80/udp 80/sctp; do
		expect 125 ctr port web $p
		is "$ERR" "Error: failed to find published port \"$p\""
		is "$OUT" ""
	done
	expect 125 ctr port web http
	contains "$ERR" '"http" is no port'
	expect 0 ctr stop -t 0 web
	expect 0 ctr port web
	is "$OUT" ""
	expect 0 ctr port -a
	is "$OUT" ""
}

#: fast
test_refusals() {
	expect 125 ctr port
	is "$ERR" "Error: you must supply a running container name or id"
	expect 125 ctr port nosuch
	contains "$ERR" 'no container with name or ID "nosuch" found: no such container'
	expect 125 ctr port -a nosuch
	contains "$ERR" "no arguments are needed with --all"
	expect 125 ctr port -a -l
	contains "$ERR" "--all and --latest"
	expect 125 ctr port -l
	contains "$ERR" "no containers"
}

#: fast
test_ranges_are_joined_in_ps() {
	make_image
	expect 0 ctr create --name c -p 28081:81 -p 127.0.0.1:29000-29001:90-91/udp -p 28080:80 -p 28090:90 bb true
	expect 0 ctr ps -a --format '{{.Ports}}'
	is "$OUT" "0.0.0.0:28080-28081->80-81/tcp, 0.0.0.0:28090->90/tcp, 127.0.0.1:29000-29001->90-91/udp"
	expect 0 ctr ps -a --format json
	is "$(jq -c '.[0].Ports[0]' <<<"$OUT")" \
		'{"host_ip":"","container_port":80,"host_port":28080,"range":2,"protocol":"tcp"}'
}
