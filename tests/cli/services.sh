# Real programs from Debian packages: nginx, redis, python.
#: timeout=120

test_nginx_answers_on_a_published_port() {
	local port
	port=$(free_port)
	pull nginx
	expect 0 ctr run -d --name web -p "127.0.0.1:$port:80" nginx
	wait_for 15 curl -fsS -m 2 "http://127.0.0.1:$port/"
	is "$(curl -fsS -m 2 "http://127.0.0.1:$port/")" "served by nginx"
	wait_for 5 sh -c 'ctr-lite logs web | grep -q "GET / HTTP/1.1"'
	# STOPSIGNAL is SIGQUIT: nginx ends by itself, with 0.
	expect 0 ctr stop web
	expect 0 ctr wait web
	is "$OUT" 0
	expect 0 ctr rm -v web
}

test_redis_is_written_and_read() {
	local port
	port=$(free_port)
	pull redis
	expect 0 ctr run -d --name db -p "127.0.0.1:$port:6379" redis
	wait_for 15 sh -c 'ctr-lite exec db redis-cli ping | grep -q PONG'
	expect 0 ctr exec db redis-cli set key "value 42"
	is "$OUT" OK
	expect 0 ctr exec db redis-cli get key
	is "$OUT" "value 42"
	# And from the host, over the published port.
	exec 5<>"/dev/tcp/127.0.0.1/$port"
	printf 'GET key\r\nQUIT\r\n' >&5
	contains "$(timeout 5 cat <&5)" "value 42"
	exec 5<&- 5>&-
	# It runs as the image's own user, and its volume belongs to that.
	expect 0 ctr exec db sh -c 'stat -c "%U %F" /data; grep Uid /proc/1/status'
	contains "$OUT" "redis directory"
	lacks "$OUT" $'Uid:\t0'
	expect 0 ctr stop db
	expect 0 ctr rm -v db
}

test_redis_data_survives_in_a_directory() {
	mkdir -m 777 "$T/w/data"
	pull redis
	expect 0 ctr run -d --name one --network=none -v "$T/w/data:/data" redis
	wait_for 15 sh -c 'ctr-lite exec one redis-cli ping | grep -q PONG'
	expect 0 ctr exec one redis-cli set key kept
	expect 0 ctr exec one redis-cli save
	expect 0 ctr rm -f one
	expect 0 ctr run -d --name two --network=none -v "$T/w/data:/data" redis
	wait_for 15 sh -c 'ctr-lite exec two redis-cli ping | grep -q PONG'
	expect 0 ctr exec two redis-cli get key
	is "$OUT" kept
	expect 0 ctr rm -f two
}

test_python_runs_a_script_from_a_bind_mount() {
	mkdir "$T/w/src"
	printf '%s\n' 'import os, sys, platform' 'open("/src/result", "w").write("from python")' \
		'print(sys.argv[1], os.getuid(), os.path.exists("/etc/debian_version"))' 'sys.exit(5)' >"$T/w/src/script.py"
	expect 5 ctr run --rm --network=none -v "$T/w/src:/src" python python3 /src/script.py argument
	is "$OUT" "argument 0 True"
	is "$(cat "$T/w/src/result")" "from python"
	is "$(stat -c %u "$T/w/src/result")" "$(id -u)" "owner of what root inside wrote"
	# Read-only means it.
	expect 1 ctr run --rm --network=none -v "$T/w/src:/src:ro" python python3 /src/script.py x
	contains "$ERR" "Read-only file system"
}

test_python_reads_a_program_from_stdin() {
	is "$(echo 'print(sum(range(101)))' | ctr run -i --rm --network=none python)" 5050
}

test_debian_package_manager_works_inside() {
	pull debian
	expect 0 ctr run --rm --network=none debian sh -c 'dpkg --list | wc -l; su nobody -s /bin/sh -c "id -un"; chown daemon:daemon /srv && stat -c %U /srv'
	contains "$OUT" nobody
	contains "$OUT" daemon
}
