"""Uploads of the registry that misbehaves: repositories whose names begin with "push".

What is well behaved follows the distribution spec: POST opens an upload (or mounts), PATCH appends,
PUT closes, GET tells how much is there.  A scenario is a method named after the request and the
repository ("patch_push_reset" of push-reset); it answers, or returns None to go on as usual.
"""
import hashlib
import itertools
import json
import threading
import time
from urllib.parse import parse_qs, urlsplit

lock = threading.Lock()
numbers = itertools.count()
together = threading.Condition()
most = [0]          # uploads at the same time in push-together
blobs = {}          # (repository, digest) -> bytes
manifests = {}      # (repository, reference) -> (type, bytes)
sessions = {}       # id -> bytearray
tokens = {}         # header -> [scopes, requests that are left]
CUT = 700_000       # of a body that breaks off


def sha(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Broken(Exception):
    """The connection was ended on purpose."""


class Uploads:
    def upload_request(self, name, parts, query):
        """A request for the repository @name; parts: ["", "v2", name, kind, what, ...]."""
        if not self.authorized(name):
            return None
        kind = parts[3]
        f = getattr(self, f"{self.command.lower()}_{name.replace('-', '_')}", None)
        try:
            if f and f(name, kind, parts, query) is not None:
                return None
            if kind == "manifests":
                return self.manifest_request(name, parts[4])
            if kind == "blobs" and parts[4] == "uploads":
                return self.session_request(name, parts[5] if len(parts) > 5 else "", query)
            if kind == "blobs":
                return self.blob_request(name, parts[4])
            return self.error(404)
        except Broken:
            return None

    # --- who may: tokens hold what they were asked for

    def push_token(self, user, scopes):
        if not user:
            return self.error(401, "who are you?")
        if len(scopes) > 1 and any("push-token-strict" in s for s in scopes):
            return self.error(403, "not all of these")
        token = f"tok-{len(tokens)}-" + hashlib.sha256(repr(scopes).encode()).hexdigest()[:8]
        tokens["Bearer " + token] = [scopes, 5 if any("expires" in s for s in scopes) else 1000]
        return self.answer(json.dumps({"token": token}).encode())

    def may_push(self, name):
        scopes, left = tokens.get(self.headers.get("Authorization"), ([], 0))
        if f"repository:{name}:pull,push" in scopes and left > 0:
            tokens[self.headers["Authorization"]][1] -= 1
            return True
        self.drop()
        self.error(401, "authentication required", WWW_Authenticate=
                   f'Bearer realm="{self.realm()}",service="evil",scope="repository:{name}:pull,push"')
        return False

    def handle_expect_100(self):
        """Who waits for leave before sending a body gets the refusal instead."""
        self.left = 0
        parts, _ = split(self.path)
        if len(parts) > 3 and parts[2].startswith("push-token") and not self.may_push(parts[2]):
            return False
        return super().handle_expect_100()

    def post_push_token(self, name, kind, parts, query):
        """Mounts where the token says that the source may be read."""
        scopes, _ = tokens[self.headers["Authorization"]]
        if "mount" in query and f"repository:{query['from'][0]}:pull" in scopes:
            return self.mounted(name, query)
        return None

    post_push_token_strict = post_push_token

    # --- what is well-behaved

    def take(self, length=None):
        """The request's body, or its first bytes."""
        if self.headers.get("Transfer-Encoding"):
            raise ValueError("chunked bodies are not used")
        n = self.left if length is None else min(self.left, length)
        self.left -= n
        return self.rfile.read(n)

    def drop(self):
        """Read the rest of the body, so that the answer is seen."""
        self.take()

    def manifest_request(self, name, ref):
        if self.command == "PUT":
            body = self.take()
            kind = self.headers.get("Content-Type")
            doc = json.loads(body)
            for d in [doc["config"]] + doc["layers"] if "config" in doc else []:
                if (name, d["digest"]) not in blobs or len(blobs[name, d["digest"]]) != d["size"]:
                    return self.error(400, "blob unknown: " + d["digest"])
            for d in doc.get("manifests", []):
                if (name, d["digest"]) not in manifests:
                    return self.error(400, "manifest unknown: " + d["digest"])
            manifests[name, ref] = manifests[name, sha(body)] = (kind, body)
            return self.answer(b"", 201, Docker_Content_Digest=self.kept_digest(name, sha(body)),
                               Location=f"/v2/{name}/manifests/{sha(body)}")
        if (name, ref) not in manifests:
            return self.error(404, "manifest unknown")
        kind, body = manifests[name, ref]
        return self.answer(body, Content_Type=kind, Docker_Content_Digest=sha(body))

    def blob_request(self, name, digest):
        data = blobs.get((name, digest))
        if data is None:
            return self.error(404, "blob unknown")
        if self.command == "HEAD":
            return self.answer(b"", Content_Length=str(len(data)), Docker_Content_Digest=digest)
        return self.ranged(data)

    def location(self, name, session):
        return f"/v2/{name}/blobs/uploads/{session}?_state={len(sessions[session])}-secret"

    def session_answer(self, name, session, status=202, **headers):
        n = len(sessions[session])
        headers.setdefault("Location", self.location(name, session))
        headers.setdefault("Range", f"0-{max(n - 1, 0)}")
        return self.answer(b"", status, **headers)

    def new_session(self):
        with lock:
            session = f"session-{next(numbers)}"
            sessions[session] = bytearray()
        return session

    def session_request(self, name, session, query):
        if self.command == "POST":
            return self.session_answer(name, self.new_session())
        if session not in sessions:
            self.drop()
            return self.error(404, "upload unknown")
        data = sessions[session]
        if self.command == "GET":
            return self.session_answer(name, session, 204)
        wanted = self.headers.get("Content-Range")
        if wanted and int(wanted.split("-")[0]) != len(data):
            self.drop()
            return self.session_answer(name, session, 416)
        data += self.take()
        if self.command == "PATCH":
            return self.session_answer(name, session)
        return self.close(name, session, query["digest"][0])

    def close(self, name, session, digest):
        data = bytes(sessions.pop(session))
        if sha(data) != digest:
            return self.refuse_digest()
        blobs[name, digest] = data
        return self.answer(b"", 201, Docker_Content_Digest=self.kept_digest(name, digest),
                           Location=f"/v2/{name}/blobs/{digest}")

    def refuse_digest(self):
        return self.answer(json.dumps({"errors": [{"code": "DIGEST_INVALID",
                                                   "message": "provided digest did not match"}]}).encode(), 400)

    def kept_digest(self, name, digest):
        if name == "push-keeps-other" or name == "push-manifest-other" and digest.startswith("sha256:") \
                and (name, digest) in manifests:
            return "sha256:" + "3" * 64
        return digest

    def put_elsewhere(self, name, session, query):
        """The other host takes what it is given, from whoever knows the location."""
        data = self.take()
        if self.command == "PATCH":
            sessions[session] += data
            return self.answer(b"", 202, Location=f"/upload/{name}/{session}",
                               Range=f"0-{len(sessions[session]) - 1}")
        sessions[session] += data
        return self.close(name, session, query["digest"][0])

    # --- connections that break

    def cut(self, session, keep):
        """Take the first bytes, keep so many of them, and reset."""
        data = self.take(CUT)
        sessions[session] += data[:keep]
        self.reset()
        raise Broken

    def patch_push_reset(self, name, kind, parts, query):
        """Breaks off three times; what came is kept."""
        if self.count(name) <= 3:
            self.cut(parts[5], CUT)

    def patch_push_forgets(self, name, kind, parts, query):
        """Breaks off, and the session is gone."""
        if self.count(name) <= 2:
            try:
                self.cut(parts[5], CUT)
            finally:
                del sessions[parts[5]]

    def patch_push_reset_always(self, name, kind, parts, query):
        self.cut(parts[5], 0)

    def put_push_lost_answer(self, name, kind, parts, query):
        """Everything is stored, but the first answers do not arrive."""
        if kind == "blobs" and self.count(name) <= 3:
            sessions[parts[5]] += self.take()
            data = bytes(sessions.pop(parts[5]))
            blobs[name, sha(data)] = data
            self.reset()
            raise Broken
        if kind == "manifests" and self.count(name + "-manifest") == 1:
            body = self.take()
            manifests[name, parts[4]] = manifests[name, sha(body)] = (self.headers["Content-Type"], body)
            self.reset()
            raise Broken

    def put_push_together(self, name, kind, parts, query):
        """Small blobs are kept waiting until others come, or it is clear that none does."""
        if kind == "blobs":
            with together:
                self.at_once.append(parts[5])
                most[0] = max(most[0], len(self.at_once))
                together.notify_all()
                together.wait_for(lambda: most[0] >= 3, timeout=1)
                self.at_once.remove(parts[5])
        elif kind == "manifests":
            manifests[name, "most"] = ("text/plain", str(most[0]).encode())
            most[0] = 0

    put_push_together_one = put_push_together
    at_once = []

    def patch_push_slow(self, name, kind, parts, query):
        n = int(self.headers["Content-Length"])
        while n:
            data = self.rfile.read(min(n, 100_000))
            sessions[parts[5]] += data
            n -= len(data)
            time.sleep(0.05)
        return self.session_answer(name, parts[5]) or True

    def patch_push_stuck(self, name, kind, parts, query):
        self.rfile.read(1000)
        time.sleep(600)

    # --- busy

    def later(self, status, what, **headers):
        if self.count(what) == 1:
            self.drop()
            self.error(status, "later", **headers)
            return True
        return None

    def post_push_429(self, name, kind, parts, query):
        return self.later(429, name + "post", Retry_After="1")

    def patch_push_429(self, name, kind, parts, query):
        return self.later(429, name + "patch", Retry_After="1")

    def put_push_429(self, name, kind, parts, query):
        return self.later(429, name + "put" + kind, Retry_After="1")

    def patch_push_503(self, name, kind, parts, query):
        return self.later(503, name + "patch")

    def put_push_503(self, name, kind, parts, query):
        return self.later(503, name + "put" + kind)

    def patch_push_429_always(self, name, kind, parts, query):
        self.drop()
        return self.error(429, "never") or True

    def patch_push_429_long(self, name, kind, parts, query):
        self.drop()
        return self.error(429, "in a year", Retry_After="31536000") or True

    # --- wrong answers

    def head_push_wrong_length(self, name, kind, parts, query):
        """It says that it has something of that digest, but of another length."""
        if (name, parts[4]) not in blobs:
            return self.answer(b"", Content_Length="77") or True

    def patch_push_wrong_range(self, name, kind, parts, query):
        """Says once that it has more than was sent."""
        if self.count(name) == 1:
            sessions[parts[5]] += self.take()
            return self.session_answer(name, parts[5], Range="0-99999999") or True

    def patch_push_wrong_range_always(self, name, kind, parts, query):
        sessions[parts[5]] += self.take()
        return self.session_answer(name, parts[5], Range="0-99999999") or True

    def patch_push_junk_range(self, name, kind, parts, query):
        if self.count(name) == 1:
            sessions[parts[5]] += self.take()
            return self.session_answer(name, parts[5], Range="many") or True

    def patch_push_half(self, name, kind, parts, query):
        """Takes only a part of each piece, and says so."""
        data = self.take()
        sessions[parts[5]] += data[:max(300_000, len(data) // 2)]
        return self.session_answer(name, parts[5]) or True

    def patch_push_takes_nothing(self, name, kind, parts, query):
        self.drop()
        return self.session_answer(name, parts[5]) or True

    def patch_push_lying_range(self, name, kind, parts, query):
        """Breaks off once, and says that it has more than it kept: the digest tells."""
        if self.count(name) == 1:
            self.cut(parts[5], 1000)

    def get_push_lying_range(self, name, kind, parts, query):
        if kind == "blobs" and parts[4] == "uploads":
            data = sessions[parts[5]]
            data += b"x" * (500_000 - len(data))
            return self.session_answer(name, parts[5], 204) or True

    def put_push_doubts(self, name, kind, parts, query):
        if kind == "blobs" and self.count(name) == 1:
            self.drop()
            return self.refuse_digest() or True

    def put_push_doubts_always(self, name, kind, parts, query):
        if kind == "blobs":
            self.drop()
            return self.refuse_digest() or True

    def post_push_no_location(self, name, kind, parts, query):
        return self.answer(b"", 202) or True

    def post_push_location_file(self, name, kind, parts, query):
        return self.answer(b"", 202, Location="file:///etc/passwd") or True

    def post_push_open_200(self, name, kind, parts, query):
        return self.answer(b"", 200) or True

    # --- what it does not do

    def head_push_no_head(self, name, kind, parts, query):
        return self.answer(b"", 405) or True

    def patch_push_no_patch(self, name, kind, parts, query):
        self.drop()
        return self.error(405, "not supported") or True

    def put_push_chunks_only(self, name, kind, parts, query):
        if kind == "blobs" and int(self.headers.get("Content-Length") or 0) > 0:
            self.drop()
            return self.error(400, "not in one piece") or True

    def patch_push_chunks_only(self, name, kind, parts, query):
        if not self.headers.get("Content-Range"):
            self.drop()
            return self.error(400, "Content-Range is missing") or True

    def limit(self, most):
        if int(self.headers.get("Content-Length") or 0) > most:
            self.drop()
            return self.error(413, "too large") or True
        return None

    def patch_push_413(self, name, kind, parts, query):
        return self.limit(600_000)

    def put_push_413(self, name, kind, parts, query):
        return self.limit(600_000)

    def patch_push_413_always(self, name, kind, parts, query):
        return self.limit(10)

    def put_push_413_always(self, name, kind, parts, query):
        return self.limit(10)

    def post_push_chunk_min(self, name, kind, parts, query):
        return self.session_answer(name, self.new_session(), OCI_Chunk_Min_Length="1500000") or True

    def put_push_chunk_min(self, name, kind, parts, query):
        return self.limit(1_600_000)

    def patch_push_chunk_min(self, name, kind, parts, query):
        if len(sessions[parts[5]]) % 1_500_000:
            self.drop()
            return self.error(416, "the chunk before this one was too small") or True
        return self.limit(1_600_000)

    def post_push_read_only(self, name, kind, parts, query):
        return self.error(405, "this registry is read-only") or True

    def post_push_denied(self, name, kind, parts, query):
        return self.error(403, "requested access to the resource is denied") or True

    def post_push_unknown(self, name, kind, parts, query):
        return self.error(404, "repository name not known to registry") or True

    def put_push_manifest_refused(self, name, kind, parts, query):
        if kind == "manifests":
            self.drop()
            return self.error(400, "manifest invalid: \x1b[31mred\nlines") or True

    # --- mounts

    def mounted(self, name, query):
        source, digest = query["from"][0], query["mount"][0]
        blobs[name, digest] = self.source_blob(source, digest)
        return self.answer(b"", 201, Docker_Content_Digest=digest, Location=f"/v2/{name}/blobs/{digest}") or True

    def post_push_mount(self, name, kind, parts, query):
        return self.mounted(name, query) if "mount" in query else None

    def post_push_mount_405(self, name, kind, parts, query):
        return (self.error(405) or True) if "mount" in query else None

    def post_push_mount_elsewhere(self, name, kind, parts, query):
        if "mount" in query:
            blobs[name, query["mount"][0]] = b""
            return self.answer(b"", 201, Docker_Content_Digest="sha256:" + "4" * 64) or True
        return None

    # --- elsewhere

    def post_push_elsewhere(self, name, kind, parts, query):
        session = self.new_session()
        return self.answer(b"", 202, Location=f"http://a:b@{self.other_host()}/upload/{name}/{session}?sig=x") or True

    def patch_push_redirect(self, name, kind, parts, query):
        self.drop()
        return self.answer(b"", 307, Location=f"http://{self.other_host()}/upload/{name}/{parts[5]}") or True

    def put_push_303(self, name, kind, parts, query):
        if kind == "blobs":
            self.drop()
            return self.answer(b"", 303, Location=f"http://{self.other_host()}/x") or True
        return None


def split(path):
    url = urlsplit(path)
    return url.path.split("/"), parse_qs(url.query)
