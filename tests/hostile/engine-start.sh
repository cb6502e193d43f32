# What an image may not do to the engine that starts it: HOSTILE.md, "Starting a container", seen from
# the command line.  Every image here is alpine with a configuration and a layer of the attacker's.

evil() { # NAME CONFIG-JSON [TREE]
	"$TESTS/hostile/evil-image" "$GRAPHROOT/images" docker.io/library/alpine:latest \
		"localhost/$1:latest" "${@:2}"
}
in_evil() { ctr run --rm --network=none "$@"; }

test_image_environment_never_reads_the_hosts() {
	pull alpine
	export SECRET_OF_THE_HOST=sesame HOSTVAR=1
	evil env '{"Env": ["PATH=/bin:/usr/bin", "SECRET_OF_THE_HOST", "HOST*", "*", "=x", "", "GOOD=1"]}'
	expect 0 in_evil env env
	lacks "$OUT" sesame
	lacks "$OUT" HOSTVAR
	contains "$OUT" GOOD=1
	# the twin: the user may copy it
	expect 0 in_evil -e SECRET_OF_THE_HOST env env
	contains "$OUT" SECRET_OF_THE_HOST=sesame
}

test_labels_and_annotations_grant_nothing() {
	pull alpine
	evil grants '{"Labels": {"io.podman.annotations.privileged": "TRUE", "io.kubernetes.cri-o.Devices": "/dev/fuse",
		"run.oci.keep_original_groups": "1", "io.ctr-lite.cap-add": "ALL", "cap_add": "ALL"},
		"Privileged": true, "CapAdd": ["ALL"], "Devices": ["/dev/fuse"], "Binds": ["/:/host"], "Hooks": {}}'
	expect 0 in_evil grants sh -c 'grep CapBnd /proc/self/status; ls /dev; ls -d /host 2>&1; grep Seccomp: /proc/self/status'
	evil_out=$OUT
	expect 0 in_evil alpine sh -c 'grep CapBnd /proc/self/status; ls /dev; ls -d /host 2>&1; grep Seccomp: /proc/self/status'
	is "$evil_out" "$OUT" "what the image got"
}

test_working_directory_and_volumes_that_are_links() {
	local d
	canary_new
	pull alpine
	mkdir -p tree/inside
	for d in work vol etc-link; do ln -s "$T/canary" "tree/$d"; done
	ln -s ../../../../../../../../../.."$T/canary" tree/up
	mkfifo tree/fifo
	evil links '{"WorkingDir": "/work"}' tree
	# The link means a path inside, which is made there and not outside.
	run timeout 20 ctr-lite run --rm --network=none links pwd
	[ "$STATUS" != 124 ] || fail "it hangs"
	canary_check
	for d in /work /vol /up /fifo /work/sub /../../.. /proc /proc/self/fd /sys/fs /dev/null "$T/canary"; do
		evil vol "{\"Volumes\": {\"$d\": {}}}" tree
		run timeout 20 ctr-lite run --rm --network=none vol true
		[ "$STATUS" != 124 ] || fail "a volume on $d hangs"
		canary_check
	done
	for d in /work /up/x /fifo /inside/../work; do
		mkdir -p src
		run timeout 20 ctr-lite run --rm --network=none -v "$PWD/src:$d" links true
		[ "$STATUS" != 124 ] || fail "a mount on $d hangs"
		canary_check
	done
	# the twin
	evil good '{"WorkingDir": "/inside/new", "Volumes": {"/inside/data": {}}}' tree
	expect 0 in_evil good sh -c 'pwd; echo x >/inside/data/f && cat /inside/data/f'
	is "$OUT" $'/inside/new\nx'
}

test_files_of_etc_that_are_links_fifos_and_directories() {
	local f kind
	canary_new
	pull alpine
	for kind in link fifo dir; do
		rm -rf tree
		mkdir -p tree/etc
		for f in passwd group hosts resolv.conf hostname; do
			case $kind in
			link) ln -s "$T/canary/../canary/file" "tree/etc/$f" ;;
			fifo) mkfifo "tree/etc/$f" ;;
			dir) mkdir "tree/etc/$f" ;;
			esac
		done
		evil "etc-$kind" '{"User": "0"}' tree
		run timeout 20 ctr-lite run --rm --network=none "etc-$kind" true
		[ "$STATUS" != 124 ] || fail "$kind: it hangs"
		run timeout 20 ctr-lite run --rm --network=none -u somebody "etc-$kind" true
		case $STATUS in 125 | 126) ;; *) fail "a user of a passwd that is a $kind ends in $STATUS" ;; esac
		canary_check
	done
	rm -rf tree
	ln -s "$T/canary" tree.etc
	mkdir tree && mv tree.etc tree/etc
	evil etc-away '{}' tree
	run timeout 20 ctr-lite run --rm --network=none etc-away true
	[ "$STATUS" != 124 ] || fail "it hangs"
	canary_check
}

