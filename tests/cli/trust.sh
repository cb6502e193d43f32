# Whose images are taken: policy.json with signatures, made by skopeo and by us.  Signatures are beside
# the registry (lookaside, registries.d) or attached to the image in it.
#: timeout=120

# Keys of people who exist in this test only.
export GNUPGHOME=$T/gpg
gpg_quiet() { gpg --batch --no-tty --quiet --pinentry-mode loopback --passphrase '' "$@" 2>>"$T/gpg.log"; }
new_key() { # NAME: its public key is then in $T/NAME.gpg
	mkdir -p -m 700 "$GNUPGHOME"
	gpg_quiet --quick-gen-key "$1 <$1@example.com>" ed25519 sign never
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
	# a key that was good for a week, long ago, and signed in time
	local digest at="--faked-system-time 20200102T000000"
	gpg_quiet $at --quick-gen-key "brief <brief@example.com>" ed25519 sign 1w
	gpg_quiet --armor --export brief@example.com >"$T/brief.gpg"
	publish keys:2
	digest=$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$REGISTRY/trust/keys:2")
	jq -cn --arg d "$digest" --arg r "$REGISTRY/trust/keys:2" '{critical: {type: "atomic container signature",
		image: {"docker-manifest-digest": $d}, identity: {"docker-reference": $r}}, optional: {}}' |
		gpg_quiet $at --local-user brief@example.com --sign >"$T/expired"
	mkdir -p "$T/sigs/trust/keys@sha256=${digest#*:}"
	cp "$T/expired" "$T/sigs/trust/keys@sha256=${digest#*:}/signature-1"
	policy "$(signed_by brief)"
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
	expect 125 ctr run --rm "$REGISTRY/library/busybox" true
	expect 0 ctr create -q --signature-policy="$T/yes.json" "$REGISTRY/library/busybox" true
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

# What skopeo says of $REGISTRY/trust/NAME under the policy that is set.
skopeo_says() { # STATUS NAME [PART-OF-MESSAGE]
	rm -rf "$T/skopeo"
	expect "$1" skopeo --policy "$HOME/.config/containers/policy.json" \
		--registries.d "$HOME/.config/containers/registries.d" copy -q --src-tls-verify=false \
		--remove-signatures "docker://$REGISTRY/trust/$2" "dir:$T/skopeo"
	contains "$ERR" "${3:-}"
}
attachments() { # signatures of sigstore are attached to images
	lookaside "docker:
  $REGISTRY:
    use-sigstore-attachments: true"
}
sigstore_signed() { # NAME
	printf '{"type":"sigstoreSigned","keyPath":"%s"}' "$T/$1.pub"
}

test_push_signs_by_gpg() {
	lookaside
	new_key alice
	new_key bob
	pull "$REGISTRY/library/busybox"
	expect 0 ctr push -q --sign-by alice@example.com "$REGISTRY/library/busybox" "$REGISTRY/trust/pushed:1"
	policy "$(signed_by alice)"
	skopeo_says 0 pushed:1
	expect 0 ctr pull -q "$REGISTRY/trust/pushed:1"
	policy "$(signed_by bob)"
	skopeo_says 1 pushed:1 "Source image rejected"
	# a second signature takes nothing from the first
	expect 0 ctr push -q --sign-by bob@example.com "$REGISTRY/library/busybox" "$REGISTRY/trust/pushed:1"
	skopeo_says 0 pushed:1
	policy "$(signed_by alice)"
	skopeo_says 0 pushed:1
	is "$(find "$T/sigs" -name 'signature-*' | wc -l)" 2
	expect 125 ctr push -q --sign-by nobody@example.com "$REGISTRY/library/busybox" "$REGISTRY/trust/pushed:2"
	contains "$ERR" "sign by nobody@example.com: "
	expect 125 ctr pull -q "$REGISTRY/trust/pushed:2"
	contains "$ERR" "manifest unknown"
	expect 125 ctr push -q --sign-by alice@example.com "$REGISTRY/library/busybox" "docker-archive:$T/w/archive:x:1"
	contains "$ERR" "only images that go to a registry can be signed"
	end_keys
}

test_push_signs_by_a_key_with_a_passphrase() {
	lookaside
	mkdir -p -m 700 "$GNUPGHOME"
	echo "open sesame" >"$T/pass"
	gpg --batch --no-tty --quiet --pinentry-mode loopback --passphrase "open sesame" \
		--quick-gen-key "carol <carol@example.com>" ed25519 sign never 2>>"$T/gpg.log"
	gpg_quiet --armor --export carol@example.com >"$T/carol.gpg"
	end_keys # what the agent remembers
	pull "$REGISTRY/library/busybox"
	echo wrong >"$T/wrong"
	expect 125 ctr push -q --sign-by carol@example.com --sign-passphrase-file "$T/wrong" "$REGISTRY/library/busybox" "$REGISTRY/trust/locked:1"
	contains "$ERR" "sign by carol@example.com"
	expect 0 ctr push -q --sign-by carol@example.com --sign-passphrase-file "$T/pass" "$REGISTRY/library/busybox" "$REGISTRY/trust/locked:1"
	policy "$(signed_by carol)"
	skopeo_says 0 locked:1
	end_keys
}

