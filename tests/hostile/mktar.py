#!/usr/bin/env python3
"""Makes tar archives that no tar program would, and image layouts of them.

usage: mktar.py tar OUT.tar[.gz|.zst] ENTRY...     an archive from entries, see entry()
       mktar.py case NAME OUT CANARY               one of the hostile archives below
       mktar.py layout DIR REF [lie=...] TAR...    an OCI layout with one image of these layers

Prints, for `layout`, the digest of the manifest.
"""
import gzip
import hashlib
import json
import os
import struct
import subprocess
import sys
import zlib

BLOCK = 512


def octal(n, width):
    """A number field: octal, or base-256 where that does not fit or is negative."""
    if 0 <= n < 8 ** (width - 1):
        return b"%0*o\0" % (width - 1, n)
    return bytes([0xff if n < 0 else 0x80]) + (n & (1 << 8 * (width - 1)) - 1).to_bytes(width - 1, "big")


def header(name, kind=b"0", size=0, mode=0o644, uid=0, gid=0, mtime=1000000000, link=b"", major=0,
           minor=0, magic=b"ustar\00000", checksum=None):
    if isinstance(name, str):
        name = name.encode()
    if isinstance(link, str):
        link = link.encode()
    h = bytearray(BLOCK)
    h[0:100] = name[:100].ljust(100, b"\0")
    h[100:108], h[108:116], h[116:124] = octal(mode, 8), octal(uid, 8), octal(gid, 8)
    h[124:136], h[136:148] = octal(size, 12), octal(mtime, 12)
    h[148:156] = b" " * 8
    h[156:157] = kind
    h[157:257] = link[:100].ljust(100, b"\0")
    h[257:265] = magic
    h[329:337], h[337:345] = octal(major, 8), octal(minor, 8)
    h[148:156] = b"%06o\0 " % (sum(h) if checksum is None else checksum)
    return bytes(h)


def pad(data):
    return data + b"\0" * (-len(data) % BLOCK)


def pax(**records):
    """A PAX header; keys with '__' for '.'; values bytes or str."""
    return pax_of({k.replace("__", "."): v for k, v in records.items()})


def pax_of(records):
    body = b""
    for key, value in records.items():
        if isinstance(value, str):
            value = value.encode()
        rest = b" %s=%s\n" % (key.encode(), value)
        n = len(rest)
        while len(str(n)) + len(rest) != n:
            n = len(str(n)) + len(rest)
        body += str(n).encode() + rest
    return header("pax", b"x", len(body)) + pad(body)


def file(name, data=b"data\n", **kw):
    if isinstance(data, str):
        data = data.encode()
    return header(name, b"0", len(data), **kw) + pad(data)


def directory(name, **kw):
    return header(name, b"5", mode=kw.pop("mode", 0o755), **kw)


def symlink(name, target, **kw):
    return header(name, b"2", link=target, mode=0o777, **kw)


def hardlink(name, target, **kw):
    return header(name, b"1", link=target, **kw)


END = b"\0" * (2 * BLOCK)
XATTR = "SCHILY.xattr."


def xattrs(**kv):
    return pax_of({XATTR + k.replace("__", "."): v for k, v in kv.items()})


def zstd_window(log):
    """A zstd frame whose header asks for a window of 2^log bytes, with one raw block."""
    return b"\x28\xb5\x2f\xfd" + bytes([0x00, (log - 10) << 3]) + struct.pack("<I", 1 | 512 << 3)[:3] + \
        b"\0" * BLOCK


def gzip_bomb(out, size):
    """One file of `size` zeros: a deflated piece of 64 MiB, again and again as gzip members."""
    piece = 64 << 20
    member = gzip.compress(b"\0" * piece, 9)
    out.write(gzip.compress(header("zeros", b"0", size)))
    for _ in range(size // piece):
        out.write(member)
    out.write(gzip.compress(END))


def acl(*entries):
    """A POSIX ACL as the kernel keeps it: (tag, perm, id)..."""
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *e) for e in entries)


def canary_up(canary):
    return "../" * 30 + canary.lstrip("/")


