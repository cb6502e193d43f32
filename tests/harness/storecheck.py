#!/usr/bin/env python3
"""Looks for what a store holds without reason, from the layout alone (storage/store.h).

usage: storecheck.py GRAPHROOT RUNROOT [--with-containers]

Prints a line per finding; exit status 1 if there is any.  --with-containers accepts containers
that exist, as long as they are whole and everything refers to something.  check_trash() of the
kill storm also accepts staging directories of processes that still live.
"""
import fcntl
import json
import os
import re
import sys

HEX = re.compile(r"^[0-9a-f]{64}$")
SHIFT = re.compile(r"^shift-[0-9a-f]{16}$")   # storage/shift.h
# What else may lie in a graphroot; anything new belongs in storage/store.h first.
TOP_LEVEL = {"images", "layers", "containers", "names", "meta", "volumes", "tmp", "version", "networks", "pods",
             "secrets", "cache", "run", "partial"}
LAYOUT_TOP = {"oci-layout", "index.json", "blobs"}


def names(path):
    try:
        return sorted(os.listdir(path))
    except FileNotFoundError:
        return []


def load(path):
    with open(path) as f:
        return json.load(f)


class Store:
    def __init__(self, graph, run):
        self.graph, self.run = graph, run
        self.bad = []

    def path(self, *parts):
        return os.path.join(self.graph, *parts)

    def say(self, text):
        self.bad.append("store: " + text)

    def blob(self, digest):
        return self.path("images", "blobs", *digest.split(":", 1))

    def reach(self, desc, blobs, manifests):
        """Follow one descriptor of index.json to everything below it."""
        digest = desc.get("digest", "")
        blobs.add(digest)
        if not os.path.exists(self.blob(digest)):
            # Only one platform of an index is kept; the index itself may name the others.
            return False
        try:
            doc = load(self.blob(digest))
        except ValueError:
            self.say(f"blob {digest} is not JSON")
            return True
        if "manifests" in doc:
            found = [self.reach(d, blobs, manifests) for d in doc["manifests"]]
            if doc["manifests"] and not any(found):
                self.say(f"index {digest} has no manifest here")
            return True
        manifests[digest.split(":", 1)[1]] = doc
        for d in [doc.get("config", {})] + doc.get("layers", []):
            blobs.add(d.get("digest", ""))
            path = self.blob(d.get("digest", ":"))
            if os.path.exists(path) and os.path.getsize(path) != d.get("size"):
                self.say(f"blob {d['digest']} is {os.path.getsize(path)} bytes, manifest says {d.get('size')}")
        if not os.path.exists(self.blob(doc.get("config", {}).get("digest", ":"))):
            self.say(f"manifest {digest} has no config blob")
        return True

    def images(self):
        """Layers that images use; complains about blobs and records that no image has."""
        blobs, manifests, layers = set(), {}, set()
        if not os.path.isdir(self.path("images")):
            return layers
        index = self.path("images", "index.json")
        for desc in load(index)["manifests"] if os.path.exists(index) else []:
            if not self.reach(desc, blobs, manifests):
                self.say(f"index.json names {desc.get('digest')}, which is not here")
        for name in names(self.path("images", "blobs", "sha256")):
            if not HEX.match(name):
                self.say(f"images/blobs/sha256/{name}: not a blob")
            elif f"sha256:{name}" not in blobs:
                self.say(f"blob {name} belongs to no image")
        for name in names(self.path("images", "blobs")):
            if name != "sha256":
                self.say(f"images/blobs/{name}: unexpected")
        for name in names(self.path("images")):
            if name not in LAYOUT_TOP:
                self.say(f"images/{name}: unexpected")
        for name in names(self.path("meta")):
            if name == "blob-locations":
                continue
            hex_name = name[:-5] if name.endswith(".json") else ""
            if name == "index.json":   # storage/layout.h: the copy of the index
                continue
            if not HEX.match(hex_name):
                self.say(f"meta/{name}: unexpected")
            elif hex_name not in manifests:
                self.say(f"meta/{name} belongs to no image")
            else:
                record = load(self.path("meta", name))
                layers.update(record.get("layers", []))
        return layers

    def containers(self, allowed):
        ids, layers = set(names(self.path("containers"))), set()
        for cid in ids:
            if not allowed:
                self.say(f"container {cid} is left")
            if not HEX.match(cid):
                self.say(f"containers/{cid}: unexpected")
            record = self.path("containers", cid, "container.json")
            if not os.path.exists(record):
                self.say(f"container {cid} has no container.json")
            else:
                layers.update(re.findall(r"[0-9a-f]{64}", open(record).read()))
        for name in names(self.path("names")):
            target = os.readlink(self.path("names", name))
            if target.split("/")[0] not in ids:
                self.say(f"name {name} belongs to no container")
        for cid in names(os.path.join(self.run, "containers")):
            if cid not in ids:
                self.say(f"run directory of {cid}, which is no container")
        return layers

    def staging(self):
        for name in names(self.path("tmp")):
            path = self.path("tmp", name)
            try:
                fd = os.open(path, os.O_RDONLY)
            except OSError:
                self.say(f"tmp/{name} is left")
                continue
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self.say(f"tmp/{name} is left (nobody holds it)")
            except OSError:
                self.say(f"tmp/{name} is left (a live process holds it)")
            finally:
                os.close(fd)

    def check(self, with_containers):
        if not os.path.isdir(self.graph):
            return self.bad
        used = self.images() | self.containers(with_containers)
        present = set(names(self.path("layers")))
        for key in present:
            if not HEX.match(key):
                self.say(f"layers/{key}: unexpected")
            elif key not in used:
                self.say(f"layer {key} belongs to no image and no container")
            for part in ("diff", "files", "layer.json"):
                if not os.path.exists(self.path("layers", key, part)):
                    self.say(f"layer {key} has no {part}")
            for name in names(self.path("layers", key)):
                if name in ("diff", "files", "layer.json", "new"):
                    continue
                if not SHIFT.match(name):
                    self.say(f"layers/{key}/{name}: unexpected")
                elif names(self.path("layers", key, name)) != ["diff", "idmap"]:
                    self.say(f"layers/{key}/{name} is not a whole copy of the layer")
        for name in names(self.graph):
            if name not in TOP_LEVEL and not name.startswith("."):
                self.say(f"{name}: unexpected in the graphroot")
        self.staging()
        return self.bad


def check(graph, run, with_containers=False):
    return Store(graph, run).check(with_containers)


def main():
    args = [a for a in sys.argv[1:] if not a.startswith("--")]
    if len(args) != 2:
        sys.exit(__doc__)
    bad = check(*args, with_containers="--with-containers" in sys.argv)
    for line in bad:
        print(line)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
