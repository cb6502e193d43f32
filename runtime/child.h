/* Cloning a process that sets itself up, and hearing from it until it executes its program. */
#ifndef RUNTIME_CHILD_H
#define RUNTIME_CHILD_H

#include "setup.h"

struct child {
	struct proc proc;
	int sync;     /* socket to it */
	int console;  /* socket that gets its terminal, FD_NONE: we do */
	int listener; /* socket that its process sends its filter's notify descriptor to */
	int master;   /* of its terminal, when nobody else got it */
	bool go_after_tty; /* it may start once its terminal is in good hands */
	bool placed;  /* it was born in the cgroup that was asked for */
	bool sibling; /* belongs to our parent: we cannot wait for it */
};
#define CHILD_INIT                                                                        \
	{                                                                                 \
		.proc = PROC_INIT, .sync = -EBADF, .console = -EBADF, .listener = -EBADF, \
		.master = -EBADF                                                          \
	}
void child_done(struct child *c);

/* Connect to who is to get descriptors: before any namespace is joined.  Paths may be NULL. */
int child_connect(struct child *c, const char *console_path, const char *listener_path,
		  struct err *e);
/*
 * Clone with @flags (CLONE_NEW*) and run @steps in the child; @sibling: as a child of our parent.
 * Takes care of s->sync and of s->pdeathsig.  Where it cannot be born in s->cgroup_fd it waits to be
 * put there: c->placed tells.
 */
int child_clone(struct child *c, struct setup *s, const struct step *steps, uint64_t flags,
		bool sibling, struct err *e);
/* Kill it, and reap it when it is ours. */
void child_kill(struct child *c);
int child_go(struct child *c, struct err *e);

/*
 * Serve its messages until it asks for the hooks (SYNC_HOOKS), is ready (SYNC_READY) or executes
 * its program (0, end of file); a failure in it is returned as such.
 */
int child_serve(struct child *c, struct err *e);

#endif
