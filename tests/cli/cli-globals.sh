# Global options that act on what a command starts or asks.

bb() {
	mkdir -p "$T/w/root/bin"
	cp "$(command -v busybox)" "$T/w/root/bin/busybox"
	for i in sh true sleep; do ln -sf busybox "$T/w/root/bin/$i"; done
	tar -C "$T/w/root" -c . | ctr import -q - bb >/dev/null
}

hook() { # FILE MARK WHEN STAGES
	cat >"$1" <<-END
	{ "version": "1.0.0", "hook": { "path": "/bin/sh", "args": ["sh", "-c", "echo $2 >>$T/w/marks"] },
	  "when": $3, "stages": $4 }
	END
}

test_hooks_dir() {
	bb
	mkdir a b
	hook a/10.json always '{"always": true}' '["createRuntime", "poststop"]'
	hook a/20.json replaced '{"always": true}' '["createRuntime"]'
	hook b/20.json annotated '{"annotations": {"^with$": "hook"}}' '["createRuntime"]'
	hook b/30.json command '{"commands": ["^/bin/true$"]}' '["createRuntime"]'
	hook b/40.json binds '{"hasBindMounts": true}' '["createRuntime"]'
	hook b/50.json never '{"always": false}' '["createRuntime"]'
	echo not one >b/README
	expect 0 ctr --hooks-dir a --hooks-dir b run --rm --network none bb sh -c true
	wait_for 5 grep -c '' marks
	wait_for 5 sh -c '[ "$(wc -l <marks)" = 2 ]'
	is "$(xargs <marks)" "always always"
	: >marks
	expect 0 ctr --hooks-dir a --hooks-dir b run --rm --network none --annotation with=hook -v "$PWD:/w" bb /bin/true
	wait_for 5 sh -c '[ "$(wc -l <marks)" = 5 ]'
	is "$(xargs <marks)" "always annotated command binds always"
	expect 125 ctr --hooks-dir nope run --rm --network none bb true
	contains "$ERR" "--hooks-dir"
	hook b/50.json x '{"always": true}' '["nonsense"]'
	expect 125 ctr --hooks-dir b run --rm --network none bb true
	contains "$ERR" 'b/50.json: unknown stage "nonsense"'
	echo '{"version": "0.1.0"}' >b/50.json
	expect 125 ctr --hooks-dir b run --rm --network none bb true
	contains "$ERR" "unrecognized hook version"
	is "$(ctr ps -aq)" ""
}

test_runtime_flags() {
	bb
	expect 0 ctr --runtime-flag "log=$T/w/log" --runtime-flag log-format=json run --rm --network none bb true
	expect 127 ctr --runtime-flag "log=$T/w/log" --runtime-flag log-format=json run --rm --network none bb nothing-there
	contains "$(cat "$T/w/log")" '"level"'
	expect 125 ctr --runtime-flag no-such-flag run --rm --network none bb true
}

#: fast
test_debug_messages() {
	bb
	expect 0 ctr --log-level debug create --network none bb true
	matches "$ERR" 'level=debug msg="ctr-lite create'
	contains "$ERR" "$GRAPHROOT"
	expect 0 ctr create --network none bb true
	is "$ERR" ""
	expect 0 ctr -D run --rm --network none bb true
	contains "$ERR" "the OCI runtime is"
}

test_config_dir_of_docker() {
	mkdir conf
	cat >asks.py <<-'END'
	import http.server
	class Asks(http.server.BaseHTTPRequestHandler):
	    def do_GET(self):
	        if "Authorization" in self.headers:
	            open("header", "a").write(self.headers["Authorization"] + "\n")
	        self.send_response(401)
	        self.send_header("WWW-Authenticate", 'Basic realm="x"')
	        self.send_header("Content-Length", "0")
	        self.end_headers()
	    do_HEAD = do_GET
	    def log_message(self, *a): pass
	s = http.server.HTTPServer(("127.0.0.1", 0), Asks)
	open("port", "w").write(str(s.server_port))
	s.serve_forever()
	END
	python3 asks.py &
	server=$!
	wait_for 5 test -s port
	name=127.0.0.1:$(cat port)/image
	printf '{"auths": {"%s": {"auth": "%s"}}}' "127.0.0.1:$(cat port)" "$(printf user:secret | base64)" >conf/config.json
	expect 125 ctr pull -q --tls-verify=false --retry 0 "$name"
	[ ! -e header ] || fail "credentials come from nowhere"
	expect 125 ctr --config conf pull -q --tls-verify=false --retry 0 "$name"
	is "$(head -n 1 header)" "Basic dXNlcjpzZWNyZXQ="
	expect 125 ctr pull -q --retry-delay nonsense "$name"
	contains "$ERR" "--retry-delay nonsense"
	kill "$server"
	wait "$server" || true
}
