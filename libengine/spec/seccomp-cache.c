/*
 * From a profile's name to its resolved text, by way of a cache in the run directory.
 *
 * A cache file is "<key>\n<bytes> <hash>\n<text>".  The directory is ours alone and so is the file;
 * that is checked on what was opened.  The key names everything that went into the text, so an
 * entry for other inputs is not taken, whatever its name; the length and hash catch one that was
 * cut short.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "config.h"
#include "fd.h"
#include "file.h"
#include "seccomp-int.h"
#include "seccomp.h"
#include "str.h"

#define CACHE_DIR "cache"
#define CACHE_MAX_BYTES (4u << 20)	/* resolved text is shorter than its profile, keys are short */
#define FORMAT 1

static const char *const default_paths[] = {
	"/etc/containers/seccomp.json",
	"/usr/share/containers/seccomp.json",
};

#if defined(__x86_64__) && !defined(__ILP32__)
static const char go_arch[] = "amd64", scmp_arch[] = "SCMP_ARCH_X86_64";
#elif defined(__i386__)
static const char go_arch[] = "386", scmp_arch[] = "SCMP_ARCH_X86";
#elif defined(__aarch64__)
static const char go_arch[] = "arm64", scmp_arch[] = "SCMP_ARCH_AARCH64";
#elif defined(__arm__)
static const char go_arch[] = "arm", scmp_arch[] = "SCMP_ARCH_ARM";
#elif defined(__riscv) && __riscv_xlen == 64
static const char go_arch[] = "riscv64", scmp_arch[] = "SCMP_ARCH_RISCV64";
#elif defined(__powerpc64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
static const char go_arch[] = "ppc64le", scmp_arch[] = "SCMP_ARCH_PPC64LE";
#elif defined(__s390x__)
static const char go_arch[] = "s390x", scmp_arch[] = "SCMP_ARCH_S390X";
#elif defined(__loongarch64)
static const char go_arch[] = "loong64", scmp_arch[] = "SCMP_ARCH_LOONGARCH64";
#elif defined(__mips64) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
static const char go_arch[] = "mips64le", scmp_arch[] = "SCMP_ARCH_MIPSEL64";
#else
#error "name this architecture as Go and libseccomp do"
#endif

struct source {
	const char *what;	/* path, or "(built in)" */
	int fd;			/* FD_NONE: built in */
	struct stat st;
};

static void source_done(struct source *s)
{
	(void)fd_close(s->fd);
}
#define auto_source __attribute__((cleanup(source_done)))

/* -ENOENT without an error text when there is no such file. */
static int source_open(struct source *s, const char *path, struct err *e)
{
	s->what = path;
	s->fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (s->fd < 0)
		return errno == ENOENT ? -ENOENT : err_sys(e, errno, "open seccomp profile %s", path);
	if (fstat(s->fd, &s->st) < 0)
		return err_sys(e, errno, "look at seccomp profile %s", path);
	if (!S_ISREG(s->st.st_mode))
		return err_set(e, ERR_INVALID, "seccomp profile %s is no regular file", path);
	if (s->st.st_size > SPEC_SECCOMP_MAX_BYTES)
		return err_set(e, ERR_LIMIT, "seccomp profile %s is larger than %u bytes", path,
			       SPEC_SECCOMP_MAX_BYTES);
	return 0;
}

static int source_find(struct source *s, const char *path, struct err *e)
{
	int r = -ENOENT;

	if (path) {
		r = source_open(s, path, e);
		if (r == -ENOENT)
			return err_set(e, ERR_NOT_FOUND, "seccomp profile %s does not exist", path);
		return r;
	}
	for (size_t i = 0; r == -ENOENT && i < sizeof(default_paths) / sizeof(default_paths[0]); i++)
		r = source_open(s, default_paths[i], e);
	if (r != -ENOENT)
		return r;
	s->what = "(built in)";
	s->fd = FD_NONE;
	return 0;
}

const char *spec_seccomp_default(void)
{
	auto_source struct source s = { .fd = FD_NONE };

	return source_find(&s, NULL, NULL) < 0 || s.fd < 0 ? "built in" : s.what;
}

/* Everything that the result depends on, as one line; a path with a newline cannot forge one. */
static char *make_key(const struct source *s, uint64_t caps, const struct utsname *uts)
{
	auto_free char *name = str_quote(s->what);

	if (!name)
		return NULL;
	if (s->fd < 0)
		return str_printf("%d %s %s %s caps=%llx builtin=%llx", FORMAT, CTR_VERSION, scmp_arch,
				  uts->release, (unsigned long long)caps,
				  (unsigned long long)str_hash64(spec_seccomp_builtin,
								 strlen(spec_seccomp_builtin)));
	return str_printf("%d %s %s %s caps=%llx %s dev=%llx ino=%llu size=%lld mtime=%lld.%09ld "
			  "ctime=%lld.%09ld", FORMAT, CTR_VERSION, scmp_arch, uts->release,
			  (unsigned long long)caps, name, (unsigned long long)s->st.st_dev,
			  (unsigned long long)s->st.st_ino, (long long)s->st.st_size,
			  (long long)s->st.st_mtim.tv_sec, s->st.st_mtim.tv_nsec,
			  (long long)s->st.st_ctim.tv_sec, s->st.st_ctim.tv_nsec);
}

