# Beside podman: what people type, and what comes of it.  Scenarios, the differences and their reasons
# are in tests/conformance.
#: timeout=590 noasan serial

root_test_the_same_lines_as_podman() {
	local peer=()
	chmod 755 "$T" "$T/w"
	mkdir "$T/w/c"
	if PEER=$("$TESTS/conformance/peer"); then
		peer=(--peer "$PEER")
	elif ! command -v podman >/dev/null; then
		skip "trixie's podman cannot be had, and podman is not installed"
	fi
	"$TESTS/conformance/conform" --user "$CTR_TEST_USER" --work "$T/w/c" ${peer[@]+"${peer[@]}"} ||
		fail "differences that tests/conformance/differences.tsv does not explain"
	rm -rf --one-file-system "$T/w/c"
}