# What each case must come to: "ok" or "refused" (tests/hostile/unpack.sh).  Cases that lead
# outside may end either way, as long as the canary is safe.
CASES = {
    # through a link of the same layer
    "link-write-abs": lambda c: symlink("esc", c) + file("esc/file", "pwned\n"),
    "link-write-up": lambda c: symlink("esc", canary_up(c)) + file("esc/file", "pwned\n"),
    "link-new-file": lambda c: symlink("esc", canary_up(c)) + file("esc/new", "pwned\n"),
    "link-chmod-dir": lambda c: symlink("esc", canary_up(c)) + directory("esc/", mode=0o777),
    "link-subdir": lambda c: symlink("esc", canary_up(c)) + directory("esc/sub", mode=0o777),
    "link-last": lambda c: symlink("f", canary_up(c) + "/file") + file("f", "pwned\n", mode=0o777),
    "link-chain": lambda c: symlink("a", "b") + symlink("b", "c") + symlink("c", canary_up(c)) +
        file("a/file", "pwned\n"),
    "link-loop": lambda c: symlink("a", "b") + symlink("b", "a") + file("a/file", "x"),
    "hard-abs": lambda c: hardlink("x", c + "/file") + file("x", "pwned\n"),
    "hard-up": lambda c: hardlink("x", canary_up(c) + "/file") + file("x", "pwned\n"),
    "hard-via-link": lambda c: symlink("esc", canary_up(c)) + hardlink("x", "esc/file") +
        file("x", "pwned\n", mode=0o777),
    "hard-to-link": lambda c: symlink("l", canary_up(c) + "/file") + hardlink("x", "l") +
        file("x", "pwned\n", mode=0o777),
    "wh-via-link": lambda c: symlink("esc", canary_up(c)) + file("esc/.wh.file", ""),
    "opq-via-link": lambda c: symlink("esc", canary_up(c)) + file("esc/.wh..wh..opq", ""),
    "xattr-via-link": lambda c: symlink("esc", canary_up(c)) + xattrs(user__pwned="1") +
        directory("esc/", mode=0o777),
    "dir-becomes-link": lambda c: directory("d/", mode=0o2777, mtime=1) +
        symlink("d", canary_up(c), mtime=2),
    "dir-below-becomes-link": lambda c: directory("d/") + directory("d/e/", mode=0o6777, mtime=1) +
        symlink("d", canary_up(c)) + directory("x/", mtime=3),
    "fifo-in-the-way": lambda c: header("p", b"6") + file("p", "data"),
    "fifo-as-dir": lambda c: header("p", b"6") + file("p/x", "data"),
    "proc-link": lambda c: symlink("esc", "/proc/self/root" + c) + file("esc/file", "pwned\n"),
    "deep-link": lambda c: symlink("esc", canary_up(c)) + file("esc/" + "d/" * 60 + "f", "pwned\n")
        if len("d/" * 60) < 90 else pax(path="esc/" + "d/" * 60 + "f") + file("f", "pwned\n"),
    # names
    "name-dotdot": lambda c: file("../x", "pwned"),
    "name-inner-dotdot": lambda c: file("a/../../x", "pwned"),
    "name-dotdot-only": lambda c: directory(".."),
    "name-empty": lambda c: file("", "x"),
    "name-nul": lambda c: pax(path=b"a\0../../../x") + file("a", "x"),
    "name-5000": lambda c: pax(path="a/" * 2500 + "f") + file("f", "x"),
    "name-256": lambda c: pax(path="n" * 256) + file("f", "x"),
    "name-gnu-long": lambda c: header("././@LongLink", b"L", 6001) + pad(b"a/" * 3000 + b"\0") +
        file("f", "x"),
    "root-link": lambda c: symlink("./", c),
    "root-link-dot": lambda c: symlink(".", c) + file("file", "pwned\n"),
    "root-file": lambda c: file(".", "x"),
    "root-hard": lambda c: hardlink("./", "x"),
    "hard-to-root": lambda c: hardlink("x", "/"),
    "wh-nothing": lambda c: file("d/.wh.", ""),
    "wh-dot": lambda c: file("d/.wh..", ""),
    "wh-dotdot": lambda c: file("d/.wh...", ""),
    "wh-as-dir": lambda c: file("d/.wh.x/y", ""),
    # numbers
    "size-negative": lambda c: header("f", b"0", -512) + END,
    "size-huge": lambda c: header("f", b"0", (1 << 63) - 1) + END,
    "size-overflow": lambda c: header("f", b"0", (1 << 64) - 512) + END,
    "uid-huge": lambda c: file("f", "x", uid=1 << 40),
    "uid-minus-one": lambda c: file("f", "x", uid=(1 << 32) - 1),
    "uid-negative": lambda c: file("f", "x", uid=-5),
    "uid-unmapped": lambda c: file("f", "x", uid=3000000000),
    "bad-checksum": lambda c: header("f", b"0", 0, checksum=1) + END,
    # bombs
    "pax-huge": lambda c: header("pax", b"x", 100 << 20) + b"\0" * (100 << 20) + file("f"),
    "pax-chain": lambda c: b"".join(pax(comment="c" * 1000000) for _ in range(100)) + file("f"),
    "longlink-huge": lambda c: header("././@LongLink", b"L", 200 << 20) + b"a" * (200 << 20) + file("f"),
    "xattr-large": lambda c: pax_of({XATTR + "user.x": "v" * 70000}) + file("f"),
    "xattr-many": lambda c: pax_of({XATTR + f"user.x{i}": "v" for i in range(100)}) + file("f"),
    "sparse-eib": lambda c: pax_of({"GNU.sparse.major": "1", "GNU.sparse.minor": "0",
                                    "GNU.sparse.name": "f", "GNU.sparse.realsize": str(1 << 60)}) +
        file("f", pad(b"1\n0\n5\n") + b"data\n"),
}

