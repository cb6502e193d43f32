# The three networks of a container, published ports and the files that name things.

test_none_has_only_loopback() {
	pull alpine
	expect 0 ctr run --rm --network=none alpine sh -c 'ip -o link | cut -d: -f2
		echo up >/index.html; httpd -p 127.0.0.1:80 -h /; wget -q -O - http://127.0.0.1/index.html'
	is "$OUT" $' lo\nup'
}

test_host_is_the_hosts() {
	pull alpine
	expect 0 ctr run --rm --network=host alpine readlink /proc/self/ns/net
	is "$OUT" "$(readlink /proc/self/ns/net)"
	expect 0 ctr run --rm --network=host alpine wget -q -O - "http://$REGISTRY/v2/"
	is "$OUT" '{}'
}

test_default_reaches_out_and_has_names() {
	pull alpine
	expect 0 ctr run --rm --hostname me --add-host other:10.9.8.7 alpine sh -c 'hostname; cat /etc/hosts; cat /etc/resolv.conf; ip -o -4 addr | grep -v " lo "'
	is "$(head -n 1 <<<"$OUT")" me
	contains "$OUT" $'10.9.8.7\tother'
	matches "$OUT" '[0-9.]+[[:space:]]+me( |$|[[:space:]])'
	matches "$OUT" 'nameserver '
	matches "$OUT" 'inet [0-9.]+'
}

test_published_port_answers() {
	local port
	port=$(free_port)
	pull busybox
	expect 0 ctr run -d --name c -p "127.0.0.1:$port:8080" busybox sh -c 'echo from inside >/index.html; httpd -f -p 8080 -h /'
	wait_for 10 curl -fsS -m 2 "http://127.0.0.1:$port/index.html"
	is "$(curl -fsS -m 2 "http://127.0.0.1:$port/index.html")" "from inside"
	expect 0 ctr ps --format '{{.Ports}}'
	is "$OUT" "127.0.0.1:$port->8080/tcp"
	expect 0 ctr rm -f -t 0 c
	! curl -fsS -m 2 "http://127.0.0.1:$port/" >/dev/null 2>&1 || fail "the port still answers"
}

test_a_taken_port_is_an_error() {
	local port holder
	port=$(free_port)
	pull busybox
	python3 -c "import socket, time; s = socket.socket(); s.bind(('127.0.0.1', $port)); s.listen(); print('bound', flush=True); time.sleep(60)" >"$T/w/bound" &
	holder=$!
	wait_for 5 grep -q bound "$T/w/bound"
	expect 125 ctr run -d --name c -p "127.0.0.1:$port:80" busybox sleep 100
	contains "$ERR" "$port"
	kill $holder
	wait $holder 2>/dev/null || true
	is "$(ctr ps -q)" ""
	expect 0 ctr rm -f c
}

test_unknown_networks_are_refused() {
	pull alpine
	expect 125 ctr run --rm --network=no-such-network alpine true
	contains "$ERR" no-such-network
	expect 125 ctr run --rm -p 99999:80 alpine true
	expect 125 ctr run --rm -p 80:0x50 alpine true
	is "$(ctr ps -aq)" ""
}