# podman of trixie, as Debian's older tools are built without sigstore: in a root of its own, with $T
# where it is.
peer_podman() { # STATUS ARGUMENT...
	local want=$1
	shift
	mkdir -p "$T/peer/up" "$T/peer/work" "$T/peer/root"
	# shellcheck disable=SC2016 # the inner shell expands it
	run unshare -m --propagation private sh -euc '
		peer=$1 t=$2 root=$2/peer/root
		shift 2
		mount -t overlay -o "lowerdir=$peer,upperdir=$t/peer/up,workdir=$t/peer/work" none "$root"
		mkdir -p "$root$t"
		mount --bind "$t" "$root$t"
		mount --rbind /dev "$root/dev"
		mount --rbind /sys "$root/sys"
		mount -t proc proc "$root/proc"
		exec env -u CONTAINERS_REGISTRIES_CONF chroot "$root" podman --root "$t/peer/store" --runroot "$t/peer/run" --storage-driver vfs "$@"
	' - "$PEER" "$T" "$@"
	[ "$STATUS" = "$want" ] || fail "status $STATUS, want $want: podman $*"
}

#: timeout=590
root_test_sigstore_with_podman_of_trixie() {
	PEER=$("$TESTS/conformance/peer") || skip "trixie's podman cannot be had"
	attachments
	"$TESTS/images/sigstore-key" "$T/alice" secret
	"$TESTS/images/sigstore-key" "$T/bob"
	echo secret >"$T/pass"
	policy '{"type":"insecureAcceptAnything"}'
	# theirs, verified by us
	peer_podman 0 pull -q --tls-verify=false "$REGISTRY/library/busybox"
	peer_podman 0 push -q --tls-verify=false --sign-by-sigstore-private-key "$T/alice.key" \
		--sign-passphrase-file "$T/pass" "$REGISTRY/library/busybox" "$REGISTRY/trust/theirs:1"
	publish uncosigned:1
	policy "$(sigstore_signed alice)"
	accepted theirs:1
	rejected uncosigned:1 "A signature was required, but no signature exists"
	policy "$(sigstore_signed bob)"
	rejected theirs:1 "not made by a key that the policy trusts"
	# ours beside theirs, verified by them
	policy '{"type":"insecureAcceptAnything"}'
	expect 0 ctr pull -q "$REGISTRY/trust/theirs:1"
	: >"$T/empty"
	expect 0 ctr push -q --sign-by-sigstore-private-key "$T/bob.key" --sign-passphrase-file "$T/empty" "$REGISTRY/trust/theirs:1" "$REGISTRY/trust/theirs:1"
	expect 0 ctr push -q --sign-by-sigstore-private-key "$T/bob.key" --sign-passphrase-file "$T/empty" "$REGISTRY/trust/theirs:1" "$REGISTRY/trust/ours:1"
	policy "$(sigstore_signed bob)"
	peer_podman 0 pull -q --tls-verify=false "$REGISTRY/trust/ours:1"
	peer_podman 0 pull -q --tls-verify=false "$REGISTRY/trust/theirs:1"
	policy "$(sigstore_signed alice)"
	peer_podman 0 pull -q --tls-verify=false "$REGISTRY/trust/theirs:1"
	peer_podman 125 pull -q --tls-verify=false "$REGISTRY/trust/ours:1"
	contains "$ERR" "Source image rejected"
}

