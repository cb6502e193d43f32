#!/usr/bin/env python3
"""Runs the examples that stand in the text of the OCI runtime-spec.

usage: spec-examples.py SPEC-DIR RUNTIME BUNDLE STATE-DIR

Each fragment of JSON in config.md and config-linux.md is put into BUNDLE's config.json, and each
config of schema/test/config is taken whole.  All of them are valid (those in bad/ are not), so a
runtime may refuse one only for what this host or user cannot do: REFUSED says which, and with what
words; everything else must run.
"""
import copy
import glob
import importlib.util
import json
import os
import re
import sys

spec = importlib.util.spec_from_file_location("spec_config", os.path.join(os.path.dirname(__file__), "spec-config.py"))
spec_config = importlib.util.module_from_spec(spec)
spec.loader.exec_module(spec_config)

RESOURCES = ("memory", "cpu", "blockIO", "hugepageLimits", "network", "pids", "rdma", "unified")
LIMITS = "no cgroup v2|controller|cgroup v2 has no"
# What an example asks for that this runtime, host or user may not have, and the words that it is
# refused with; by the line where it begins in the text of 1.2.0.
REFUSED = {
    "config.md:23": "not a version 1.x.y",   # 0.1.0
    "config.md:57": "Volume",                # of Windows
    "config.md:171": "has no type",          # of Windows
    "config.md:202": "/volumes/testing",
    "config.md:221": "lofs: No such device", # of Solaris
    "config.md:361": "acme_secure_profile",
    "config.md:424": "uid 1: |/usr/bin/bash",
    "config.md:512": "without a mount namespace",
    "config.md:643": "/usr/bin/fix-mounts",
    "config.md:742": "acme_secure_profile",
    "config-linux.md:50": "/proc/1234/ns/pid|needs uidMappings",
    "config-linux.md:97": "newuidmap|need a user namespace",
    "config-linux.md:155": "/dev/sda",
    "config-linux.md:284": LIMITS,
    "config-linux.md:371": LIMITS,
    "config-linux.md:404": LIMITS,
    "config-linux.md:452": LIMITS,
    "config-linux.md:516": LIMITS,
    "config-linux.md:544": LIMITS,
    "config-linux.md:571": LIMITS,
    "config-linux.md:592": LIMITS,
    "config-linux.md:621": LIMITS,
    "config-linux.md:683": "intelRdt is not supported",
    "config-linux.md:926": "SELinux",
    "bad/linux-hugepage.json": "hugepageLimits",
    "bad/linux-rdma.json": "rdma",
    "good/linux-rdma.json": LIMITS,
    "bad/invalid-json.json": "config.json",
    "good/spec-example.json": "acme_secure_profile",
}
EXAMPLES = 42  # in all


def fragments(path):
    """(line, object) of each block; most are members without the braces around them."""
    with open(path) as f:
        text = f.read()
    for m in re.finditer(r"```json\n(.*?)```", text, re.S):
        line = text.count("\n", 0, m.start()) + 1
        for attempt in (m.group(1), "{" + m.group(1).strip().rstrip(",") + "}"):
            try:
                yield line, json.loads(attempt)
                break
            except ValueError:
                continue


def place(config, name, value):
    if name in ("ociVersion", "process", "root", "hostname", "domainname", "mounts", "hooks", "annotations", "linux"):
        at = config
    elif name in RESOURCES or name == "devices" and "allow" in value[0]:
        at = config["linux"].setdefault("resources", {})
    else:
        at = config["linux"]
    at[name] = value
    if name == "linux" and "namespaces" not in value:
        value["namespaces"] = [{"type": "mount"}, {"type": "user"}, {"type": "pid"}]


def complete(config, base):
    """What stands on its own gets what every container of this runtime needs, and what its user needs."""
    config["ociVersion"] = base["ociVersion"]   # the whole example says 0.5.0-dev
    config.setdefault("process", base["process"])
    mine = config.setdefault("linux", {})
    if not any(n["type"] == "mount" for n in mine.get("namespaces", [])):
        for name in ("namespaces", "uidMappings", "gidMappings"):
            if name in base["linux"]:
                mine[name] = base["linux"][name]


def examples(folder, base):
    """(name, config); None: what is no JSON at all."""
    for name in ("config.md", "config-linux.md"):
        for line, obj in fragments(f"{folder}/{name}"):
            config = copy.deepcopy(base)
            for member, value in obj.items():
                place(config, member, value)
            yield f"{name}:{line}", config
    for path in sorted(glob.glob(f"{folder}/schema/test/config/*/*.json")):
        with open(path) as f:
            text = f.read()
        try:
            config = json.loads(text)
        except ValueError:
            yield "/".join(path.split("/")[-2:]), text
            continue
        if "zos" not in path:
            complete(config, base)
            yield "/".join(path.split("/")[-2:]), config


def main(folder, runtime, bundle, state):
    runs = spec_config.Runs(runtime, bundle, state)
    for name, config in examples(folder, runs.base):
        p = runs.run(config)
        want = REFUSED.get(name)
        if name.startswith("bad/") and p.returncode == 0:
            runs.fail(name, "taken", p)
        elif p.returncode != 0 and (want is None or not re.search(want, p.stderr)):
            runs.fail(name, "refused" if want is None else f"not refused with {want!r}", p)
    if runs.done != EXAMPLES:
        print(f"{runs.done} examples found, want {EXAMPLES}")
        return 1
    print(f"{runs.done} examples, {runs.failed} failures")
    return 1 if runs.failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
