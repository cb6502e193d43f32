#!/usr/bin/env python3
"""A registry that takes its time: for tests of fetching.

usage: paced-registry.py DIRECTORY [--rate BYTES] [--gate BYTES] [--no-ranges]

DIRECTORY/images.json names what it has: {"repository": [[SEED, SIZE], ...]}, a layer for each pair;
the same pair is the same layer.  [SEED, SIZE, "long"] repeats its noise and is compressed by zstd with
a window of 128 MiB.  [SEED, SIZE, "chunked", CHANGED] is zstd:chunked: 60 files, of which the first
CHANGED are of this seed and the others the same in all layers; with "lies" for "chunked" the table of
contents names the files in the wrong order.  It writes DIRECTORY/env (PACED=127.0.0.1:PORT) when it is ready and
DIRECTORY/log, a JSON object for each request: {"path", "range", "sent"}, when it ends.

--rate	bytes a second for each connection
--gate	the body of a blob larger than so many bytes stops there until DIRECTORY/open exists;
	DIRECTORY/gated shows that one has come so far
"""
import argparse
import gzip
import hashlib
import http.server
import io
import json
import os
import random
import subprocess
import sys
import tarfile
import threading
import time

OCI = "application/vnd.oci.image."
ap = argparse.ArgumentParser()
ap.add_argument("directory")
ap.add_argument("--rate", type=int, default=0)
ap.add_argument("--gate", type=int, default=0)
ap.add_argument("--no-ranges", action="store_true")
A = ap.parse_args()
PIECE = 64 << 10
BLOBS, TAGS = {}, {}
lock = threading.Lock()


def keep(data):
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    BLOBS[digest] = data
    return digest


def make_layer(seed, size, kind=""):
    """One directory with a file of noise: compressed, and the digest of the tar."""
    out, rnd = io.BytesIO(), random.Random(seed)
    with tarfile.open(fileobj=out, mode="w") as tar:
        top = tarfile.TarInfo("data")
        top.type, top.mode = tarfile.DIRTYPE, 0o755
        tar.addfile(top)
        info = tarfile.TarInfo(f"data/noise-{seed}")
        info.size = size
        noise = rnd.randbytes(size) if not kind else (rnd.randbytes(1 << 20) * (size >> 20 | 1))[:size]
        tar.addfile(info, io.BytesIO(noise))
    plain = out.getvalue()
    if kind == "long":
        p = subprocess.run(["zstd", "-1", "--long=27", "-c"], input=plain, stdout=subprocess.PIPE, check=True)
        return p.stdout, "sha256:" + hashlib.sha256(plain).hexdigest()
    return gzip.compress(plain, 0, mtime=0), "sha256:" + hashlib.sha256(plain).hexdigest()


def zstd(data):
    return subprocess.run(["zstd", "-3", "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout


def make_chunked(seed, size, kind, changed):
    """A layer of zstd frames, one for each file, and their table of contents: with its annotations."""
    blob, plain, entries, pad = b"", b"", [], b""
    for k in range(60):
        info = tarfile.TarInfo(f"data-{k:02}")
        info.size, info.mtime = size // 60, 1_700_000_000
        data = random.Random(seed * 1000 + k if k < changed else k).randbytes(info.size)
        head = pad + info.tobuf(tarfile.GNU_FORMAT)
        pad = bytes(-len(data) % 512)
        plain += head + data
        blob += zstd(head)
        start = len(blob)
        blob += zstd(data)
        entries.append({"type": "reg", "name": info.name, "size": info.size, "modtime": "2023-11-14T22:13:20Z",
                        "digest": "sha256:" + hashlib.sha256(data).hexdigest(), "offset": start, "endOffset": len(blob)})
    plain += pad + bytes(1024)
    blob += zstd(pad + bytes(1024))
    if kind == "lies":
        sums = [e["digest"] for e in entries]
        for e, s in zip(entries, reversed(sums)):
            e["digest"] = s
    doc = json.dumps({"version": 1, "entries": entries}).encode()
    toc = zstd(doc)
    skippable = (0x184D2A50).to_bytes(4, "little")
    at = len(blob) + 8
    blob += skippable + len(toc).to_bytes(4, "little") + toc
    blob += skippable + (64).to_bytes(4, "little") + bytes(64)
    prefix = "io.github.containers.zstd-chunked."
    return blob, "sha256:" + hashlib.sha256(plain).hexdigest(), {
        prefix + "manifest-position": f"{at}:{len(toc)}:{len(doc)}:1",
        prefix + "manifest-checksum": "sha256:" + hashlib.sha256(toc).hexdigest()}


def layer_of(spec):
    """Bytes, digest of the tar, annotations, media type."""
    if spec[2:] and spec[2] in ("chunked", "lies"):
        return *make_chunked(*spec), OCI + "layer.v1.tar+zstd"
    return *make_layer(*spec), {}, OCI + "layer.v1.tar+gzip"


def make_image(layers):
    made = [layer_of(spec) for spec in layers]
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {},
                         "rootfs": {"type": "layers", "diff_ids": [m[1] for m in made]}}).encode()
    doc = {"schemaVersion": 2, "mediaType": OCI + "manifest.v1+json",
           "config": {"mediaType": OCI + "config.v1+json", "size": len(config), "digest": keep(config)},
           "layers": [{"mediaType": kind, "size": len(b), "digest": keep(b), "annotations": notes}
                      for b, _, notes, kind in made]}
    return keep(json.dumps(doc).encode())


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def note(self, sent):
        with lock, open(f"{A.directory}/log", "a") as f:
            f.write(json.dumps({"path": self.path, "range": self.headers.get("Range"), "sent": sent}) + "\n")

    def do_GET(self):
        parts = self.path.split("/")
        name, kind, what = "/".join(parts[2:-2]), parts[-2], parts[-1]
        digest = TAGS.get(name) if kind == "manifests" and ":" not in what else what
        data = BLOBS.get(digest)
        if data is None:
            self.send_response(404)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return self.note(0)
        self.answer(data, kind)

    def answer(self, data, kind):
        start, wanted = 0, self.headers.get("Range")
        if wanted and not A.no_ranges:
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            start, end = int(first), int(last) + 1 if last else len(data)
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(data)}")
        else:
            end = len(data)
            self.send_response(200)
        self.send_header("Content-Type", OCI + "manifest.v1+json" if kind == "manifests" else
                         "application/octet-stream")
        self.send_header("Content-Length", str(end - start))
        self.end_headers()
        at = start
        try:
            while at < end:
                if kind == "blobs" and A.gate and at >= A.gate:
                    open(f"{A.directory}/gated", "w").close()
                    while not os.path.exists(f"{A.directory}/open"):
                        time.sleep(0.02)
                self.wfile.write(data[at:min(at + PIECE, end)])
                at = min(at + PIECE, end)
                if A.rate and kind == "blobs":
                    time.sleep(PIECE / A.rate)
        except OSError:
            self.close_connection = True
        self.note(at - start)


def main():
    with open(f"{A.directory}/images.json") as f:
        for name, layers in json.load(f).items():
            TAGS[name] = make_image(layers)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    with open(f"{A.directory}/env.new", "w") as f:
        f.write(f"PACED=127.0.0.1:{server.server_address[1]}\n")
    open(f"{A.directory}/log", "w").close()
    os.rename(f"{A.directory}/env.new", f"{A.directory}/env")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main()