test_push_signs_by_sigstore() {
	attachments
	"$TESTS/images/sigstore-key" "$T/alice" secret
	"$TESTS/images/sigstore-key" "$T/bob"
	echo secret >"$T/pass"
	: >"$T/empty"
	pull "$REGISTRY/library/busybox"
	local from=$REGISTRY/library/busybox to=$REGISTRY/trust/sigstored:1
	expect 0 ctr push -q --sign-by-sigstore-private-key "$T/alice.key" --sign-passphrase-file "$T/pass" "$from" "$to"
	policy "$(sigstore_signed alice)"
	accepted sigstored:1
	printf 'privateKeyFile: %s\nprivateKeyPassphraseFile: %s\n' "$T/bob.key" "$T/empty" >"$T/params.yaml"
	policy "$(sigstore_signed bob)"
	rejected_here() { # the blobs of the image that is pushed are here: only that it is refused
		expect 125 ctr pull -q "$to"
		contains "$ERR" "Source image rejected: docker://$to: $1"
	}
	rejected_here "it was not made by a key that the policy trusts"
	expect 0 ctr push -q --sign-by-sigstore "$T/params.yaml" "$from" "$to"
	accepted sigstored:1
	# any of several keys, also in the policy itself
	policy '{"type":"sigstoreSigned","keyPaths":["/dev/null"]}'
	expect 125 ctr pull -q "$to"
	contains "$ERR" "there is no public key in PEM form in it"
	"$TESTS/images/sigstore-key" "$T/dave"
	policy '{"type":"sigstoreSigned","keyPaths":["'"$T/dave.pub"'","'"$T/alice.pub"'"]}'
	accepted sigstored:1
	policy '{"type":"sigstoreSigned","keyData":"'"$(base64 -w0 "$T/alice.pub")"'"}'
	accepted sigstored:1
	policy "$(sigstore_signed dave)"
	rejected_here "it was not made by a key"
	# what cannot be done
	echo wrong >"$T/wrong"
	expect 125 ctr push -q --sign-by-sigstore-private-key "$T/alice.key" --sign-passphrase-file "$T/wrong" "$from" "$to"
	contains "$ERR" "the passphrase does not open it"
	expect 125 ctr push -q --sign-by-sigstore-private-key "$T/alice.key" "$from" "$to"
	contains "$ERR" "--sign-passphrase-file"
	printf 'fulcio: {}\n' >"$T/params.yaml"
	expect 125 ctr push -q --sign-by-sigstore "$T/params.yaml" "$from" "$to"
	contains "$ERR" "only private keys (privateKeyFile) can sign here"
	lookaside
	policy "$(sigstore_signed alice)"
	rejected_here "A signature was required, but no signature exists (of sigstore; registries.d must say use-sigstore-attachments"
	expect 125 ctr push -q --sign-by-sigstore-private-key "$T/bob.key" --sign-passphrase-file "$T/empty" "$from" "$to"
	contains "$ERR" "use-sigstore-attachments: true"
}

test_image_sign() {
	lookaside
	new_key alice
	publish named:1
	policy "$(signed_by alice)"
	rejected named:1 "no signature exists"
	expect 0 ctr image sign --sign-by alice@example.com "docker://$REGISTRY/trust/named:1"
	is "$OUT" ""
	skopeo_says 0 named:1
	accepted named:1
	# in a directory of its own
	publish directory:1
	expect 0 ctr image sign --sign-by alice@example.com --directory "$T/w/own" "$REGISTRY/trust/directory:1"
	is "$(find "$T/w/own" -path '*trust/directory@sha256=*/signature-1' | wc -l)" 1
	rejected directory:1 "no signature exists"
	cp -r "$T/w/own/." "$T/sigs/"
	accepted directory:1
	# an index: the image for this machine, or all of them
	witness copy -q --all --src-tls-verify=false --dest-tls-verify=false "docker://$REGISTRY/library/alpine" "docker://$REGISTRY/trust/index:1"
	expect 0 ctr image sign --sign-by alice@example.com "$REGISTRY/trust/index:1"
	is "$(find "$T/sigs" -path '*trust/index@*' -name signature-1 | wc -l)" 1
	accepted index:1
	rm -rf "$T/sigs/trust/index@"*
	expect 0 ctr image sign --all --sign-by alice@example.com "$REGISTRY/trust/index:1"
	is "$(find "$T/sigs" -path '*trust/index@*' -name signature-1 | wc -l)" \
		"$(skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/trust/index:1" | jq '.manifests | length + 1')"
	accepted index:1
	expect 125 ctr image sign "$REGISTRY/trust/named:1"
	contains "$ERR" "--sign-by"
	expect 125 ctr image sign --sign-by alice@example.com "$REGISTRY/trust/nosuch:1"
	contains "$ERR" "manifest unknown"
	expect 125 ctr image sign --sign-by alice@example.com "oci:$T/w/layout:x"
	contains "$ERR" "only images in registries are signed"
	end_keys
}

