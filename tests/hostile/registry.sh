# What a hostile or broken registry can send, see HOSTILE.md "Registries and manifests".  The server
# is evil-registry.py; each scenario is a repository of it.
#: timeout=120

. "$TESTS/hostile/evil-lib"

# Nothing of a refused image is in the store.
in_store() {
	find "$GRAPHROOT/images/blobs" "$GRAPHROOT/layers" "$GRAPHROOT/tmp" "$GRAPHROOT/meta" \
		-mindepth 1 -not -name sha256 -not -path '*/meta/blob-locations' \
		-not -path '*/meta/index.json' 2>/dev/null || true
}
nothing_in_store() { [ -z "$(in_store)" ]; }
store_is_empty() {
	is "$(in_store)" "" "what is left in the store"
	expect 0 ctr images -q
	is "$OUT" ""
}

works() { # REPOSITORY...
	local i
	for i; do
		expect 0 ctr pull -q "$EVIL/$i"
		is "$OUT" "$EVIL_ID" "the image's ID from $i"
		expect 0 ctr rmi "$EVIL/$i"
	done
}

# Lines of REPOSITORY|PART OF THE MESSAGE: each fails in one line, and leaves nothing.
refused() {
	local name part
	while IFS='|' read -r name part; do
		[ -n "$name" ] || continue
		rm -rf "$GRAPHROOT/partial" # good blobs of the one before: this registry is asked for them
		expect 125 ctr pull -q "$EVIL/$name"
		contains "$ERR" "$part" "the message for $name"
		is "$OUT" "" "the output for $name"
		is "$(wc -l <"$T/.err")" 1 "lines of message for $name"
	done
	store_is_empty
}

asked() { # JQ-CONDITION: requests that the server saw
	jq -c "select($1)" "$T/evil/log"
}

test_registry_well_behaved() {
	evil_start
	works good index docker-type no-type chunked slow "good@$EVIL_DIGEST" "good:latest@$EVIL_DIGEST"
	is "$(asked '.method != "GET"')" "" "requests other than GET"
	is "$(asked '.path == "/v2/"')" "" "needless requests"
	# Once more: only the manifest is asked for.
	expect 0 ctr pull -q "$EVIL/good"
	: >"$T/evil/log"
	expect 0 ctr pull -q "$EVIL/good"
	is "$(asked true | wc -l)" 1 "requests for an image that is here"
}

test_registry_manifests_refused() {
	evil_start
	refused <<-'END'
	both|index and image at once
	header-type|the header says
	header-index|the header says
	layer-as-config|stands as the config
	layer-bytes-as-config|config
	config-as-layer|stands as a layer
	artifact|artifact
	schema1|schema 1
	digest-dotdot|is not a digest
	digest-short|is not a digest
	digest-upper|is not a digest
	digest-other|is not a digest
	size-lies|the manifest says
	size-negative|size
	size-huge|size
	foreign|foreign layer
	foreign-type|foreign layer
	index-nested|is an index again
	index-other-bytes|digest is sha256:
	index-bad-digest|is not a digest
	tag-header|announces the manifest
	header-junk|is no digest
	deep|depth
	END
	is "$(asked '.at == "other"')" "" "requests for foreign layers"
}

test_registry_config_refused() {
	evil_start
	refused <<-'END'
	diffid-wrong|diffID
	diffid-swapped|diffID
	diffid-few|diff_ids
	diffid-dotdot|is not a digest
	config-empty|diff_ids
	config-array|config
	config-flipped|the digest is
	END
}

test_registry_another_manifest_than_asked_for() {
	evil_start
	local wrong=sha256:$(printf '1%.0s' $(seq 64))
	refused <<-END
	any-digest@$wrong|digest is $EVIL_DIGEST
	any-digest:latest@$wrong|digest is $EVIL_DIGEST
	END
	works "any-digest@$EVIL_DIGEST"
}

