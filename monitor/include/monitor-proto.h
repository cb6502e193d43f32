/*
 * What the command line and ctr-lite-monitor say to each other: messages of base/msg.h.
 *
 * Launch: the CLI makes a SOCK_SEQPACKET socketpair and starts `ctr-lite-monitor ID` with one end
 * as descriptor 3.  Then
 *	CLI -> MON_PREPARE	ids and network namespace: the namespaces are made while the CLI still
 *				writes the container's files
 *	CLI -> MON_RUN		everything else
 *	MON -> MON_STARTED	the container's process runs (with hold=1: waits) (body: struct mon_started)
 *	    or MON_FAILED	body: struct err (base/err.h); the monitor cleans up and ends
 * If the socket closes before MON_RUN the monitor ends and leaves nothing.  After MON_STARTED the
 * launch socket is an attached client (when attach=1 was given) or is closed by the monitor.  What
 * the CLI sends between MON_RUN and MON_STARTED is read afterwards.
 * "<rundir>/attach" is a SOCK_SEQPACKET socket for further clients: each sends MON_HELLO first.
 * A message that is not permitted in the present state ends the connection, nothing else.
 *
 * MON_FAILED: no process, mount, socket or file of the monitor is left, and with rm=1 the
 * container, its name, cidfile and volumes are removed too; without rm=1 <ctrdir> is untouched.
 *
 * Bodies of MON_PREPARE and MON_RUN are "key=value\0" strings, in any order.  A repeated key of a
 * list (marked ...) appends, of any other key replaces; an unknown key is MON_FAILED.  A value
 * holds no control byte but the TAB of copyup and append.  All paths are absolute host paths.
 */
#ifndef MONITOR_PROTO_H
#define MONITOR_PROTO_H

#include <stdint.h>

#define LOG_FILES_MAX 1000u

