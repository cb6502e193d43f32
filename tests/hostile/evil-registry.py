#!/usr/bin/env python3
"""A registry that misbehaves: the repository's name chooses how.

usage: evil-registry.py DIRECTORY [--tls CERT KEY]

Writes DIRECTORY/env (EVIL=127.0.0.1:PORT of the registry, OTHER=127.0.0.2:PORT of a server at
another host, EVIL_PID) when it is ready, and DIRECTORY/log with one JSON object for each request:
{"at": "evil" or "other", "method", "path", "auth", "range", "length"}.  Ends when its standard input does.

Every repository holds the same small image of three layers under the tag latest; what differs is
in the methods named after repositories below.  Repositories whose names begin with "push" are empty,
and can be pushed to: see evil_uploads.py.  Credentials are user:secret (Basic), the tokens "tok-user" and "tok-anon".
"""
import argparse
import base64
import gzip
import hashlib
import http.server
import io
import json
import os
import random
import socket
import ssl
import struct
import sys
import tarfile
import threading
import time

import evil_uploads

OCI = "application/vnd.oci.image."
MANIFEST = OCI + "manifest.v1+json"
INDEX = OCI + "index.v1+json"
DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
BASIC = "Basic " + base64.b64encode(b"user:secret").decode()
RESET_AT = 100_000