test_registry_blobs_refused() {
	evil_start
	refused <<-'END'
	flipped|digest
	flipped-small|digest
	short|the manifest says
	long|the manifest says
	missing|unknown
	more-than-said|more than
	chunked-short|manifest says
	lying-range|layer sha256:
	END
	works good # what was refused is not reused
}

test_registry_bodies_without_end() {
	evil_start
	refused <<-'END'
	endless|more than
	huge|not accepted
	headers|headers of more
	long-header|header
	error-endless|manifest unknown
	not-http|HTTP/0.9
	END
}

#: timeout=200
test_registry_dripping() {
	evil_start
	local i pids=()
	for i in drip silent body-drip; do
		(
			r=0
			timeout 150 ctr-lite --root "$T/g-$i" --runroot "$T/r-$i" pull -q "$EVIL/$i" \
				2>"$T/$i.err" >/dev/null || r=$?
			echo $r >"$T/$i.status"
		) &
		pids+=($!)
	done
	wait "${pids[@]}"
	for i in drip silent body-drip; do
		is "$(cat "$T/$i.status")" 125 "status of $i: $(cat "$T/$i.err")"
		contains "$(cat "$T/$i.err")" "too slow"
		is "$(ls -A "$T/g-$i/tmp")" "" "what $i leaves"
	done
}

test_registry_redirects() {
	evil_start
	with_credentials
	refused <<-'END'
	redirect-loop|redirected more than
	redirect-file|no http or https
	redirect-gopher|no http or https
	redirect-nowhere|without a location
	basic-redirect-401|gets no credentials
	END
	works basic basic-redirect basic-redirect-user basic-redirect-home
	[ -n "$(asked '.at == "other" and (.path | startswith("/blob/"))')" ] || fail "nothing was redirected"
	[ -n "$(asked '.auth != null and (.path | startswith("/moved/"))')" ] || fail "the twin got none"
	is "$(asked '.at == "other" and .auth != null')" "" "credentials for another host"
}

test_registry_token_realms() {
	evil_start
	with_credentials
	refused <<-'END'
	token-elsewhere|got no credentials
	token-file|no http or https
	token-no-realm|no http or https
	token-relative|no http or https
	token-unclosed|not closed
	token-newline|no token
	token-huge|not accepted
	token-not-json|no token
	token-none|no token
	END
	works token-user token-anon token-expires token-redirected
	is "$(asked '.at == "other" and .auth != null')" "" "credentials for another host"
	[ -n "$(asked '.at == "other" and .path != null and (.path | startswith("/token"))')" ] ||
		fail "the realm elsewhere was never asked"
	unset REGISTRY_AUTH_FILE
	works token-anon
	refused <<-'END'
	token-user|unauthorized
	basic|unauthorized
	END
}

test_registry_broken_connections() {
	evil_start
	works reset no-range wrong-range range-416 range-all close-short once-reset
	[ -n "$(asked '.range == "bytes=200000-"')" ] || fail "the rest was not asked for"
	refused <<-'END'
	reset-always|reset
	END
}

test_registry_too_busy() {
	evil_start
	local start=$SECONDS
	works 429 503
	[ $((SECONDS - start)) -ge 2 ] || fail "Retry-After was not waited for"
	start=$SECONDS
	refused <<-'END'
	429-long|asks to wait
	429-always|too many requests
	500|status 500
	END
	[ $((SECONDS - start)) -lt 40 ] || fail "it took $((SECONDS - start)) seconds"
	lacks "$ERR" $'\033' "a message from the registry"
}

test_registry_credentials_stay_out_of_sight() {
	evil_start
	with_credentials
	expect 0 ctr --log-level trace pull "$EVIL/basic-redirect"
	lacks "$ERR$OUT" dXNlcjpzZWNyZXQ
	lacks "$ERR$OUT" secret
	lacks "$ERR$OUT" sig=x
	expect 0 ctr --log-level trace pull "$EVIL/token-user"
	lacks "$ERR$OUT" tok-user
	expect 0 ctr rmi -a
	expect 125 ctr --log-level trace pull "$EVIL/basic-redirect-401"
	lacks "$ERR$OUT" dXNlcjpzZWNyZXQ
}

