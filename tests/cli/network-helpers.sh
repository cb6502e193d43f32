# The programs behind a container's network, published ports in all their forms, and the files that
# name things.

# The port that `ps` shows for a container's port.
published() { # CONTAINER PORT/PROTO
	ctr ps --filter "name=$1" --format '{{.Ports}}' | tr ',' '\n' | sed -n "s|.*:\([0-9]*\)->$2\$|\1|p"
}

serve='echo from inside >/index.html; httpd -f -v -p 8080 -h /'

test_nginx_answers_on_a_published_port() {
	local port
	port=$(free_port)
	pull nginx
	expect 0 ctr run -d --name web -p "$port:80" nginx
	wait_for 10 curl -fsS -m 2 "http://127.0.0.1:$port/"
	expect 0 curl -fsSI -m 2 "http://127.0.0.1:$port/"
	contains "$OUT" "200 OK"
	contains "$OUT" nginx
	expect 0 ctr ps --format '{{.Ports}}'
	is "$OUT" "0.0.0.0:$port->80/tcp"
}

test_a_free_port_is_picked() {
	local a b
	pull busybox
	expect 0 ctr run -d --name c -p 127.0.0.1::8080 -p 8081 busybox sh -c "$serve"
	a=$(published c 8080/tcp) b=$(published c 8081/tcp)
	matches "$a" '^[0-9]+$' "the port of 8080"
	matches "$b" '^[0-9]+$' "the port of 8081"
	[ "$a" != "$b" ] || fail "one port for two"
	wait_for 10 curl -fsS -m 2 "http://127.0.0.1:$a/index.html"
}

test_port_ranges() {
	local base=0 try
	for try in 1 2 3 4 5; do
		base=$(free_port)
		[ "$base" -lt 65530 ] && break
	done
	pull busybox
	expect 0 ctr run -d --name c -p "127.0.0.1:$base-$((base + 1)):8080-8081" busybox \
		sh -c 'echo one >/a; mkdir /d; echo two >/d/a; httpd -p 8080 -h /; httpd -p 8081 -h /d; sleep 100'
	wait_for 10 curl -fsS -m 2 "http://127.0.0.1:$((base + 1))/a"
	is "$(curl -fsS -m 2 "http://127.0.0.1:$base/a")" one
	is "$(curl -fsS -m 2 "http://127.0.0.1:$((base + 1))/a")" two
}

test_udp() {
	local port helper echo='import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", 9000))
while True:
    d, a = s.recvfrom(100)
    s.sendto(d.upper(), a)'
	pull python
	for helper in pasta slirp4netns:allow_host_loopback=true; do
		port=$(free_port)
		expect 0 ctr run -d --name c --network $helper -p "127.0.0.1:$port:$port/udp" \
			python python3 -c "${echo//9000/$port}"
		is "$ERR" ""
		answers() {
			[ "$(python3 -c "import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(1)
s.sendto(b'datagram', ('127.0.0.1', $port)); print(s.recv(100).decode())")" = DATAGRAM ]
		}
		wait_for 10 answers
		expect 0 ctr ps --format '{{.Ports}}'
		is "$OUT" "127.0.0.1:$port->$port/udp"
		expect 0 ctr rm -f -t 0 c
	done
	# where the helper cannot give an answer, the user hears of it
	expect 0 ctr run --rm --network slirp4netns -p "127.0.0.1:$port:9000/udp" python true
	contains "$ERR" "published port $port/udp"
}

test_ipv6_port() {
	local port
	python3 -c 'import socket; socket.socket(socket.AF_INET6).bind(("::1", 0))' 2>/dev/null || skip "no IPv6 here"
	port=$(free_port)
	pull busybox
	expect 0 ctr run -d --name c -p "[::1]:$port:8080" busybox sh -c "$serve"
	wait_for 10 curl -fsS -m 2 "http://[::1]:$port/index.html"
	! curl -fsS -m 2 "http://127.0.0.1:$port/index.html" >/dev/null 2>&1 || fail "IPv4 answers as well"
}

