/* A container, as a command that names one finds it. */
#ifndef RUNTIME_FOUND_H
#define RUNTIME_FOUND_H

#include "proc.h"
#include "runtime.h"
#include "state.h"

struct found {
	int root_fd, dir_fd;
	struct state state;
	struct proc init;
	enum container_status status;
};
#define FOUND_INIT                                                     \
	{                                                              \
		.root_fd = -EBADF, .dir_fd = -EBADF, .init = PROC_INIT \
	}
void found_done(struct found *f);
#define auto_found __attribute__((cleanup(found_done)))

/* The container that the first argument names.  -ENOENT (ERR_NOT_FOUND): none, or, with a
 * f->dir_fd, a half made one. */
int found_open(struct args *a, struct found *f, struct err *e);
/* It must live: -EBUSY (ERR_BUSY), "cannot pause container ...". */
int found_check_alive(const struct found *f, const char *doing, struct err *e);
int no_more_args(const struct args *a, int max, struct err *e);

/*
 * Call @one for every process of the container: of its cgroup, or else of its pid namespace and
 * those below it, as /proc shows them.  A failure of @one ends it.
 */
int found_each_process(const struct found *f, const char *doing,
		       int (*one)(const struct proc *p, void *arg), void *arg, struct err *e);

#endif
