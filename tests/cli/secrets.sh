# Secrets: the commands about them, and what containers get of them.

bb() { # an image with a shell and its tools
	mkdir -p "$T/w/root/bin" "$T/w/root/etc"
	cp "$(command -v busybox)" "$T/w/root/bin/busybox"
	for i in sh cat ls env sleep stat true; do ln -sf busybox "$T/w/root/bin/$i"; done
	printf 'root:x:0:0::/:/bin/sh\nu:x:1000:1000::/:/bin/sh\n' >"$T/w/root/etc/passwd"
	tar -C "$T/w/root" -c . | ctr import -q - bb >/dev/null
}
secret() { # NAME VALUE [OPTION...]
	local name=$1 value=$2
	shift 2
	printf %s "$value" >"$T/w/.secret"
	expect 0 ctr secret create "$@" "$name" "$T/w/.secret"
	ID=$OUT
}

#: fast
test_create_list_inspect_remove() {
	expect 0 ctr secret ls
	is "$OUT" "ID          NAME        DRIVER      CREATED     UPDATED"
	secret token s3cret -l a=b -l c --driver-opts k=v
	matches "$ID" '^[0-9a-f]{25}$'
	expect 0 ctr secret ls --format '{{.ID}} {{.Name}} {{.Driver}} {{.CreatedAt}} {{.Label "a"}}'
	matches "$OUT" "^$ID token file .* ago b$"
	expect 0 ctr secret ls -n
	lacks "$OUT" NAME
	is "$(ctr secret ls -q --filter name='^tok')" "$ID"
	is "$(ctr secret ls -q --filter name=x)" ""
	is "$(ctr secret ls -q --filter "id=${ID:0:5}")" "$ID"
	expect 125 ctr secret ls --filter foo=x
	is "$ERR" 'Error: invalid filter "foo"'
	is "$(ctr secret ls --format json | jq -r '.[0].Name')" token
	expect 0 ctr secret inspect token
	is "$(jq -r '.[0] | .ID, .Spec.Name, .Spec.Driver.Name, .Spec.Driver.Options.k, .Spec.Labels.a' <<<"$OUT" | xargs)" \
		"$ID token file v b"
	lacks "$OUT" s3cret
	expect 0 ctr secret inspect --pretty "${ID:0:6}"
	contains "$OUT" "Labels:"$'\n'" - a=b"$'\n'" - c"$'\n'"Driver:            file"
	is "$(ctr secret inspect --showsecret -f '{{.SecretData}}' token)" s3cret
	expect 125 ctr secret inspect token nope
	contains "$OUT" "$ID"
	is "$ERR" 'Error: inspecting secret: no secret with name or id "nope": no such secret'
	expect 0 ctr secret exists token
	expect 1 ctr secret exists nope
	is "$OUT$ERR" ""
	expect 125 ctr secret rm nope token
	is "$OUT" "$ID"
	is "$ERR" 'Error: no secret with name or id "nope": no such secret'
	expect 0 ctr secret rm -i nope
	secret x 1
	secret y 2
	expect 0 ctr secret rm --all
	is "$(wc -l <<<"$OUT")" 2
	is "$(ctr secret ls -q)" ""
	expect 125 ctr secret rm
	expect 0 ctr events --stream=false --since 1m --filter type=secret --format '{{.Status}} {{.Name}}'
	is "$(sort <<<"$OUT" | uniq | xargs -d, )" $'create token\ncreate x\ncreate y\nremove token\nremove x\nremove y'
}

#: fast
test_create_takes_what_podman_takes() {
	expect 0 bash -c 'printf in | ctr-lite "$@"' - ${CTR_GLOBAL[@]+"${CTR_GLOBAL[@]}"} secret create a -
	is "$(ctr secret inspect --showsecret -f '{{.SecretData}}' a)" in
	VAR=value expect 0 ctr secret create --env b VAR
	is "$(ctr secret inspect --showsecret -f '{{.SecretData}}' b)" value
	expect 125 ctr secret create --env c NOT_THERE
	contains "$ERR" "environment variable NOT_THERE is not set"
	echo x >"$T/w/f"
	expect 125 ctr secret create a "$T/w/f"
	is "$ERR" "Error: a: secret name in use"
	old=$(ctr secret inspect -f '{{.ID}}' a)
	is "$(ctr secret create --ignore a "$T/w/f")" "$old"
	expect 0 ctr secret create --replace a "$T/w/f"
	[ "$OUT" != "$old" ] || fail "the ID of a replaced secret is the old one"
	is "$(ctr secret inspect --showsecret -f '{{.SecretData}}' a)" $'x'
	expect 1 ctr secret exists "$old"
	expect 125 ctr secret create --ignore --replace a "$T/w/f"
	for name in a/b a,b a=b '' "$(printf %254s | tr ' ' a)"; do
		expect 125 ctr secret create "$name" "$T/w/f"
		contains "$ERR" "invalid secret name"
	done
	expect 125 ctr secret create only
	is "$ERR" "Error: accepts 2 arg(s), received 1"
	expect 125 ctr secret create n /nonexistent
	contains "$ERR" "open /nonexistent: No such file or directory"
	: >"$T/w/f"
	expect 125 ctr secret create n "$T/w/f"
	is "$ERR" "Error: secret data must be larger than 0 and less than 512000 bytes"
	head -c 512000 /dev/zero >"$T/w/f"
	expect 125 ctr secret create n "$T/w/f"
	is "$ERR" "Error: secret data must be larger than 0 and less than 512000 bytes"
	head -c 511999 /dev/zero >"$T/w/f"
	expect 0 ctr secret create n "$T/w/f"
	for d in pass shell; do
		expect 125 ctr secret create -d $d m "$T/w/f"
		contains "$ERR" "--driver=$d is not supported yet"
	done
	expect 125 ctr secret create -d foo m "$T/w/f"
	contains "$ERR" "invalid driver"
	# nobody else reads them
	is "$(find "$GRAPHROOT/secrets" -type f ! -perm 600)" ""
}

