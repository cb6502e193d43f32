/* Copying a tree by several threads.  A file of its own, as few programs need it. */
#include "copy-tree-work.h"

#include <errno.h>

static void *thread_main(void *arg)
{
	copier_work(arg);
	return NULL;
}

int copy_tree_by_threads(int src_fd, int dst_fd, const struct copy_opts *o, unsigned int n,
			 struct err *e)
{
	pthread_t threads[COPY_THREADS_MAX];
	unsigned int started = 0;
	struct copier c;
	int r = copier_init(&c, src_fd, dst_fd, o);

	if (r < 0)
		return err_sys(e, r, "copy a directory");
	/* Not this thread: one that makes files for others loses its parent-death signal
	 * (prctl(2), PR_SET_PDEATHSIG), and the whole process would outlive its maker. */
	while (started < n && started < COPY_THREADS_MAX &&
	       pthread_create(&threads[started], NULL, thread_main, &c) == 0)
		started++;
	if (!started)
		copier_fail(&c, -EAGAIN, "start a thread");
	while (started > 0)
		(void)pthread_join(threads[--started], NULL); /* ours, and joined once */
	return copier_end(&c, e);
}
