# Whose images are taken: policy.json with signatures, made by skopeo and by us.  Signatures are beside
# the registry (lookaside, registries.d) or attached to the image in it.
#: timeout=120

# Keys of people who exist in this test only.
export GNUPGHOME=$T/gpg
gpg_quiet() { gpg --batch --no-tty --quiet --pinentry-mode loopback --passphrase '' "$@" 2>>"$T/gpg.log"; }
new_key() { # NAME [EXPIRES]: its public key is then in $T/NAME.gpg
	mkdir -p -m 700 "$GNUPGHOME"
	gpg_quiet --quick-gen-key "$1 <$1@example.com>" ed25519 sign "${2:-never}"
	gpg_quiet --armor --export "$1@example.com" >"$T/$1.gpg"
}
end_keys() { gpgconf --kill all; }

lookaside() { # [MORE LINES]: signatures are kept in $T/sigs
	mkdir -p "$HOME/.config/containers/registries.d"
	printf 'default-docker:\n  lookaside: file://%s\n%s\n' "$T/sigs" "${1:-}" \
		>"$HOME/.config/containers/registries.d/default.yaml"
}
policy() { # REQUIREMENT... : of the registry; everything else is rejected
	local IFS=,
	mkdir -p "$HOME/.config/containers"
	printf '{"default":[{"type":"reject"}],"transports":{"docker":{"%s":[%s]}}}\n' "$REGISTRY" "$*" \
		>"$HOME/.config/containers/policy.json"
}
signed_by() { # NAME [SIGNED-IDENTITY]
	printf '{"type":"signedBy","keyType":"GPGKeys","keyPath":"%s"%s}' "$T/$1.gpg" "${2:+,\"signedIdentity\":$2}"
}
anybody='{"default":[{"type":"insecureAcceptAnything"}]}'

# skopeo as the witness: its own policy lets it read everything.
witness() {
	echo "$anybody" >"$T/anybody.json"
	run skopeo --policy "$T/anybody.json" --registries.d "$HOME/.config/containers/registries.d" "$@"
	[ "$STATUS" = 0 ] || fail "skopeo $*"
}
publish() { # NAME [SKOPEO-OPTIONS]: busybox as $REGISTRY/trust/NAME
	local name=$1
	shift
	witness copy -q --src-tls-verify=false --dest-tls-verify=false "$@" \
		"docker://$REGISTRY/library/busybox" "docker://$REGISTRY/trust/$name"
}

accepted() { # NAME
	expect 0 ctr pull -q "$REGISTRY/trust/$1"
	expect 0 ctr rmi "$REGISTRY/trust/$1"
}
rejected() { # NAME PART-OF-MESSAGE
	expect 125 ctr pull -q "$REGISTRY/trust/$1"
	contains "$ERR" "Source image rejected: "
	contains "$ERR" "$2"
	is "$(wc -l <"$T/.err")" 1 "lines of message"
	# not a byte of it was unpacked or kept
	is "$(find "$GRAPHROOT/layers" "$GRAPHROOT/images/blobs" "$GRAPHROOT/tmp" -type f 2>/dev/null)" "" "what is left"
}

test_signed_as_the_policy_wants() {
	lookaside
	new_key alice
	new_key bob
	publish simple:alice --sign-by alice@example.com
	local sig
	sig=$(find "$T/sigs" -name signature-1)
	mv "$sig" "$T/by-alice" # skopeo puts the next one in its place
	publish simple:bob --sign-by bob@example.com
	mv "$T/by-alice" "${sig%1}2"
	publish unsigned:1
	policy "$(signed_by alice)"
	accepted simple:alice
	rejected unsigned:1 "A signature was required, but no signature exists"
	# the same manifest, so both signatures are found; one good one is enough
	rejected simple:bob "the signature is for"
	policy "$(signed_by bob)"
	accepted simple:bob
	rejected simple:alice "not one of those that the policy trusts"
	# several requirements: each must hold
	policy "$(signed_by alice)" "$(signed_by bob '{"type":"matchRepository"}')"
	accepted simple:alice
	end_keys
}

#: fast
test_reject_asks_nobody() {
	policy '{"type":"reject"}'
	expect 125 ctr pull "$REGISTRY/library/busybox"
	contains "$ERR" "is rejected by policy"
	lacks "$ERR" "Getting image source signatures"
	policy '{"type":"insecureAcceptAnything"}'
	expect 0 ctr pull -q "$REGISTRY/library/busybox"
	expect 125 ctr pull -q docker.io/library/busybox
}

