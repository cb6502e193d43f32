# The runtime-spec as judge: each property of config.json with each allowed and forbidden value, and
# what the runtime prints against the spec's schema.
. "$TESTS/cli/runtime-lib.sh"

SCHEMA=/usr/share/gocode/src/github.com/opencontainers/runtime-spec/schema
need_schema() { [ -f "$SCHEMA/config-linux.json" ] || skip "no schema of the runtime-spec is installed"; }

# The bundle that all cases start from: what they look with, and nothing in /m.
spec_bundle() {
	local c
	need_schema
	new_bundle b
	echo secret >b/rootfs/secret
	for c in cut head tr uname wc stty ionice rmdir rm; do
		ln -sf busybox "b/rootfs/bin/$c"
	done
}
spec_run() { python3 "$TESTS/cli/spec-config.py" run "$SCHEMA" "$RT" "$T/w/b" "$T/w/state" "$1" || fail "see above"; }

test_spec_every_property_of_the_schema_has_cases() {
	need_schema
	python3 "$TESTS/cli/spec-config.py" coverage "$SCHEMA" || fail "see above"
}

#: timeout=180
test_spec_allowed_values() { spec_bundle; spec_run allowed; }
#: timeout=180
test_spec_forbidden_values() { spec_bundle; spec_run forbidden; }
#: timeout=180
test_spec_wrong_types() { spec_bundle; spec_run types; }
#: timeout=180
root_test_spec_allowed_values() { spec_bundle; spec_run allowed; }
#: timeout=180
root_test_spec_forbidden_values() { spec_bundle; spec_run forbidden; }
