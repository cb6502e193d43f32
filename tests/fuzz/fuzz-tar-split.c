/* The list of a layer's bytes in podman's store: never more bytes than were said, none of outside. */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fd.h"
#include "fuzz.h"
#include "path.h"
#include "tar-split.h"

#define OUT_MAX 4096u
#define SECRET "what must not be read"

static void put(int dir_fd, const char *name, const char *text)
{
	auto_close int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	FUZZ_CHECK(fd >= 0 && fd_write_all(fd, text, strlen(text)) == 0);
}

int fuzz_one(const uint8_t *data, size_t len)
{
	char dir[] = "/tmp/fuzz-tar-split-XXXXXX", buf[OUT_MAX];
	auto_close int list = memfd_create("list", MFD_CLOEXEC), out = memfd_create("out", MFD_CLOEXEC);
	auto_close int top = FD_NONE, root = FD_NONE;
	struct err e = ERR_INIT;
	ssize_t n;
	int r;

	FUZZ_CHECK(list >= 0 && out >= 0 && mkdtemp(dir) != NULL);
	top = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	FUZZ_CHECK(top >= 0 && mkdirat(top, "root", 0700) == 0);
	root = openat(top, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	put(top, "secret", SECRET);
	put(root, "f", "inside");
	FUZZ_CHECK(symlinkat("../secret", root, "l") == 0);
	FUZZ_CHECK(fd_write_all(list, data, len) == 0 && lseek(list, 0, SEEK_SET) == 0);
	r = tar_split_assemble_here(list, root, out, OUT_MAX, &e);
	FUZZ_CHECK(r == 0 || (e.kind != ERR_NONE && e.text[0]));
	n = pread(out, buf, sizeof(buf), 0);
	FUZZ_CHECK(n >= 0 && lseek(out, 0, SEEK_END) == n);
	FUZZ_CHECK(!memmem(buf, (size_t)n, SECRET, strlen(SECRET)) ||
		   memmem(data, len, "payload", strlen("payload")));
	FUZZ_CHECK(path_remove_tree(AT_FDCWD, dir) == 0);
	return r == 0;
}