test_expired_and_revoked_keys() {
	lookaside
	new_key alice
	publish keys:1 --sign-by alice@example.com
	# the revocation that gpg made beside the key counts once it is in the policy's file
	sed 's/^:---/---/' "$GNUPGHOME"/openpgp-revocs.d/*.rev | gpg_quiet --import
	gpg_quiet --armor --export alice@example.com >"$T/revoked.gpg"
	policy "$(signed_by alice)"
	accepted keys:1
	policy "$(signed_by revoked)"
	rejected keys:1 "the key has been revoked"
	new_key brief seconds=2
	publish keys:2 --sign-by brief@example.com
	policy "$(signed_by brief)"
	wait_for 20 eval "gpg --list-keys brief@example.com 2>/dev/null | grep -q expired"
	rejected keys:2 "the key has expired"
	end_keys
}

test_damaged_signatures() {
	lookaside
	new_key alice
	publish damaged:1 --sign-by alice@example.com
	policy "$(signed_by alice)"
	local sig size
	sig=$(find "$T/sigs" -name signature-1)
	cp "$sig" "$T/good"
	size=$(stat -c %s "$sig")
	head -c $((size - 20)) "$T/good" >"$sig"
	rejected damaged:1 "signature"
	head -c $((size - 40)) "$T/good" >"$sig"
	head -c 40 /dev/zero >>"$sig"
	rejected damaged:1 "signature"
	: >"$sig"
	expect 125 ctr pull -q "$REGISTRY/trust/damaged:1"
	contains "$ERR" "a signature is neither of OpenPGP nor of sigstore"
	# an unsigned document, and a signature of something else
	echo '{"critical":{}}' | gpg_quiet --store -o "$T/stored"
	cp "$T/stored" "$sig"
	rejected damaged:1 "no signed message with exactly one valid signature"
	echo '{"critical":{}}' | gpg_quiet --local-user alice@example.com --sign -o "$T/other"
	cp "$T/other" "$sig"
	rejected damaged:1 "what was signed is not understood"
	# a good one beside bad ones counts
	cp "$T/good" "${sig%1}2"
	accepted damaged:1
	end_keys
}

test_identities() {
	lookaside
	new_key alice
	publish identity:1 --sign-by alice@example.com
	local digest
	digest=$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$REGISTRY/trust/identity:1")
	witness copy -q --src-tls-verify=false --dest-tls-verify=false "docker://$REGISTRY/trust/identity:1" "docker://$REGISTRY/trust/identity:2"
	witness copy -q --src-tls-verify=false --dest-tls-verify=false "docker://$REGISTRY/trust/identity:1" "docker://$REGISTRY/trust/mirrored:1"
	cp -r "$T/sigs/trust/identity@sha256=${digest#*:}" "$T/sigs/trust/mirrored@sha256=${digest#*:}"
	policy "$(signed_by alice)"
	accepted identity:1
	accepted "identity@$digest"
	rejected identity:2 "identity:1\", which is not accepted for $REGISTRY/trust/identity:2"
	rejected mirrored:1 "not accepted for"
	policy "$(signed_by alice '{"type":"matchExact"}')"
	accepted identity:1
	rejected "identity@$digest" "not accepted for"
	policy "$(signed_by alice '{"type":"matchRepository"}')"
	accepted identity:2
	rejected mirrored:1 "not accepted for"
	policy "$(signed_by alice "{\"type\":\"exactReference\",\"dockerReference\":\"$REGISTRY/trust/identity:1\"}")"
	accepted mirrored:1
	policy "$(signed_by alice "{\"type\":\"exactRepository\",\"dockerRepository\":\"$REGISTRY/trust/other\"}")"
	rejected identity:1 "not accepted for"
	policy "$(signed_by alice "{\"type\":\"remapIdentity\",\"prefix\":\"$REGISTRY/trust/mirrored\",\"signedPrefix\":\"$REGISTRY/trust/identity\"}")"
	accepted mirrored:1
	accepted identity:1
	end_keys
}

# A manifest that is exchanged for another one, under the name that was signed.
test_another_image_under_a_signed_name() {
	lookaside
	new_key alice
	publish swapped:1 --sign-by alice@example.com
	local sig
	sig=$(find "$T/sigs" -name signature-1)
	witness copy -q --src-tls-verify=false --dest-tls-verify=false "docker://$REGISTRY/library/alpine:amd64" "docker://$REGISTRY/trust/swapped:1"
	local digest
	digest=$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$REGISTRY/trust/swapped:1")
	policy "$(signed_by alice)"
	rejected swapped:1 "no signature exists"
	mkdir "$T/sigs/trust/swapped@sha256=${digest#*:}"
	cp "$sig" "$T/sigs/trust/swapped@sha256=${digest#*:}/signature-1"
	rejected swapped:1 "the signature is for another manifest"
	end_keys
}

test_an_image_that_is_here_is_judged_again() {
	lookaside
	publish here:1
	policy '{"type":"insecureAcceptAnything"}'
	expect 0 ctr pull -q "$REGISTRY/trust/here:1"
	new_key alice
	policy "$(signed_by alice)"
	expect 125 ctr pull -q "$REGISTRY/trust/here:1"
	contains "$ERR" "no signature exists"
	expect 125 ctr run --rm --pull=always "$REGISTRY/trust/here:1" true
	expect 0 ctr run --rm --network=none "$REGISTRY/trust/here:1" true
	end_keys
}

test_policies_that_are_not_understood() {
	policy '{"type":"signedBy","keyType":"GPGKeys"}'
	expect 125 ctr pull -q "$REGISTRY/library/busybox"
	contains "$ERR" "exactly one of keyPath, keyPaths, keyData is expected"
	policy '{"type":"signedBy","keyType":"GPGKeys","keyPath":"/no/such/key"}'
	expect 125 ctr pull -q "$REGISTRY/library/busybox"
	contains "$ERR" "read the key /no/such/key"
	echo "no key" >"$T/none.gpg"
	policy "$(signed_by none)"
	expect 125 ctr pull -q "$REGISTRY/library/busybox"
	contains "$ERR" "there is no OpenPGP public key in it"
	policy '{"type":"sigstoreSigned","keyPath":"/k","rekorPublicKeyPath":"/r"}'
	expect 125 ctr pull -q "$REGISTRY/library/busybox"
	contains "$ERR" "cannot be verified here"
}

# Without signatures there is only yes or no: archives, layouts, tarballs.
test_places_without_signatures() {
	witness copy -q --src-tls-verify=false "docker://$REGISTRY/library/busybox" "oci:$T/w/layout:bb"
	new_key alice
	mkdir -p "$HOME/.config/containers" "$T/w/root"
	only() { # TRANSPORT SCOPE REQUIREMENT
		printf '{"default":[{"type":"reject"}],"transports":{"%s":{"%s":[%s]}}}\n' "$1" "$2" "$3" \
			>"$HOME/.config/containers/policy.json"
	}
	accept='{"type":"insecureAcceptAnything"}'
	only oci "" '{"type":"reject"}'
	expect 125 ctr pull -q "oci:$T/w/layout:bb"
	contains "$ERR" "Source image rejected: Running image oci:$T/w/layout:bb is rejected by policy"
	only oci "$T/w/layout" "$(signed_by alice)"
	expect 125 ctr pull -q "oci:$T/w/layout:bb"
	contains "$ERR" "no signature exists"
	expect 125 ctr run --rm "oci:$T/w/layout:bb" true
	contains "$ERR" "no signature exists"
	is "$(find "$GRAPHROOT/layers" "$GRAPHROOT/images/blobs" -type f)" "" "what is left"
	for scope in "$T/w/layout:bb" "$T/w/layout" "$T/w" ""; do
		only oci "$scope" "$accept"
		expect 0 ctr pull -q "oci:$T/w/layout:bb"
	done
	tar -C "$T/w/root" -cf "$T/w/root.tar" .
	expect 125 ctr import "$T/w/root.tar" mine
	contains "$ERR" "tarball: is rejected by policy"
	only tarball "" "$accept"
	expect 0 ctr import -q "$T/w/root.tar" mine
	end_keys
}

#: fast
test_signature_policy_option() {
	echo '{"default":[{"type":"reject"}]}' >"$T/no.json"
	expect 125 ctr pull -q --signature-policy "$T/no.json" "$REGISTRY/library/busybox"
	contains "$ERR" "is rejected by policy ($T/no.json"
	expect 125 ctr pull -q --signature-policy "$T/none.json" "$REGISTRY/library/busybox"
	contains "$ERR" "read $T/none.json"
	policy '{"type":"reject"}'
	echo "$anybody" >"$T/yes.json"
	expect 0 ctr pull -q --signature-policy="$T/yes.json" "$REGISTRY/library/busybox"
}

test_trust_show() {
	new_key alice
	lookaside "docker:
  a.io/x:
    sigstore: https://a.io/s"
	mkdir -p "$HOME/.config/containers"
	cat >"$HOME/.config/containers/policy.json" <<-END
	{"default":[{"type":"reject"}],"transports":{"docker":{
	"docker.io":[$(signed_by alice),{"type":"insecureAcceptAnything"}],
	"a.io/x":[{"type":"sigstoreSigned","keyPath":"/k"}]},
	"oci":{"/a":[{"type":"insecureAcceptAnything"}]},"docker-daemon":{"":[{"type":"insecureAcceptAnything"}]}}}
	END
	expect 0 ctr image trust show
	is "$(sed 's/  */ /g; s/ $//' <<<"$OUT")" "TRANSPORT NAME TYPE ID STORE
all default reject file://$T/sigs
repository a.io/x sigstoreSigned N/A https://a.io/s
repository docker.io signed alice@example.com file://$T/sigs
repository docker.io accept file://$T/sigs
docker-daemon accept file://$T/sigs
oci /a accept file://$T/sigs"
	expect 0 ctr image trust show -n a.io/x/y:1
	is "$(sed 's/  */ /g' <<<"$OUT")" "repository a.io/x sigstoreSigned N/A https://a.io/s"
	expect 0 ctr image trust show -n b.io/x
	is "$(sed 's/  */ /g' <<<"$OUT")" "all default reject file://$T/sigs"
	expect 0 ctr image trust show --raw
	is "$OUT" "$(cat "$HOME/.config/containers/policy.json")"
	expect 0 ctr image trust show --json
	is "$(jq -c '.[3]' <<<"$OUT")" "$(jq -cn --arg s "file://$T/sigs" '{transport:"repository",name:"docker.io",repo_name:"docker.io",type:"accept",sigstore:$s}')"
	echo '{' >"$HOME/.config/containers/policy.json"
	expect 125 ctr image trust show
	contains "$ERR" "policy.json: line "
	end_keys
}

