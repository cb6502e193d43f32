/* Archives that a user names. */
#include "archive-in.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fd.h"
#include "fetch-file.h"
#include "spool.h"
#include "str.h"
#include "unpack.h"

static int fetch(struct transfer *t, const char *url, struct err *e)
{
	auto_close int fd = spool_file(t->store.tmp_fd);
	struct unpack_limits lim;
	int r = unpack_limits_parse(getenv(UNPACK_LIMITS_ENV), &lim, e);

	if (r == 0 && fd < 0)
		r = err_sys(e, fd, "make a temporary file");
	if (r == 0)
		r = fetch_file(url, fd, lim.max_bytes, transfer_interrupted, e);
	if (r == 0 && lseek(fd, 0, SEEK_SET) < 0)
		r = err_sys(e, errno, "read what was fetched");
	return r < 0 ? r : take_fd(&fd);
}

int archive_in_open(struct transfer *t, const char *name, void (*say)(const char *text),
		    struct err *e)
{
	auto_close int fd = FD_NONE;
	struct stat st;

	if (fetch_file_is_url(name)) {
		auto_free char *text = str_printf("Downloading from \"%s\"", name);

		if (say && text)
			say(text);
		return fetch(t, name, e);
	}
	if (streq(name, "-")) {
		fd = fd_dup(STDIN_FILENO);
		if (fd < 0)
			return err_sys(e, fd, "read the standard input");
	} else {
		fd = open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
		if (fd < 0)
			return err_sys(e, errno, "open %s", name);
	}
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
		return err_set(e, ERR_INVALID, "%s is a directory, not an archive", name);
	return take_fd(&fd);
}
