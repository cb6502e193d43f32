#!/usr/bin/env python3
"""Gives config.json each property of the runtime-spec each kind of value, allowed and forbidden.

usage: spec-config.py coverage SCHEMA-DIR
       spec-config.py validate SCHEMA-DIR SCHEMA-FILE JSON-FILE
       spec-config.py run SCHEMA-DIR RUNTIME BUNDLE STATE-DIR PART

The judge is the schema of the runtime-spec: every property that it has must be in PROPERTIES, and a
value of a wrong type in its place is made from it.  What the container then sees is compared where
it can be seen.  PART is "allowed", "forbidden" or "types".
"""
import copy
import json
import os
import re
import resource
import subprocess
import sys

ROOT = os.geteuid() == 0
OTHER_PLATFORMS = ("solaris", "windows", "vm", "zos")
# Members that mean nothing on Linux, and of which nothing is read.
NOT_READ = {"process.commandLine", "process.user.username"}
MAP = [{"containerID": 0, "hostID": os.geteuid(), "size": 1}]
CGROUP = "cgroup"   # a limit that this host may have to refuse, naming the cgroup


class Case:
    """A value; what the container prints when its program is CHECK; config members beside it."""
    def __init__(self, value, check=None, want=None, beside=None, only=None):
        self.value, self.check, self.want = value, check, want
        self.beside, self.only = beside or {}, only


class No:
    """A forbidden value, and what the error must name."""
    def __init__(self, value, text, beside=None):
        self.value, self.text, self.beside = value, text, beside or {}


def status(name):
    return f"sed -n 's/^{name}:[[:space:]]*//p' /proc/self/status"


def has_cap(number):
    with open("/proc/self/status") as f:
        effective = [line.split()[1] for line in f if line.startswith("CapEff:")][0]
    return ROOT and int(effective, 16) >> number & 1 == 1


CAN_RAISE = has_cap(24)     # CAP_SYS_RESOURCE, which root need not have
CAN_SCHEDULE = has_cap(23)  # CAP_SYS_NICE


def limit(name, line):
    """As high as we may, and small where it may be so."""
    now = resource.getrlimit(getattr(resource, f"RLIMIT_{name}"))[1] if hasattr(resource, f"RLIMIT_{name}") else 0
    tiny = not (name in ("AS", "DATA", "NPROC", "STACK", "RSS", "NOFILE"))
    unlimited = now == resource.RLIM_INFINITY
    hard = (20 if tiny else 1 << 31) if CAN_RAISE or unlimited else min(now, 20) if tiny else now
    soft = min(10, hard) if tiny else hard
    shown = f"sed -n 's/^{line}  *//p' /proc/self/limits | tr -s ' ' | cut -d' ' -f1,2"
    return [Case([{"type": f"RLIMIT_{name}", "soft": soft, "hard": hard}], shown, f"{soft} {hard}")]


def mount(options, check=None, want=None, kind="tmpfs", **more):
    m = {"destination": "/m", "type": kind, "source": kind, "options": options, **more}
    return Case([m], check, want)


def attrs(words):
    return "sed -n 's/.* \\/m \\([^ ]*\\) .*/\\1/p' /proc/self/mountinfo", words


def option(word, want):
    """A tmpfs with one more word, and its mount's attributes."""
    return mount([word], *attrs(want))


def propagation(word, want):
    return mount([word], "sed -n 's/.* \\/m [^ ]* \\(.*\\)- .*/\\1/p' /proc/self/mountinfo | sed 's/:[0-9]*//; s/ *$//'", want)


def hook(kind, status_=None):
    """It leaves what it got on stdin."""
    return [Case([{"path": "/bin/sh", "args": ["sh", "-c", "cat >>@BUNDLE@/hooked"]}], None,
                 ("hook", status_))]


def seccomp(action, **more):
    return {"defaultAction": "SCMP_ACT_ALLOW",
            "syscalls": [{"names": ["mkdir", "mkdirat"], "action": action, **more}]}


def on_arg(op, value, **more):
    """setpriority(0, 0, nice): the third argument is compared."""
    return {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{
        "names": ["kill"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95,
        "args": [{"index": 1, "value": value, "op": op, **more}]}]}


# kill -WINCH 1 (28) and kill -URG 1 (23) from a child of the first process, which ignores both.
KILLS = "for s in 28 23; do kill -$s 1 2>/dev/null && echo -n 'yes ' || echo -n 'no '; done"
MKDIR = "mkdir /x 2>&1 | sed 's/.*: //'; rmdir /x 2>/dev/null; true"
DEVICE = {"path": "/dev/made", "type": "p"}
NS = ("pid", "network", "ipc", "uts", "mount", "cgroup")
FILE_LIMITS = [("AS", "Max address space"), ("CORE", "Max core file size"), ("CPU", "Max cpu time"), ("DATA", "Max data size"),
               ("FSIZE", "Max file size"), ("LOCKS", "Max file locks"), ("MEMLOCK", "Max locked memory"),
               ("MSGQUEUE", "Max msgqueue size"), ("NICE", "Max nice priority"), ("NOFILE", "Max open files"),
               ("NPROC", "Max processes"), ("RSS", "Max resident set"), ("RTPRIO", "Max realtime priority"),
               ("RTTIME", "Max realtime timeout"), ("SIGPENDING", "Max pending signals"), ("STACK", "Max stack size")]


def rlimits():
    return [c for name, line in FILE_LIMITS for c in limit(name, line)]


LITTLE_ENDIAN = ["X86", "X86_64", "X32", "ARM", "AARCH64", "MIPSEL", "MIPSEL64", "MIPSEL64N32", "PPC64LE", "RISCV64"]
BIG_ENDIAN = ["MIPS", "MIPS64", "MIPS64N32", "PPC", "PPC64", "S390", "S390X", "PARISC"]   # no filter is for both
FILTER_ARCHS, OTHER_ARCHS = (LITTLE_ENDIAN, BIG_ENDIAN) if sys.byteorder == "little" else (BIG_ENDIAN, LITTLE_ENDIAN)