def sha(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def js(obj):
    return json.dumps(obj).encode()


def make_layer(seed, size):
    rnd = random.Random(seed)
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        info = tarfile.TarInfo("etc")
        info.type, info.mode = tarfile.DIRTYPE, 0o755
        tar.addfile(info)
        info = tarfile.TarInfo(f"etc/layer-{seed}")
        info.size = size
        tar.addfile(info, io.BytesIO(rnd.randbytes(size)))
    return out.getvalue()


TARS = [make_layer(1, 300_000), make_layer(2, 1000), make_layer(3, 2_000_000)]
LAYERS = [gzip.compress(t, 1, mtime=0) for t in TARS]
CONFIG = js({"architecture": "amd64", "os": "linux", "config": {"Cmd": ["/bin/true"]},
             "rootfs": {"type": "layers", "diff_ids": [sha(t) for t in TARS]}})
BLOBS = {sha(b): b for b in LAYERS + [CONFIG]}


def manifest(**more):
    doc = {"schemaVersion": 2, "mediaType": MANIFEST,
           "config": {"mediaType": OCI + "config.v1+json", "size": len(CONFIG), "digest": sha(CONFIG)},
           "layers": [{"mediaType": OCI + "layer.v1.tar+gzip", "size": len(b), "digest": sha(b)}
                      for b in LAYERS]}
    doc.update(more)
    return doc


def changed(i, **more):
    doc = manifest()
    doc["layers"][i].update(more)
    return doc


def with_config(config, **more):
    BLOBS[sha(config)] = config
    doc = manifest()
    doc["config"].update(size=len(config), digest=sha(config), **more)
    return doc


GOOD = js(manifest())
BY_DIGEST = {sha(GOOD): GOOD}


def index(digest, size=len(GOOD)):
    return {"schemaVersion": 2, "mediaType": INDEX, "manifests": [
        {"mediaType": MANIFEST, "size": size, "digest": digest,
         "platform": {"os": "linux", "architecture": "amd64"}}]}


def diff_ids(ids):
    doc = json.loads(CONFIG)
    doc["rootfs"]["diff_ids"] = ids
    return js(doc)


# Manifests that are wrong in themselves: repository -> (body, content type).
BODIES = {
    "both": (manifest(manifests=[]), MANIFEST),
    "header-type": (manifest(), DOCKER),
    "header-index": (manifest(), INDEX),
    "layer-as-config": (manifest(config={"mediaType": OCI + "layer.v1.tar+gzip",
                                         "size": len(LAYERS[0]), "digest": sha(LAYERS[0])}), MANIFEST),
    "layer-bytes-as-config": (with_config(LAYERS[1]), MANIFEST),
    "config-as-layer": (changed(1, mediaType=OCI + "config.v1+json"), MANIFEST),
    "artifact": (manifest(config={"mediaType": "application/vnd.oci.empty.v1+json", "size": 2,
                                  "digest": sha(b"{}")}), MANIFEST),
    "schema1": ({"schemaVersion": 1, "name": "x", "tag": "latest", "fsLayers": [], "history": []},
                "application/vnd.docker.distribution.manifest.v1+prettyjws"),
    "digest-dotdot": (changed(0, digest="sha256:../../../../etc/passwd"), MANIFEST),
    "digest-short": (changed(0, digest="sha256:abcd"), MANIFEST),
    "digest-upper": (changed(0, digest=sha(LAYERS[0]).upper().replace("SHA256", "sha256")), MANIFEST),
    "digest-other": (changed(0, digest="sha512:" + "0" * 128), MANIFEST),
    "size-lies": (changed(0, size=len(LAYERS[0]) - 1), MANIFEST),
    "size-negative": (changed(0, size=-1), MANIFEST),
    "size-huge": (changed(0, size=1 << 62), MANIFEST),
    "diffid-wrong": (with_config(diff_ids([sha(b"x"), sha(TARS[1]), sha(TARS[2])])), MANIFEST),
    "diffid-few": (with_config(diff_ids([sha(TARS[0])])), MANIFEST),
    "diffid-swapped": (with_config(diff_ids([sha(TARS[1]), sha(TARS[0]), sha(TARS[2])])), MANIFEST),
    "diffid-dotdot": (with_config(diff_ids(["../../x"] * 3)), MANIFEST),
    "config-empty": (with_config(b"{}"), MANIFEST),
    "config-array": (with_config(b"[]"), MANIFEST),
    "index": (index(sha(GOOD)), INDEX),
    "index-nested": (index(sha(js(index(sha(GOOD))))), INDEX),
    "index-other-bytes": (index("sha256:" + "1" * 64), INDEX),
    "index-bad-digest": (index("sha256:../../x"), INDEX),
    "docker-type": (manifest(mediaType=DOCKER), DOCKER),
}
nested = js(index(sha(GOOD)))
BY_DIGEST[sha(nested)] = nested

log_lock = threading.Lock()
counts = {}


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def server_bind(self):
        # what a handler does not read is to be noticed soon by the other side
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        super().server_bind()

    request_queue_size = 64

    def handle_error(self, request, client_address):
        pass        # clients that hang up are what this is about


class Handler(evil_uploads.Uploads, http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    at = None

    def log_message(self, *args):
        pass

    def note(self):
        entry = {"at": self.at, "method": self.command, "path": self.path,
                 "auth": self.headers.get("Authorization"), "range": self.headers.get("Range"),
                 "length": int(self.headers.get("Content-Length") or 0)}
        with log_lock, open(opts.directory + "/log", "a") as f:
            f.write(json.dumps(entry) + "\n")

    def count(self, what):
        """How often this was asked for in this scenario, this time included."""
        with log_lock:
            counts[what] = counts.get(what, 0) + 1
            return counts[what]

    def answer(self, body=b"", status=200, **headers):
        self.send_response(status)
        headers.setdefault("Content_Length", str(len(body)))
        for k, v in headers.items():
            if v is not None:
                self.send_header(k.replace("_", "-"), v)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def error(self, status, message="refused", **headers):
        self.answer(js({"errors": [{"code": "DENIED", "message": message}]}), status, **headers)

    def chunk(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def reset(self):
        """End the connection with RST."""
        self.wfile.flush()
        sock = self.connection
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        sock.close()

    def do_GET(self):
        self.note()
        self.left = int(self.headers.get("Content-Length") or 0)    # of the body
        parts, query = evil_uploads.split(self.path)
        if self.at == "other" and parts[1] == "upload":
            return self.put_elsewhere(parts[2], parts[3], query)
        if self.at == "other":
            return self.other(parts)
        if parts[1] == "token":
            return self.token()
        if parts[1] == "moved":
            return self.moved(parts)
        if len(parts) < 5 or parts[1] != "v2":
            return self.error(404)
        name, kind, what = parts[2], parts[3], parts[4]
        if name.startswith("push"):
            return self.upload_request(name, parts, query)
        if self.command != "GET":
            return self.error(405)
        if not self.authorized(name):
            return None
        f = getattr(self, f"{kind}_{name.replace('-', '_')}", None)
        if f:
            return f(name, what)
        return self.manifests(name, what) if kind == "manifests" else self.blobs(name, what)

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

    def other_host(self):
        return opts.other

    def realm(self):
        return f"{opts.scheme}://{self.headers['Host']}/token"

    def source_blob(self, source, digest):
        """What a mount finds in a repository of ours."""
        return BLOBS[digest] if source == "good" else evil_uploads.blobs[source, digest]

    # --- who may

    def authorized(self, name):
        auth = self.headers.get("Authorization")
        if name.startswith("basic"):
            if auth == BASIC:
                return True
            self.error(401, "authentication required", WWW_Authenticate='Basic realm="evil"')
            return False
        if name.startswith("push-token"):
            return self.may_push(name)
        if not name.startswith("token"):
            return True
        realm = self.realm()
        if name == "token-elsewhere":
            realm = f"http://{opts.other}/token"
        if name in ("token-elsewhere", "token-user"):
            good = auth == "Bearer tok-user"
        else:
            good = auth in ("Bearer tok-user", "Bearer tok-anon")
        if name == "token-expires" and good and self.count("token-expires") % 4 == 0:
            good = False
        if good:
            return True
        realm = {"token-file": "file:///etc/passwd", "token-no-realm": "",
                 "token-relative": "/token"}.get(name, realm)
        header = f'Bearer realm="{realm}",service="evil",scope="repository:{name}:pull,push"'
        if name == "token-unclosed":
            header = 'Bearer realm="' + realm
        self.error(401, "authentication required", WWW_Authenticate=header)
        return False

    def token(self):
        user = self.headers.get("Authorization") == BASIC
        query = self.path
        if "push-token" in query:
            return self.push_token(user, evil_uploads.split(query)[1]["scope"])
        if "token-newline" in query:
            return self.answer(js({"token": "a\r\nX-Evil: 1"}))
        if "token-huge" in query:
            return self.answer(js({"token": "a" * 1_000_000}))
        if "token-not-json" in query:
            return self.answer(b"<html>sign in</html>")
        if "token-none" in query:
            return self.answer(js({"expires_in": 60}))
        if "token-redirected" in query:
            return self.answer(b"", 307, Location=f"http://{opts.other}/token")
        return self.answer(js({"token": "tok-user" if user else "tok-anon", "expires_in": 60}))

    # --- another host, and another path of this one

    def other(self, parts):
        if parts[1] == "token":
            return self.answer(js({"token": "tok-anon"}))
        if parts[1] == "401":
            return self.error(401, "give me your password",
                              WWW_Authenticate='Basic realm="other", Bearer realm="http://%s/token"'
                              % opts.other)
        if parts[1] == "blob" and parts[2] in BLOBS:
            return self.answer(BLOBS[parts[2]])
        return self.error(404)

    def moved(self, parts):
        if self.headers.get("Authorization") != BASIC:
            return self.error(401, WWW_Authenticate='Basic realm="evil"')
        return self.answer(BLOBS[parts[2]])

    # --- what is well-behaved

    def manifests(self, name, what, **headers):
        if what.startswith("sha256:"):
            body, kind = BY_DIGEST.get(what), None
            if body is None:
                body = next((js(b) for b, _ in BODIES.values() if sha(js(b)) == what), None)
            if body is None:
                return self.error(404)
        elif name in BODIES:
            doc, kind = BODIES[name]
            body = js(doc)
        else:
            body, kind = GOOD, MANIFEST
        kind = kind or json.loads(body).get("mediaType", MANIFEST)
        return self.answer(body, Content_Type=kind, Docker_Content_Digest=sha(body), **headers)

    def blobs(self, name, what):
        data = BLOBS.get(what)
        if data is None:
            return self.error(404)
        return self.ranged(data)

    def start(self):
        r = self.headers.get("Range")
        return int(r[len("bytes="):].split("-")[0]) if r else 0

    def ranged(self, data):
        start = self.start()
        if not start:
            return self.answer(data)
        return self.answer(data[start:], 206,
                           Content_Range=f"bytes {start}-{len(data) - 1}/{len(data)}")

    # --- redirects

    def blobs_basic_redirect(self, name, what):
        return self.answer(b"", 307, Location=f"http://{opts.other}/blob/{what}?sig=x")

    def blobs_basic_redirect_user(self, name, what):
        return self.answer(b"", 302, Location=f"http://a:b@{opts.other}/blob/{what}")

    def blobs_basic_redirect_home(self, name, what):
        return self.answer(b"", 308, Location=f"/moved/{what}")

    def blobs_basic_redirect_401(self, name, what):
        return self.answer(b"", 307, Location=f"http://{opts.other}/401/{what}")

    def do_redirect(self, to):
        return self.answer(b"", 307, Location=to)

    def manifests_redirect_loop(self, name, what):
        return self.do_redirect(self.path)

    def manifests_redirect_file(self, name, what):
        return self.do_redirect("file:///etc/passwd")

    def manifests_redirect_gopher(self, name, what):
        return self.do_redirect(f"gopher://{opts.other}/_x")

    def manifests_redirect_nowhere(self, name, what):
        return self.answer(b"", 307)

    def manifests_redirect_http(self, name, what):
        return self.do_redirect(f"http://{opts.other}/blob/x")

    # --- manifests

    def manifests_tag_header(self, name, what):
        return self.answer(GOOD, Content_Type=MANIFEST, Docker_Content_Digest="sha256:" + "2" * 64)

    def manifests_header_junk(self, name, what):
        return self.answer(GOOD, Content_Type=MANIFEST, Docker_Content_Digest="sha256:../../x")

    def manifests_any_digest(self, name, what):
        return self.answer(GOOD, Content_Type=MANIFEST)

    def manifests_index_other_bytes(self, name, what):
        if what.startswith("sha256:"):
            return self.answer(GOOD, Content_Type=MANIFEST)
        return self.manifests(name, what)

    def manifests_no_type(self, name, what):
        return self.answer(GOOD, Content_Type="application/octet-stream")

    def manifests_endless(self, name, what):
        self.send_response(200)
        self.send_header("Content-Type", MANIFEST)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while True:
            self.chunk(b" " * 65536)

    def manifests_huge(self, name, what):
        return self.answer(b"{}", Content_Type=MANIFEST, Content_Length=str(1 << 40))

    def manifests_deep(self, name, what):
        return self.answer(b"[" * 3_000_000, Content_Type=MANIFEST)

    def manifests_drip(self, name, what):
        self.send_response(200)
        self.send_header("Content-Type", MANIFEST)
        self.send_header("Content-Length", str(len(GOOD)))
        self.end_headers()
        for i in range(len(GOOD)):
            self.wfile.write(GOOD[i:i + 1])
            time.sleep(1)

    def manifests_silent(self, name, what):
        time.sleep(600)

    def manifests_headers(self, name, what):
        self.send_response(200)
        for i in range(1_000_000):
            self.send_header(f"X-{i}", "a" * 1000)
            if i % 100 == 0:
                self.flush_headers()

    def manifests_long_header(self, name, what):
        self.connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
        while True:
            self.connection.sendall(b"a" * 65536)

    def manifests_not_http(self, name, what):
        self.connection.sendall(b"SSH-2.0-OpenSSH\r\n")
        self.close_connection = True

    def manifests_500(self, name, what):
        return self.error(500, "\x1b[31mred\x1b]0;title\x07 and\nlines")

    def manifests_error_endless(self, name, what):
        self.send_response(404)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while True:
            self.chunk(b"x" * 65536)

    def manifests_once_reset(self, name, what):
        if self.count("once-reset") == 1:
            self.send_response(200)
            self.send_header("Content-Type", MANIFEST)
            self.send_header("Content-Length", str(len(GOOD)))
            self.end_headers()
            self.wfile.write(b"X" * 100)    # must not be mixed with the second answer
            return self.reset()
        return self.manifests(name, what)

    def retry_later(self, status, seconds, name, what):
        if self.count(f"{name}-{what}") == 1:
            return self.error(status, "later", Retry_After=seconds)
        return None

    def manifests_429(self, name, what):
        return self.retry_later(429, "1", name, what) or \
            (None if counts[f"{name}-{what}"] == 1 else self.manifests(name, what))

    def blobs_503(self, name, what):
        return self.retry_later(503, "1", name, what) or \
            (None if counts[f"{name}-{what}"] == 1 else self.blobs(name, what))

    def manifests_429_always(self, name, what):
        return self.error(429, "never")

    def manifests_429_long(self, name, what):
        return self.error(429, "in a year", Retry_After="31536000")

    # --- blobs

    def is_big(self, what):
        return what == sha(LAYERS[2])

    def blobs_flipped(self, name, what):
        data = BLOBS[what]
        if self.is_big(what):
            data = data[:70000] + bytes([data[70000] ^ 1]) + data[70001:]
        return self.answer(data)

    def blobs_flipped_small(self, name, what):
        data = BLOBS[what]
        if what == sha(LAYERS[1]):
            data = data[:-1] + bytes([data[-1] ^ 1])
        return self.answer(data)

    def blobs_config_flipped(self, name, what):
        data = BLOBS[what]
        return self.answer(data.replace(b"amd64", b"AMD64") if what == sha(CONFIG) else data)

    def blobs_short(self, name, what):
        data = BLOBS[what]
        return self.answer(data[:-10] if self.is_big(what) else data)

    def blobs_long(self, name, what):
        data = BLOBS[what]
        return self.answer(data + b"x" if self.is_big(what) else data)

    def blobs_missing(self, name, what):
        return self.error(404) if self.is_big(what) else self.blobs(name, what)

    def chunked(self, data, more=b""):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for i in range(0, len(data), 7777):
            self.chunk(data[i:i + 7777])
        if more:
            while True:
                self.chunk(more)
        self.chunk(b"")

    def blobs_chunked(self, name, what):
        return self.chunked(BLOBS[what])

    def blobs_more_than_said(self, name, what):
        return self.chunked(BLOBS[what], b"z" * 65536 if self.is_big(what) else b"")

    def blobs_chunked_short(self, name, what):
        return self.chunked(BLOBS[what][:-10] if self.is_big(what) else BLOBS[what])

    def broken(self, what, resume, times=3):
        """The big layer breaks off again and again; `resume` answers what asks for the rest."""
        data = BLOBS[what]
        if not self.is_big(what):
            return self.answer(data)
        start = self.start()
        n = self.count("broken-" + self.path)
        if start or n > times:
            data, start = resume(data, start)
            if n > times:
                return None
        else:
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
        self.wfile.write(data[start:start + RESET_AT] if start else data[:RESET_AT])
        return self.reset()

    def blobs_reset(self, name, what):
        def resume(data, start):
            n = counts["broken-" + self.path]
            if n > 3:
                self.ranged(data)
                return data, start
            self.send_response(206)
            self.send_header("Content-Length", str(len(data) - start))
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
            self.end_headers()
            return data, start
        return self.broken(what, resume)

    def once(self, what, then):
        data = BLOBS[what]
        if not self.is_big(what):
            return self.answer(data)
        if self.count("once-" + self.path) > 1:
            return then(data, self.start())
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[:RESET_AT])
        return self.reset()

    def blobs_no_range(self, name, what):
        return self.once(what, lambda data, start: self.answer(data))

    def blobs_wrong_range(self, name, what):
        def then(data, start):
            if not start:
                return self.answer(data)
            return self.answer(data[start - 5:], 206,
                               Content_Range=f"bytes {start - 5}-{len(data) - 1}/{len(data)}")
        return self.once(what, then)

    def blobs_lying_range(self, name, what):
        """Says that it goes on, and starts again from elsewhere: the digest must catch it."""
        return self.once(what, lambda data, start: self.answer(
            data[5:len(data) - start + 5], 206,
            Content_Range=f"bytes {start}-{len(data) - 1}/{len(data)}"))

    def blobs_range_416(self, name, what):
        return self.once(what, lambda data, start:
                         self.error(416) if start else self.answer(data))

    def blobs_range_all(self, name, what):
        return self.once(what, lambda data, start: self.answer(
            data[start:], 206, Content_Range=f"bytes {start}-{len(data) - 1}/*"))

    def blobs_reset_always(self, name, what):
        if not self.is_big(what):
            return self.blobs(name, what)
        return self.reset()

    def blobs_close_short(self, name, what):
        """No length, and the connection ends too early (once)."""
        data = BLOBS[what]
        n = self.count("close-" + self.path)
        self.protocol_version = "HTTP/1.0"
        self.send_response(200)
        self.end_headers()
        self.wfile.write(data if n > 1 or not self.is_big(what) else data[:RESET_AT])
        self.close_connection = True

    def blobs_body_drip(self, name, what):
        data = BLOBS[what]
        if not self.is_big(what):
            return self.answer(data)
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        for i in range(len(data)):
            self.wfile.write(data[i:i + 1])
            self.wfile.flush()
            time.sleep(0.5)

    def blobs_slow(self, name, what):
        """Slow but going on: good."""
        data = BLOBS[what]
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        for i in range(0, len(data), 100_000):
            self.wfile.write(data[i:i + 100_000])
            time.sleep(0.1)

    def blobs_stuck(self, name, what):
        """The first layers come, the last never ends: for interrupting a pull."""
        data = BLOBS[what]
        if not self.is_big(what):
            return self.answer(data)
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[:RESET_AT])
        self.wfile.flush()
        time.sleep(600)


# A layer that is to be fetched from elsewhere.
def add_foreign():
    doc = changed(0, urls=[f"http://{opts.other}/blob/{sha(LAYERS[0])}"])
    BODIES["foreign"] = (doc, MANIFEST)
    BODIES["foreign-type"] = (changed(0, mediaType=OCI + "layer.nondistributable.v1.tar+gzip",
                                      urls=[f"http://{opts.other}/401/x"]), MANIFEST)


def serve(at, host, tls=None):
    handler = type(at, (Handler,), {"at": at})
    server = Server((host, 0), handler)
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*tls)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"{host}:{server.server_address[1]}"


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("directory")
    ap.add_argument("--tls", nargs=2)
    opts = ap.parse_args()
    opts.scheme = "https" if opts.tls else "http"
    opts.other = serve("other", "127.0.0.2")
    opts.evil = serve("evil", "127.0.0.1", opts.tls)
    add_foreign()
    open(opts.directory + "/log", "w").close()
    with open(opts.directory + "/env.new", "w") as f:
        f.write(f"EVIL={opts.evil}\nOTHER={opts.other}\nEVIL_PID={os.getpid()}\n"
                f"EVIL_DIGEST={sha(GOOD)}\nEVIL_ID={sha(CONFIG)[7:]}\n")
    os.rename(opts.directory + "/env.new", opts.directory + "/env")
    sys.stdin.read()