# Made by more than entries: (bytes, suffix).
RAW = {
    "truncated-tar": lambda c: (file("f", b"x" * 100000) + END)[:20000],
    "truncated-gz": lambda c: gzip.compress(file("f", os.urandom(100000)) + END)[:50000],
    "truncated-gz-trailer": lambda c: gzip.compress(file("f") + END)[:-3],
    "flipped-gz": lambda c: flip(gzip.compress(file("f", os.urandom(100000)) + END), 60000),
    "flipped-crc": lambda c: flip(gzip.compress(file("f") + END), -6),
    "gz-garbage": lambda c: gzip.compress(file("f") + END) + b"garbage behind the end",
    "zstd-window": lambda c: zstd_window(31),
    "zstd-truncated": lambda c: zstd(file("f", os.urandom(300000)) + END)[:200000],
    "not-tar": lambda c: b"this is no archive at all\n" * 1000,
    "zip": lambda c: b"PK\3\4" + b"\0" * 5000,
    "elf": lambda c: b"\x7fELF" + b"\1" * 5000,
    "shar": lambda c: b"#!/bin/sh\n" * 500,
}


def flip(data, at):
    b = bytearray(data)
    b[at] ^= 0x10
    return bytes(b)


def zstd(data):
    return subprocess.run(["zstd", "-q", "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout


def pack(data, out):
    if out.endswith(".gz"):
        data = gzip.compress(data, 6, mtime=0)
    elif out.endswith(".zst"):
        data = zstd(data)
    with open(out, "wb") as f:
        f.write(data)


def entry(word):
    """An entry: d:NAME[:MODE]  f:NAME[:TEXT]  l:NAME:TARGET  h:NAME:TARGET  p:NAME  w:NAME (whiteout)."""
    kind, name, *rest = word.split(":")
    arg = rest[0] if rest else None
    if kind == "d":
        return directory(name, mode=int(arg, 8) if arg else 0o755)
    if kind == "f":
        return file(name, arg if arg is not None else "data\n")
    if kind == "l":
        return symlink(name, arg)
    if kind == "h":
        return hardlink(name, arg)
    if kind == "p":
        return header(name, b"6")
    if kind == "c":
        return header(name, b"3", major=int(arg), minor=int(rest[1]))
    if kind == "w":
        top, _, base = name.rpartition("/")
        return file((top + "/" if top else "") + ".wh." + base, "")
    if kind == "o":
        return file(name.rstrip("/") + "/.wh..wh..opq" if name.strip("/.") else ".wh..wh..opq", "")
    raise SystemExit(f"mktar.py: no such entry: {word}")


def inflate(data):
    if data[:2] == b"\x1f\x8b":
        out = b""
        while data[:2] == b"\x1f\x8b":
            d = zlib.decompressobj(31)
            out += d.decompress(data)
            data = d.unused_data
        return out
    if data[:4] == b"\x28\xb5\x2f\xfd":
        return subprocess.run(["zstd", "-dqc"], input=data, stdout=subprocess.PIPE, check=True).stdout
    return data


def layout(out, ref, args):
    """An image of the layers; lie=diffid, lie=blob (flipped after hashing), lie=count, lie=many."""
    lies = {a[4:] for a in args if a.startswith("lie=")}
    tars = [a for a in args if not a.startswith("lie=")]
    os.makedirs(out + "/blobs/sha256", exist_ok=True)

    def put(data):
        h = hashlib.sha256(data).hexdigest()
        with open(f"{out}/blobs/sha256/{h}", "wb") as f:
            f.write(data)
        return {"digest": "sha256:" + h, "size": len(data)}

    layers, diff_ids = [], []
    for t in tars:
        with open(t, "rb") as f:
            data = f.read()
        suffix = "+gzip" if t.endswith(".gz") else "+zstd" if t.endswith(".zst") else ""
        desc = put(data)
        layers.append({"mediaType": "application/vnd.oci.image.layer.v1.tar" + suffix, **desc})
        diff_ids.append("sha256:" + hashlib.sha256(inflate(data)).hexdigest())
        if "blob" in lies:
            with open(f"{out}/blobs/sha256/{desc['digest'][7:]}", "wb") as f:
                f.write(flip(data, len(data) // 2))
    if "diffid" in lies:
        diff_ids[-1] = "sha256:" + "d" * 64
    if "count" in lies:
        diff_ids.append(diff_ids[-1])
    if "many" in lies:
        layers, diff_ids = layers * 1000, diff_ids * 1000
    config = put(json.dumps({"architecture": "amd64", "os": "linux", "config": {"Cmd": ["/bin/sh"]},
                             "rootfs": {"type": "layers", "diff_ids": diff_ids}}).encode())
    manifest = put(json.dumps({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", **config},
        "layers": layers}).encode())
    index = {"schemaVersion": 2, "manifests": []}
    if os.path.exists(out + "/index.json"):
        with open(out + "/index.json") as f:
            index = json.load(f)
    index["manifests"].append({"mediaType": "application/vnd.oci.image.manifest.v1+json", **manifest,
                               "annotations": {"org.opencontainers.image.ref.name": ref}})
    with open(out + "/oci-layout", "w") as f:
        f.write('{"imageLayoutVersion":"1.0.0"}')
    with open(out + "/index.json", "w") as f:
        json.dump(index, f)
    print(manifest["digest"])


def main():
    what, *args = sys.argv[1:] or [""]
    if what == "tar":
        pack(b"".join(entry(w) for w in args[1:]) + END, args[0])
    elif what == "case":
        name, out, canary = args
        if name in RAW:
            with open(out, "wb") as f:
                f.write(RAW[name](canary))
        elif name == "gzip-bomb":
            with open(out, "wb") as f:
                gzip_bomb(f, 10 << 30)
        else:
            pack(CASES[name](canary) + END, out)
    elif what == "cases":
        print("\n".join([*CASES, *RAW]))
    elif what == "meta":
        make_meta(args[0])
    elif what == "layout":
        layout(args[0], args[1], args[2:])
    else:
        sys.exit(__doc__)


def make_meta(out):
    """Everything a layer can carry, for the test that it arrives."""
    cap = bytes.fromhex("0100000200200000000000000000000000000000")  # cap_net_raw=ep
    user_acl = acl((1, 6, 0xffffffff), (2, 4, 33), (4, 4, 0xffffffff), (0x10, 4, 0xffffffff),
                   (0x20, 4, 0xffffffff))
    t = directory("./", mode=0o755)
    t += pax(mtime="1234567890.123456789") + file("nano", "x")
    t += directory("ro/", mode=0o555) + file("ro/in", "x", mode=0o400)
    t += file("suid", "x", mode=0o4755) + file("sgid", "x", mode=0o2755, gid=33)
    t += directory("sticky/", mode=0o1777) + directory("setgid/", mode=0o2775, gid=33)
    t += file("setgid/child", "x", gid=0)
    t += file("owned", "x", uid=1, gid=2) + symlink("ownedlink", "nowhere", uid=1, gid=2)
    t += file("hard1", "x" * 10) + hardlink("hard2", "hard1") + hardlink("d/hard3", "./hard1")
    t += header("fifo", b"6", mode=0o620) + header("null", b"3", major=1, minor=3, mode=0o666)
    t += pax(path="l/" + "n" * 200 + "/" + "m" * 100) + file("x", "long")
    t += header("././@LongLink", b"L", 251) + pad(b"g" * 250 + b"\0") + file("g" * 100, "gnu")
    t += pax_of({XATTR + "user.kept": "v", XATTR + "security.capability": cap}) + file("cap", "x", mode=0o755)
    t += pax_of({XATTR + "system.posix_acl_access": user_acl}) + file("acl", "x", mode=0o644)
    t += pax_of({XATTR + "system.posix_acl_default": user_acl}) + directory("dacl/", mode=0o755)
    t += file("dacl/child", "x", mode=0o600)
    t += xattrs(user__overlay__opaque="y", trusted__overlay__opaque="y",
                user__containers__override_stat="0:0:4755", user__fuseoverlayfs__opaque="y") + directory("ctl/")
    t += pax(path="caf\u00e9") + file("utf", "x") + file(b"latin\xe9", "x") + file("new\nline", "x")
    # a hole of 1 MiB between two pieces, as GNU tar writes it (PAX format 1.0)
    t += pax_of({"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "sparse",
                 "GNU.sparse.realsize": str((1 << 20) + 1024)}) + \
        file("GNUSparseFile.0/sparse",
             pad(b"2\n0\n512\n1048576\n1024\n") + b"a" * 512 + b"b" * 1024)
    pack(t + END, out)


if __name__ == "__main__":
    main()
