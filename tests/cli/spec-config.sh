# The runtime-spec as judge: each property of config.json with each allowed and forbidden value, and
# what the runtime prints against the spec's schema.
. "$TESTS/cli/runtime-lib.sh"

SCHEMA=$RUNTIME_SPEC/schema
need_schema() { [ -n "$RUNTIME_SPEC" ] || skip "the text of the runtime-spec could not be fetched"; }

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

valid() { # SCHEMA-FILE JSON-FILE
	python3 "$TESTS/cli/spec-config.py" validate "$SCHEMA" "$1" "$2" || fail "$2 against $1"
}

test_spec_what_we_print_is_valid() {
	local status
	need_schema
	mkdir s r
	rt spec -b s
	rt spec --rootless -b r
	valid config-schema.json s/config.json
	valid config-schema.json r/config.json
	new_bundle b '.process.args = ["/bin/sleep", "1000"] | .annotations = {"k": "v"}'
	change b '.hooks = {"createRuntime": [{"path": "/bin/sh", "args": ["sh", "-c", "cat >" + $o]}]}' --arg o "$T/w/hook.json"
	rt create -b b c
	valid state-schema.json hook.json
	for status in created running stopped; do
		rt state c >state.json
		is "$(jq -r .status state.json)" $status
		valid state-schema.json state.json
		case $status in
		created) rt start c ;;
		running) rt kill c KILL; wait_for 5 sh -c "'$RT' --root '$T/w/state' state c | grep -q stopped" ;;
		esac
	done
	rt delete c
	# The judge finds faults.
	jq '.status = 5 | del(.bundle)' state.json >bad.json
	! python3 "$TESTS/cli/spec-config.py" validate "$SCHEMA" state-schema.json bad.json || fail "a bad state is valid"
	jq '.linux.namespaces[0].type = "moont" | .process.rlimits = [{"type": "X"}]' s/config.json >bad.json
	! python3 "$TESTS/cli/spec-config.py" validate "$SCHEMA" config-schema.json bad.json || fail "a bad config is valid"
}

# And the config that the engine makes of a run.
test_spec_the_engines_config_is_valid() {
	need_schema
	pull alpine
	ctr run -d --name c --network=none -e A=b --ulimit nofile=99 --tmpfs /t --cap-add SYS_PTRACE alpine sleep 1000
	valid config-schema.json "$(find "$GRAPHROOT" "$RUNROOT" -name config.json | head -n 1)"
	ctr rm -f -t 0 c
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

# The examples in the text of the runtime-spec, and those of its schema's tests.
examples() {
	need_schema
	new_bundle b
	python3 "$TESTS/cli/spec-examples.py" "$RUNTIME_SPEC" "$RT" "$T/w/b" "$T/w/state" || fail "see above"
}
test_spec_examples() { examples; }
root_test_spec_examples() { examples; }
# features.md and features-linux.md have a schema since 1.1.
test_spec_features_are_valid() {
	need_schema
	rt features >f.json
	python3 "$TESTS/cli/spec-config.py" validate "$SCHEMA" features-schema.json f.json || fail "see above"
	jq 'del(.ociVersionMax)' f.json >bad.json
	! python3 "$TESTS/cli/spec-config.py" validate "$SCHEMA" features-schema.json bad.json || fail "bad features are valid"
}
