/* `cp - CONTAINER:DIR`: whatever the archive says, and whatever links there are, nothing beside the
 * root that it goes into changes. */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "canary.h"
#include "fd.h"
#include "fuzz.h"
#include "path.h"
#include "untar-into.h"

int fuzz_one(const uint8_t *data, size_t len)
{
	struct untar_into u = { .dir = "/d", .one_owner = true, .uid = geteuid(), .gid = getegid() };
	struct err e = ERR_INIT;
	char dir[200], sub[256];
	const char *base = getenv("TMPDIR");
	int r;

	(void)snprintf(dir, sizeof(dir), "%s/fuzz-into-XXXXXX", base && *base ? base : "/tmp");
	u.in_fd = memfd_create("archive", MFD_CLOEXEC);
	FUZZ_CHECK(u.in_fd >= 0 && mkdtemp(dir) != NULL);
	canary_new(dir);
	(void)snprintf(sub, sizeof(sub), "%s/root", dir);
	FUZZ_CHECK(mkdir(sub, 0755) == 0);
	u.root_fd = open(sub, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* What a hostile container has there: ways out, and files in the way of others. */
	FUZZ_CHECK(u.root_fd >= 0 && mkdirat(u.root_fd, "d", 0755) == 0 && mkdirat(u.root_fd, "d/dir", 0755) == 0 &&
		   symlinkat("../../..", u.root_fd, "d/up") == 0 && symlinkat(dir, u.root_fd, "d/out") == 0 &&
		   symlinkat("dir", u.root_fd, "d/link") == 0 && mkfifoat(u.root_fd, "d/fifo", 0600) == 0);
	u.overwrite = len && data[0] % 2;
	FUZZ_CHECK(fd_write_all(u.in_fd, data, len) == 0 && lseek(u.in_fd, 0, SEEK_SET) == 0);
	r = untar_into(&u, &e);
	if (r < 0)
		FUZZ_CHECK(e.kind != ERR_NONE && e.text[0]);
	canary_check(dir);
	(void)close(u.root_fd);
	(void)close(u.in_fd);
	FUZZ_CHECK(path_remove_tree(AT_FDCWD, dir) == 0);
	return r == 0;
}
