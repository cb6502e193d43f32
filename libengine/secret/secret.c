/* The secrets of the store, see ctrlite/secret.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "ctrlite/secret.h"
#include "file.h"
#include "json.h"
#include "path.h"

#define DIR_NAME "secrets"
#define RECORD "secret.json"
#define DATA "data"
#define RECORD_VERSION 1
#define RECORD_MAX_BYTES (1u << 20)
#define RECORD_LIST_MAX 4096

void ctr_secret_done(struct ctr_secret *s)
{
	free(s->name);
	strv_done(&s->labels);
	strv_done(&s->driver_opts);
	*s = (struct ctr_secret)CTR_SECRET_INIT;
}

void ctr_secret_list_done(struct ctr_secret_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		ctr_secret_done(&l->items[i]);
	free(l->items);
	*l = (struct ctr_secret_list)CTR_SECRET_LIST_INIT;
}

/* secrets/ as a descriptor; -ENOENT without text where there is none. */
static int open_dir(struct ctr_engine *eng, bool create, struct err *e)
{
	int fd;

	if (create && mkdirat(eng->store.root_fd, DIR_NAME, 0700) < 0 && errno != EEXIST)
		return err_sys(e, errno, "make %s/" DIR_NAME, eng->store.root);
	fd = path_open_beneath(eng->store.root_fd, DIR_NAME, O_RDONLY | O_DIRECTORY);
	if (fd == -ENOENT && !create)
		return fd;
	return fd < 0 ? err_sys(e, fd, "open %s/" DIR_NAME, eng->store.root) : fd;
}

static bool is_id(const char *s)
{
	return strlen(s) == CTR_SECRET_ID_LEN && !s[strspn(s, "0123456789abcdef")];
}

struct record {
	const char *name;
	uint64_t version;
	int64_t created, updated;
	const json_t *labels, *driver_opts;
};

#define AT(m) offsetof(struct record, m)
static const struct json_field record_fields[] = {
	{ "version", JSON_KIND_U64, AT(version), JSON_REQUIRED, 0 },
	{ "name", JSON_KIND_STR, AT(name), JSON_REQUIRED, CTR_SECRET_NAME_MAX },
	{ "created", JSON_KIND_I64, AT(created), JSON_REQUIRED, 0 },
	{ "updated", JSON_KIND_I64, AT(updated), JSON_REQUIRED, 0 },
	{ "labels", JSON_KIND_ARRAY, AT(labels), 0, RECORD_LIST_MAX },
	{ "driver_opts", JSON_KIND_ARRAY, AT(driver_opts), 0, RECORD_LIST_MAX },
	{ NULL },
};
#undef AT

static int parse_record(const json_t *j, struct ctr_secret *s, struct err *e)
{
	struct record r = { 0 };
	int rc = json_read(j, record_fields, &r, 0, "$", e);

	if (rc < 0)
		return rc;
	if (r.version != RECORD_VERSION)
		return err_set(e, ERR_CORRUPT, RECORD " has version %llu, this program knows %d",
			       (unsigned long long)r.version, RECORD_VERSION);
	s->created_ns = r.created;
	s->updated_ns = r.updated;
	s->name = strdup(r.name);
	if (!s->name)
		return err_sys(e, ENOMEM, "read a secret");
	if (r.labels)
		rc = json_read_strv(r.labels, &s->labels, RECORD_LIST_MAX, "$.labels", e);
	if (rc == 0 && r.driver_opts)
		rc = json_read_strv(r.driver_opts, &s->driver_opts, RECORD_LIST_MAX, "$.driver_opts", e);
	return rc;
}

/* -ENOENT when it is gone meanwhile. */
static int load(int dir_fd, const char *id, struct ctr_secret *ret, struct err *e)
{
	struct ctr_secret s = CTR_SECRET_INIT;
	auto_json json_t *j = NULL;
	auto_free char *text = NULL;
	char path[64];
	size_t len;
	int rc;

	(void)snprintf(path, sizeof(path), "%.25s/" RECORD, id);
	rc = file_read(dir_fd, path, RECORD_MAX_BYTES, &text, &len);
	if (rc == -ENOENT)
		return rc;
	rc = rc < 0 ? err_sys(e, rc, "read %s", path)
		    : json_parse(text, len, RECORD_MAX_BYTES, path, &j, e);
	if (rc == 0)
		rc = parse_record(j, &s, e);
	if (rc < 0) {
		ctr_secret_done(&s);
		return err_wrap(e, rc, "secret %s", id);
	}
	(void)snprintf(s.id, sizeof(s.id), "%.25s", id); /* is_id() */
	*ret = s;
	return 0;
}