test_files_in_the_container() {
	bb
	secret a value
	expect 0 ctr run --rm --network none --secret a --secret a,target=x/y,uid=5,gid=6,mode=0400 \
		--secret a,target=/etc/sec,mode=440 bb sh -c '
		cat /run/secrets/a; echo; stat -c "%a %u:%g %s" /run/secrets/a /run/secrets/x/y /etc/sec'
	is "$OUT" $'value\n444 0:0 5\n400 5:6 5\n440 0:0 5'
	# for a user of the image, in any map of ids
	for o in --userns=host --userns=keep-id --userns=keep-id:uid=1000,gid=1000 --userns=auto --userns=nomap; do
		expect 0 ctr run --rm --network none "$o" -u u --secret a,uid=1000,mode=0400 bb \
			sh -c 'cat /run/secrets/a; stat -c " %u" /run/secrets/a'
		is "$OUT" "value 1000" "with $o"
	done
	# nothing but reading, also below a tmpfs, and in a read-only container
	expect 1 ctr run --rm --network none --secret a bb sh -c 'echo x >/run/secrets/a'
	contains "$ERR" "Read-only file system"
	expect 0 ctr run --rm --network none --tmpfs /run --secret a bb cat /run/secrets/a
	is "$OUT" value
	expect 0 ctr run --rm --network none --read-only --secret a bb cat /run/secrets/a
	is "$OUT" value
	# a mount of the user's stays
	mkdir mine; echo own >mine/a; echo other >mine/b
	expect 0 ctr run --rm --network none -v ./mine/a:/run/secrets/a --secret a,target=b --secret a bb \
		cat /run/secrets/a /run/secrets/b
	is "$OUT" $'own\nvalue'
}

test_variables_in_the_container() {
	bb
	secret a value
	expect 0 ctr run --rm --network none --secret a,type=env --secret a,type=env,target=B -e B=x bb env
	contains $'\n'"$OUT"$'\n' $'\na=value\n'
	contains $'\n'"$OUT"$'\n' $'\nB=value\n'
	lacks "$OUT" B=x
	expect 0 ctr run -d --name c --network none --secret a,type=env bb sleep 100
	expect 0 ctr exec c env
	contains "$OUT" a=value
	printf '\377\n' >bin
	expect 0 ctr secret create bin bin
	expect 125 ctr run --rm --network none --secret bin,type=env bb env
	contains "$ERR" "secret bin cannot be a variable"
	secret hidden vErYsEcReT
	expect 0 ctr run --rm --network none --explain=json --secret hidden,type=env bb env
	contains "$OUT" "hidden=(a secret)"
	lacks "$OUT" vErYsEcReT
}

test_kept_as_of_the_creation() {
	bb
	secret a first
	expect 0 ctr create --name file --network none --secret a bb cat /run/secrets/a
	expect 0 ctr create --name var --network none --secret a,type=env bb env
	secret a second --replace
	is "$(ctr start -a file)" first
	is "$(ctr start -a file)" first "started again"
	expect 0 ctr secret rm a
	is "$(ctr start -a file)" first "with the secret removed"
	expect 125 ctr start var
	contains "$ERR" 'no secret with name or id "a": no such secret'
}

test_the_value_is_nowhere_else() {
	bb
	secret a vErYsEcReT
	expect 0 ctr run -d --name c --network none --secret a --secret a,type=env,target=V bb sleep 100
	expect 0 ctr inspect c
	lacks "$OUT" vErYsEcReT
	is "$(jq -c '.[0].Config.Secrets' <<<"$OUT")" "[{\"Name\":\"a\",\"ID\":\"$ID\",\"UID\":0,\"GID\":0,\"Mode\":292}]"
	id=$(ctr inspect -f '{{.Id}}' c)
	lacks "$(cat "$GRAPHROOT/containers/$id/container.json")" vErYsEcReT "the record"
	lacks "$(cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' ' ' | grep -v grep || true)" vErYsEcReT "command lines"
	is "$(grep -rl vErYsEcReT "$GRAPHROOT/containers/$id/upper" || true)" "" "the container's layer"
	ctr rm -f -t 0 c >/dev/null
	is "$(grep -rl vErYsEcReT "$GRAPHROOT/containers" "$RUNROOT" || true)" "" "what is left of the container"
}

#: fast
test_options_that_are_refused() {
	bb
	secret a value
	refused() { # OPTION TEXT
		expect 125 ctr create --secret "$1" bb true
		contains "$ERR" "$2"
	}
	refused nope 'no secret with name or id "nope": no such secret'
	refused a,foo=x "option foo=x invalid: parsing secret"
	refused a,foo "option foo invalid: parsing secret"
	refused a,type=foo "type foo is invalid: parsing secret"
	refused a,mode=999 "mode 999 invalid: parsing secret"
	refused a,uid=x "UID x invalid: parsing secret"
	refused a,gid=-1 "GID -1 invalid: parsing secret"
	refused a,type=env,uid=1 "UID, GID, Mode options cannot be set with secret type env"
	refused a,target=.. "names no file"
	refused a,target=/ "names no file"
	is "$(ctr ps -aq)" ""
}
