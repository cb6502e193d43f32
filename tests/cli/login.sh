# login, logout, search and list-tags against a registry that knows who asks (images/auth-registry).

# [VARIABLE=1...]: $AUTH is the registry, $LOG what was asked of it
auth_registry() {
	env "$@" python3 "$TESTS/images/auth-registry" "$T/auth" >"$T/auth.out" 2>&1 &
	wait_for 20 test -e "$T/auth"
	AUTH=$(sed -n 's/^AUTH_REGISTRY=//p' "$T/auth")
	AUTH_PID=$(sed -n 's/^AUTH_REGISTRY_PID=//p' "$T/auth")
	LOG=$T/auth.requests
	trap 'kill "$AUTH_PID"' EXIT
	export CONTAINERS_REGISTRIES_CONF=$T/registries.conf
	cat >"$CONTAINERS_REGISTRIES_CONF" <<-END
	unqualified-search-registries = ["$AUTH"]
	[[registry]]
	location = "$AUTH"
	insecure = true
	END
}
auth_file() { echo "$XDG_RUNTIME_DIR/containers/auth.json"; }
login() { # USER:PASSWORD [OPTION...] REGISTRY
	local who=$1
	shift
	run ctr login -u "${who%%:*}" -p "${who#*:}" "$@"
}

test_login_and_logout() {
	auth_registry
	expect 125 ctr login --get-login "$AUTH"
	is "$ERR" "Error: not logged into $AUTH"
	expect 0 bash -c 'echo one | ctr-lite login -u ann --password-stdin -v "$1"' - "$AUTH"
	contains "$OUT" "Used:  $(auth_file)"
	contains "$OUT" "Login Succeeded!"
	is "$(stat -c %a "$(auth_file)")" 600
	expect 0 ctr login --get-login "$AUTH"
	is "$OUT" ann
	# what is known already is tried first
	expect 0 ctr login "$AUTH"
	is "$OUT" "Existing credentials are valid. Already logged in to $AUTH"
	# without a name the first search registry is meant
	expect 0 ctr login --get-login
	is "$OUT" ann
	expect 0 ctr logout "$AUTH"
	is "$OUT" "Removed login credentials for $AUTH"
	expect 125 ctr logout "$AUTH"
	is "$ERR" "Error: not logged into $AUTH"
}

test_login_refused() {
	auth_registry
	login ann:wrong "$AUTH"
	is "$STATUS" 125
	is "$ERR" "Error: logging into \"$AUTH\": invalid username/password"
	[ ! -e "$(auth_file)" ] || fail "something was kept"
	expect 125 ctr login "$AUTH"
	contains "$ERR" "no terminal"
	expect 125 ctr login --password-stdin "$AUTH"
	contains "$ERR" "Must provide --username with --password-stdin"
	expect 125 ctr login -u ann -p one --password-stdin "$AUTH"
	expect 125 ctr login -u ann -p one "$AUTH/team:tag"
	contains "$ERR" "without tag and digest"
	expect 125 ctr login -u ann -p one not-a-registry
	contains "$ERR" "no registry"
	expect 125 ctr login -u ann -p one --tls-verify "$AUTH"
	contains "$ERR" "--tls-verify=false"
	expect 125 ctr logout --all "$AUTH"
	is "$ERR" "Error: --all takes no arguments"
	echo '[[registry]]
location = "blocked.example.com"
blocked = true' >>"$CONTAINERS_REGISTRIES_CONF"
	login ann:one blocked.example.com
	contains "$ERR" "is blocked"
	# nobody sees the password among the processes, and it is in no message
	login ann:hidden-word --log-level debug "$AUTH"
	lacks "$ERR$OUT" hidden-word
}

