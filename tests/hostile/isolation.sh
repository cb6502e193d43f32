# What a container can do to the engine and to others beside it once it runs.

# A process that is about to join a hostile container's pid namespace must not be its prey: nothing of
# what it has open, nor its root, may be used by those who see it there.
test_who_joins_is_no_prey() {
	local i
	pull alpine
	echo "not for containers" >secret
	expect 0 ctr run -d --name spider --network=none alpine sh -c 'cd /proc; while :; do
		for f in [0-9]*/root/'"$PWD"'/secret [0-9]*/cwd/'"$PWD"'/secret; do [ -e $f ] && cat $f; done
		for f in [0-9]*/fd/[3-9]* [0-9]*/fd/1[0-9]; do case $f in 1/*) ;; *)
			for up in .. ../.. ../../.. ../../../.. ../../../../.. ../../../../../..; do
				[ -e $f/$up/w/secret ] && cat $f/$up/w/secret; done; esac; done
		done 2>/dev/null'
	for i in $(seq 60); do
		ctr run --rm --pid=container:spider --network=none alpine true
		ctr exec spider true
		ctr exec --user 1000 spider true
	done
	is "$(ctr logs spider)" ""
}

# What the caller has open, ours included, stays with the caller.
test_no_descriptor_of_the_caller_or_of_ours() {
	local how probe='ls -l /proc/self/fd 2>/dev/null | sed -n "s/.* \([0-9]*\) -> .*/\1/p" | sort -n | tr "\n" " "'
	pull alpine
	echo secret >secret
	exec 7<secret 8<. 200<secret
	for how in "" "-i" "--network=none" "--init" "--privileged" "--userns=keep-id" "--userns=nomap" "--network=host" "--pid=host" \
		"--ipc=host" "--read-only" "--user 1000"; do
		is "$(ctr run --rm $how alpine sh -c "$probe")" "0 1 2 " "descriptors with '$how'"
	done
	ctr run -d --name c --network=none alpine sleep 1000 >/dev/null
	is "$(ctr exec c sh -c "$probe")" "0 1 2 " "descriptors of exec"
	is "$(ctr exec --user 1000 c sh -c "$probe")" "0 1 2 " "descriptors of exec as another"
	is "$(ctr run --rm --pid=container:c --ipc=container:c --network=container:c alpine sh -c "$probe")" "0 1 2 "
	# The long-lived ones hold none of the caller's either.
	for how in $(pgrep -u "$(id -u)" -f 'ctr-lite-monito[r]'); do
		lacks "$(ls -l "/proc/$how/fd" 2>/dev/null || :)" "$PWD/secret"
	done
}

# Others on the host: nothing in the store or the run directory is theirs to read, and what is secret is in
# no command line.
root_test_neighbours_see_nothing() {
	local user=$CTR_TEST_USER f
	mkdir -m 755 "$T/w/u"
	mkdir -m 700 "$T/w/u/run"
	chown -R "$user": "$T/w/u"
	chmod 755 "$T" "$T/w"
	as() { setpriv --reuid "$user" --regid "$user" --init-groups env HOME="$T/w/u" XDG_RUNTIME_DIR="$T/w/u/run" \
		ctr-lite --root "$T/w/u/store" --runroot "$T/w/u/run" "$@"; }
	# However open the umask is.
	(umask 0; as pull -q alpine) >/dev/null
	(umask 0; as run -d --name c -e PASSWORD=opensesame --label key=opensesame --network=none alpine \
		sh -c 'echo opensesame; exec sleep 1000') >/dev/null
	(umask 0; as exec -e PASSWORD=opensesame c true)
	for f in "$T/w/u/store" "$T/w/u/run/containers" "$T/w/u/store/containers"; do
		run setpriv --reuid nobody --regid nogroup --clear-groups find "$f" -mindepth 1 -readable
		is "$OUT" "" "readable for everybody below $f"
		run setpriv --reuid nobody --regid nogroup --clear-groups find "$f" -mindepth 1 -writable
		is "$OUT" "" "writable for everybody below $f"
	done
	# Should a directory above ever be opened: the files themselves.
	is "$(find "$T/w/u/run" -type s -perm /077)" "" "sockets for others"
	is "$(find "$T/w/u/store/containers" "$T/w/u/run/containers" -maxdepth 2 -type f \
		\( -name 'container.json' -o -name 'config.json' -o -name 'ctr.log' -o -name 'state.json' -o -name 'exit*' \) \
		-perm /077)" "" "records for others"
	f=$(grep -l opensesame /proc/[0-9]*/cmdline 2>/dev/null | while read -r f; do
		tr '\0' ' ' <"$f"; done | grep ctr-lite || :)
	is "$f" "" "secrets in command lines"
	# No socket without a file, which everybody could connect to.
	lacks "$(cat /proc/net/unix)" "@ctr-lite"
	as rm -f -t 0 c >/dev/null
	rm -rf "$T/w/u"
}

