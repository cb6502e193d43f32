# Pushing to a registry that misbehaves: each push ends well or in one clear line, and what is there
# after a good end is what was sent.  The server is evil-registry.py with evil_uploads.py.
#: timeout=120

. "$TESTS/hostile/evil-lib"

asked() { jq -c "select($1)" "$T/evil/log"; }
# Bytes of blobs that were sent (told by the lengths that the requests announce).
sent_bytes() { jq -s 'map(select((.method == "PATCH" or .method == "PUT") and (.path | contains("/blobs/"))) | .length) | add // 0' "$T/evil/log"; }

start() {
	evil_start "$@"
	pull "$EVIL/good"
	: >"$T/evil/log"
}
raw_digest() { curl -fsS "http://$EVIL/v2/$1/manifests/latest" | sha256sum | sed 's/ .*//; s/^/sha256:/'; }

# Lines of repositories: pushed, and all of it is there.
works() {
	local name digest
	for name; do
		expect 0 ctr push -q --digestfile "$T/digest" "$EVIL/good" "$EVIL/$name"
		is "$OUT$ERR" "" "what push says for $name"
		is "$(cat "$T/digest")" "$EVIL_DIGEST" "the digest of $name"
		is "$(raw_digest "$name")" "$EVIL_DIGEST" "the manifest in $name"
		for digest in $(curl -fsS "http://$EVIL/v2/$name/manifests/latest" | jq -r '.config.digest, .layers[].digest'); do
			is "sha256:$(curl -fsS "http://$EVIL/v2/$name/blobs/$digest" | sha256sum | cut -d' ' -f1)" "$digest" \
				"a blob in $name"
		done
	done
}

# Lines of REPOSITORY|PART OF THE MESSAGE: fails in one line, and no manifest is there.
refused() {
	local name part
	while IFS='|' read -r name part; do
		[ -n "$name" ] || continue
		expect 125 ctr push -q "$EVIL/good" "$EVIL/$name"
		contains "$ERR" "$part" "the message for $name"
		lacks "$ERR" $'\033' "the message for $name"
		is "$OUT" "" "the output for $name"
		is "$(wc -l <"$T/.err")" 1 "lines of message for $name"
		expect 22 curl -fsS -o /dev/null "http://$EVIL/v2/$name/manifests/latest"
	done
}

test_push_well_behaved() {
	start
	works push-good
	is "$(asked '.path == "/v2/"')" "" "needless requests"
	# everything was asked for once; the big layer went by PATCH, the small ones whole
	is "$(asked '.method == "HEAD"' | wc -l)" 4
	is "$(asked '.method == "PATCH"' | wc -l)" 1
	local size
	size=$(jq -s 'map(.length) | add' <<<"$(asked '.method == "PATCH" or (.method == "PUT" and (.path | contains("/blobs/")))')")
	: >"$T/evil/log"
	works push-good
	is "$(sent_bytes)" 0 "bytes that were sent again"
	[ "$size" -gt 2000000 ] || fail "it cannot have been sent in $size bytes"
	works push-slow
}

test_push_breaks() {
	start
	works push-reset push-forgets push-lost-answer push-half
	: >"$T/evil/log"
	works push-503
	refused <<-'END'
	push-reset-always|reset
	END
}

# What came before the break is not sent again.
test_push_goes_on_where_it_broke() {
	start
	works push-good
	local whole again
	whole=$(sent_bytes)
	: >"$T/evil/log"
	works push-reset
	[ -n "$(asked '.method == "GET" and (.path | contains("/uploads/"))')" ] || fail "nobody asked what arrived"
	is "$(jq -s 'map(select(.method == "PATCH") | .length) | .[1] < .[0] and .[2] < .[1]' "$T/evil/log")" true \
		"does each PATCH send less than the one before?"
	# the lengths announced: 2.0 + 1.3 + 0.6 MB of the big layer, not four times 2
	again=$(sent_bytes)
	[ "$again" -lt $((whole * 5 / 2)) ] || fail "$again bytes were sent instead of $whole"
}

test_push_busy() {
	start
	local begin=$SECONDS
	works push-429 push-503
	[ $((SECONDS - begin)) -ge 3 ] || fail "Retry-After was not waited for"
	begin=$SECONDS
	refused <<-'END'
	push-429-always|too many requests
	push-429-long|asks to wait
	END
	[ $((SECONDS - begin)) -lt 40 ] || fail "it took $((SECONDS - begin)) seconds"
}

test_push_stuck() {
	evil_start
	head -c 12000000 /dev/urandom >"$T/w/big" # more than the buffers of a connection hold
	tar -C "$T/w" -cf "$T/w/big.tar" big
	expect 0 ctr import -q "$T/w/big.tar" big
	expect 125 ctr push -q --retry 0 big "$EVIL/push-stuck"
	contains "$ERR" "too slow"
	is "$(wc -l <"$T/.err")" 1
}

test_push_wrong_answers() {
	start
	works push-wrong-length push-wrong-range push-junk-range push-lying-range push-doubts
	refused <<-'END'
	push-wrong-range-always|says that it has
	push-takes-nothing|takes nothing
	push-doubts-always|another digest
	push-no-location|without saying where
	push-location-file|no http or https
	push-open-200|status 200
	push-keeps-other|keeps it as sha256:3333
	END
}

test_push_what_registries_cannot() {
	start
	works push-no-head push-no-patch push-chunks-only push-413 push-chunk-min
	refused <<-'END'
	push-413-always|takes no body
	push-read-only|read-only
	push-denied|denied
	push-unknown|no such repository
	push-manifest-refused|--format v2s2
	END
	expect 125 ctr push -q "$EVIL/good" "$EVIL/push-manifest-other"
	contains "$ERR" "keeps it as sha256:3333"
}

