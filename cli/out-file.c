/* Archives into files that a user names, see out-file.h. */
#include "out-file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fd.h"
#include "str.h"

int out_file_write(const char *name, out_file_fill fill, void *arg, struct err *e)
{
	auto_free char *tmp = NULL;
	auto_close int fd = FD_NONE;
	struct stat st;
	char hex[17];
	int r;

	if (stat(name, &st) == 0 && !S_ISREG(st.st_mode)) {
		fd = open(name, O_WRONLY | O_NOCTTY | O_CLOEXEC);
		return fd < 0 ? err_sys(e, errno, "open %s", name) : fill(arg, fd, NULL, e);
	}
	r = str_random_hex(8, hex);
	tmp = r == 0 ? str_printf("%s.%s.tmp", name, hex) : NULL;
	if (!tmp)
		return err_sys(e, r < 0 ? r : ENOMEM, "create %s", name);
	fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0)
		return err_sys(e, errno, "creating file \"%s\"", name);
	r = fill(arg, fd, tmp, e);
	if (r == 0 && rename(tmp, name) < 0)
		r = err_sys(e, errno, "create %s", name);
	if (r < 0)
		(void)unlink(tmp); /* a half archive: the failure is what counts */
	return r;
}