# A pull that is interrupted, or killed, leaves nothing (killed: after the next command).
test_registry_interrupted() {
	evil_start
	local sig
	for sig in INT TERM HUP; do
		interrupt_pull "$EVIL/stuck" "$sig"
		wait_for 3 nothing_in_store # the program that pulls may end after the one that asked
		store_is_empty
	done
}
interrupt_pull() {
	# setsid: a background job of a shell ignores SIGINT, a job of its own does not
	python3 - "$1" "$2" <<-'END'
	import os, signal, subprocess, sys, time
	p = subprocess.Popen(["ctr-lite", "pull", "-q", sys.argv[1]], start_new_session=True,
	                     stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
	                     preexec_fn=lambda: [signal.signal(s, signal.SIG_DFL)
	                                         for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)])
	tmp = os.environ["GRAPHROOT"] + "/tmp"
	for _ in range(300):
	    if os.path.isdir(tmp) and any("layer" in n or "." in n or n for d in os.listdir(tmp)
	                                  for n in os.listdir(f"{tmp}/{d}")):
	        break
	    time.sleep(0.02)
	else:
	    sys.exit("the pull never began")
	time.sleep(0.3)
	os.killpg(p.pid, getattr(signal, "SIG" + sys.argv[2]))
	try:
	    p.wait(10)
	except subprocess.TimeoutExpired:
	    p.kill()
	    sys.exit("it does not end")
	if p.returncode == 0:
	    sys.exit("it says that it succeeded")
	END
}

test_registry_killed() {
	evil_start
	local i
	for i in 1 2 3; do
		ctr-lite --root "$GRAPHROOT" --runroot "$RUNROOT" pull -q "$EVIL/stuck" >/dev/null 2>&1 &
		wait_for 10 eval "ls '$GRAPHROOT'/tmp/*/* >/dev/null"
		kill -KILL $!
		wait $! || :
		# it dies with the program that started it
		wait_for 10 eval "! pgrep -u $(id -u) -f 'ctr-lite-transfer.*stuck' >/dev/null"
	done
	works good
	store_is_empty
}

# https: a redirect to http is refused, as is an unknown authority; certs.d makes it known.
make_cert() {
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -keyout "$T/key.pem" -out "$T/cert.pem" \
		-subj /CN=evil -addext subjectAltName=IP:127.0.0.1 >/dev/null 2>&1
}

test_registry_https() {
	make_cert
	evil_start --tls "$T/cert.pem" "$T/key.pem"
	echo >"$CONTAINERS_REGISTRIES_CONF"
	refused <<-'END'
	good|certificate
	END
	mkdir -p "$HOME/.config/containers/certs.d/$EVIL"
	cp "$T/cert.pem" "$HOME/.config/containers/certs.d/$EVIL/ca.crt"
	works good
	with_credentials
	works basic token-user
	refused <<-'END'
	redirect-http|from https to http
	basic-redirect|from https to http
	token-elsewhere|plain http
	END
	is "$(asked '.at == "other"')" "" "requests beyond the registry"
	rm "$HOME/.config/containers/certs.d/$EVIL/ca.crt"
	expect 0 ctr pull -q --tls-verify=false "$EVIL/good"
	expect 0 ctr rmi "$EVIL/good"
	mkdir "$T/certs"
	expect 125 ctr pull -q --cert-dir "$T/certs" "$EVIL/good"
	cp "$T/cert.pem" "$T/certs/ca.crt"
	expect 0 ctr pull -q --cert-dir "$T/certs" "$EVIL/good"
	expect 0 ctr rmi "$EVIL/good"
	cp "$T/cert.pem" "$T/certs/client.cert"
	expect 125 ctr pull -q --cert-dir "$T/certs" "$EVIL/good"
	contains "$ERR" "client.key is missing"
}