# Property -> cases.  "[]" stands for an element; the value is put where the property's own array or
# object begins, so that cases say all that belongs together.
PROPERTIES = {
    "ociVersion": [Case("1.0.0"), Case("1.1.0-rc.1"), Case("1.2.1"), Case("1.9.9"), No("0.5.0-dev", "ociVersion"),
                   No("2.0.0", "ociVersion"), No("1.2", "ociVersion"), No("", "ociVersion"), No(None, "ociVersion")],
    "hostname": [Case("slartibartfast", "cat /proc/sys/kernel/hostname", "slartibartfast"), No("h" * 65, "hostname")],
    "domainname": [Case("example.org", "cat /proc/sys/kernel/domainname", "example.org"), No("d" * 65, "domainname")],
    "annotations": [Case({}), Case({"com.example": ""}), No({"a": 1}, "annotations.a"), No({"": "x"}, "annotations")],
    "root.path": [Case("@BUNDLE@/rootfs"), No("", "root.path"), No("nowhere", "nowhere"), No(None, "root.path")],
    "root.readonly": [Case(True, "touch /f 2>/dev/null && echo rw || echo ro", "ro"),
                      Case(False, "touch /f && echo rw || echo ro; rm /f", "rw")],
    "mounts[].destination": [mount([], "grep -c ' /m ' /proc/self/mounts", "1"),
                             No([{"type": "tmpfs", "source": "x"}], "mounts[0].destination"),
                             No([{"destination": "/", "type": "tmpfs"}], "root file system")],
    "mounts[].type": [mount([], "sed -n 's/^tmpfs \\/m \\([a-z]*\\) .*/\\1/p' /proc/self/mounts", "tmpfs"),
                      mount([], "ls -d /m/self", "/m/self", "proc"),
                      No([{"destination": "/m", "source": "x"}], "has no type"),
                      No([{"destination": "/m", "type": "nonsensefs", "source": "x"}], "nonsensefs")],
    "mounts[].source": [Case([{"destination": "/m", "type": "bind", "source": "@BUNDLE@/rootfs"}], "ls -d /m/bin", "/m/bin"),
                        Case([{"destination": "/m", "options": ["bind"], "source": "rootfs"}], "ls -d /m/bin", "/m/bin"),
                        No([{"destination": "/m", "type": "bind"}], "has no source"),
                        No([{"destination": "/m", "type": "bind", "source": "/no/such"}], "/no/such")],
    "mounts[].options[]": [
        option("ro", "ro,relatime"), option("rw", "rw,relatime"), option("nosuid", "rw,nosuid,relatime"),
        option("suid", "rw,relatime"), option("nodev", "rw,nodev,relatime"), option("noexec", "rw,noexec,relatime"),
        option("exec", "rw,relatime"), option("nodiratime", "rw,nodiratime,relatime"), option("diratime", "rw,relatime"),
        option("nosymfollow", "rw,relatime,nosymfollow"), option("symfollow", "rw,relatime"),
        option("noatime", "rw,noatime"), option("atime", "rw,relatime"), option("relatime", "rw,relatime"),
        option("norelatime", "rw"), option("strictatime", "rw"), option("nostrictatime", "rw,relatime"),
        option("rro", "ro,relatime"), option("rrw", "rw,relatime"), option("rnosuid", "rw,nosuid,relatime"),
        option("rsuid", "rw,relatime"), option("rnodev", "rw,nodev,relatime"), option("rnoexec", "rw,noexec,relatime"),
        option("rexec", "rw,relatime"), option("rnodiratime", "rw,nodiratime,relatime"),
        option("rdiratime", "rw,relatime"), option("rnosymfollow", "rw,relatime,nosymfollow"),
        option("rsymfollow", "rw,relatime"), option("rnoatime", "rw,noatime"), option("ratime", "rw,relatime"),
        option("rrelatime", "rw,relatime"), option("rnorelatime", "rw"), option("rstrictatime", "rw"),
        option("rnostrictatime", "rw,relatime"), option("defaults", "rw,relatime"), option("loud", "rw,relatime"),
        option("silent", "rw,relatime"), option("async", "rw,relatime"), option("nolazytime", "rw,relatime"),
        option("nomand", "rw,relatime"), option("noiversion", "rw,relatime"), option("tmpcopyup", "rw,relatime"),
        mount(["sync"]), mount(["dirsync"]), mount(["lazytime"]), mount(["mode=711"], "stat -c %a /m", "711"),
        mount(["size=64k"], "grep -c ' /m .*size=64k' /proc/self/mounts", "1"),
        propagation("private", ""), propagation("rprivate", ""), propagation("shared", "shared"),
        propagation("rshared", "shared"), propagation("slave", ""), propagation("rslave", ""),
        propagation("unbindable", "unbindable"), propagation("runbindable", "unbindable"),
        Case([{"destination": "/m", "type": "tmpfs", "source": "a"}, {"destination": "/m", "options": ["remount", "ro", "noexec"]}],
             *attrs("ro,noexec,relatime")),
        Case([{"destination": "/m", "type": "tmpfs", "source": "a"}, {"destination": "/m", "options": ["remount", "size=128k"]}],
             "grep -c ' /m .*size=128k' /proc/self/mounts", "1"),
        Case([{"destination": "/m", "type": "tmpfs", "source": "a"}, {"destination": "/m", "options": ["bind", "remount", "ro"]}],
             *attrs("ro,relatime")),
        No([{"destination": "/bin", "options": ["remount", "ro"]}], "nothing is mounted there"),
        No([{"destination": "/m", "type": "tmpfs", "source": "x", "options": ["odd-word"]}], "odd-word"),
        No([{"destination": "/m", "type": "bind", "source": "/", "options": ["odd-word"]}], "a bind mount has an option"),
        No([{"destination": "/m", "type": "tmpfs", "source": "x", "options": ["copy-symlink"]}], "copy-symlink"),
        No([{"destination": "/m", "type": "proc", "source": "x", "options": ["tmpcopyup"]}], "tmpcopyup"),
        No([{"destination": "/m", "type": "tmpfs", "source": "x", "options": [1]}], "options[0]")],
    "mounts[].uidMappings[].containerID": [
        Case([{"destination": "/m", "type": "tmpfs", "source": "x", "uidMappings": [{"containerID": 0, "hostID": 5, "size": 9}],
               "gidMappings": [{"containerID": 0, "hostID": 5, "size": 9}]}], "stat -c %u /m", "5", only=ROOT),
        Case([{"destination": "/m", "type": "tmpfs", "source": "x", "options": ["idmap"]}], "touch /m/f; stat -c %u /m/f", "0", only=not ROOT),
        No([{"destination": "/m", "type": "tmpfs", "source": "x", "options": ["idmap"]}], "idmap needs") if ROOT else
        No([{"destination": "/m", "type": "bind", "source": "@BUNDLE@", "options": ["idmap"]}], "map the ids of /m"),
        No([{"destination": "/m", "type": "tmpfs", "source": "x", "uidMappings": MAP}], "go together"),
        No([{"destination": "/m", "type": "tmpfs", "source": "x", "uidMappings": [{}], "gidMappings": MAP}], "containerID: missing")],
    "mounts[].uidMappings[].hostID": [], "mounts[].uidMappings[].size": [],
    "mounts[].gidMappings[].containerID": [], "mounts[].gidMappings[].hostID": [], "mounts[].gidMappings[].size": [],
    "process.terminal": [Case(False, "test -t 0 && echo tty || echo none", "none")],
    "process.cwd": [Case("/tmp", "pwd", "/tmp"), Case("/made/here", "pwd", "/made/here"), No("tmp", "absolute"), No(None, "cwd")],
    "process.env[]": [Case(["A=1", "PATH=/bin", "B="], "echo $A$B", "1"), No(["A"], "env[0]"), No(["=1"], "env[0]")],
    "process.args[]": [Case(["/bin/echo", "hi"], None, "hi"), Case(["echo", "hi"], None, "hi"), No([], "not found"),
                       No(["/no/such"], "No such file"), No([""], "not found"), No([1], "args[0]")],
    "process.commandLine": [Case("ignored on Linux")],
    "process.consoleSize.height": [Case({"height": 20, "width": 30}), No({"width": 30}, "height"),
                                   No({"height": 70000, "width": 1}, "height")],
    "process.consoleSize.width": [No({"height": 30}, "width")],
    "process.user.uid": [Case({"uid": 0, "gid": 0}, "id -u", "0"), No({"gid": 0}, "uid"), No({"uid": -1, "gid": 0}, "uid"),
                         No({"uid": 1 << 32, "gid": 0}, "uid"), Case({"uid": 7, "gid": 0}, "id -u", "7", only=ROOT)],
    "process.user.gid": [Case({"uid": 0, "gid": 9}, "id -g", "9", only=ROOT), No({"uid": 0}, "gid"),
                         No({"uid": 0, "gid": (1 << 32) - 1}, "gid")],
    "process.user.umask": [Case({"uid": 0, "gid": 0, "umask": 0o27}, "umask", "0027"),
                           No({"uid": 0, "gid": 0, "umask": 0o1000}, "umask")],
    "process.user.additionalGids[]": [Case({"uid": 0, "gid": 0, "additionalGids": [5, 6]}, status("Groups"), "5 6", only=ROOT),
                                      No({"uid": 0, "gid": 0, "additionalGids": [-1]}, "additionalGids[0]")],
    "process.user.username": [Case({"uid": 0, "gid": 0, "username": "ignored on Linux"})],
    "process.capabilities.bounding[]": [Case({"bounding": ["CAP_CHOWN"]}, status("CapBnd"), "0000000000000001"),
                                        Case({"bounding": ["CAP_X", "CAP_KILL"]}, status("CapBnd"), "0000000000000020"),
                                        No({"bounding": [5]}, "bounding[0]")],
    "process.capabilities.permitted[]": [Case({"permitted": ["CAP_KILL"], "bounding": ["CAP_KILL"]}, status("CapPrm"),
                                              "0000000000000020"), No({"permitted": [1]}, "permitted[0]")],
    "process.capabilities.effective[]": [
        Case({"permitted": ["CAP_KILL"], "effective": ["CAP_KILL"], "bounding": ["CAP_KILL"]}, status("CapEff"),
             "0000000000000020"), No({"effective": [{}]}, "effective[0]")],
    "process.capabilities.inheritable[]": [
        Case({s: ["CAP_KILL"] for s in ("permitted", "inheritable", "bounding")}, status("CapInh"), "0000000000000020"),
        No({"inheritable": [None]}, "inheritable[0]")],
    "process.capabilities.ambient[]": [
        Case({s: ["CAP_KILL"] for s in ("permitted", "inheritable", "ambient", "bounding")}, status("CapAmb"),
             "0000000000000020"), No({"ambient": [True]}, "ambient[0]"),
        Case({"ambient": ["CAP_KILL"], "permitted": ["CAP_KILL"], "bounding": ["CAP_KILL"]}, status("CapAmb"), "0000000000000000")],
    "process.apparmorProfile": [Case(""), Case("unconfined")] + (
        [] if os.path.exists("/sys/module/apparmor/parameters/enabled") else [No("acme_secure_profile", "AppArmor is not enabled")]),
    "process.selinuxLabel": [Case("")] + (
        [] if os.path.exists("/sys/fs/selinux/enforce") else [No("system_u:system_r:x_t:s0", "SELinux is not enabled")]),
    "process.oomScoreAdj": [Case(600, "cat /proc/self/oom_score_adj", "600"), Case(1000), No(1001, "oomScoreAdj"), No(-1001, "oomScoreAdj"),
                            Case(-500, "cat /proc/self/oom_score_adj", "-500", only=CAN_RAISE)] + (
        [] if CAN_RAISE else [No(-1000, "lower than what this user may set")]),
    "process.noNewPrivileges": [Case(True, status("NoNewPrivs"), "1"), Case(False, status("NoNewPrivs"), "0")],
    "process.rlimits[].type": rlimits() + [
        No([{"type": "RLIMIT_X", "soft": 1, "hard": 1}], "rlimits[0].type"), No([{"soft": 1, "hard": 1}], "type"),
        No([{"type": "RLIMIT_CPU", "soft": 1, "hard": 1}] * 2, "rlimits[1]")],
    "process.rlimits[].soft": [No([{"type": "RLIMIT_CPU", "hard": 1}], "soft"), No([{"type": "RLIMIT_CPU", "soft": 2, "hard": 1}], "soft")],
    "process.rlimits[].hard": [Case([{"type": "RLIMIT_CPU", "soft": 100, "hard": (1 << 64) - 1}],
                                    "ulimit -t; ulimit -Ht", "100\nunlimited"),
                               No([{"type": "RLIMIT_CPU", "soft": 1}], "hard"), No([{"type": "RLIMIT_CPU", "soft": 1, "hard": -7}], "rlimits[0]"),
                               No([{"type": "RLIMIT_CPU", "soft": 1, "hard": 1 << 65}], "integer")],
    "process.scheduler.policy": [
        Case({"policy": "SCHED_BATCH"}, "sed -n 's/^policy *: *//p' /proc/self/sched", "3"),
        Case({"policy": "SCHED_IDLE"}, "sed -n 's/^policy *: *//p' /proc/self/sched", "5"), Case({"policy": "SCHED_OTHER"}),
        Case({"policy": "SCHED_FIFO", "priority": 3}, "sed -n 's/^prio *: *//p' /proc/self/sched", "96", only=CAN_SCHEDULE),
        Case({"policy": "SCHED_RR", "priority": 99}, "sed -n 's/^policy *: *//p' /proc/self/sched", "2", only=CAN_SCHEDULE),
        No({"policy": "SCHED_X"}, "scheduler.policy"), No({}, "scheduler.policy"), No({"policy": "SCHED_ISO"}, "scheduler")] + (
        [] if CAN_SCHEDULE else [No({"policy": "SCHED_RR", "priority": 1}, "CAP_SYS_NICE")]),
    "process.scheduler.nice": [Case({"policy": "SCHED_OTHER", "nice": 7}, "cut -d' ' -f19 /proc/self/stat", "7"),
                               No({"policy": "SCHED_OTHER", "nice": 20}, "nice"), No({"policy": "SCHED_IDLE", "nice": 1}, "nice")],
    "process.scheduler.priority": [No({"policy": "SCHED_FIFO"}, "priority"), No({"policy": "SCHED_OTHER", "priority": 1}, "priority"),
                                   No({"policy": "SCHED_RR", "priority": 100}, "priority")],
    "process.scheduler.flags[]": [Case({"policy": "SCHED_OTHER", "flags": ["SCHED_FLAG_RESET_ON_FORK"]}),
                                  Case({"policy": "SCHED_OTHER", "flags": ["SCHED_FLAG_KEEP_POLICY", "SCHED_FLAG_KEEP_PARAMS"]}),
                                  No({"policy": "SCHED_OTHER", "flags": ["SCHED_FLAG_X"]}, "flags[0]")],
    "process.scheduler.runtime": [Case({"policy": "SCHED_DEADLINE", "runtime": 10000000, "deadline": 20000000, "period": 30000000},
                                       "sed -n 's/^policy *: *//p' /proc/self/sched", "6", only=CAN_SCHEDULE),
                                  No({"policy": "SCHED_OTHER", "runtime": 1}, "runtime")],
    "process.scheduler.deadline": [No({"policy": "SCHED_RR", "priority": 1, "deadline": 1}, "deadline")],
    "process.scheduler.period": [No({"policy": "SCHED_BATCH", "period": 1}, "period")],
    "process.ioPriority.class": [Case({"class": "IOPRIO_CLASS_BE", "priority": 3}, "ionice", "best-effort: prio 3"),
                                 Case({"class": "IOPRIO_CLASS_IDLE", "priority": 0}, "ionice", "idle"),
                                 Case({"class": "IOPRIO_CLASS_RT", "priority": 1}, "ionice", "realtime: prio 1", only=ROOT),
                                 No({"class": "IOPRIO_CLASS_X", "priority": 0}, "class"), No({"priority": 0}, "class")],
    "process.ioPriority.priority": [No({"class": "IOPRIO_CLASS_BE", "priority": 8}, "priority"), No({"class": "IOPRIO_CLASS_BE"}, "priority")],
    "process.execCPUAffinity.initial": [Case({"initial": "0"}), Case({"initial": "0-1, 1", "final": ""}), No({"initial": "x"}, "initial")],
    "process.execCPUAffinity.final": [Case({"final": "0"}), No({"final": "1-0"}, "final")],
    "linux.timeOffsets.boottime.secs": [
        Case({"boottime": {"secs": 7000000}}, "cut -c1-4 /proc/uptime | tr -d .", None, {"linux.namespaces[]": {"type": "time"}}),
        No({"boottime": {"secs": 1}}, "time namespace"),
        No({"realtime": {"secs": 1}}, "timeOffsets", {"linux.namespaces[]": {"type": "time"}})],
    "linux.timeOffsets.boottime.nanosecs": [
        No({"boottime": {"nanosecs": 1000000000}}, "nanosecs", {"linux.namespaces[]": {"type": "time"}})],
    "linux.timeOffsets.monotonic.secs": [
        Case({"monotonic": {"secs": 1000, "nanosecs": 5}}, "sed -n 's/^monotonic *//p' /proc/self/timens_offsets | tr -s ' '",
             "1000 5", {"linux.namespaces[]": {"type": "time"}})],
    "linux.timeOffsets.monotonic.nanosecs": [
        No({"monotonic": {"nanosecs": -1}}, "nanosecs", {"linux.namespaces[]": {"type": "time"}})],
    **{f"hooks.{k}[].path": hook(k, s) + [No([{"path": "relative"}], "absolute"), No([{}], "path")]
       for k, s in (("prestart", "creating"), ("createRuntime", "creating"), ("createContainer", "creating"),
                    ("poststart", "running"), ("poststop", "stopped"))},
    "hooks.startContainer[].path": [Case([{"path": "/bin/sh", "args": ["sh", "-c", "cat >/hooked"]}], "grep -c '\"created\"' /hooked; rm /hooked", "1"),
                                    No([{"path": "relative"}], "absolute"), No([{}], "path")],
    **{f"hooks.{k}[].{m}": c for k in ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")
       for m, c in (("args[]", []), ("env[]", []), ("timeout", [Case([{"path": "/bin/true", "timeout": 5}]), No([{"path": "/bin/true", "timeout": 0}], "timeout"),
                                                              No([{"path": "/bin/true", "timeout": -1}], "timeout")]))},
    "linux.devices[].type": [
        Case([DEVICE], "stat -c '%F %a' /dev/made", "fifo 666"),
        Case([{"path": "/dev/made", "type": "c", "major": 1, "minor": 3}], "stat -c '%F %t %T' /dev/made", "character special file 1 3", only=ROOT),
        Case([{"path": "/dev/made", "type": "u", "major": 1, "minor": 3}], "stat -c '%F' /dev/made", "character special file", only=ROOT),
        Case([{"path": "/dev/made", "type": "b", "major": 7, "minor": 250}], "stat -c '%F' /dev/made", "block special file", only=ROOT),
        Case([{"path": "/dev/null", "type": "c", "major": 1, "minor": 3}], "echo x >/dev/null && echo fine", "fine"),
        No([{"path": "/dev/x", "type": "q"}], "devices[0].type"), No([{"path": "/dev/x"}], "type")] + ([] if ROOT else [
            No([{"path": "/dev/none-here", "type": "c", "major": 1, "minor": 3}], "/dev/none-here"),
            No([{"path": "/dev/zero", "type": "c", "major": 1, "minor": 3}], "is not device 1:3")]),
    "linux.devices[].path": [Case([{"path": "/odd/place", "type": "p"}], "stat -c %F /odd/place; rm -r /odd", "fifo"), No([{"type": "p"}], "path"),
                             No([{"path": "/bin/busybox", "type": "p"}], "/bin/busybox")],
    "linux.devices[].fileMode": [Case([{**DEVICE, "fileMode": 0o640}], "stat -c %a /dev/made", "640"), No([{**DEVICE, "fileMode": -1}], "fileMode")],
    "linux.devices[].major": [No([{"path": "/dev/x", "type": "c", "minor": 1}], "device number"), No([{"path": "/dev/x", "type": "b", "major": 4096, "minor": 1}], "device number")],
    "linux.devices[].minor": [No([{"path": "/dev/x", "type": "c", "major": 1}], "device number"), No([{"path": "/dev/x", "type": "c", "major": 1, "minor": -1}], "device number")],
    "linux.devices[].uid": [Case([{**DEVICE, "uid": 3}], "stat -c %u /dev/made", "3", only=ROOT), No([{**DEVICE, "uid": 1 << 32}], "uid")],
    "linux.devices[].gid": [Case([{**DEVICE, "gid": 4}], "stat -c %g /dev/made", "4", only=ROOT), No([{**DEVICE, "gid": -1}], "gid")],
    "linux.uidMappings[].containerID": [No([{"hostID": 0, "size": 1}], "containerID"), No([{"containerID": 0, "hostID": 0, "size": 0}], "size")],
    "linux.uidMappings[].hostID": [No([{"containerID": 0, "size": 1}], "hostID")],
    "linux.uidMappings[].size": [No([{"containerID": 0, "hostID": 0}], "size"), No([{"containerID": 9, "hostID": 0, "size": (1 << 32) - 1}], "beyond")],
    "linux.gidMappings[].containerID": [No([{"hostID": 0, "size": 1}], "containerID")],
    "linux.gidMappings[].hostID": [No([{"containerID": 0, "size": 1}], "hostID")],
    "linux.gidMappings[].size": [No([{"containerID": 0, "hostID": 0, "size": -1}], "size")],
    "linux.namespaces[].type": [No([{"type": "mount"}, {"type": "moont"}], "namespaces[1].type"), No([{"type": "mount"}] * 2, "second"),
                                No([{}], "type"), No([{"type": "pid"}], "mount namespace")],
    "linux.namespaces[].path": [No([{"type": "mount"}, {"type": "pid", "path": "relative"}], "absolute"),
                                No([{"type": "mount"}, {"type": "uts"}, {"type": "pid", "path": "/no/such"}], "/no/such"),
                                No([{"type": "mount"}, {"type": "uts"}, {"type": "pid", "path": "/proc/self/ns/net"}], "is not a pid namespace")],
    "linux.cgroupsPath": [Case("")],
    "linux.rootfsPropagation": [
        Case(w, "sed -n 's/^[0-9]* [0-9]* [^ ]* [^ ]* \\/ [^ ]* \\(.*\\)- .*/\\1/p' /proc/self/mountinfo | head -n 1 | sed 's/:[0-9]*//; s/ *$//'", want)
        for w, want in (("private", ""), ("rprivate", ""), ("shared", "shared"), ("rshared", "shared"), ("unbindable", "unbindable"),
                        ("runbindable", "unbindable"), ("slave", ""), ("rslave", ""))] + [No("sideways", "rootfsPropagation")],
    "linux.sysctl": [Case({"kernel.msgmax": "4242", "net.ipv4.ip_forward": "1"}, "cat /proc/sys/kernel/msgmax /proc/sys/net/ipv4/ip_forward", "4242\n1"),
                     No({"kernel.core_pattern": "x"}, "core_pattern"), No({"vm.swappiness": "1"}, "vm.swappiness"), No({"a": 1}, "sysctl.a")],
    "linux.maskedPaths[]": [Case(["/secret", "/etc", "/no/such"], "wc -c </secret; ls -a /etc | wc -l", "0\n2"), No([1], "maskedPaths")],
    "linux.readonlyPaths[]": [Case(["/etc", "/no/such"], "touch /etc/x 2>/dev/null && echo rw || echo ro", "ro"), No([{}], "readonlyPaths")],
    "linux.mountLabel": [Case("")] + (
        [] if os.path.exists("/sys/fs/selinux/enforce") else [No("system_u:object_r:x_t:s0", "SELinux is not enabled")]),
    **{f"linux.intelRdt.{m}": [No({m: v}, "intelRdt is not supported")] for m, v in (
        ("closID", "x"), ("l3CacheSchema", "L3:0=f"), ("memBwSchema", "MB:0=20"), ("enableCMT", True), ("enableMBM", True))},
    "linux.personality.domain": [Case({"domain": "LINUX"}, "cat /proc/self/personality", "00000000"),
                                 Case({"domain": "LINUX32"}, "cat /proc/self/personality; uname -m", "00000008\ni686"),
                                 No({"domain": "BSD"}, "domain"), No({}, "domain")],
    "linux.personality.flags[]": [Case({"domain": "LINUX", "flags": []}), No({"domain": "LINUX", "flags": ["ADDR_NO_RANDOMIZE"]}, "flags")],
    "linux.seccomp.defaultAction": [Case({"defaultAction": "SCMP_ACT_ALLOW"}, status("Seccomp"), "2"), Case({"defaultAction": "SCMP_ACT_LOG"}),
                                    No({}, "defaultAction"), No({"defaultAction": "SCMP_ACT_X"}, "defaultAction"),
                                    No({"defaultAction": "SCMP_ACT_NOTIFY", "listenerPath": "/s"}, "defaultAction")],
    "linux.seccomp.defaultErrnoRet": [Case({"defaultAction": "SCMP_ACT_ALLOW", "defaultErrnoRet": 0}),
                                      No({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": -1}, "errnoRet")],
    "linux.seccomp.flags[]": [Case({"defaultAction": "SCMP_ACT_ALLOW", "flags": [f"SECCOMP_FILTER_FLAG_{f}"]}, status("Seccomp"), "2")
                              for f in ("TSYNC", "LOG", "SPEC_ALLOW", "WAIT_KILLABLE_RECV")] + [
                                  No({"defaultAction": "SCMP_ACT_ALLOW", "flags": ["SECCOMP_FILTER_FLAG_X"]}, "flags")],
    "linux.seccomp.listenerPath": [Case({"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/not/used/without/notify"}),
                                   No({**seccomp("SCMP_ACT_NOTIFY"), "listenerPath": "/no/such/socket"}, "/no/such/socket"),
                                   No(seccomp("SCMP_ACT_NOTIFY"), "listenerPath")],
    "linux.seccomp.listenerMetadata": [No({"defaultAction": "SCMP_ACT_ALLOW", "listenerMetadata": "x"}, "listenerMetadata")],
    "linux.seccomp.architectures[]": [Case({"defaultAction": "SCMP_ACT_ALLOW", "architectures": [f"SCMP_ARCH_{a}"]})
                                      for a in FILTER_ARCHS] + [
                                          No({"defaultAction": "SCMP_ACT_ALLOW", "architectures": [f"SCMP_ARCH_{a}"]}, "byte order")
                                          for a in OTHER_ARCHS] + [No({"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_PDP11"]}, "architectures")],
    "linux.seccomp.syscalls[].names[]": [Case(seccomp("SCMP_ACT_ERRNO"), MKDIR, "Operation not permitted"),
                                         No({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": [], "action": "SCMP_ACT_ERRNO"}]}, "names"),
                                         No({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"action": "SCMP_ACT_ERRNO"}]}, "names"),
                                         No({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["sendmsg"], "action": "SCMP_ACT_NOTIFY"}],
                                             "listenerPath": "/s"}, "sendmsg")],
    "linux.seccomp.syscalls[].action": [
        Case(seccomp("SCMP_ACT_KILL"), "mkdir /x; echo $?", "159"), Case(seccomp("SCMP_ACT_KILL_THREAD"), "mkdir /x; echo $?", "159"),
        Case(seccomp("SCMP_ACT_KILL_PROCESS"), "mkdir /x; echo $?", "159"), Case(seccomp("SCMP_ACT_TRAP"), "mkdir /x; echo $?", "159"),
        Case(seccomp("SCMP_ACT_TRACE"), MKDIR, "Function not implemented"), Case(seccomp("SCMP_ACT_LOG"), MKDIR, ""),
        Case(seccomp("SCMP_ACT_ALLOW"), MKDIR, ""), No(seccomp("SCMP_ACT_X"), "syscalls[0]"), No(seccomp(None), "action")],
    "linux.seccomp.syscalls[].errnoRet": [Case(seccomp("SCMP_ACT_ERRNO", errnoRet=28), MKDIR, "No space left on device"),
                                          No(seccomp("SCMP_ACT_ERRNO", errnoRet=4096), "errnoRet"), No(seccomp("SCMP_ACT_KILL", errnoRet=5), "errnoRet")],
    "linux.seccomp.syscalls[].args[].op": [
        Case(on_arg("SCMP_CMP_EQ", 28), KILLS, "no yes"), Case(on_arg("SCMP_CMP_NE", 28), KILLS, "yes no"),
        Case(on_arg("SCMP_CMP_LT", 28), KILLS, "yes no"), Case(on_arg("SCMP_CMP_LE", 28), KILLS, "no no"),
        Case(on_arg("SCMP_CMP_GT", 23), KILLS, "no yes"), Case(on_arg("SCMP_CMP_GE", 23), KILLS, "no no"),
        Case(on_arg("SCMP_CMP_MASKED_EQ", 4, valueTwo=4), KILLS, "no no"),
        Case(on_arg("SCMP_CMP_MASKED_EQ", 8, valueTwo=8), KILLS, "no yes"), No(on_arg("SCMP_CMP_X", 1), "SCMP_CMP_X")],
    "linux.seccomp.syscalls[].args[].index": [No({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["kill"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 6, "value": 0, "op": "SCMP_CMP_EQ"}]}]}, "index")],
    "linux.seccomp.syscalls[].args[].value": [Case(on_arg("SCMP_CMP_LT", (1 << 64) - 1), KILLS, "no no"),
                                              Case(on_arg("SCMP_CMP_LT", 1 << 63), KILLS, "no no"),
                                              Case(on_arg("SCMP_CMP_MASKED_EQ", 0xffffffff00000000, valueTwo=0), KILLS, "no no")],
    "linux.seccomp.syscalls[].args[].valueTwo": [],
}
# Limits: their effect is for hosts with controllers; here, that they are known, or refused as a
# limit that cannot be applied.
for name, value in {
        "unified": {"pids.max": "5"}, "pids.limit": 100, "memory.limit": 1 << 28, "memory.reservation": 1 << 28, "memory.swap": 1 << 29,
        "memory.kernel": -1, "memory.kernelTCP": -1, "memory.swappiness": 60, "memory.disableOOMKiller": False,
        "memory.useHierarchy": True, "memory.checkBeforeUpdate": False, "cpu.cpus": "0", "cpu.mems": "0", "cpu.period": 100000,
        "cpu.quota": 50000, "cpu.burst": 0, "cpu.realtimePeriod": 0, "cpu.realtimeRuntime": 0, "cpu.shares": 512, "cpu.idle": 0,
        "blockIO.weight": 100, "blockIO.leafWeight": 0, "network.classID": 0}.items():
    PROPERTIES[f"linux.resources.{name}"] = [(CGROUP, value)]