# Lookaside storage behind a web server, which gets no credentials of the registry.
test_signatures_over_http() {
	lookaside
	new_key alice
	publish web:1 --sign-by alice@example.com
	publish web-unsigned:1
	local port server
	port=$(free_port)
	python3 -m http.server --bind 127.0.0.1 --directory "$T/sigs" "$port" >"$T/http.log" 2>&1 &
	server=$!
	wait_for 20 curl -fsS "http://127.0.0.1:$port/"
	printf 'docker:\n  %s:\n    lookaside: http://127.0.0.1:%s\n' "$REGISTRY" "$port" \
		>"$HOME/.config/containers/registries.d/default.yaml"
	policy "$(signed_by alice)"
	accepted web:1
	rejected web-unsigned:1 "no signature exists"
	# what cannot be asked is no answer
	kill "$server"
	wait "$server" || true
	expect 125 ctr pull -q --retry 0 "$REGISTRY/trust/web:1"
	contains "$ERR" "read the signature http://127.0.0.1:$port/trust/web@sha256="
	# and nothing can be written there
	pull_policy=$(cat "$HOME/.config/containers/policy.json")
	policy '{"type":"insecureAcceptAnything"}'
	expect 0 ctr pull -q "$REGISTRY/trust/web:1"
	expect 125 ctr push -q --sign-by alice@example.com "$REGISTRY/trust/web:1"
	contains "$ERR" "signatures cannot be written to http://127.0.0.1:$port"
	end_keys
}

test_archives_and_directories_are_judged() {
	lookaside
	new_key alice
	publish packed:1 --sign-by alice@example.com
	witness copy -q --src-tls-verify=false "docker://$REGISTRY/trust/packed:1" "dir:$T/w/dir"
	witness copy -q --remove-signatures --src-tls-verify=false "docker://$REGISTRY/trust/packed:1" "docker-archive:$T/w/archive.tar:x:1"
	local accept='{"type":"insecureAcceptAnything"}' reference="\"signedIdentity\":{\"type\":\"exactReference\",\"dockerReference\":\"$REGISTRY/trust/packed:1\"}"
	printf '{"default":[{"type":"reject"}],"transports":{"dir":{"":[{"type":"signedBy","keyType":"GPGKeys","keyPath":"%s",%s}]}}}\n' \
		"$T/alice.gpg" "$reference" >"$HOME/.config/containers/policy.json"
	expect 125 ctr load -q -i "$T/w/archive.tar"
	contains "$ERR" "is rejected by policy"
	expect 125 ctr run --rm "docker-archive:$T/w/archive.tar" true
	contains "$ERR" "is rejected by policy"
	is "$(find "$GRAPHROOT/layers" "$GRAPHROOT/images/blobs" -type f)" "" "what is left"
	expect 0 ctr load -q --signature-policy "$T/anybody.json" -i "$T/w/archive.tar"
	# a directory keeps signatures beside the image
	expect 0 ctr pull -q "dir:$T/w/dir"
	rm "$T/w/dir/signature-1"
	expect 125 ctr pull -q "dir:$T/w/dir"
	contains "$ERR" "no signature exists"
	end_keys
}

# An index is signed with all that it lists, and judged with all of it where all is copied.
test_copies_of_indexes_are_signed() {
	lookaside
	new_key alice
	local from=docker://$REGISTRY/library/alpine to=docker://$REGISTRY/trust/all:1
	expect 0 ctr image copy -q --all --src-tls-verify=false --dest-tls-verify=false --sign-by alice@example.com "$from" "$to"
	is "$(find "$T/sigs" -path '*trust/all@*' -name signature-1 | wc -l)" \
		"$(skopeo inspect --raw --tls-verify=false "$to" | jq '.manifests | length + 1')"
	policy "$(signed_by alice)"
	expect 0 skopeo --registries.d "$HOME/.config/containers/registries.d" copy -q --all --remove-signatures \
		--src-tls-verify=false "$to" "dir:$T/w/all"
	accepted all:1
	expect 0 ctr image copy -q --all --remove-signatures --src-tls-verify=false "$to" "oci:$T/w/layout:all"
	# one of them unsigned
	local one
	one=$(skopeo inspect --raw --tls-verify=false "$to" | jq -r '[.manifests[] | select(.platform.architecture != "amd64")][0].digest')
	rm -r "$T/sigs/trust/all@sha256=${one#sha256:}"
	expect 125 ctr image copy -q --all --remove-signatures --src-tls-verify=false "$to" "oci:$T/w/layout:again"
	contains "$ERR" "no signature exists"
	# a signed image is not made another one silently
	expect 125 ctr image copy -q --src-tls-verify=false "$to" "docker-archive:$T/w/archive.tar"
	contains "$ERR" "--remove-signatures"
	policy '{"type":"insecureAcceptAnything"}'
	expect 0 ctr pull -q "$REGISTRY/trust/all:1"
	expect 0 ctr manifest create mine "$REGISTRY/trust/all:1"
	expect 0 ctr manifest push -q --all --tls-verify=false --sign-by alice@example.com mine "docker://$REGISTRY/trust/mine:1"
	policy "$(signed_by alice)"
	accepted_list=$(skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/trust/mine:1" | jq '.manifests | length + 1')
	is "$(find "$T/sigs" -path '*trust/mine@*' -name signature-1 | wc -l)" "$accepted_list"
	expect 0 ctr pull -q "$REGISTRY/trust/mine:1"
	end_keys
}
