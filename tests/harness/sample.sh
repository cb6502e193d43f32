# Tests with known outcomes, one for each thing that the runner must notice; see selftest.
#: timeout=3
test_passes() {
	run sh -c 'echo hi; exit 3'
	is "$STATUS" 3
	is "$OUT" hi
	canary_new
	canary_check
}
test_skips() { skip "no moon"; }
test_fails_a_check() { is 1 2 "number"; }
test_fails_a_command() {
	false
	echo not reached
}
test_leaves_a_process() { (setsid sleep 1000 >/dev/null 2>&1 &); }
#: timeout=1
test_hangs() { sleep 1000; }
test_leaves_a_temporary_file() { echo >"$TMPDIR/x"; }
test_leaves_a_socket() {
	mkdir -p "$RUNROOT"
	cd "$RUNROOT"
	python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("s")'
}
test_leaves_an_orphaned_layer() { mkdir -p "$GRAPHROOT/layers/$(printf %064d 1)/diff"; }
test_leaves_a_blob() {
	mkdir -p "$GRAPHROOT/images/blobs/sha256"
	echo >"$GRAPHROOT/images/blobs/sha256/$(printf %064d 1)"
}
test_leaves_a_stage() { mkdir -p "$GRAPHROOT/tmp/stage-1"; }
test_leaves_a_name() {
	mkdir -p "$GRAPHROOT/names"
	ln -s "$(printf %064d 1)" "$GRAPHROOT/names/x"
}
test_has_a_sanitizer_report() { echo "ERROR: AddressSanitizer" >"$T/sanitizer.1"; }
test_drives_a_terminal() {
	tty_start sh
	tty_type 'echo $((6*7))'
	tty_key Enter
	tty_wait '^42'
}
root_test_is_root() { is "$(id -u)" 0; }
root_test_leaves_a_mount() { mount -t tmpfs none "$T/w"; }