for name in ("devices[].allow", "devices[].type", "devices[].major", "devices[].minor", "devices[].access"):
    PROPERTIES[f"linux.resources.{name}"] = []
PROPERTIES["linux.resources.devices[].allow"] = [(CGROUP, [{"allow": True, "type": "c", "major": 1, "minor": 3, "access": "rwm"}])]
PROPERTIES["linux.resources.hugepageLimits[].pageSize"] = [(CGROUP, [{"pageSize": "2MB", "limit": 0}])]
PROPERTIES["linux.resources.hugepageLimits[].limit"] = []
for which in ("throttleReadBpsDevice", "throttleWriteBpsDevice", "throttleReadIOPSDevice", "throttleWriteIOPSDevice"):
    for name in ("major", "minor", "rate"):
        PROPERTIES[f"linux.resources.blockIO.{which}[].{name}"] = []
    PROPERTIES[f"linux.resources.blockIO.{which}[].rate"] = [(CGROUP, [{"major": 7, "minor": 0, "rate": 1000}])]
for name in ("major", "minor", "weight", "leafWeight"):
    PROPERTIES[f"linux.resources.blockIO.weightDevice[].{name}"] = []
for name in ("name", "priority"):
    PROPERTIES[f"linux.resources.network.priorities[].{name}"] = []