enum mon_msg {
	/* CLI -> monitor, launch socket */
	MON_PREPARE = 1,
	/*	uidmap=, gidmap=	idmap_parse() text; both absent: stay in the caller's user namespace.
	 *				The monitor and the runtime work as root of this one
	 *	inner-uidmap=,		the container's own user namespace, a child of that: its maps are in
	 *	inner-gidmap=		ids of the parent.  The runtime finds it at <rundir>/ns/user, which
	 *				is mounted where only it sees it
	 *	join=KIND:SOURCE...	share a namespace: KIND is user, net, ipc, uts, pid or cgroup, SOURCE
	 *				is PID:START (proc_start_time()) or a path.  An ordinary user's
	 *				monitor then does not make the user namespace of uidmap=, but enters
	 *				the one that all of these are in.  The runtime is started inside of
	 *				net, ipc and uts; it finds user (where it is not in it already), pid
	 *				and cgroup at <rundir>/ns/KIND.  KIND shm: a copy of that process's
	 *				mount on /dev/shm is at <rundir>/ns/shm.  With an inner user namespace
	 *				and net, the sysfs of that network is at <rundir>/ns/sys
	 *	keep-groups=1		keep the caller's supplementary groups
	 *	netns=new|host		new: with the user namespace (the inner one where there is one),
	 *				loopback up; host: the caller's, or what join= says
	 */
	MON_RUN = 2,		/* everything, or with MON_MORE before it the rest */
	MON_MORE = 3,		/* keys of MON_RUN that did not fit into one message; 1 MiB in all */
	/*	id=			64 hex
	 *	rundir=			<runroot>/containers/<id>, exists, 0700
	 *	ctrdir=			<graphroot>/containers/<id>
	 *	tmpdir=			<graphroot>/tmp
	 *	namesdir=, name=	to release with rm=1
	 *	bundle=			directory of config.json
	 *	rootfs=			directory on which the overlay is mounted (config.json's root.path)
	 *	lower=...		topmost first;  upper=  work=  (none: read-only)
	 *	upper-owner=DIR		upper gets the owner of this directory
	 *	root-ids=UID:GID	the container's root, in ids of uidmap=
	 *	own=NAME...		files in rundir that belong to it, where they are there
	 *	owner=UID:GID:PATH...	the file PATH below rundir gets these ids of uidmap=
	 *	volatile=1		overlay option
	 *	copyup=VOLUME\tDEST...	before start: if directory VOLUME is empty, copy what the image
	 *				has at DEST into it (owner, mode, times, xattrs, links); it is
	 *				root-ids' where the image has nothing
	 *	append=PATH\tLINE...	before start: the line behind the regular file PATH of the root
	 *				filesystem, unless it is not there or is something else
	 *	runtime=		the OCI runtime's path;  runtime-arg=...  global arguments for it
	 *	runtime-env=KEY=VALUE...	variables for it beside ours
	 *	runtime-ours=1		it is ctr-lite-runtime: errors come as struct err (--err-fd)
	 *	runtime-root=		its --root; <runtime-root>/<id> is removed at the end
	 *	runtime-delete=1	at the end call `runtime delete --force ID` (it has hooks or a
	 *				cgroup to see to); always done for foreign runtimes
	 *	cgroup=			the cgroup that the runtime will make, below the mount: removed
	 *				before the start and at the end; what is left in it is killed
	 *	terminal=1		pty by --console-socket;  rows=, cols=
	 *	stdin=1			keep stdin open (pipe or pty); else /dev/null
	 *	attach=1		the launch socket is attached from the first byte on
	 *	log-driver=k8s-file|journald|passthrough|none
	 *	log-path=;  log-max-bytes=  (0: none);  log-max-files=  (at most LOG_FILES_MAX)
	 *	log-tag=, log-label=FIELD=VALUE...	for the journal, which also gets name and image
	 *				passthrough: MON_RUN carries three descriptors, the container's
	 *				stdin, stdout and stderr
	 *	events=file|journald|none;  events-path=
	 *	image=, label=KEY=VALUE...	what events say of the container beside id and name.
	 *				Control bytes in labels come as '?'
	 *	net-path=, net-arg=...	network helper (pasta, slirp4netns): started after the namespaces
	 *				exist and ready before the runtime runs, with rundir as its working
	 *				directory.  The arguments begin with argv[0]; in them @PID@ is
	 *				replaced by the pid of a process in the namespaces, @NETNS@ by a path
	 *				to the network namespace that needs no right over that process to
	 *				open (/proc/self/fd/N of a descriptor it inherits), @READYFD@ by a
	 *				descriptor that the helper writes to or closes when ready,
	 *				@PIDFILE@ by a path where it leaves its pid
	 *	net-api=, net-fwd=...	once the helper is ready: for each net-fwd connect to the unix
	 *				stream socket net-api (a name in rundir), send the text, shut down
	 *				writing, read the answer; one that contains "error" is MON_FAILED
	 *	net-ready=pidfile|fd|exit	how readiness shows.  pidfile: the helper stays in the
	 *				foreground and writes its pid there (@PIDFILE@ is a FIFO: nothing
	 *				polls; best for `pasta --foreground --pid @PIDFILE@ ...`); fd: it
	 *				stays in the foreground and READYFD is written (slirp4netns);
	 *				exit: it forks, leaves the pid in @PIDFILE@ and exits 0
	 *	stop-signal=		number, for a later restart; informational
	 *	stop-timeout=SECONDS	after SIGTERM to the monitor itself, which means that the host or the
	 *				session goes down: what it is passed on to is killed then.  0: never
	 *	rm=1			remove the container when it ends
	 *	timeout=SECONDS		kill it then; exit code 255
	 *	volume-rm=NAME...	with rm=1: directories of anonymous volumes (absolute) to remove
	 *	cidfile=		removed with rm=1
	 *	exit-sync=1		the exit record is fsynced in ctrdir before anything else
	 *	hold=1			make the container and leave its program for MON_GO; only the first
	 *				time, where it is restarted
	 *	preserve-fds=N		N descriptors come with a MON_MORE, at most MON_FDS_MAX; they are 3
	 *				and the following ones of the container's program
	 *	restart=no|always|on-failure|unless-stopped
	 *				when its process has ended the monitor starts the container again,
	 *				with the same parameters, unless it is to stop (MON_STOP, SIGTERM to
	 *				the monitor).  Lock, log, sockets and clients stay; not with rm=1
	 *	health=ARG...		a command that checks the container's health: run as soon as it runs,
	 *				and again after as many milliseconds as it prints (0: never)
	 *	restart-max=N		with on-failure: at most so many restarts.  0: no limit
	 */

