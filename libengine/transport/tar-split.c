/* Putting a tar archive together again. */
#include "tar-split.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base64.h"
#include "confine.h"
#include "fd.h"
#include "inflate.h"
#include "json.h"
#include "path.h"
#include "str.h"
#include "worker.h"

#define COPY_BYTES (128u << 10)

enum { ENTRY_FILE = 1, ENTRY_SEGMENT = 2 };	/* tar-split's storage.Type */

struct assembly {
	int root_fd, out_fd;
	uint64_t left;			/* of max_bytes */
	char buf[COPY_BYTES];
};

static int put(struct assembly *a, const void *data, size_t len, struct err *e)
{
	int r;

	if (len > a->left)
		return err_set(e, ERR_LIMIT, "the archive is larger than it is said to be");
	a->left -= len;
	r = fd_write_all(a->out_fd, data, len);
	return r < 0 ? err_sys(e, r, "write the archive") : 0;
}

/* A file's content.  The name is a stranger's: it is resolved inside of the layer. */
static int put_file(struct assembly *a, const char *name, uint64_t size, struct err *e)
{
	auto_close int fd = path_open_in(a->root_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
	auto_free char *shown = str_quote(name);
	struct stat st;

	if (fd < 0)
		return err_sys(e, fd, "open the layer's file %s", shown ? shown : "");
	if (fstat(fd, &st) < 0)
		return err_sys(e, errno, "stat the layer's file %s", shown ? shown : "");
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != size)
		return err_set(e, ERR_CORRUPT, "the layer's file %s has changed", shown ? shown : "");
	while (size > 0) {
		ssize_t n = fd_read_full(fd, a->buf, size < sizeof(a->buf) ? (size_t)size : sizeof(a->buf));
		int r;

		if (n <= 0)
			return n < 0 ? err_sys(e, (int)n, "read the layer's file %s", shown ? shown : "")
				     : err_set(e, ERR_CORRUPT, "the layer's file %s has changed",
					       shown ? shown : "");
		r = put(a, a->buf, (size_t)n, e);
		if (r < 0)
			return r;
		size -= (uint64_t)n;
	}
	return 0;
}

static int put_segment(struct assembly *a, const char *payload, struct err *e)
{
	auto_free char *bytes = NULL;
	size_t len;
	int r = base64_decode(payload ? payload : "", &bytes, &len);

	if (r == -ENOMEM)
		return err_sys(e, r, "read the list of the layer's bytes");
	return r < 0 ? err_set(e, ERR_CORRUPT, "the list of the layer's bytes is damaged")
		     : put(a, bytes, len, e);
}

struct entry {
	uint64_t type, size;
	const char *name, *name_raw, *payload;
};

static const struct json_field entry_fields[] = {
	{ "type", JSON_KIND_U64, offsetof(struct entry, type), JSON_REQUIRED, 255 },
	{ "size", JSON_KIND_U64, offsetof(struct entry, size), 0, INT64_MAX },
	{ "name", JSON_KIND_STR, offsetof(struct entry, name), 0, 8192 },
	{ "name_raw", JSON_KIND_STR, offsetof(struct entry, name_raw), 0, 16384 },
	{ "payload", JSON_KIND_STR, offsetof(struct entry, payload), 0, TAR_SPLIT_LINE_MAX_BYTES },
	{ 0 },
};

static int put_entry(struct assembly *a, const char *line, size_t len, struct err *e)
{
	auto_json json_t *j = NULL;
	auto_free char *raw = NULL;
	struct entry x = { 0 };
	size_t raw_len;
	int r = json_parse(line, len, TAR_SPLIT_LINE_MAX_BYTES, "the list of the layer's bytes", &j, e);

	if (r == 0)
		r = json_read(j, entry_fields, &x, JSON_ALLOW_UNKNOWN, "$", e);
	if (r < 0)
		return r;
	if (x.type == ENTRY_SEGMENT)
		return put_segment(a, x.payload, e);
	if (x.type != ENTRY_FILE || x.size == 0)
		return 0; /* what has no content is all in the segments */
	if (x.name_raw && *x.name_raw) {
		if (base64_decode(x.name_raw, &raw, &raw_len) < 0 || strlen(raw) != raw_len)
			return err_set(e, ERR_CORRUPT, "the list of the layer's bytes has a damaged name");
		return put_file(a, raw, x.size, e);
	}
	if (!x.name || !*x.name)
		return err_set(e, ERR_CORRUPT, "the list of the layer's bytes has a file without a name");
	return put_file(a, x.name, x.size, e);
}