PROPERTIES["linux.resources.rdma"] = []


# --- the schema

class Schema:
    def __init__(self, folder):
        self.folder, self.files = folder, {}

    def load(self, name):
        if name not in self.files:
            with open(os.path.join(self.folder, name)) as f:
                self.files[name] = json.load(f)
        return self.files[name]

    def resolve(self, node, file):
        """Follow references; (node, file)."""
        while "$ref" in node:
            target, pointer = node["$ref"].split("#")
            file = target or file
            node = self.load(file)
            for part in pointer.strip("/").split("/"):
                node = node[part]
        return node, file

    def properties(self, node=None, file="config-schema.json", at=""):
        """Every leaf as (path, resolved node): "linux.devices[].path"."""
        node, file = self.resolve(node if node is not None else self.load(file), file)
        kids = dict(node.get("properties", {}))
        for part in node.get("allOf", []) + node.get("anyOf", []):
            sub, subfile = self.resolve(part, file)
            if sub.get("properties") or sub.get("allOf"):
                yield from self.properties(sub, subfile, at)
        for name, kid in kids.items():
            path = f"{at}.{name}" if at else name
            if path in OTHER_PLATFORMS:
                continue
            kid, kidfile = self.resolve(kid, file)
            nested = kid.get("properties") or kid.get("allOf") or kid.get("type") == "array"
            if nested:
                yield from self.properties_below(kid, kidfile, path)
            else:
                yield path, kid

    def properties_below(self, kid, file, path):
        if kid.get("type") == "array":
            item, itemfile = self.resolve(kid.get("items", {}), file)
            for part in item.get("anyOf", []):
                item, itemfile = self.resolve(part, itemfile)
            if item.get("properties") or item.get("allOf"):
                yield from self.properties(item, itemfile, path + "[]")
            else:
                yield path + "[]", item
            return
        yield from self.properties(kid, file, path)