test_users_that_are_no_ids() {
	local u
	pull alpine
	mkdir -p tree/etc
	cat >tree/etc/passwd <<-'END'
		root:x:0:0:root:/root:/bin/sh
		over:x:4294967296:0::/:/bin/sh
		minus:x:-1:0::/:/bin/sh
		twice:x:1000:1000::/:/bin/sh
		twice:x:0:0::/:/bin/sh
		123:x:0:0::/:/bin/sh
	END
	evil users '{}' tree
	for u in -1 0x0 2147483648 4294967296 4294967295 18446744073709551616 1000:-1 1000:4294967296 \
		over minus ' 0' '0 ' '+0' '1e3' $'0\n'; do
		run ctr run --rm --network=none -u "$u" users id -u
		[ "$STATUS" != 0 ] || fail "user $(printf %q "$u") became $OUT"
	done
	# doubled names are the first line's; digits are never a name
	expect 0 in_evil -u twice users id -u
	is "$OUT" 1000
	expect 0 in_evil -u 123 users id -u
	is "$OUT" 123
	expect 0 in_evil -u 1000: users id -u
	is "$OUT" 1000
	# the image's own User is held to the same
	evil user-over '{"User": "4294967296"}' tree
	run ctr run --rm --network=none user-over id -u
	is "$STATUS" 125 "an image's user that is too large"
	# and exec's
	expect 0 ctr run -d --name c --network=none users sleep 60
	for u in -1 0x0 4294967296 over minus; do
		run ctr exec -u "$u" c id -u
		[ "$STATUS" != 0 ] || fail "exec's user $u became $OUT"
	done
	expect 0 ctr exec -u twice c id -u
	is "$OUT" 1000
	expect 0 ctr exec c grep -E 'Cap(Inh|Amb)' /proc/self/status
	is "$OUT" $'CapInh:\t0000000000000000\nCapAmb:\t0000000000000000'
	expect 0 ctr rm -f -t 0 c
}

test_values_with_control_bytes() {
	pull alpine
	expect 125 ctr run --rm --name $'a\nb' alpine true
	expect 125 ctr run --rm --name ../../x alpine true
	expect 125 ctr run --rm --name "$(printf 'x%.0s' $(seq 300))" alpine true
	expect 125 ctr run --rm --hostname $'a\033[2Jb' alpine true
	expect 125 ctr run --rm --hostname "$(printf 'x%.0s' $(seq 300))" alpine true
	expect 125 ctr run --rm --network=none --sysctl net.ipv4/../../kernel.hostname=x alpine true
	expect 125 ctr run --rm --sysctl kernel.panic=1 alpine true
	expect 125 ctr run --rm --sysctl $'net.ipv4.ip_forward\n=1' alpine true
	expect 125 ctr run --rm --add-host $'x\n1.2.3.4 y:1.2.3.4' alpine true
	expect 125 ctr run --rm --dns-search $'a\nnameserver 6.6.6.6' alpine true
	# a label may hold anything, and is cleaned where it goes to a terminal
	expect 0 ctr create --name c --network=none -l $'k=\033[31mred\nb' alpine true
	expect 0 script -qec "ctr-lite ps -a --format '{{.Labels}}'" /dev/null
	contains "$OUT" red
	case $OUT in *$'\033'*) fail "an escape reached the output" ;; esac
	expect 0 ctr rm c
}

test_image_stop_signal_and_command_of_odd_shape() {
	pull alpine
	evil stop '{"StopSignal": "SIGNOTHING", "Cmd": ["sleep", "60"]}'
	expect 0 ctr run -d --name c --network=none stop
	expect 0 ctr stop -t 1 c
	expect 0 ctr rm c
	evil empty '{"Entrypoint": null, "Cmd": []}'
	run ctr run --rm --network=none empty
	[ "$STATUS" != 0 ] || fail "an image without a command ran"
	for bad in '{"Cmd": "sh"}' '{"Env": "A=1"}' '{"Env": [1]}' '{"Volumes": []}' '{"Labels": [1]}' '{"User": 0}' '{"WorkingDir": {}}'; do
		evil bad "$bad"
		expect 125 ctr run --rm --network=none bad true
	done
}

#: timeout=240
test_mount_target_that_another_container_swaps() {
	local i
	canary_new
	pull alpine
	mkdir shared shared/t src
	# One container turns the target into a link to the canary's path and back, as fast as it can.
	expect 0 ctr run -d --name swapper --network=none -v "$PWD/shared:/s" alpine sh -c \
		"while :; do rm -rf /s/t; mkdir /s/t; rm -rf /s/t; ln -s $T/canary /s/t; done"
	for i in $(seq 100); do
		run timeout 30 ctr-lite run --rm --network=none -v "$PWD/shared:/s" -v "$PWD/src:/s/t/x" alpine true
		[ "$STATUS" != 124 ] || fail "start $i hangs"
	done
	expect 0 ctr rm -f -t 0 swapper
	canary_check
	rm -rf shared src
}

# The line that the container's user gets is written into a file of the image.
test_accounts_are_not_written_through_links_and_fifos() {
	local kind
	canary_new
	pull alpine
	for kind in link fifo dir absent nonl; do
		rm -rf tree
		mkdir -p tree/etc
		case $kind in
		link) ln -s "../../../../../../../../../..$T/canary/file" tree/etc/passwd ;;
		fifo) mkfifo tree/etc/passwd ;;
		dir) mkdir tree/etc/passwd ;;
		nonl) printf 'root:x:0:0:root:/root:/bin/sh' >tree/etc/passwd ;;
		esac
		evil "acc-$kind" '{"User": "4242", "WorkingDir": "/x\nroot2::0:0::/:/bin/sh"}' tree
		run timeout 20 ctr-lite run --rm --network=none "acc-$kind" sh -c '[ -p /etc/passwd ] || cat /etc/passwd'
		[ "$STATUS" != 124 ] || fail "$kind: it hangs"
		lacks "$(grep '^root2' <<<"$OUT" || true)" root2 "$kind"
		canary_check
	done
	is "$(head -n 2 <<<"$OUT")" $'root:x:0:0:root:/root:/bin/sh\n4242:*:4242:0:container user:/:/bin/sh'
}
