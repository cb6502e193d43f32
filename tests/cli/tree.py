#!/usr/bin/env python3
"""Trees of files, for comparing what tools make of one image.

usage: tree.py make DIR       a tree with what a layer can hold: owners, modes, times, links, attributes
       tree.py change DIR     what a second layer does to it
       tree.py list DIR       a line for each entry, with everything that it has
       tree.py docker IN OUT old|new
                              a docker-archive in the form of Docker 1.10 to 24, or from 25 on
"""
import hashlib
import io
import json
import os
import stat
import sys
import tarfile

NS = 1_000_000_000


def put(path, data, mode, uid=0, gid=0, mtime=1_600_000_000):
    with open(path, "w") as f:
        f.write(data)
    settle(path, mode, uid, gid, mtime)


def settle(path, mode, uid=0, gid=0, mtime=1_600_000_000):
    os.chown(path, uid, gid, follow_symlinks=False)
    if not os.path.islink(path):
        os.chmod(path, mode)
    os.utime(path, ns=(mtime * NS, mtime * NS), follow_symlinks=False)


def make(top):
    at = lambda name: os.path.join(top, name)
    for d in ("bin", "etc", "home", "home/user", "empty", "gone", "gone/sub", "replaced", "mixed", "deep"):
        os.mkdir(at(d))
    put(at("bin/tool"), "#!/bin/sh\n", 0o4755)
    put(at("bin/set-gid"), "x", 0o2751, 0, 12)
    put(at("etc/secret"), "s3cret\n", 0o600, mtime=86400)
    put(at("etc/read-only"), "ro\n", 0o444, mtime=1)
    put(at("etc/no-mode"), "none\n", 0)
    put(at("etc/empty"), "", 0o644, mtime=2_000_000_000)
    put(at("home/user/file"), "mine\n", 0o640, 1000, 1001)
    put(at("home/user/large-ids"), "ids\n", 0o640, 60000, 65534)
    put(at("home/user/odd \n name \\ ünï"), "odd\n", 0o644)
    put(at("home/user/" + "n" * 200), "long\n", 0o644)
    put(at("gone/sub/file"), "gone\n", 0o644)
    put(at("replaced/old"), "old\n", 0o644)
    put(at("mixed/stays"), "stays\n", 0o644)
    put(at("mixed/goes"), "goes\n", 0o644)
    put(at("first"), "three names\n", 0o644, 7, 8)
    os.link(at("first"), at("etc/second"))
    os.link(at("first"), at("home/user/third"))
    for name, target in (("link", "bin/tool"), ("absolute", "/etc/secret"), ("dangling", "../../none"),
                         ("long-link", "t" * 150)):
        os.symlink(target, at(name))
        settle(at(name), 0, 3, 4)
    os.mkfifo(at("fifo"))
    settle(at("fifo"), 0o620, 5, 6)
    os.setxattr(at("bin/tool"), "user.note", b"text")
    os.setxattr(at("etc/empty"), "user.bytes", bytes(range(256)))
    os.setxattr(at("home/user"), "user.dir", b"of a directory")
    # cap_net_raw=ep
    os.setxattr(at("bin/set-gid"), "security.capability",
                bytes.fromhex("0100000200200000000000000000000000000000"))
    path = "deep"
    for i in range(20):
        path += "/d%02d" % i
        os.mkdir(at(path))
    put(at(path + "/f"), "deep\n", 0o644)
    os.makedirs(at("tmp"))
    settle(at("tmp"), 0o1777)
    for d, mode in (("gone", 0o755), ("replaced", 0o750), ("mixed", 0o2755), ("empty", 0o700), ("bin", 0o755),
                    ("etc", 0o755), ("home", 0o711), ("deep", 0o755)):
        settle(at(d), mode)
    settle(at("home/user"), 0o750, 1000, 1001)
    settle(top, 0o755)


def change(top):
    at = lambda name: os.path.join(top, name)
    os.unlink(at("gone/sub/file"))
    os.rmdir(at("gone/sub"))
    os.rmdir(at("gone"))
    os.unlink(at("replaced/old"))
    os.rmdir(at("replaced"))
    os.mkdir(at("replaced"))
    put(at("replaced/new"), "new\n", 0o600)
    settle(at("replaced"), 0o700, 9, 9)
    os.unlink(at("mixed/goes"))
    put(at("mixed/added"), "added\n", 0o644)
    settle(at("mixed"), 0o2755)
    os.chmod(at("etc/secret"), 0o400)
    os.unlink(at("link"))
    put(at("link"), "a file now\n", 0o644)
    put(at("pair"), "two names\n", 0o644)
    os.link(at("pair"), at("pair-too"))
    settle(at("etc"), 0o755)
    settle(top, 0o755)