test_an_address_publishes_nowhere_else() {
	local port own
	own=$(ip -o -4 addr show scope global | awk '{ sub("/.*", "", $4); print $4; exit }')
	[ -n "$own" ] || skip "only loopback here"
	port=$(free_port)
	pull busybox
	expect 0 ctr run -d --name c -p "127.0.0.1:$port:8080" busybox sh -c "$serve"
	wait_for 10 curl -fsS -m 2 "http://127.0.0.1:$port/index.html"
	! curl -fsS -m 2 "http://$own:$port/index.html" >/dev/null 2>&1 || fail "$own answers as well"
}

test_ports_that_are_refused() {
	local start
	pull busybox
	expect 125 ctr run --rm -p 80:80/sctp busybox true
	contains "$ERR" sctp
	expect 125 ctr run --rm -p 8080:80 -p 8080:81 busybox true
	contains "$ERR" "conflicting port mappings"
	expect 125 ctr run --rm -p 8080-8090:80 busybox true
	contains "$ERR" "different lengths"
	expect 125 ctr run --rm -p 198.51.100.77:8080:80 busybox true
	contains "$ERR" "not an address of this host"
	start=$(cat /proc/sys/net/ipv4/ip_unprivileged_port_start)
	if [ "$start" -gt 1 ]; then
		expect 125 ctr run --rm -p 127.0.0.1:$((start - 1)):80 busybox true
		contains "$ERR" "net.ipv4.ip_unprivileged_port_start=$((start - 1))"
	fi
	is "$(ctr ps -aq)" ""
}

test_networks_that_do_not_exist_yet() {
	local n
	pull busybox
	for n in bridge mynet; do
		expect 125 ctr run --rm --network "$n" busybox true
		contains "$ERR" "not supported yet"
		contains "$ERR" "$n"
	done
	expect 125 ctr run --rm --network pasta:--pid,/tmp/x busybox true
	contains "$ERR" "--pid"
}

test_ports_without_a_network_are_dropped_with_a_warning() {
	pull busybox
	expect 0 ctr run --rm --network none -p 8080:80 busybox true
	contains "$ERR" "discarded"
	expect 0 ctr run --rm --network host -p 8080:80 busybox true
	contains "$ERR" "discarded"
}

test_names_and_servers() {
	pull busybox
	expect 0 ctr run --rm --dns 192.0.2.53 --dns-search a.example --dns-search b.example --dns-option ndots:3 \
		busybox cat /etc/resolv.conf
	is "$OUT" $'search a.example b.example\nnameserver 192.0.2.53\noptions ndots:3'
	expect 0 ctr run --rm --network none --name box --hostname me --add-host 'a;b:192.0.2.7' \
		busybox sh -c 'cat /etc/hosts /etc/hostname; test ! -s /etc/resolv.conf'
	is "$(head -n 1 <<<"$OUT")" $'192.0.2.7\ta b'
	contains "$OUT" $'127.0.0.1\tme box'
	is "$(tail -n 1 <<<"$OUT")" me
	expect 0 ctr run --rm --network none --no-hosts --hostname unheard-of busybox \
		sh -c 'grep -c unheard-of /etc/hosts || true; grep -c etc/hosts /proc/self/mountinfo || true'
	is "$OUT" $'0\n0'
	expect 125 ctr run --rm --network none --dns 192.0.2.53 busybox true
	contains "$ERR" "conflicting options: dns and the network mode: none"
	expect 125 ctr run --rm --add-host nonsense busybox true
	expect 125 ctr run --rm --dns $'192.0.2.53\nsearch evil' busybox true
	expect 125 ctr run --rm --hostname $'a\nb' busybox true
}

test_names_resolve_inside() {
	pull busybox
	expect 0 ctr run --rm --add-host some.example:192.0.2.9 --hostname me busybox \
		sh -c 'ping -c 1 -w 1 some.example | head -n 1; ping -c 1 -w 2 me | head -n 1'
	contains "$OUT" "some.example (192.0.2.9)"
	contains "$OUT" "PING me ("
}

test_slirp4netns_on_request() {
	local port
	port=$(free_port)
	pull busybox
	expect 0 ctr run -d --name c --network slirp4netns:cidr=10.9.8.0/24 -p "127.0.0.1:$port:8080" busybox sh -c "$serve"
	wait_for 10 curl -fsS -m 2 "http://127.0.0.1:$port/index.html"
	expect 0 ctr exec c cat /etc/resolv.conf /etc/hosts
	contains "$OUT" "nameserver 10.9.8.3"
	contains "$OUT" "10.9.8.100"
	expect 0 ctr exec c ip -o -4 addr show
	contains "$OUT" "10.9.8.100/24"
	expect 0 ctr rm -f -t 0 c
	! curl -fsS -m 2 "http://127.0.0.1:$port/" >/dev/null 2>&1 || fail "the port still answers"
	expect 125 ctr run --rm --network slirp4netns -p "[::1]:$port:80" busybox true
	contains "$ERR" IPv6
	expect 125 ctr run --rm --network slirp4netns:bogus=1 busybox true
	contains "$ERR" bogus
}