KINDS = {"string": str, "integer": int, "boolean": bool, "object": dict, "array": list, "number": (int, float)}


def violations(schema, node, file, value, at="$"):
    """What of JSON schema, draft 4, the runtime-spec's files use."""
    node, file = schema.resolve(node, file)
    kind = node.get("type")
    if kind and (not isinstance(value, KINDS[kind]) or (kind == "integer" and isinstance(value, bool))):
        yield f"{at} is no {kind}: {value!r}"
        return
    if "enum" in node and value not in node["enum"]:
        yield f"{at} is none of {node['enum']}: {value!r}"
    if "pattern" in node and not re.search(node["pattern"], value):
        yield f"{at} does not match {node['pattern']}: {value!r}"
    if isinstance(value, int) and not node.get("minimum", value) <= value <= node.get("maximum", value):
        yield f"{at} is out of range: {value}"
    if isinstance(value, list):
        if len(value) < node.get("minItems", 0):
            yield f"{at} has too few elements"
        for i, item in enumerate(value):
            yield from violations(schema, node.get("items", {}), file, item, f"{at}[{i}]")
    if isinstance(value, dict):
        yield from (f"{at}.{name} is missing" for name in node.get("required", []) if name not in value)
        for name, kid in value.items():
            known = [node["properties"][name]] if name in node.get("properties", {}) else [
                n for pattern, n in node.get("patternProperties", {}).items() if re.search(pattern, name)]
            for n in known:
                yield from violations(schema, n, file, kid, f"{at}.{name}")
    for part in node.get("allOf", []):
        yield from violations(schema, part, file, value, at)
    if "anyOf" in node and all(list(violations(schema, part, file, value, at)) for part in node["anyOf"]):
        yield f"{at} is none of what it may be: {value!r}"


