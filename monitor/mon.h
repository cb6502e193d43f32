/*
 * The monitor's whole state, and what its parts offer one another.
 *
 * One process, one thread, one container.  Starting is a straight story of blocking steps
 * (start.c); from MON_STARTED on an event loop copies output and waits for the end (loop.c, io.c,
 * client.c); then the container's traces are removed (finish.c).
 */
#ifndef MONITOR_MON_H
#define MONITOR_MON_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "ctr-log.h"
#include "err.h"
#include "monitor-proto.h"
#include "msg.h"
#include "params.h"
#include "proc.h"
#include "str.h"

#define LAUNCH_FD 3
#define NET_PID_NAME "net.pid"	/* in the run directory */

struct mon;

/* A descriptor in the event loop. */
struct source {
	int fd;
	uint32_t events;	/* what is asked for now; 0: not registered */
	void (*ready)(struct mon *m, struct source *s, uint32_t events);
};

/* The container's stdout, stderr, or pty. */
struct output {
	struct source src;
	enum ctr_stream stream;
	unsigned int full_chunks;	/* read one after the other */
	bool wide;			/* its pipe has been made larger */
};

/* Someone who is attached. */
struct client {
	struct source src;
	struct client *next;
	bool launch;			/* the command that started the container */
	bool hello;			/* MON_HELLO came: it may ask for things */
	bool dead;			/* to be freed when the loop is back */
	bool want[2];			/* by enum ctr_stream */
	bool owes_chunk;		/* the current chunk could not be sent yet */
	bool owes_ack;			/* MON_STDIN_ACK could not be sent yet */
	bool owes_exit;			/* MON_EXIT could not be sent yet */
	bool eof_after;			/* MON_STDIN_EOF came behind input that is still held */
	int64_t stuck_ms;		/* since when it takes nothing; 0: it takes */
	char *held;			/* input that the container has not taken, MSG_BODY_MAX bytes */
	size_t held_at, held_len;
};

enum mon_state {
	MON_ST_STARTING,	/* clients wait in the listen queue */
	MON_ST_RUNNING,
	MON_ST_BETWEEN,		/* reaped, and to be started again: restart.c */
	MON_ST_ENDED,		/* reaped; the exit record is written; output is still on its way */
};

/* health.c */
struct health {
	struct proc probe;		/* the command that checks, while it runs */
	int said_fd;			/* its stdout */
	int64_t due_ms;			/* when it is to be run; 0: not now */
	bool again;			/* the command has changed while it ran */
	char *command;			/* MON_HEALTH: "ARG\0..."; NULL: the parameters' */
	size_t len;
};

struct mon {
	enum mon_state state;
	struct params prepare, p;	/* MON_PREPARE's and MON_RUN's */
	int launch;
	int rundir_fd, ctrdir_fd, lock_fd, userns_fd;
	int epoll_fd;
	struct source sig, listener, in;
	struct output out[2];		/* with a pty only the first */
	int console_fd;			/* listening socket while the runtime starts */
	struct proc init;		/* the container's first process, a child of ours */
	struct proc net;		/* network helper */
	struct health health;
	struct proc guard;		/* kills the container when we are killed: foreign runtimes */
	struct source net_err;		/* what the helper says on stderr: read so that it never blocks */
	uint64_t net_start, init_start;	/* proc_start_time() */
	int guard_fd;			/* its sign of our life */
	char *cgroup;			/* the container's own, below the mount; NULL: none */
	struct source oom;		/* memory.events in it */
	bool oom_killed;
	int reserve_fd;			/* room on disk for the exit record */

	struct client *clients;
	size_t n_clients, n_owing;	/* n_owing: clients that owe themselves the current chunk */
	enum mon_msg chunk_type;
	size_t chunk_len;
	bool chunk_used;		/* since output_calm() */
	uint64_t bytes_after_end;
	int64_t resume_ms;		/* when output is to be watched again; 0: it is */

	struct ctr_log log;
	struct journal_log journal;
	int passed[3];			/* stdin, stdout, stderr that came with MON_RUN */
	int64_t started_ns, started_ms, ended_ms;
	int64_t kill_ms;		/* when patience with a stopping container ends; 0: it is not stopping */
	bool timed_out, init_reaped, released;
	bool held;			/* it is made, and its program waits for MON_GO */
	int fds[MON_FDS_MAX];		/* for its program, preserve_fds of them */
	size_t n_fds;
	bool stopped;			/* the user wants its end */
	bool going_down;		/* the host or the session does */
	bool died_said;			/* the event of the last end is written */
	bool restart_now;		/* asked for, whatever the policy says */
	bool input_ended;		/* a client closed stdin: so is that of the next run */
	uint32_t restarts;
	int64_t backoff_ms, restart_ms;	/* the next wait; when it is over (0: it does not wait) */
	char name[256];			/* after a renaming */
	char failure[160];		/* why it could not be started again */
	struct strv trash;		/* names in tmpdir that are ours to remove */
	uint64_t recorded_loss;		/* log_lost_bytes in the exit record */
	struct mon_exit exit;
};

/* start.c */
int mon_start(struct mon *m, struct err *e);
/* The same again with the parameters that are kept.  After a failure finish_run() is due. */
int mon_start_again(struct mon *m, struct err *e);
int write_state(struct mon *m, struct err *e);	/* state.json */

/* hold.c: MON_GO */
int hold_go(struct mon *m, struct err *e);

/* restart.c */
bool restart_wanted(const struct mon *m);
/* The container has ended and is wanted again: 1 when it runs, 0 when it has ended for good. */
int restart_run(struct mon *m, struct err *e);
void restart_stop(struct mon *m, uint32_t sig);			/* MON_STOP */
void restart_request(struct mon *m, const struct mon_restart_how *how);	/* MON_RESTART */
void restart_policy(struct mon *m, const struct mon_policy *p);	/* MON_POLICY */