def kind(st):
    for name in ("dir", "reg", "lnk", "fifo", "chr", "blk", "sock"):
        if getattr(stat, "S_IS" + name.upper())(st.st_mode):
            return name
    return "?"


def xattrs(path):
    # What a kernel or a storage driver adds by itself is not the image's.
    return {n: os.getxattr(path, n, follow_symlinks=False).hex()
            for n in sorted(os.listxattr(path, follow_symlinks=False))
            if not n.startswith(("security.selinux", "trusted.overlay", "user.overlay",
                                 "user.containers", "user.rootlesscontainers"))}


def list_tree(top):
    names, first = [], {}
    for base, dirs, files in os.walk(top):
        names += [os.path.join(base, n) for n in dirs + files]
    for path in [top] + sorted(names):
        st = os.lstat(path)
        rel = os.path.relpath(path, top)
        facts = [kind(st), oct(stat.S_IMODE(st.st_mode)), f"{st.st_uid}:{st.st_gid}"]
        if rel != ".":
            facts.append(f"t={st.st_mtime_ns / NS:.0f}")
        if stat.S_ISREG(st.st_mode):
            with open(path, "rb") as f:
                facts.append(hashlib.sha256(f.read()).hexdigest()[:16])
            facts.append("same as " + first.setdefault(st.st_ino, rel) if st.st_nlink > 1 else "")
        elif stat.S_ISLNK(st.st_mode):
            facts.append("-> " + os.readlink(path))
        print(repr(rel), *facts, xattrs(path) or "")


def docker(src, out, form):
    """The same image as Docker itself would save it."""
    with tarfile.open(src) as t:
        files = {m.name: t.extractfile(m).read() for m in t if m.isfile()}
    made = tarfile.open(out, "w", format=tarfile.PAX_FORMAT)

    def add(name, data=None, link=None):
        m = tarfile.TarInfo(name)
        m.mtime = 1_700_000_000
        if link:
            m.type, m.linkname = tarfile.SYMTYPE, link
        elif data is None:
            m.type, m.mode = tarfile.DIRTYPE, 0o755
        else:
            m.size = len(data)
        made.addfile(m, io.BytesIO(data) if data is not None else None)

    items = json.loads(files["manifest.json"])
    if form == "old":
        for item in items:
            names = []
            for i, layer in enumerate(item["Layers"]):
                v1 = hashlib.sha256(f"{i} {layer}".encode()).hexdigest()
                add(v1 + "/")
                add(v1 + "/VERSION", b"1.0")
                add(v1 + "/json", json.dumps({"id": v1}).encode())
                if i == 0:
                    add(v1 + "/layer.tar", files[layer])
                else:       # as Docker does with a layer that another directory has
                    add(f"{v1}/real", files[layer])
                    add(v1 + "/layer.tar", link=f"../{v1}/real")
                names.append(v1 + "/layer.tar")
            add(item["Config"], files[item["Config"]])
            item["Layers"] = names
        add("repositories", b"{}")
    else:
        add("blobs/")
        add("blobs/sha256/")
        for item in items:
            item["Layers"] = ["blobs/sha256/" + n.split(".")[0] for n in item["Layers"]]
            for name in item["Layers"]:
                add(name, files[os.path.basename(name) + ".tar"])
            config = files[item["Config"]]
            item["Config"] = "blobs/sha256/" + hashlib.sha256(config).hexdigest()
            add(item["Config"], config)
            manifest = json.dumps({
                "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": {"mediaType": "application/vnd.oci.image.config.v1+json",
                           "digest": "sha256:" + hashlib.sha256(config).hexdigest(), "size": len(config)},
                "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar",
                            "digest": "sha256:" + os.path.basename(n),
                            "size": len(files[os.path.basename(n) + ".tar"])} for n in item["Layers"]]}).encode()
            digest = hashlib.sha256(manifest).hexdigest()
            add("blobs/sha256/" + digest, manifest)
            entry = {"mediaType": "application/vnd.oci.image.manifest.v1+json",
                     "digest": "sha256:" + digest, "size": len(manifest),
                     "annotations": {"io.containerd.image.name": item["RepoTags"][0],
                                     "org.opencontainers.image.ref.name": item["RepoTags"][0].split(":")[-1]}}
            item["LayerSources"] = {}
        add("index.json", json.dumps({"schemaVersion": 2, "manifests": [entry]}).encode())
        add("oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
    add("manifest.json", json.dumps(items).encode())
    made.close()


if __name__ == "__main__":
    what, *rest = sys.argv[1:]
    {"make": make, "change": change, "list": list_tree, "docker": docker}[what](*rest)