	/* attach socket */
	MON_HELLO = 10,		/* struct mon_hello */
	MON_STDIN = 11,		/* bytes; the next one only after MON_STDIN_ACK, so that signals and sizes
				 * never queue up behind input that the container does not read */
	MON_STDIN_EOF = 12,	/* pipe: closed; pty in canonical mode: its end-of-file character */
	MON_RESIZE = 13,	/* struct mon_size */
	MON_SIGNAL = 14,	/* uint32_t: to the container's first process, by pidfd */
	MON_DETACH = 15,	/* the client goes and the container stays */
	MON_STOP = 16,		/* uint32_t: the user wants its end.  The signal (0: none) goes to the first
				 * process; no policy restarts it, and while the monitor waits to restart it
				 * it has ended.  MON_EXIT follows as for everyone */
	MON_RESTART = 17,	/* no body, or struct mon_restart_how: the container's stop signal, SIGKILL
				 * after stop-timeout, and then it is started again at once, whatever the policy says; for health checks.
				 * While the monitor waits to restart it, the waiting is over */
	MON_POLICY = 18,	/* struct mon_policy: the restart policy from now on */
	MON_GO = 20,		/* let a held container's program run: MON_STARTED or MON_FAILED follows */
	MON_NAME = 19,		/* the container's name from now on (for rm=1, and events); 255 bytes at most */
	MON_HEALTH = 21,	/* "ARG\0..." strings: health= from now on; none: no checks by itself */

	/* monitor -> CLI */
	MON_STARTED = 32,	/* struct mon_started */
	MON_FAILED = 33,	/* struct err */
	MON_STDOUT = 34,	/* bytes */
	MON_STDERR = 35,	/* bytes */
	MON_EXIT = 36,		/* struct mon_exit; the last message: the record is written, and with
				 * rm=1 the name is free and the container is gone from the store */
	MON_STDIN_ACK = 37,	/* the last MON_STDIN is in the container's hands (or nobody reads it
				 * any more); no body */
};

#define MON_FDS_MAX 64

struct mon_started {
	int32_t pid;		/* in the monitor's pid namespace */
	int32_t monitor_pid;
	uint64_t pid_start;	/* proc_start_time() */
};

struct mon_hello {
	uint32_t want_stdout, want_stderr, want_stdin;	/* 0 or 1; all 0: only MON_EXIT */
};

struct mon_size {
	uint16_t rows, cols;
};

enum mon_restart { MON_RESTART_NO, MON_RESTART_ALWAYS, MON_RESTART_ON_FAILURE, MON_RESTART_UNLESS_STOPPED,
		   MON_RESTART_COUNT_ };

struct mon_policy {
	uint32_t restart;	/* enum mon_restart */
	uint32_t max;		/* as restart-max= */
};

struct mon_restart_how {
	uint32_t sig;
	int32_t timeout_s;	/* until SIGKILL; -1: for ever */
};

struct mon_exit {
	int32_t exit_code;	/* 0..255, 128+n for signals */
	uint32_t oom_killed;
	int64_t finished_ns;	/* CLOCK_REALTIME */
};

/*
 * Files that the monitor writes (JSON, one line):
 *   <rundir>/lock		OFD lock for life: whoever holds it is the living monitor
 *   <rundir>/state.json	{"version":1,"pid":N,"pid_start":N,"monitor_pid":N,"started_ns":N,
 *				 "net_pid":N,"net_pid_start":N,"restarts":N,"cgroup":"/..."}   (net_*: 0
 *				 without a network helper; cgroup: "" where the container has none of its
 *				 own).  Held it says "initialized":true and
 *				 started_ns is 0.  Between two runs pid is 0, and there are also "restarting":true and
 *				 how the last one ended: "exit_code","finished_ns","oom_killed"
 *   <rundir>/attach		socket, 0600
 *   <ctrdir>/exit.json		{"version":1,"exit_code":N,"finished_ns":N,"oom_killed":B,
 *				 "started_ns":N,"log_lost_bytes":N,"restarts":N,"stopped":B,"error":"..."}
 *				(stopped: by the user; error: why it could not be restarted, or "")
 *				(durable with exit-sync=1; written before all else; with rm=1 it is
 *				<rundir>/exit.json, for whoever comes before the removal is complete)
 *   <ctrdir>/.exit.json	while it runs without rm=1: what becomes exit.json; complete enough that
 *				one who finds it without a run directory (a reboot, a logout that took it)
 *				knows when it started, and what may still run
 * A container whose state.json exists while nobody holds the lock and exit.json is absent lost its
 * monitor, and so did one that has .exit.json and no run directory: the next command kills what is
 * left of it (pid, net_pid, cgroup) and records exit code 137, or between two runs that of the last.
 *
 * At the end the monitor removes everything in rundir and rundir itself, the lock file last, and
 * then exits, which is what releases the lock.  Whoever waits for the lock to start the container
 * again must look afterwards whether the file it locked is still there by name, and if not make
 * the directory and file anew.  The monitor takes the lock at MON_RUN (MON_FAILED busy when someone
 * else holds it) and removes an exit.json of an earlier run.
 */

#endif