static int add(struct ctr_secret_list *l, const struct ctr_secret *s)
{
	struct ctr_secret *grown = realloc(l->items, (l->n + 1) * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	l->items = grown;
	l->items[l->n++] = *s;
	return 0;
}

static int by_time(const void *a, const void *b)
{
	const struct ctr_secret *x = a, *y = b;

	if (x->created_ns != y->created_ns)
		return x->created_ns < y->created_ns ? -1 : 1;
	return strcmp(x->id, y->id);
}

static int list_dir(int fd, struct ctr_secret_list *ret, struct err *e)
{
	auto_dir DIR *d = fdopendir(fcntl(fd, F_DUPFD_CLOEXEC, 3));
	int rc = d ? 0 : err_sys(e, errno, "read the list of secrets");

	if (d)
		rewinddir(d);
	for (struct dirent *de; rc == 0 && (de = readdir(d));) {
		struct ctr_secret s = CTR_SECRET_INIT;

		if (!is_id(de->d_name))
			continue;
		rc = load(fd, de->d_name, &s, e);
		if (rc == -ENOENT) {
			rc = 0;
			continue;
		}
		if (rc == 0 && add(ret, &s) < 0) {
			ctr_secret_done(&s);
			rc = err_sys(e, ENOMEM, "list the secrets");
		}
	}
	if (ret->n)
		qsort(ret->items, ret->n, sizeof(*ret->items), by_time);
	return rc;
}

int ctr_secret_list(struct ctr_engine *eng, struct ctr_secret_list *ret, struct err *e)
{
	auto_close int fd = open_dir(eng, false, e);

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	return list_dir(fd, ret, e);
}

static int find_in(const struct ctr_secret_list *l, const char *name, size_t *ret, struct err *e)
{
	size_t found = 0, n = 0;

	for (size_t i = 0; i < l->n; i++)
		if (streq(l->items[i].name, name) || streq(l->items[i].id, name)) {
			*ret = i;
			return 0;
		}
	for (size_t i = 0; *name && i < l->n; i++)
		if (str_starts(l->items[i].id, name)) {
			found = i;
			n++;
		}
	*ret = found;
	if (n == 1)
		return 0;
	if (n)
		return err_set(e, ERR_INVALID, "more than one result secret with prefix %s: secret is "
			       "ambiguous", name);
	return err_set(e, ERR_NOT_FOUND, "no secret with name or id \"%s\": no such secret", name);
}

int ctr_secret_find(struct ctr_engine *eng, const char *name, struct ctr_secret *ret, struct err *e)
{
	struct ctr_secret_list l = CTR_SECRET_LIST_INIT;
	size_t i;
	int rc = ctr_secret_list(eng, &l, e);

	if (rc == 0)
		rc = find_in(&l, name, &i, e);
	if (rc == 0) {
		*ret = l.items[i];
		l.items[i] = (struct ctr_secret)CTR_SECRET_INIT;
	}
	ctr_secret_list_done(&l);
	return rc;
}

int ctr_secret_data(struct ctr_engine *eng, const char *id, char **ret, size_t *ret_len,
		    struct err *e)
{
	auto_close int fd = open_dir(eng, false, e);
	char path[64];
	int rc = fd;

	(void)snprintf(path, sizeof(path), "%.*s/" DATA, CTR_SECRET_ID_LEN, id);
	if (fd >= 0)
		rc = file_read(fd, path, CTR_SECRET_MAX_BYTES, ret, ret_len);
	if (rc == -ENOENT)
		return err_set(e, ERR_NOT_FOUND, "no secret with name or id \"%s\": no such secret", id);
	if (fd < 0)
		return fd;
	return rc < 0 ? err_sys(e, rc, "read secret %s", id) : 0;
}

void ctr_secret_data_free(char *data, size_t len)
{
	if (data)
		explicit_bzero(data, len);
	free(data);
}

static int check(const struct ctr_secret *s, size_t len, struct err *e)
{
	if (!*s->name || strlen(s->name) > CTR_SECRET_NAME_MAX || strpbrk(s->name, ",/=") ||
	    streq(s->name, ".") || streq(s->name, ".."))
		return err_set(e, ERR_INVALID, "secret name \"%.253s\" can not include '=', '/', ',', or "
			       "the '\\0' (NULL) and be between 1 and 253 characters: invalid secret "
			       "name", s->name);
	if (len == 0 || len >= CTR_SECRET_MAX_BYTES)
		return err_set(e, ERR_INVALID, "secret data must be larger than 0 and less than %u bytes",
			       CTR_SECRET_MAX_BYTES);
	return 0;
}

static int new_id(char ret[CTR_SECRET_ID_LEN + 1])
{
	char hex[CTR_SECRET_ID_LEN + 2];
	int rc = str_random_hex((CTR_SECRET_ID_LEN + 1) / 2, hex);

	if (rc < 0)
		return rc;
	memcpy(ret, hex, CTR_SECRET_ID_LEN);
	ret[CTR_SECRET_ID_LEN] = '\0';
	return 0;
}

static int write_stage(int fd, const struct ctr_secret *s, const void *data, size_t len, struct err *e)
{
	auto_json json_t *j = json_pack("{s:i, s:s, s:I, s:I, s:o, s:o}", "version", RECORD_VERSION, "name",
					s->name, "created", (json_int_t)s->created_ns, "updated",
					(json_int_t)s->updated_ns, "labels", json_from_strv(&s->labels),
					"driver_opts", json_from_strv(&s->driver_opts));
	auto_free char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;
	int rc;

	if (!text)
		return err_set(e, ERR_INVALID, "the name or a label of the secret is not valid UTF-8");
	rc = file_replace(fd, RECORD, text, strlen(text), 0600, FILE_SYNC_FULL);
	if (rc == 0)
		rc = file_replace(fd, DATA, data, len, 0600, FILE_SYNC_FULL);
	return rc < 0 ? err_sys(e, rc, "write secret %s", s->name) : 0;
}

static int put(struct ctr_engine *eng, int dir_fd, const struct ctr_secret *s, const void *data,
	       size_t len, struct err *e)
{
	struct stage st = STAGE_INIT;
	int rc = store_stage_new(&eng->store, &st, e);

	if (rc < 0)
		return rc;
	rc = write_stage(st.fd, s, data, len, e);
	if (rc == 0)
		rc = store_stage_commit(&eng->store, &st, dir_fd, s->id, e);
	if (rc == 0 && fsync(dir_fd) < 0)
		rc = err_sys(e, errno, "write secret %s", s->name);
	if (rc < 0 && st.fd >= 0)
		(void)store_stage_drop(&eng->store, &st, NULL, NULL); /* holds files of ours only */
	return rc;
}

static int drop(struct ctr_engine *eng, int dir_fd, const char *id, struct err *e)
{
	struct stage st = STAGE_INIT;
	int rc = store_stage_take(&eng->store, dir_fd, id, &st, e);

	return rc < 0 ? rc : store_stage_drop(&eng->store, &st, NULL, e);
}

/* The directory is locked: the name stays as it is. */
static int put_named(struct ctr_engine *eng, int dir_fd, struct ctr_secret *s, const void *data,
		     size_t len, unsigned int flags, struct err *e)
{
	struct ctr_secret_list l = CTR_SECRET_LIST_INIT;
	const struct ctr_secret *old = NULL;
	struct timespec now;
	int rc = list_dir(dir_fd, &l, e);

	for (size_t i = 0; rc == 0 && i < l.n; i++)
		if (streq(l.items[i].name, s->name))
			old = &l.items[i];
	if (rc == 0 && old && (flags & CTR_SECRET_IGNORE)) {
		memcpy(s->id, old->id, sizeof(s->id));
		goto out;
	}
	if (rc == 0 && old && !(flags & CTR_SECRET_REPLACE))
		rc = err_set(e, ERR_EXISTS, "%s: secret name in use", s->name);
	if (rc == 0 && (rc = new_id(s->id)) < 0)
		(void)err_sys(e, rc, "make an ID");
	if (rc < 0)
		goto out;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	s->updated_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
	s->created_ns = old ? old->created_ns : s->updated_ns;
	rc = put(eng, dir_fd, s, data, len, e);
	if (rc == 0 && old)
		rc = drop(eng, dir_fd, old->id, e);
out:
	ctr_secret_list_done(&l);
	return rc;
}

int ctr_secret_create(struct ctr_engine *eng, struct ctr_secret *s, const void *data, size_t len,
		      unsigned int flags, struct err *e)
{
	auto_close int fd = FD_NONE;
	int rc = check(s, len, e);

	if (rc < 0)
		return rc;
	fd = open_dir(eng, true, e);
	if (fd < 0)
		return fd;
	rc = file_lock(fd, true, true);
	return rc < 0 ? err_sys(e, rc, "lock the secrets") : put_named(eng, fd, s, data, len, flags, e);
}

int ctr_secret_remove(struct ctr_engine *eng, const char *id, struct err *e)
{
	auto_close int fd = open_dir(eng, true, e);
	int rc = fd;

	if (fd < 0)
		return rc;
	rc = file_lock(fd, true, true);
	if (rc < 0)
		return err_sys(e, rc, "lock the secrets");
	rc = is_id(id) ? drop(eng, fd, id, e) : -ENOENT;
	return rc == -ENOENT ? err_set(e, ERR_NOT_FOUND, "no secret with name or id \"%s\": no such "
				       "secret", id)
			     : rc;
}
