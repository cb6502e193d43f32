/*
 * Which run directory a store uses.  The default depends on the environment: a cron job has none of
 * what a login session has, and /run/user/UID comes and goes.  Two commands that look for the locks of
 * running containers in different places would take each other's containers for dead; so the store
 * remembers where they run, and keeps to it while one does.
 */
#include "run-dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fd.h"
#include "file.h"
#include "path.h"
#include "str.h"

#define LINK	 "run"
#define LINK_NEW ".run.new"

static bool is_held(int dir_fd, const char *id)
{
	auto_close int fd = FD_NONE;
	char path[NAME_MAX + 8];

	(void)snprintf(path, sizeof(path), "%.*s/lock", NAME_MAX, id);
	fd = path_open_beneath(dir_fd, path, O_RDWR);
	return fd >= 0 && file_ofd_held(fd) == 1;
}

/* Does a monitor live there?  It must be our directory, as for the one that is used. */
static bool is_in_use(const char *run)
{
	auto_close int run_fd = open(run, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	auto_dir DIR *d = NULL;
	struct dirent *de;
	struct stat st;
	int fd;

	if (run_fd < 0 || fstat(run_fd, &st) < 0 || st.st_uid != geteuid())
		return false;
	fd = path_open_beneath(run_fd, "containers", O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return false;
	d = fdopendir(fd);
	if (!d) {
		(void)fd_close(fd);
		return false;
	}
	while ((de = readdir(d)))
		if (de->d_name[0] != '.' && is_held(dirfd(d), de->d_name))
			return true;
	return false;
}

static int remember(int root_fd, const char *run, bool replace)
{
	if (!replace)
		return symlinkat(run, root_fd, LINK) < 0 ? -errno : 0;
	/* Two commands at once want the same, or the later one is right. */
	(void)unlinkat(root_fd, LINK_NEW, 0);
	if (symlinkat(run, root_fd, LINK_NEW) < 0 ||
	    renameat(root_fd, LINK_NEW, root_fd, LINK) < 0)
		return -errno;
	return 0;
}

int store_run_dir(int root_fd, const char *run, char **ret, struct err *e)
{
	char known[PATH_MAX];
	ssize_t n = readlinkat(root_fd, LINK, known, sizeof(known) - 1);
	const char *use = run;
	int r = 0;

	known[n < 0 ? 0 : n] = '\0';
	if (n < 0 && errno != ENOENT)
		return err_sys(e, errno, "read the store's link to its run directory");
	if (n < 0 || !streq(known, run)) {
		if (n > 0 && known[0] == '/' && is_in_use(known))
			use = known;
		else
			r = remember(root_fd, run, n >= 0);
	}
	/* Who cannot write to the store starts nothing there; who was second reads what the first wrote. */
	if (r < 0 && r != -EEXIST && r != -ENOENT && r != -EROFS && r != -EACCES && r != -EPERM)
		return err_sys(e, r, "remember the store's run directory");
	*ret = strdup(use);
	return *ret ? 0 : err_sys(e, ENOMEM, "open the store");
}