test_login_asks_on_the_terminal() {
	auth_registry
	tty_start "ctr-lite login '$AUTH'; read line"
	tty_wait '^Username:'
	tty_type ann
	tty_key Enter
	tty_wait '^Password:'
	tty_type one
	tty_key Enter
	tty_wait 'Login Succeeded!'
	tty_screen | grep -q '^Password: *$' || fail "the password is shown: $(tty_screen)"
	tty_end
	expect 0 ctr login --get-login "$AUTH"
	is "$OUT" ann
}

test_tokens() {
	auth_registry BEARER=1
	login ann:wrong "$AUTH"
	is "$ERR" "Error: logging into \"$AUTH\": invalid username/password"
	login ann:one "$AUTH"
	is "$OUT" "Login Succeeded!"
	expect 0 ctr search --limit 200 "$AUTH/many"
	is "$(grep -c many/ <<<"$OUT")" 150
	grep -q 'scope registry:catalog:\*' "$LOG" || fail "the catalog was asked for without its scope"
	expect 0 ctr list-tags "docker://$AUTH/busy"
	grep -q 'scope repository:busy:pull' "$LOG" || fail "tags were asked for without a scope"
}

test_a_part_of_a_registry() {
	auth_registry
	login team:two "$AUTH/team"
	is "$OUT" "Login Succeeded!"
	expect 0 ctr list-tags "$AUTH/team/app"
	expect 125 ctr list-tags "$AUTH/busy"
	login ann:one "$AUTH"
	expect 0 ctr list-tags "$AUTH/busy"
	expect 0 ctr logout "$AUTH/team"
	expect 0 ctr login --get-login "$AUTH/team"
	is "$OUT" ann
}

test_files_of_credentials() {
	auth_registry
	login ann:one --authfile "$T/w/new/auth.json" "$AUTH"
	is "$OUT" "Login Succeeded!"
	expect 0 ctr login --authfile "$T/w/new/auth.json" --get-login "$AUTH"
	expect 125 ctr login --get-login "$AUTH"
	# docker's, by option and by its variable and ours
	mkdir "$T/w/docker"
	echo '{"psFormat": "x"}' >"$T/w/docker/config.json"
	login ann:one --compat-auth-file "$T/w/docker/config.json" "$AUTH"
	is "$(python3 -c 'import json,sys; d=json.load(open(sys.argv[1])); print(d["psFormat"], len(d["auths"]))' "$T/w/docker/config.json")" "x 1"
	expect 0 env DOCKER_CONFIG="$T/w/docker" ctr-lite logout "$AUTH"
	expect 125 env DOCKER_CONFIG="$T/w/docker" ctr-lite login --get-login "$AUTH"
	expect 0 ctr --config "$T/w/docker" login -u ann -p one "$AUTH"
	# what docker logged in is used, but not ours to remove
	mkdir -p ~/.docker
	cp "$T/w/docker/config.json" ~/.docker/
	expect 0 ctr list-tags "$AUTH/busy"
	expect 0 ctr logout "$AUTH"
	contains "$OUT" "docker logout"
	REGISTRY_AUTH_FILE=$T/w/env.json expect 0 ctr login -u ann -p one "$AUTH"
	REGISTRY_AUTH_FILE=$T/w/env.json expect 0 ctr login --get-login "$AUTH"
	expect 0 ctr login -u ann -p one "$AUTH"
	expect 0 ctr logout --all
	is "$OUT" "Removed login credentials for all registries"
	is "$(tr -d ' \n\t' <"$(auth_file)")" '{"auths":{}}'
}

test_a_password_from_a_secret() {
	auth_registry
	printf one >"$T/w/s"
	expect 0 ctr secret create ann "$T/w/s"
	expect 0 ctr login --secret ann "$AUTH"
	is "$OUT" "Login Succeeded!"
	expect 125 ctr login --secret nosuch "$AUTH"
	contains "$ERR" nosuch
	expect 125 ctr login --secret ann -p x "$AUTH"
}