#: fast
test_trust_set() {
	local p=$HOME/.config/containers/policy.json
	echo key >"$T/w/key.gpg"
	# a user's own file begins with what counts for everybody
	expect 0 ctr image trust set -t reject docker.io/library
	is "$(jq -c .transports "$p")" '{"docker":{"docker.io/library":[{"type":"reject"}]}}'
	is "$(jq -c .default "$p")" "$(jq -c .default /etc/containers/policy.json)"
	expect 125 ctr pull -q alpine
	contains "$ERR" "is rejected by policy"
	expect 0 ctr image trust set -t accept docker.io/library
	expect 0 ctr pull -q alpine
	expect 0 ctr image trust set -f key.gpg a.io/x
	is "$(jq -c '.transports.docker["a.io/x"]' "$p")" "[{\"type\":\"signedBy\",\"keyType\":\"GPGKeys\",\"keyPath\":\"$T/w/key.gpg\"}]"
	expect 0 ctr image trust set --type sigstoreSigned --pubkeysfile "$T/w/key.gpg" a.io/x
	is "$(jq -c '.transports.docker["a.io/x"]' "$p")" "[{\"type\":\"sigstoreSigned\",\"keyPath\":\"$T/w/key.gpg\"}]"
	expect 0 ctr image trust set -t reject default
	is "$(jq -c .default "$p")" '[{"type":"reject"}]'
	# what is refused changes nothing
	cp "$p" "$T/before"
	expect 125 ctr image trust set a.io
	contains "$ERR" "at least one public key must be defined for type 'signedBy'"
	expect 125 ctr image trust set -t accept -f key.gpg a.io
	contains "$ERR" "1 public keys unexpectedly provided for trust type accept"
	expect 125 ctr image trust set -f /no/such/key a.io
	expect 125 ctr image trust set -t foo a.io
	expect 125 ctr image trust set -t reject 'bad!uri'
	contains "$ERR" "invalid image uri"
	is "$(cat "$p")" "$(cat "$T/before")"
	echo '{"default":1}' >"$p"
	expect 125 ctr image trust set -t reject a.io
	is "$(cat "$p")" '{"default":1}'
}

#: fast
test_commands_in_groups_of_groups() {
	expect 125 ctr image trust
	contains "$OUT" "show"
	expect 0 ctr image trust --help
	contains "$OUT" "Display trust policy"
	expect 0 ctr image --help
	contains "$OUT" "trust"
	lacks "$OUT" "trust show"
	expect 125 ctr image trust shw
	contains "$ERR" "unrecognized command \`ctr-lite image trust shw\`"
	contains "$ERR" "show"
	expect 0 ctr image trust --log-level=error show
	expect 0 ctr image --log-level=error trust show --json
	expect 0 ctr __complete image trust s
	contains "$OUT" "show"
}
