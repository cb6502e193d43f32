#!/usr/bin/env python3
"""Add to an OCI image layout what umoci cannot make.

usage: oci.py LAYOUT zstd  SRC-TAG DST-TAG           the same image with zstd layers
       oci.py LAYOUT plain SRC-TAG DST-TAG           the same image with uncompressed layers
       oci.py LAYOUT arch  SRC-TAG DST-TAG ARCH      the same image claiming another architecture
       oci.py LAYOUT index DST-TAG SRC-TAG...        an index of images
       oci.py LAYOUT join  DST-TAG SRC-TAG...        one image with the layers of all, config of the last
"""
import gzip
import hashlib
import json
import os
import subprocess
import sys

REF = "org.opencontainers.image.ref.name"
OCI = "application/vnd.oci.image."


class Layout:
    def __init__(self, path):
        self.path = path
        with open(os.path.join(path, "index.json")) as f:
            self.index = json.load(f)

    def blob_path(self, digest):
        return os.path.join(self.path, "blobs", *digest.split(":"))

    def json_blob(self, digest):
        with open(self.blob_path(digest)) as f:
            return json.load(f)

    def put(self, data):
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        with open(self.blob_path(digest), "wb") as f:
            f.write(data)
        return {"digest": digest, "size": len(data)}

    def put_json(self, obj, media_type):
        data = json.dumps(obj, separators=(",", ":")).encode()
        return {"mediaType": media_type, **self.put(data)}

    def find(self, tag):
        for d in self.index["manifests"]:
            if d.get("annotations", {}).get(REF) == tag:
                return d
        sys.exit(f"{self.path} has no {tag}")

    def tag(self, desc, tag):
        keep = [d for d in self.index["manifests"] if d.get("annotations", {}).get(REF) != tag]
        self.index["manifests"] = keep + [{**desc, "annotations": {REF: tag}}]
        tmp = os.path.join(self.path, "index.json.new")
        with open(tmp, "w") as f:
            json.dump(self.index, f)
        os.rename(tmp, os.path.join(self.path, "index.json"))

    def image(self, tag):
        desc = self.find(tag)
        manifest = self.json_blob(desc["digest"])
        return desc, manifest, self.json_blob(manifest["config"]["digest"])

    def layer_tar(self, layer):
        with open(self.blob_path(layer["digest"]), "rb") as f:
            data = f.read()
        return gzip.decompress(data) if layer["mediaType"].endswith("gzip") else data


def recompress(lay, src, dst, kind):
    _, manifest, _ = lay.image(src)
    for i, layer in enumerate(manifest["layers"]):
        data = lay.layer_tar(layer)
        media = OCI + "layer.v1.tar"
        if kind == "zstd":
            data = subprocess.run(["zstd", "-q", "-6", "-c"], input=data, check=True,
                                  capture_output=True).stdout
            media += "+zstd"
        manifest["layers"][i] = {"mediaType": media, **lay.put(data)}
    lay.tag(lay.put_json(manifest, OCI + "manifest.v1+json"), dst)


def rearch(lay, src, dst, arch):
    _, manifest, config = lay.image(src)
    config["architecture"] = arch
    manifest["config"] = lay.put_json(config, OCI + "config.v1+json")
    lay.tag(lay.put_json(manifest, OCI + "manifest.v1+json"), dst)


def make_index(lay, dst, sources):
    manifests = []
    for src in sources:
        desc, _, config = lay.image(src)
        manifests.append({
            "mediaType": OCI + "manifest.v1+json", "digest": desc["digest"], "size": desc["size"],
            "platform": {"architecture": config["architecture"], "os": config["os"]}})
    index = {"schemaVersion": 2, "mediaType": OCI + "index.v1+json", "manifests": manifests}
    lay.tag(lay.put_json(index, OCI + "index.v1+json"), dst)


def join(lay, dst, sources):
    layers, diff_ids = [], []
    for src in sources:
        _, manifest, config = lay.image(src)
        layers += manifest["layers"]
        diff_ids += config["rootfs"]["diff_ids"]
    config["rootfs"]["diff_ids"] = diff_ids
    config.pop("history", None)
    manifest["layers"] = layers
    manifest["config"] = lay.put_json(config, OCI + "config.v1+json")
    lay.tag(lay.put_json(manifest, OCI + "manifest.v1+json"), dst)


def main():
    if len(sys.argv) < 5:
        sys.exit(__doc__)
    lay, verb, args = Layout(sys.argv[1]), sys.argv[2], sys.argv[3:]
    if verb in ("zstd", "plain"):
        recompress(lay, args[0], args[1], verb)
    elif verb == "arch":
        rearch(lay, *args)
    elif verb == "index":
        make_index(lay, args[0], args[1:])
    elif verb == "join":
        join(lay, args[0], args[1:])
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
