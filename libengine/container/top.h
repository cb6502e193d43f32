/* What the files of `top` share. */
#ifndef TOP_H
#define TOP_H

#include "ctrlite/top.h"
#include "userns.h"

/* The fields of /proc/PID/stat and /proc/PID/status that are shown. */
struct top_proc {
	pid_t host_pid, host_ppid;
	int64_t pid, ppid, pgid;	 /* in the container */
	uint32_t ruid, euid, rgid, egid; /* of the host */
	struct strv groups;		 /* numbers, of the host */
	char state;
	int seccomp;
	unsigned int tty; /* as stat has it */
	int nice;
	uint64_t ticks, start_ticks; /* of the CPU; since the boot */
	uint64_t vsz_bytes;
	int64_t rss_pages;
	uint64_t inherited, permitted, effective, bounding, ambient;
	char *comm;
	struct strv args;
	char *label;
};
void top_proc_done(struct top_proc *p);

/* What the processes of one container have in common. */
struct top_context {
	struct idmap map;     /* of its user namespace to ours */
	char *passwd, *group; /* the container's; NULL: none */
	bool rootless;
	uint64_t now_ticks; /* since the boot */
	int64_t now_ns, boot_ns;
};

/* The container's first process, verified to be it: ERR_BUSY when it does not run. */
int top_open_init(struct ctr_engine *eng, const char *id, struct proc *ret, struct err *e);

/* One cell in fresh memory, or NULL. */
char *top_cell(int column, const struct top_context *x, const struct top_proc *p);

#endif
