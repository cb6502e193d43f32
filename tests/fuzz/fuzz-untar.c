/* Layers: whatever the archive says, nothing beside its directory changes. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "canary.h"
#include "fd.h"
#include "file-list.h"
#include "fuzz.h"
#include "path.h"
#include "untar.h"

static int differs(void *arg, const char *path, const char *what)
{
	(void)arg;
	fprintf(stderr, "%s: %s\n", path, what);
	return -EIO;
}

int fuzz_one(const uint8_t *data, size_t len)
{
	struct unpack_limits lim = { .max_bytes = 16 << 20, .max_entries = 2000, .max_ratio = 1000,
				     .ratio_floor = 1 << 20, .keep_free_percent = 0 };
	struct unpack_result res = { 0 };
	struct err e = ERR_INIT;
	char dir[200], sub[256];
	const char *base = getenv("TMPDIR");
	int in = memfd_create("layer", MFD_CLOEXEC), implicit = memfd_create("implicit", MFD_CLOEXEC);
	int list = memfd_create("files", MFD_CLOEXEC);
	int root, r;

	(void)snprintf(dir, sizeof(dir), "%s/fuzz-untar-XXXXXX", base && *base ? base : "/tmp");
	FUZZ_CHECK(in >= 0 && implicit >= 0 && list >= 0 && mkdtemp(dir) != NULL);
	(void)snprintf(sub, sizeof(sub), "%s/root", dir);
	FUZZ_CHECK(mkdir(sub, 0755) == 0);
	canary_new(dir);
	root = open(sub, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	FUZZ_CHECK(root >= 0 && fd_write_all(in, data, len) == 0 && lseek(in, 0, SEEK_SET) == 0);
	r = untar(in, root, implicit, list, true, &lim, &res, &e);
	if (r < 0)
		FUZZ_CHECK(e.kind != ERR_NONE && e.text[0]);
	else	/* what was listed is what is there */
		FUZZ_CHECK(lseek(list, 0, SEEK_SET) == 0 && file_list_check(root, list, NULL, false, differs, NULL, &e) == 0);
	canary_check(dir);
	(void)close(root);
	(void)close(in);
	(void)close(implicit);
	(void)close(list);
	FUZZ_CHECK(path_remove_tree(AT_FDCWD, dir) == 0);
	return r == 0;
}