static bool is_ours(int fd, mode_t type)
{
	struct stat st;

	return fstat(fd, &st) == 0 && (st.st_mode & S_IFMT) == type && st.st_uid == geteuid() &&
	       (st.st_mode & 077) == 0;
}

/* The cache directory, or a negative errno: then nothing is cached. */
static int open_cache(int run_fd)
{
	auto_close int fd = FD_NONE;

	if (run_fd < 0)
		return FD_NONE;
	fd = openat(run_fd, CACHE_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT) {
		if (mkdirat(run_fd, CACHE_DIR, 0700) < 0 && errno != EEXIST)
			return -errno;
		fd = openat(run_fd, CACHE_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	}
	if (fd < 0)
		return -errno;
	return is_ours(fd, S_IFDIR) ? take_fd(&fd) : -EPERM;
}

/* The text in the cache file's content, or NULL where it is not what @key stands for. */
static const char *check_entry(const char *buf, size_t len, const char *key)
{
	size_t key_len = strlen(key);
	const char *p = buf + key_len + 1, *nl;
	char want[48];
	size_t text_len;

	if (len < key_len + 2 || memcmp(buf, key, key_len) != 0 || buf[key_len] != '\n')
		return NULL;
	nl = memchr(p, '\n', len - (size_t)(p - buf));
	if (!nl)
		return NULL;
	text_len = len - (size_t)(nl + 1 - buf);
	(void)snprintf(want, sizeof(want), "%zu %016llx\n", text_len,
		       (unsigned long long)str_hash64(nl + 1, text_len));
	if (strlen(want) != (size_t)(nl + 1 - p) || memcmp(want, p, strlen(want)) != 0)
		return NULL;
	return strlen(nl + 1) == text_len ? nl + 1 : NULL;
}

static char *cache_read(int cache_fd, const char *name, const char *key)
{
	auto_close int fd = openat(cache_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	auto_free char *buf = NULL;
	const char *text;
	size_t len = 0;

	if (fd < 0 || !is_ours(fd, S_IFREG) || fd_read_file(fd, CACHE_MAX_BYTES, &buf, &len) < 0)
		return NULL;
	text = check_entry(buf, len, key);
	if (!text)
		return NULL;
	/* The text alone, in the buffer that is there. */
	memmove(buf, text, strlen(text) + 1);
	return take_ptr(&buf);
}

static void cache_write(int cache_fd, const char *name, const char *key, const char *text)
{
	auto_strbuf struct strbuf b = STRBUF_INIT;
	size_t len = strlen(text);

	strbuf_addf(&b, "%s\n%zu %016llx\n", key, len, (unsigned long long)str_hash64(text, len));
	strbuf_addn(&b, text, len);
	/* Without room for it the next run resolves again. */
	if (!b.failed)
		(void)file_replace(cache_fd, name, b.data, b.len, 0600, FILE_SYNC_NONE);
}

static int resolve_source(const struct source *s, uint64_t caps, const struct utsname *uts,
			  char **ret_text, struct err *e)
{
	struct spec_seccomp_target t = { .go_arch = go_arch, .scmp_arch = scmp_arch, .caps = caps };
	auto_free char *buf = NULL;
	size_t len = 0;
	int r;

	if (sscanf(uts->release, "%u.%u", &t.kernel_major, &t.kernel_minor) != 2)
		return err_set(e, ERR_UNSUPPORTED, "kernel release \"%s\" is not understood",
			       uts->release);
	if (s->fd < 0)
		return spec_seccomp_resolve(spec_seccomp_builtin, strlen(spec_seccomp_builtin),
					    s->what, &t, ret_text, e);
	r = fd_read_file(s->fd, SPEC_SECCOMP_MAX_BYTES, &buf, &len);
	if (r == -EFBIG)
		return err_set(e, ERR_LIMIT, "seccomp profile %s is larger than %u bytes", s->what,
			       SPEC_SECCOMP_MAX_BYTES);
	if (r < 0)
		return err_sys(e, r, "read seccomp profile %s", s->what);
	return spec_seccomp_resolve(buf, len, s->what, &t, ret_text, e);
}

int spec_seccomp_text(int run_fd, const char *path, uint64_t caps, char **ret_text, struct err *e)
{
	auto_source struct source s = { .fd = FD_NONE };
	auto_close int cache = FD_NONE;
	auto_free char *key = NULL;
	struct utsname uts;
	char name[40];
	int r = source_find(&s, path, e);

	if (r < 0)
		return r;
	if (uname(&uts) < 0)
		return err_sys(e, errno, "ask for the kernel's release");
	key = make_key(&s, caps, &uts);
	if (!key)
		return err_sys(e, -ENOMEM, "seccomp profile %s", s.what);
	(void)snprintf(name, sizeof(name), "seccomp-%016llx",
		       (unsigned long long)str_hash64(key, strlen(key)));
	cache = open_cache(run_fd);
	if (cache >= 0) {
		*ret_text = cache_read(cache, name, key);
		if (*ret_text)
			return 0;
	}
	r = resolve_source(&s, caps, &uts, ret_text, e);
	if (r == 0 && cache >= 0)
		cache_write(cache, name, key, *ret_text);
	return r;
}