# A name is looked up, then joined: it must not be another container meanwhile.
test_exec_reaches_the_container_that_was_named() {
	local i out
	pull alpine
	(for i in $(seq 25); do
		ctr run -d --name c --hostname "h$i" --network=none -e NUMBER="$i" alpine sleep 1000 >/dev/null
		ctr rm -f -t 0 c >/dev/null
	done) &
	while kill -0 $! 2>/dev/null; do
		# The environment is from the record, the host name from the namespace: of one container, or none.
		out=$(ctr exec c sh -c 'echo h$NUMBER=$(cat /proc/sys/kernel/hostname)' 2>/dev/null) || continue
		is "${out%=*}" "${out#*=}" "who was reached"
	done
	wait
}

# Its init executes something else, or is gone, while it is joined.
test_a_container_that_changes_its_init() {
	local i
	pull alpine
	canary_new
	expect 0 ctr run -d --name c --network=none alpine sh -c \
		'n=0; while [ $n -lt 400 ]; do n=$((n + 1)); exec env n=$n sh -c "$0" "$0"; done' \
		'n=$((n + 1)); [ $n -lt 20000 ] || exit 0; export n; exec sh -c "$0" "$0"'
	for i in $(seq 40); do
		run ctr exec c sh -c 'echo $$; readlink /proc/self/exe'
		[ "$STATUS" = 0 ] && contains "$OUT" /bin/busybox
	done || :
	canary_check
}

# Ids are exact, or an error; never 0 by overflow.
test_users_of_exec() {
	local user
	pull alpine
	expect 0 ctr run -d --name c --network=none alpine sleep 1000
	for user in -1 0x0 2147483648 4294967295 4294967296 18446744073709551616 "1 " " 0" "+0" "0:-1" "0:4294967296" \
		"nobody:0x0" ":0" "root:" "no such" $'0\n'; do
		run ctr exec --user "$user" c id -u
		[ "$STATUS" != 0 ] || case $user in root:) is "$OUT" 0 ;; *) fail "exec as \"$user\" is $OUT" ;; esac
	done
	for user in 1000 65535 1000:1000; do
		is "$(ctr exec --user "$user" c id -u)" "${user%:*}"
	done
}

# Nothing can be raised again that was given up, by start, exec, or a set-id program.
test_capabilities_are_gone_for_good() {
	local how
	pull alpine
	for how in "" "--user 1000" "--cap-drop=ALL" "--userns=keep-id" "--init"; do
		expect 0 ctr run -d --name c --network=none $how alpine sleep 1000
		matches "$(ctr exec c sed -n 's/^Cap\(Inh\|Amb\):\s*//p' /proc/1/status | tr '\n' ' ')" '^0+ 0+ $'
		matches "$(ctr exec c sed -n 's/^Cap\(Inh\|Amb\):\s*//p' /proc/self/status | tr '\n' ' ')" '^0+ 0+ $'
		is "$(ctr exec c sed -n 's/^CapBnd:\s*//p' /proc/self/status)" "$(ctr exec c sed -n 's/^CapBnd:\s*//p' /proc/1/status)"
		is "$(ctr exec c sed -n 's/^Seccomp:\s*//p' /proc/self/status)" 2
		ctr rm -f -t 0 c >/dev/null
	done
}

# Where the engine looks for accounts the image may have anything; what it adds is one line.
test_accounts_cannot_be_forged() {
	pull alpine
	for entry in $'evil:x:0:0::/:/bin/sh\nroot2::0:0::/:/bin/sh' 'a:b' ''; do
		run ctr run --rm --network=none --user 1234 --passwd-entry "$entry" alpine cat /etc/passwd
		[ "$STATUS" = 0 ] || continue
		lacks "$OUT" root2
	done
	expect 0 ctr run --rm --network=none --user 1234 -w "/tmp" alpine grep -c : /etc/passwd
	is "$OUT" 6
}

# A shared /dev/shm is a copy of the other's mount, whatever that has made of it.
test_shm_of_a_container_that_moves_it() {
	pull alpine
	canary_new
	expect 0 ctr run -d --name c --network=none --privileged alpine sh -c \
		'umount /dev/shm; rmdir /dev/shm; ln -s /proc/1/root/etc /dev/shm; exec sleep 1000'
	wait_for 10 ctr exec c sh -c '[ -L /dev/shm ]'
	run ctr run --rm --network=none --ipc=container:c alpine ls /dev/shm
	[ "$STATUS" != 0 ] || fail "a link was followed: $OUT"
	ctr exec c sh -c 'rm /dev/shm; mkdir /dev/shm; mount --bind /etc /dev/shm'
	run ctr run --rm --network=none --ipc=container:c alpine ls /dev/shm
	[ "$STATUS" != 0 ] || fail "what is no tmpfs was taken: $OUT"
	canary_check
}