/* Entries end with a newline each; what is behind the last one is kept in @rest. */
static int put_lines(struct assembly *a, struct strbuf *rest, const char *data, size_t len,
		     struct err *e)
{
	int r = 0;

	while (r == 0 && len > 0) {
		const char *end = memchr(data, '\n', len);
		size_t n = end ? (size_t)(end - data) : len;

		if (rest->len + n > TAR_SPLIT_LINE_MAX_BYTES)
			return err_set(e, ERR_LIMIT, "an entry of the list of the layer's bytes has more than %u",
				       TAR_SPLIT_LINE_MAX_BYTES);
		strbuf_addn(rest, data, n);
		if (rest->failed)
			return err_sys(e, ENOMEM, "read the list of the layer's bytes");
		if (!end)
			break;
		if (rest->len > 0)
			r = put_entry(a, rest->data, rest->len, e);
		rest->len = 0;
		data += n + 1;
		len -= n + 1;
	}
	return r;
}

int tar_split_assemble_here(int split_fd, int root_fd, int out_fd, uint64_t max_bytes,
			    struct err *e)
{
	auto_free struct assembly *a = calloc(1, sizeof(*a));
	auto_strbuf struct strbuf rest = STRBUF_INIT;
	struct inflate *x = NULL;
	const void *buf;
	ssize_t n = 0;
	int r = a ? inflate_new(split_fd, &x, e) : err_sys(e, ENOMEM, "put a layer together");

	if (r < 0)
		return r;
	a->root_fd = root_fd;
	a->out_fd = out_fd;
	a->left = max_bytes;
	while (r == 0 && (n = inflate_next(x, &buf, e)) > 0)
		r = put_lines(a, &rest, buf, (size_t)n, e);
	inflate_free(x);
	if (r == 0 && n < 0)
		r = (int)n;
	if (r == 0 && rest.len > 0)
		r = put_entry(a, rest.data, rest.len, e);
	return r;
}

enum { FD_SPLIT = WORKER_FD_FIRST, FD_ROOT, FD_OUT, FD_ERR };

static void __attribute__((noreturn)) worker_main(const int *fds, uint64_t max_bytes)
{
	struct err e = ERR_INIT;
	int r;

	worker_reset_signals();
	r = worker_place_fds(fds, 4);
	if (r < 0)
		_exit(2);
	r = confine_to(FD_ROOT, max_bytes, &e);
	if (r == 0)
		r = tar_split_assemble_here(FD_SPLIT, FD_ROOT, FD_OUT, max_bytes, &e);
	if (r < 0)
		(void)err_send(FD_ERR, &e); /* the status tells of a failure, too */
	_exit(r < 0);
}

int tar_split_assemble(int split_fd, int root_fd, int out_fd, uint64_t max_bytes,
		       const struct idmap *m, struct err *e)
{
	struct proc p = PROC_INIT;
	struct err theirs = ERR_INIT;
	int pipes[2], r, got, status;

	if (pipe2(pipes, O_CLOEXEC) < 0)
		return err_sys(e, errno, "make a pipe");
	auto_close int err_r = pipes[0];
	auto_close int err_w = pipes[1];
	const int fds[] = { split_fd, root_fd, out_fd, err_w };

	r = worker_fork(m, &p, e);
	if (r == 0)
		worker_main(fds, max_bytes);
	if (r < 0)
		return r;
	err_w = fd_close(err_w);
	got = err_recv(err_r, &theirs);
	r = proc_wait(&p, &status);
	proc_done(&p);
	if (r < 0)
		return err_sys(e, r, "wait for the process that puts a layer together");
	if (proc_exit_code(status) == 0)
		return 0;
	if (got != 1)
		return err_set(e, ERR_OS, "the process that puts a layer together failed");
	if (e)
		*e = theirs;
	return theirs.code ? -theirs.code : err_kind_errno(theirs.kind);
}