/* stage.c: the child that sets up the namespaces and becomes the OCI runtime. */
struct stage {
	struct proc proc;
	int sock;	/* to it */
	int err_fd;	/* struct err from it, or from our runtime */
};
#define STAGE_INIT { .proc = PROC_INIT, .sock = -EBADF, .err_fd = -EBADF }

enum stage_msg {
	STAGE_GO = 100,	/* monitor: the maps are written */
	STAGE_ROOT,	/* stage: it is root of its namespaces */
	STAGE_MORE,	/* monitor: a piece of the parameters */
	STAGE_RUN,	/* monitor: that was all; with the descriptors for stdin, stdout, stderr */
	STAGE_EXEC,	/* monitor: all else is ready: execute the runtime; body: enum stage_verb */
};

enum stage_verb { STAGE_RUN_IT, STAGE_CREATE_IT };

struct joins;
struct idmap;
struct stage_opts {
	bool new_user, new_net, keep_groups;
	const struct joins *joins;
	const struct idmap *inner;	/* maps of a child user namespace; NULL: none */
};
int stage_start(struct stage *s, const struct stage_opts *o, struct err *e);
int stage_send_params(const struct stage *s, const struct params *p, const int *fds, size_t n_fds,
		      struct err *e);

/* append.c: in the stage, once the root filesystem is mounted. */
int append_lines(const struct params *p, struct err *e);

/* net-helper.c */
int net_helper_start(struct mon *m, pid_t ns_pid, const struct proc *stage, struct err *e);
void net_helper_stop(struct mon *m);

/* console.c */
int console_listen(struct mon *m, struct err *e);
/* Take the pty's master from the runtime and give it its size. */
int console_accept(struct mon *m, int *ret_master, struct err *e);
void console_close(struct mon *m);

/* loop.c */
int loop_init(struct mon *m, struct err *e);
int mon_loop(struct mon *m, struct err *e);
/* Turns of the loop as long as @going_on says so. */
int turn_while(struct mon *m, bool (*going_on)(const struct mon *m), struct err *e);
int source_set(struct mon *m, struct source *s, uint32_t events);
void source_close(struct mon *m, struct source *s);
int64_t mon_now_ms(void);
int64_t mon_now_ns(void);	/* CLOCK_REALTIME */

#define RETRY_MS 100	/* after a lack of memory, or while nobody holds the pty */

/* io.c */
void output_ready(struct mon *m, struct source *s, uint32_t events);
void output_resume(struct mon *m);
bool output_pending(const struct mon *m);	/* not yet at its end, or not yet with all clients */
/* Read what is there now, for at most a bounded number of bytes. */
void output_drain(struct mon *m);
void output_abandon(struct mon *m);
void output_calm(struct mon *m);	/* nothing happens: give memory back */
/* The body of the current chunk. */
const char *output_chunk(void);
void input_ready(struct mon *m, struct source *s, uint32_t events);
/* Give @len bytes to the container; returns how many it took (all of them if nobody reads). */
size_t input_write(struct mon *m, const char *buf, size_t len);
void input_eof(struct mon *m);
void input_resize(struct mon *m, const struct mon_size *size);

/* client.c */
int clients_listen(struct mon *m, struct err *e);
struct client *client_add(struct mon *m, int fd_consumed, bool launch);
void client_drop(struct mon *m, struct client *c);
void clients_send_chunk(struct mon *m);
void clients_feed_input(struct mon *m);
void clients_send_exit(struct mon *m);
bool clients_wait(const struct mon *m);	/* does one of them still owe itself something? */
void clients_reap(struct mon *m, int64_t now_ms);	/* drop the stuck, free the dead */
int64_t clients_deadline_ms(const struct mon *m);	/* when the next is stuck too long; -1 */

/* watch.c: what is set up once the container runs */
int watch_cgroup(struct mon *m);	/* find out m->cgroup */
void watch_begin(struct mon *m);
void watch_oom(struct mon *m);		/* did the kernel kill for memory?  m->oom_killed */
void guard_stop(struct mon *m);

/* event.c: one append each, no error */
void mon_event(const struct mon *m, const char *status);
void mon_event_volume(const struct mon *m, const char *status, const char *name);
void mon_event_started(const struct mon *m);	/* init, start, and attach where someone is */
void mon_event_died(const struct mon *m);	/* with m->exit.exit_code */

/* health.c */
void health_begin(struct mon *m);	/* the container runs: the first is due at once */
void health_stop(struct mon *m);	/* it does not any more */
int health_command(struct mon *m, const char *text, size_t len);	/* MON_HEALTH */
int64_t health_deadline_ms(const struct mon *m);	/* when the next is due; -1 */
void health_check_time(struct mon *m, int64_t now_ms);
bool health_reaped(struct mon *m, pid_t pid);		/* was it the command? */

/* finish.c */
int mon_enter_userns(void *arg);	/* proc_spawn's prepare; @arg is the struct mon */
void finish_reserve(struct mon *m);	/* .exit.json: room for the record, and its beginning */
void finish_record(struct mon *m);	/* exit.json */
void finish_runtime(struct mon *m);	/* the runtime forgets the container */
void finish_cgroup(const struct mon *m);	/* what is left in it dies; it is removed */
void finish_between(struct mon *m);	/* .exit.json: how this run ended, should there be no other */
void finish_run(struct mon *m);		/* what belongs to one run: helper, runtime, cgroup, children */
void finish_release(struct mon *m);	/* name, container, volumes, helper: gone for others */
void finish_remove(struct mon *m);	/* the trees behind them, the run directory, the lock */
/* After a start that failed: also kill what was started. */
void finish_failed(struct mon *m);

#endif