test_push_mounts() {
	start
	works push-mount
	is "$(sent_bytes)" 0 "bytes that were sent although they were mounted"
	is "$(asked '.method == "POST" and (.path | contains("from=good"))' | wc -l)" 4
	works push-mount-405
	refused <<-'END'
	push-mount-elsewhere|keeps it as sha256:4444
	END
}

test_push_tokens() {
	start
	refused <<-'END'
	push-token|unauthorized
	END
	with_credentials
	: >"$T/evil/log"
	works_with_token push-token
	is "$(sent_bytes)" 0 "bytes that were sent although the token was good for a mount"
	is "$(asked '.path | startswith("/token")' | wc -l)" 1 "tokens that were asked for"
	contains "$(asked '.path | startswith("/token")')" 'scope=repository%3Agood%3Apull'
	# a token server that does not give all is asked for less; then nothing can be mounted
	works_with_token push-token-strict
	[ "$(sent_bytes)" -gt 2000000 ] || fail "nothing was sent"
	works_with_token push-token-expires
	[ "$(asked '.path | startswith("/token") and contains("expires")' | wc -l)" -gt 2 ] || fail "no token expired"
	# nothing of it is in the logs
	expect 0 ctr --log-level trace push "$EVIL/good" "$EVIL/push-token:again"
	lacks "$ERR$OUT" tok-
	lacks "$ERR$OUT" dXNlcjpzZWNyZXQ
	lacks "$ERR$OUT" _state
}
works_with_token() {
	expect 0 ctr push -q --digestfile "$T/digest" "$EVIL/good" "$EVIL/$1"
	is "$(cat "$T/digest")" "$EVIL_DIGEST"
}

test_push_elsewhere() {
	start
	with_credentials
	works push-elsewhere push-redirect
	[ -n "$(asked '.at == "other" and .length > 0')" ] || fail "nothing went to the other host"
	is "$(asked '.at == "other" and .auth != null')" "" "credentials for another host"
	refused <<-'END'
	push-303|303
	END
}

# https: what is to be sent does not go out in the clear.
test_push_https() {
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -keyout "$T/key.pem" -out "$T/cert.pem" \
		-subj /CN=evil -addext subjectAltName=IP:127.0.0.1 >/dev/null 2>&1
	evil_start --tls "$T/cert.pem" "$T/key.pem"
	echo >"$CONTAINERS_REGISTRIES_CONF"
	mkdir -p "$HOME/.config/containers/certs.d/$EVIL"
	cp "$T/cert.pem" "$HOME/.config/containers/certs.d/$EVIL/ca.crt"
	pull "$EVIL/good"
	: >"$T/evil/log"
	expect 0 ctr push -q "$EVIL/good" "$EVIL/push-good"
	expect 125 ctr push -q "$EVIL/good" "$EVIL/push-elsewhere"
	contains "$ERR" "X-Forwarded-Proto"
	is "$(wc -l <"$T/.err")" 1
	expect 125 ctr push -q "$EVIL/good" "$EVIL/push-redirect"
	contains "$ERR" "from https to http"
	is "$(asked '.at == "other"')" "" "requests beyond the registry"
	rm "$HOME/.config/containers/certs.d/$EVIL/ca.crt"
	expect 125 ctr push -q "$EVIL/good" "$EVIL/push-again"
	contains "$ERR" "certificate"
}

# Blobs go side by side, as many as containers.conf says.
test_push_side_by_side() {
	start
	works push-together
	is "$(curl -fsS "http://$EVIL/v2/push-together/manifests/most")" 3 "uploads at the same time"
	mkdir -p "$HOME/.config/containers"
	printf '[engine]\nimage_parallel_copies = 1\n' >"$HOME/.config/containers/containers.conf"
	expect 0 ctr push -q "$EVIL/good" "$EVIL/push-together-one"
	is "$(curl -fsS "http://$EVIL/v2/push-together-one/manifests/most")" 1 "uploads at the same time, one allowed"
}

# A push that is interrupted ends at once, and the next one succeeds.
test_push_interrupted() {
	start
	local sig
	for sig in INT TERM; do
		python3 - "$EVIL/good" "$EVIL/push-stuck" "$sig" "$T/evil/log" <<-'END'
		import os, signal, subprocess, sys, time
		source, dest, sig, log = sys.argv[1:]
		p = subprocess.Popen(["ctr-lite", "push", "-q", source, dest], start_new_session=True,
		                     stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
		                     preexec_fn=lambda: [signal.signal(s, signal.SIG_DFL) for s in (signal.SIGINT, signal.SIGTERM)])
		for _ in range(300):
		    if '"PATCH"' in open(log).read():
		        break
		    time.sleep(0.02)
		else:
		    sys.exit("the push never began")
		os.killpg(p.pid, getattr(signal, "SIG" + sig))
		try:
		    p.wait(10)
		except subprocess.TimeoutExpired:
		    p.kill()
		    sys.exit("it does not end")
		if p.returncode == 0:
		    sys.exit("it says that it succeeded")
		END
		: >"$T/evil/log"
	done
	works push-good
}

# A blob that was damaged here is not what its digest says: the registry does not take it.
test_push_of_a_damaged_blob() {
	start
	local blob
	blob=$(ls -S "$GRAPHROOT/images/blobs/sha256/"* | head -n 1)
	chmod u+w "$blob"
	printf X | dd of="$blob" bs=1 seek=1000 conv=notrunc status=none
	refused <<-'END'
	push-good|another digest
	END
	truncate -s -10 "$blob"
	refused <<-'END'
	push-good|pull the image again
	END
	no_store_check "a blob of it was damaged"
}
