#!/usr/bin/env python3
"""Makes image archives that no engine would.

usage: mkarchive.py NAME OUT [CANARY [LAYER.tar]]
       mkarchive.py cases          the names: "benign-*" are to be loaded, all others refused

Each is a docker-archive or an oci-archive with one small image (its layer has the file "f", or is
LAYER.tar) and something wrong.
"""
import gzip
import hashlib
import json
import sys

from mktar import END, directory, file, gzip_bomb, hardlink, header, pad, pax, pax_of, symlink

LAYER = file("f", "content\n") + END
REF = "org.opencontainers.image.ref.name"
OCI = "application/vnd.oci.image."


def sha(data):
    return hashlib.sha256(data).hexdigest()


def config_of(*diff_ids):
    return json.dumps({"architecture": "amd64", "os": "linux", "config": {"Cmd": ["/f"]},
                       "rootfs": {"type": "layers", "diff_ids": ["sha256:" + d for d in diff_ids]}}).encode()


class Docker:
    """A docker-archive whose parts can be replaced."""

    def __init__(self, layer=LAYER):
        self.layer = layer
        self.config = config_of(sha(layer))
        self.config_name = sha(self.config) + ".json"
        self.layer_name = sha(layer) + ".tar"
        self.layer_file = file(self.layer_name, layer)
        self.config_file = file(self.config_name, self.config)
        self.item = {"Config": self.config_name, "RepoTags": ["example.org/x:1"],
                     "Layers": [self.layer_name]}
        self.extra = b""
        self.manifest = None
        self.end = END

    def set(self, **kw):
        for key, value in kw.items():
            setattr(self, key, value)
        return self

    def tell(self, **kw):
        self.item.update(kw)
        return self

    def bytes(self):
        manifest = self.manifest if self.manifest is not None else json.dumps([self.item]).encode()
        return self.layer_file + self.config_file + self.extra + file("manifest.json", manifest) + self.end


class Oci:
    """An oci-archive whose parts can be replaced."""

    def __init__(self, layer=LAYER):
        blob = gzip.compress(layer, mtime=0)
        config = config_of(sha(layer))
        self.doc = {"schemaVersion": 2, "mediaType": OCI + "manifest.v1+json",
                    "config": self.desc(OCI + "config.v1+json", config),
                    "layers": [self.desc(OCI + "layer.v1.tar+gzip", blob)]}
        self.blobs = {sha(blob): blob, sha(config): config}
        self.files = b""
        self.entry = {}
        self.index = None
        self.layout = b'{"imageLayoutVersion":"1.0.0"}'

    @staticmethod
    def desc(media, data):
        return {"mediaType": media, "digest": "sha256:" + sha(data), "size": len(data)}

    def set(self, **kw):
        for key, value in kw.items():
            setattr(self, key, value)
        return self

    def bytes(self):
        doc = json.dumps(self.doc).encode()
        self.blobs.setdefault(sha(doc), doc)
        entry = {**self.desc(OCI + "manifest.v1+json", doc), "annotations": {REF: "example.org/x:1"},
                 **self.entry}
        index = self.index if self.index is not None else json.dumps(
            {"schemaVersion": 2, "manifests": [entry]}).encode()
        out = file("oci-layout", self.layout) + file("index.json", index) + self.files
        for digest, data in self.blobs.items():
            if isinstance(data, tuple):
                out += data[0]("blobs/sha256/" + digest)
            else:
                out += file("blobs/sha256/" + digest, data)
        return out + END


def docker_with_blob(flip):
    """Docker 25's form: the layer compressed, named by its digest; @flip: which is not its own."""
    d = Docker()
    blob = gzip.compress(LAYER, mtime=0)
    name = "blobs/sha256/" + ("0" * 64 if flip else sha(blob))
    return d.set(layer_file=file(name, blob)).tell(Layers=[name])


def oci_blob(change):
    """An oci-archive with one blob that change(data) replaces."""
    o = Oci()
    digest = o.doc["layers"][0]["digest"][7:]
    o.blobs[digest] = change(o.blobs[digest])
    return o


def flipped(data):
    return data[:-1] + bytes([data[-1] ^ 1])