def validate(folder, name, path):
    schema = Schema(folder)
    with open(path) as f:
        found = list(violations(schema, schema.load(name), name, json.load(f)))
    for line in found:
        print(f"{path}: {line}")
    return 1 if found else 0


def coverage(folder):
    missing = sorted({p for p, _ in Schema(folder).properties()} - set(PROPERTIES))
    for path in missing:
        print(f"the schema has {path}, which no case is for")
    return 1 if missing else 0


# --- putting values into a config, and running it

def put(config, path, value):
    """At the first array or object of which the value is the whole: "process.rlimits[].type" puts
    the array, "process.user.uid" the object of the table's case."""
    names = path.split("[]")[0].split(".") if "[]" in path else path.split(".")
    whole = {"user", "capabilities", "consoleSize", "scheduler", "ioPriority", "execCPUAffinity", "intelRdt", "personality",
             "seccomp", "timeOffsets"}
    for i, name in enumerate(names):
        if name in whole:
            names = names[:i + 1]
            break
    at = config
    for name in names[:-1]:
        at = at.setdefault(name, {})
    if path.startswith("mounts[]"):
        config["mounts"] = [m for m in config["mounts"] if m["destination"] != "/m"] + value if isinstance(value, list) and \
            not any(m.get("destination") is None for m in value if isinstance(m, dict)) else value
    elif path.endswith("namespaces[]") and isinstance(value, dict):
        config["linux"]["namespaces"] = config["linux"]["namespaces"] + [value]
    elif value is None:
        at.pop(names[-1], None)
    else:
        at[names[-1]] = value


