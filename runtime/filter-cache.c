/* Files of compiled seccomp filters. */
#include "filter-cache.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "fd.h"
#include "file.h"
#include "path.h"
#include "str.h"

struct head {
	char magic[8];
	uint32_t key_len, n_insns;
	uint64_t sum; /* of key and instructions: against torn writes, not against people */
};
static const char magic[8] = "ctrbpf1";

char *filter_cache_key(const char *profile)
{
	const struct scmp_version *v = seccomp_version();

	if (!v || strlen(profile) > FILTER_KEY_MAX - 256)
		return NULL;
	return str_printf("ctr-lite %s libseccomp %u.%u.%u arch %08x\n%s", CTR_VERSION, v->major,
			  v->minor, v->micro, seccomp_arch_native(), profile);
}

static uint64_t sum_of(const char *key, size_t key_len, const struct sock_filter *insns, size_t n)
{
	return str_hash64(key, key_len) * 31 + str_hash64(insns, n * sizeof(*insns));
}

/* Only what we ourselves wrote: ours, and nobody else may change it. */
static bool is_private(const struct stat *st)
{
	return st->st_uid == geteuid() && (st->st_mode & 022) == 0;
}

int filter_file_read(int dir_fd, const char *name, const char *key, struct filter *ret)
{
	auto_close int fd = path_open_beneath(dir_fd, name, O_RDONLY | O_NONBLOCK);
	size_t key_len = strlen(key), len, insns_len;
	auto_free char *buf = NULL;
	struct head head;
	struct stat st;
	int r;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || !is_private(&st))
		return -EPERM;
	r = fd_read_file(fd, sizeof(head) + FILTER_KEY_MAX + BPF_MAXINSNS * sizeof(*ret->insns),
			 &buf, &len);
	if (r < 0)
		return r;
	if (len < sizeof(head))
		return -EBADMSG;
	memcpy(&head, buf, sizeof(head));
	insns_len = (size_t)head.n_insns * sizeof(*ret->insns);
	if (memcmp(head.magic, magic, sizeof(magic)) != 0 || head.n_insns == 0 ||
	    head.n_insns > BPF_MAXINSNS || head.key_len != key_len ||
	    len != sizeof(head) + key_len + insns_len ||
	    memcmp(buf + sizeof(head), key, key_len) != 0)
		return -EBADMSG;
	ret->insns = malloc(insns_len);
	if (!ret->insns)
		return -ENOMEM;
	memcpy(ret->insns, buf + sizeof(head) + key_len, insns_len);
	ret->n = (unsigned short)head.n_insns;
	if (sum_of(key, key_len, ret->insns, ret->n) == head.sum)
		return 0;
	free(ret->insns);
	ret->insns = NULL;
	return -EBADMSG;
}

int filter_file_write(int dir_fd, const char *name, const char *key, const struct filter *f)
{
	struct head head = { .key_len = (uint32_t)strlen(key), .n_insns = f->n };
	auto_strbuf struct strbuf b = STRBUF_INIT;

	memcpy(head.magic, magic, sizeof(magic));
	head.sum = sum_of(key, head.key_len, f->insns, f->n);
	strbuf_addn(&b, &head, sizeof(head));
	strbuf_addn(&b, key, head.key_len);
	strbuf_addn(&b, f->insns, f->n * sizeof(*f->insns));
	if (b.failed)
		return -ENOMEM;
	return file_replace(dir_fd, name, b.data, b.len, 0600, FILE_SYNC_NONE);
}

static int open_dir(const char *dir)
{
	auto_close int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	return is_private(&st) ? take_fd(&fd) : -EPERM;
}

static void file_name(const char *key, char name[32])
{
	(void)snprintf(name, 32, "%016llx.bpf", (unsigned long long)str_hash64(key, strlen(key)));
}

int filter_cache_get(const char *dir, const char *key, struct filter *ret)
{
	auto_close int fd = open_dir(dir);
	char name[32];

	if (fd < 0)
		return fd;
	file_name(key, name);
	return filter_file_read(fd, name, key, ret);
}

void filter_cache_put(const char *dir, const char *key, const struct filter *f)
{
	auto_close int fd = FD_NONE;
	char name[32];

	(void)mkdir(dir, 0700); /* most often it is there */
	fd = open_dir(dir);
	if (fd < 0)
		return;
	file_name(key, name);
	(void)filter_file_write(fd, name, key, f); /* the next start compiles again */
}