def oci_digest(text):
    o = Oci()
    o.doc["layers"][0]["digest"] = text
    return o


def linked_layer(kind, target):
    d = Docker()
    return d.set(layer_file=kind(d.layer_name, target))


def bomb(out):
    with open(out, "wb") as f:
        gzip_bomb(f, 4 << 30)


def layer_bomb():
    """A compressed layer in a docker-archive that inflates to 2 GiB."""
    member = gzip.compress(b"\0" * (64 << 20), 9)
    blob = gzip.compress(header("zeros", b"0", 2 << 30)) + member * 32 + gzip.compress(END)
    return Docker().set(layer_file=file("layer.tar", blob)).tell(Layers=["layer.tar"])


CASES = {
    "benign-docker": lambda c: Docker(),
    "benign-docker-25": lambda c: docker_with_blob(False),
    "benign-oci": lambda c: Oci(),
    "benign-link": lambda c: Docker().set(
        extra=directory("a/") + symlink("a/layer.tar", "../" + Docker().layer_name)).tell(
            Layers=["a/layer.tar"]),
    "benign-dots": lambda c: Docker().tell(Layers=["./" + Docker().layer_name]),
    "benign-hostile-neighbours": lambda c: Docker().set(
        extra=file("../../etc/passwd", "pwned") + file("/" + c.lstrip("/") + "/file", "pwned") +
        symlink("esc", c) + file("esc/file", "pwned") + hardlink("h", c + "/file")),
    # names that lead out
    "config-dotdot": lambda c: Docker().tell(Config="../" * 30 + c.lstrip("/") + "/file"),
    "config-absolute": lambda c: Docker().tell(Config=c + "/file"),
    "config-link-out": lambda c: Docker().set(config_file=symlink(Docker().config_name, c + "/file")),
    "config-is-dir": lambda c: Docker().set(config_file=directory(Docker().config_name)),
    "layer-dotdot": lambda c: Docker().tell(Layers=["../" * 30 + c.lstrip("/") + "/file"]),
    "layer-absolute": lambda c: Docker().tell(Layers=[c + "/file"]),
    "layer-link-absolute": lambda c: linked_layer(symlink, c + "/file"),
    "layer-link-up": lambda c: linked_layer(symlink, "../" * 30 + c.lstrip("/") + "/file"),
    "layer-link-loop": lambda c: linked_layer(symlink, Docker().layer_name),
    "layer-hard-link-out": lambda c: linked_layer(hardlink, "../" + c + "/file"),
    "layer-is-device": lambda c: Docker().set(layer_file=header(Docker().layer_name, b"4", major=8)),
    "layer-is-fifo": lambda c: Docker().set(layer_file=header(Docker().layer_name, b"6")),
    "layer-is-sparse": lambda c: Docker().set(
        layer_file=pax_of({"GNU.sparse.major": "1"}) + file(Docker().layer_name, LAYER)),
    # what is not what it says
    "layer-other-bytes": lambda c: Docker().set(layer_file=file(Docker().layer_name, flipped(LAYER))),
    "layer-blob-other-digest": lambda c: docker_with_blob(True),
    "config-other-name": lambda c: Docker().set(
        config_file=file("0" * 64 + ".json", Docker().config)).tell(Config="0" * 64 + ".json"),
    "config-no-json": lambda c: Docker().set(config_file=file("c", b"\x00\xff")).tell(Config="c"),
    "config-huge": lambda c: Docker().set(config_file=file("c", b" " * (5 << 20))).tell(Config="c"),
    "config-upper-diff-id": lambda c: Docker().set(
        config_file=file("c", config_of(sha(LAYER).upper()))).tell(Config="c"),
    "config-path-diff-id": lambda c: Docker().set(
        config_file=file("c", config_of("../" * 21 + "x"))).tell(Config="c"),
    "count-more": lambda c: Docker().tell(Layers=[Docker().layer_name] * 2),
    "count-less": lambda c: Docker().tell(Layers=[]),
    "layers-many": lambda c: Docker().tell(Layers=[Docker().layer_name] * 1000),
    "images-many": lambda c: Docker().set(manifest=json.dumps([Docker().item] * 2000).encode()),
    "tags-many": lambda c: Docker().tell(RepoTags=["example.org/x:%d" % i for i in range(3000)]),
    "manifest-twice": lambda c: Docker().set(
        extra=file("./manifest.json", json.dumps([{"Config": "x", "Layers": []}]))),
    "manifest-huge": lambda c: Docker().set(manifest=b" " * (5 << 20)),
    "manifest-link": lambda c: Docker().set(manifest=b"[]", extra=symlink("manifest.json", c + "/file")),
    "tag-dotdot": lambda c: Docker().tell(RepoTags=["../../etc/passwd:1"]),
    "tag-escape": lambda c: Docker().tell(RepoTags=["x:\x1b[31m1"]),
    "tag-option": lambda c: Docker().tell(RepoTags=["--help:1"]),
    "tag-no-tag": lambda c: Docker().tell(RepoTags=["example.org/x"]),
    "tag-digest": lambda c: Docker().tell(RepoTags=["example.org/x@sha256:" + "0" * 64]),
    "tag-long": lambda c: Docker().tell(RepoTags=["example.org/" + "x" * 5000 + ":1"]),
    # the archive itself
    "cut-in-header": lambda c: Docker().set(end=b"\0" * 100).set(extra=file("y")).bytes()[:-612],
    "cut-in-layer": lambda c: Docker().bytes()[:700],
    "size-overflow": lambda c: Docker().set(extra=header("y", b"0", (1 << 64) - 512)),
    "size-negative": lambda c: Docker().set(extra=header("y", b"0", -512)),
    "pax-huge": lambda c: Docker().set(extra=header("p", b"x", 100 << 20) + b"\0" * (100 << 20)),
    "members-many": lambda c: header("m", b"5") * 70000 + END,
    "name-long": lambda c: Docker().set(extra=pax(path="n" * 10000) + file("y")),
    "bomb": bomb,
    "layer-bomb": lambda c: layer_bomb(),
    # image layouts
    "oci-blob-flipped": lambda c: oci_blob(flipped),
    "oci-blob-short": lambda c: oci_blob(lambda d: d[:-1]),
    "oci-blob-link": lambda c: oci_blob(lambda d: (lambda name: symlink(name, c + "/file"),)),
    "oci-blob-link-up": lambda c: oci_blob(lambda d: (lambda name: symlink(name, "../" * 9 + c + "/file"),)),
    "oci-digest-path": lambda c: oci_digest("sha256:../../../" + c.lstrip("/") + "/file"),
    "oci-digest-upper": lambda c: oci_digest("sha256:" + "A" * 64),
    "oci-manifest-gone": lambda c: Oci().set(entry={"digest": "sha256:" + "1" * 64}),
    "oci-manifest-path": lambda c: Oci().set(entry={"digest": "../../index.json"}),
    "oci-index-twice": lambda c: Oci().set(files=file("index.json", '{"manifests":[]}')),
    "oci-index-empty": lambda c: Oci().set(index=b'{"schemaVersion":2,"manifests":[]}'),
    "oci-index-huge": lambda c: Oci().set(index=b" " * (17 << 20)),
    "oci-index-link": lambda c: Oci().set(index=b"{}", files=symlink("./index.json", c + "/file")),
    "oci-layout-unknown": lambda c: Oci().set(layout=b'{"imageLayoutVersion":"9.0"}'),
    "oci-name-escape": lambda c: Oci().set(entry={"annotations": {REF: "x\x1b[31m"}}),
    "oci-name-dotdot": lambda c: Oci().set(entry={"annotations": {REF: "../../x"}}),
}


def main():
    name, *args = sys.argv[1:]
    if name == "cases":
        print("\n".join(CASES))
        return
    out, canary = args[0], args[1] if len(args) > 1 else "/nowhere"
    if name == "bomb":
        bomb(out)
        return
    if name == "layer":
        with open(args[2], "rb") as f:
            made = Docker(f.read())
    else:
        made = CASES[name](canary)
    with open(out, "wb") as f:
        f.write(made if isinstance(made, bytes) else made.bytes())


if __name__ == "__main__":
    main()