test_a_helper_that_fails_says_why() {
	pull busybox
	expect 125 ctr run --rm --network pasta:--no-such-option busybox true
	contains "$ERR" pasta
	is "$(ctr ps -aq)" ""
}

test_the_helper_ends_with_the_container() {
	local pid state
	pull busybox
	expect 0 ctr run -d --name c busybox sleep 100
	state=$(echo "$RUNROOT"/containers/*/state.json)
	pid=$(sed -n 's/.*"net_pid":\([0-9]*\).*/\1/p' "$state")
	[ -d "/proc/$pid" ] || fail "no helper with pid $pid"
	expect 0 ctr rm -f -t 0 c
	[ ! -d "/proc/$pid" ] || [ "$(sed -n 's/^State:.//p' "/proc/$pid/status" | cut -c 1)" = Z ] || fail "the helper $pid is still there"
}

# Run a part of a test as root in a mount namespace where programs are hidden.
without() { # "PROGRAM..." COMMAND...
	local programs=$1
	shift
	# shellcheck disable=SC2016
	unshare -m --propagation private bash -c '
		for p in $1; do
			f=$(command -v "$p") || continue
			mount --bind /dev/null "$(readlink -f "$f")"
		done
		shift
		exec "$@"' sh "$programs" ctr-lite "${CTR_GLOBAL[@]}" "$@"
}

root_test_slirp4netns_where_pasta_is_missing() {
	pull busybox
	expect 0 without pasta run --rm busybox ip -o -4 addr show
	contains "$OUT" 10.0.2.100
	expect 125 without pasta run --rm --network pasta busybox true
	contains "$ERR" "package passt"
}

root_test_neither_helper() {
	pull busybox
	expect 125 without "pasta slirp4netns" run --rm busybox true
	contains "$ERR" passt
	contains "$ERR" slirp4netns
	expect 125 without "pasta slirp4netns" run --rm --network slirp4netns busybox true
	contains "$ERR" "package slirp4netns"
	expect 0 without "pasta slirp4netns" run --rm --network none busybox echo fine
	is "$OUT" fine
	expect 0 without "pasta slirp4netns" run --rm --network host busybox echo fine
}

# HOSTILE "Neighbours on the host": a remote peer never appears as 127.0.0.1.  A network namespace
# plays the host, a second one the remote peer.
root_test_remote_peers_keep_their_address() {
	local host peer helper
	pull busybox
	unshare -n sleep 60 &
	host=$!
	unshare -n sleep 60 &
	peer=$!
	elsewhere() { [ "$(readlink "/proc/$1/ns/net")" != "$(readlink /proc/self/ns/net)" ]; }
	wait_for 5 elsewhere $host
	wait_for 5 elsewhere $peer
	nsenter -t $host -n sh -ec "ip link set lo up; ip link add vh type veth peer name vp netns $peer
		ip addr add 198.51.100.1/24 dev vh; ip link set vh up; ip route add default via 198.51.100.2"
	nsenter -t $peer -n sh -ec 'ip link set lo up; ip addr add 198.51.100.2/24 dev vp; ip link set vp up'
	for helper in pasta slirp4netns; do
		expect 0 nsenter -t $host -n ctr-lite "${CTR_GLOBAL[@]}" run -d --name c --network $helper \
			-p 18080:8080 busybox sh -c "$serve"
		wait_for 10 nsenter -t $peer -n curl -fsS -m 2 http://198.51.100.1:18080/index.html
		expect 0 ctr logs c
		contains "$OUT$ERR" 198.51.100.2 "what the server logged with $helper"
		lacks "$OUT$ERR" 127.0.0.1 "what the server logged with $helper"
		expect 0 ctr rm -f -t 0 c
	done
	kill $host $peer
	wait $host $peer 2>/dev/null || true
}