# Ours are read by podman and podman's by us.
test_podman_reads_the_same_files() {
	command -v skopeo >/dev/null || skip "no skopeo"
	auth_registry
	login ann:one "$AUTH"
	expect 0 skopeo login --get-login "$AUTH"
	is "$OUT" ann
	expect 0 skopeo logout "$AUTH"
	expect 125 ctr login --get-login "$AUTH"
	expect 0 bash -c 'echo one | skopeo login --tls-verify=false -u ann --password-stdin "$1"' - "$AUTH"
	expect 0 ctr login --get-login "$AUTH"
}

test_search() {
	auth_registry V1=1
	expect 0 ctr search busy
	matches "$OUT" $'^NAME +DESCRIPTION\n'
	contains "$OUT" "$AUTH/library/busy   Busy box\\x1b[31m of many tools, which is descri..."
	expect 0 ctr search --compatible --no-trunc "$AUTH/busy"
	matches "$OUT" "at great length +3001 +\\[OK\\]"
	expect 0 ctr search --filter is-official --format '{{.Index}} {{.Name}} {{.Stars}} {{.StarCount}} {{.IsOfficial}}' busy
	is "$OUT" "$AUTH $AUTH/library/busy 3001 3001 [OK]"
	expect 0 ctr search --filter stars=5 --filter is-automated=true --format '{{.Name}}' busy
	is "$OUT" "$AUTH/ann/busy-more"
	expect 0 ctr search --limit 1 --format json busy
	is "$(python3 -c 'import json,sys; d=json.load(sys.stdin); print(len(d), *d[0])' <<<"$OUT")" \
		"1 Index Name Description Stars Official Automated Tag"
	expect 125 ctr search --filter colour=red busy
	contains "$ERR" 'invalid filter type'
	expect 125 ctr search --filter stars=many busy
	expect 125 ctr search --format '{{.Nosuch}}' busy
	expect 125 ctr search ''
}

test_search_of_a_catalog() {
	auth_registry
	expect 125 ctr search busy
	contains "$ERR" "no credentials for this registry"
	login ann:one "$AUTH"
	# what is called exactly so is first
	expect 0 ctr search --format '{{.Name}}' busy
	is "$OUT" "$AUTH/busy
$AUTH/library/busy"
	expect 0 ctr search --limit 140 --format '{{.Name}}' "$AUTH/many"
	is "$(wc -l <<<"$OUT")" 140
	expect 0 ctr search --list-tags --limit 2 busy
	is "$(tail -n 2 <<<"$OUT" | tr -s ' ')" "$AUTH/busy 1
$AUTH/busy 1.1"
	expect 125 ctr search --list-tags --filter stars=1 busy
	expect 125 ctr search --list-tags nosuch
	contains "$ERR" "repository name not known"
	# one registry that answers is enough
	sed -i "1s/.*/unqualified-search-registries = [\"127.0.0.1:1\", \"$AUTH\"]/" "$CONTAINERS_REGISTRIES_CONF"
	expect 0 ctr search busy
	contains "$ERR" "127.0.0.1:1"
	echo >"$CONTAINERS_REGISTRIES_CONF"
	expect 125 ctr search busy
	contains "$ERR" "$CONTAINERS_REGISTRIES_CONF"
}

test_list_tags() {
	auth_registry
	login ann:one "$AUTH"
	expect 0 ctr list-tags "docker://$AUTH/busy"
	is "$(tr -d ' \n' <<<"$OUT")" "{\"Repository\":\"$AUTH/busy\",\"Tags\":[\"1\",\"1.1\",\"latest\"]}"
	# all pages
	expect 0 ctr list-tags --format '{{len .Tags}}' "$AUTH/many/tags"
	is "$OUT" 250
	expect 125 ctr list-tags "$AUTH/busy:1"
	expect 125 ctr list-tags busy
	contains "$ERR" "full name"
	if command -v skopeo >/dev/null; then
		expect 0 ctr list-tags "$AUTH/busy"
		is "$(skopeo list-tags --tls-verify=false "docker://$AUTH/busy")" "$OUT" "skopeo's list"
	fi
}