class Runs:
    def __init__(self, runtime, bundle, state):
        self.runtime, self.bundle, self.state = runtime, bundle, state
        with open(f"{bundle}/config.json") as f:
            self.base = json.load(f)
        self.failed = self.done = 0

    def config(self, path, value, check, beside):
        c = copy.deepcopy(self.base)
        if check:
            c["process"]["args"] = ["/bin/sh", "-c", check]
        for p, v in beside.items():
            put(c, p, v)
        put(c, path, value)
        if any(n.get("type") == "user" for n in c["linux"].get("namespaces", []) if isinstance(n, dict)) or "Mappings" in path:
            return c
        c["linux"].pop("uidMappings", None)
        c["linux"].pop("gidMappings", None)
        return c

    def run(self, config):
        text = config if isinstance(config, str) else json.dumps(config).replace("@BUNDLE@", self.bundle)
        with open(f"{self.bundle}/config.json", "w") as f:
            f.write(text)
        self.done += 1
        p = subprocess.run([self.runtime, "--root", self.state, "run", "-b", self.bundle, "c"],
                           stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
        left = os.listdir(self.state) if os.path.isdir(self.state) else []
        left = [n for n in left if n != "filters"]
        if left:
            self.fail(config, f"left behind: {left}", p)
        return p

    def fail(self, what, why, p):
        self.failed += 1
        print(f"{what}: {why}\n    status {p.returncode}\n    stdout {p.stdout[:300]!r}\n    stderr {p.stderr[:300]!r}")

    def allowed(self, path, case):
        if case.only is False:
            return
        hooked = f"{self.bundle}/hooked"
        is_hook = isinstance(case.want, tuple)
        name = f"{path} = {json.dumps(case.value)[:160]}"
        p = self.run(self.config(path, case.value, case.check, case.beside))
        if p.returncode != 0:
            self.fail(name, "refused", p)
        elif is_hook:
            with open(hooked) as f:
                state = json.load(f)
            os.unlink(hooked)
            if state["status"] != case.want[1] or state["id"] != "c" or state["bundle"] != self.bundle:
                self.fail(name, f"the hook got {state}", p)
        elif case.want is not None and p.stdout.strip() != case.want:
            self.fail(name, f"want {case.want!r}", p)

    def forbidden(self, path, case):
        name = f"{path} = {json.dumps(case.value)[:160]}"
        p = self.run(self.config(path, case.value, "echo ran", case.beside))
        if p.returncode == 0:
            self.fail(name, "taken", p)
        elif case.text not in p.stderr:
            self.fail(name, f"the error does not say {case.text!r}", p)

    def limit(self, path, value):
        p = self.run(self.config(path, value, "true", {}))
        if p.returncode != 0 and "cgroup" not in p.stderr and "controller" not in p.stderr and "resources" not in p.stderr:
            self.fail(f"{path} = {json.dumps(value)}", "neither taken nor refused as a limit", p)

    def wrong_type(self, path, node):
        wrong = {"string": 5, "integer": "five", "boolean": "yes", "object": []}[node.get("type", "object")]
        parts = path.replace("[]", ".[]").split(".")
        value = wrong
        for part in reversed(parts[1:]):
            value = [value] if part == "[]" else {part: value}
        c = copy.deepcopy(self.base)
        c["process"]["args"] = ["/bin/echo", "ran"]
        top = parts[0]
        merge(c, top, value)
        p = self.run(c)
        if (p.returncode == 0) != (path in NOT_READ):
            self.fail(f"{path} = {json.dumps(wrong)}", "taken", p)


def merge(config, name, value):
    if isinstance(value, dict) and isinstance(config.get(name), dict):
        for k, v in value.items():
            merge(config[name], k, v)
    elif isinstance(value, list) and value and isinstance(value[0], dict) and name == "namespaces":
        config[name] = config[name] + value
    else:
        config[name] = value


def run(folder, runtime, bundle, state, part):
    runs = Runs(runtime, bundle, state)
    if part == "types":
        for path, node in Schema(folder).properties():
            runs.wrong_type(path, node)
    for path, cases in PROPERTIES.items() if part != "types" else ():
        for case in cases:
            if isinstance(case, tuple) and part == "allowed":
                runs.limit(path, case[1])
            elif isinstance(case, Case) and part == "allowed":
                runs.allowed(path, case)
            elif isinstance(case, No) and part == "forbidden":
                runs.forbidden(path, case)
    print(f"{runs.done} configs, {runs.failed} failures")
    return 1 if runs.failed else 0


if __name__ == "__main__":
    sys.exit({"coverage": coverage, "validate": validate, "run": run}[sys.argv[1]](*sys.argv[2:]))
