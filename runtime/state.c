/* State files of containers. */
#include "state.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroup-place.h"
#include "fd.h"
#include "file.h"
#include "json.h"
#include "path.h"
#include "start-fifo.h"

static const char *const status_names[] = {
	[STATUS_CREATING] = "creating",
	[STATUS_CREATED] = "created",
	[STATUS_RUNNING] = "running",
	[STATUS_PAUSED] = "paused",
	[STATUS_STOPPED] = "stopped",
};
static_assert(sizeof(status_names) / sizeof(status_names[0]) == STATUS_STOPPED + 1,
	      "a status without name");

const char *container_status_str(enum container_status s)
{
	return status_names[s];
}

void state_done(struct state *s)
{
	json_decref(s->doc);
	*s = (struct state){ 0 };
}

int state_check_id(const char *id, struct err *e)
{
	size_t len = strlen(id);

	if (len == 0)
		return err_set(e, ERR_INVALID, "the container ID is empty");
	if (len > NAME_MAX)
		return err_set(e, ERR_INVALID, "the container ID is longer than %d bytes",
			       NAME_MAX);
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)id[i]) &&
		    !(strchr("_+-.", id[i]) && (i || id[i] != '.')))
			return err_set(e, ERR_INVALID,
				       "container ID \"%.100s\": only letters, digits and "
				       "_+-. are allowed, and no leading dot",
				       id);
	return 0;
}

int state_root_open(const char *path, bool create, struct err *e)
{
	auto_close int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;
	int r;

	if (fd < 0 && errno == ENOENT && create) {
		r = path_mkdirs(path, 0700);
		if (r < 0)
			return err_sys(e, r, "make the state directory %s", path);
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (fd < 0)
		return err_sys(e, errno, "open the state directory %s", path);
	if (fstat(fd, &st) < 0)
		return err_sys(e, errno, "look at the state directory %s", path);
	if ((st.st_uid != geteuid() && geteuid() != 0) || (st.st_mode & 022))
		return err_set(e, ERR_DENIED,
			       "the state directory %s belongs to somebody else or others "
			       "can write to it",
			       path);
	return take_fd(&fd);
}

int state_dir_new(int root_fd, const char *id, struct err *e)
{
	int fd;

	if (mkdirat(root_fd, id, 0700) < 0)
		return errno == EEXIST ? err_set(e, ERR_EXISTS, "container with id exists: %s", id)
				       : err_sys(e, errno, "make the state directory of %s", id);
	fd = path_open_beneath(root_fd, id, O_RDONLY | O_DIRECTORY);
	return fd < 0 ? err_sys(e, fd, "open the state directory of %s", id) : fd;
}

int state_dir_open(int root_fd, const char *id, struct err *e)
{
	int fd = path_open_beneath(root_fd, id, O_RDONLY | O_DIRECTORY);

	if (fd == -ENOENT)
		return err_set(e, ERR_NOT_FOUND, "container \"%s\" does not exist", id);
	return fd < 0 ? err_sys(e, fd, "open the state directory of %s", id) : fd;
}

int state_dir_remove(int root_fd, const char *id, struct err *e)
{
	int r = path_remove_tree(root_fd, id);

	return r < 0 ? err_sys(e, r, "remove the state directory of %s", id) : 0;
}

static int set_string(json_t *obj, const char *key, const char *value)
{
	return value ? json_object_set_new(obj, key, json_string(value)) : 0;
}

static int set_doc(json_t *obj, const char *key, const json_t *value)
{
	/* jansson counts references in what it shares; the document stays as it is. */
	return value ? json_object_set(obj, key, (json_t *)(uintptr_t)value) : 0;
}

int state_write(int dir_fd, const struct state *s, struct err *e)
{
	auto_json json_t *obj = json_object();
	auto_free char *text = NULL;
	int bad, r;

	bad = !obj || json_object_set_new(obj, "version", json_integer(STATE_VERSION)) < 0 ||
	      set_string(obj, "id", s->id) < 0 || set_string(obj, "bundle", s->bundle) < 0 ||
	      set_string(obj, "config", s->config) < 0 ||
	      set_string(obj, "rootfs", s->rootfs) < 0 ||
	      set_string(obj, "created", s->created) < 0 ||
	      json_object_set_new(obj, "pid", json_integer((json_int_t)s->pid)) < 0 ||
	      json_object_set_new(obj, "pid_start", json_integer((json_int_t)s->pid_start)) < 0 ||
	      json_object_set_new(obj, "uid", json_integer(s->uid)) < 0 ||
	      json_object_set_new(obj, "has_filter", json_boolean(s->has_filter)) < 0 ||
	      set_string(obj, "listener_path", s->listener_path) < 0 ||
	      set_string(obj, "listener_metadata", s->listener_metadata) < 0 ||
	      set_doc(obj, "annotations", s->annotations) < 0 ||
	      set_doc(obj, "hooks", s->hooks) < 0 ||
	      set_string(obj, "cgroup_path", s->cgroup_path) < 0 ||
	      set_string(obj, "cgroup_unit", s->cgroup_unit) < 0 ||
	      (s->cgroup_path &&
	       json_object_set_new(obj, "cgroup_ino", json_integer((json_int_t)s->cgroup_ino)) < 0);
	if (!bad)
		text = json_dumps(obj, JSON_COMPACT);
	if (!text)
		return err_set(e, ERR_INVALID, "the state of %s is not UTF-8 or memory is gone",
			       s->id);
	r = file_replace(dir_fd, "state.json", text, strlen(text), 0600, FILE_SYNC_NONE);
	return r < 0 ? err_sys(e, r, "write the state of %s", s->id) : 0;
}

/* First of all: in another version anything else may look different. */
static int read_version(const json_t *doc, struct err *e)
{
	uint32_t version = 0;
	const struct json_field rows[] = {
		{ "version", JSON_KIND_U32, 0, JSON_REQUIRED },
		{ 0 },
	};
	int r = json_read(doc, rows, &version, JSON_ALLOW_UNKNOWN, "$", e);

	if (r < 0)
		return r;
	if (version == 0)
		return err_set(e, ERR_CORRUPT, "$.version: expected 1..%d", STATE_VERSION);
	if (version > STATE_VERSION)
		return err_set(e, ERR_UNSUPPORTED,
			       "state.json has version %u, and this runtime reads up to %d: the "
			       "container was made by a later one, which must be used for it",
			       version, STATE_VERSION);
	return 0;
}

int state_read(int dir_fd, struct state *ret, struct err *e)
{
	static const struct json_field rows[] = {
		{ "id", JSON_KIND_STR, offsetof(struct state, id), JSON_REQUIRED, NAME_MAX },
		{ "bundle", JSON_KIND_STR, offsetof(struct state, bundle), JSON_REQUIRED, 4095 },
		{ "config", JSON_KIND_STR, offsetof(struct state, config), 0, 4095 },
		{ "rootfs", JSON_KIND_STR, offsetof(struct state, rootfs), JSON_REQUIRED, 4095 },
		{ "created", JSON_KIND_STR, offsetof(struct state, created), JSON_REQUIRED, 64 },
		{ "pid", JSON_KIND_U64, offsetof(struct state, pid), JSON_REQUIRED, INT32_MAX },
		{ "pid_start", JSON_KIND_U64, offsetof(struct state, pid_start), JSON_REQUIRED },
		{ "uid", JSON_KIND_U32, offsetof(struct state, uid), JSON_REQUIRED },
		{ "has_filter", JSON_KIND_BOOL, offsetof(struct state, has_filter), JSON_REQUIRED },
		{ "listener_path", JSON_KIND_STR, offsetof(struct state, listener_path), 0, 107 },
		{ "listener_metadata", JSON_KIND_STR, offsetof(struct state, listener_metadata) },
		{ "annotations", JSON_KIND_OBJECT, offsetof(struct state, annotations) },
		{ "hooks", JSON_KIND_OBJECT, offsetof(struct state, hooks) },
		{ "cgroup_path", JSON_KIND_STR, offsetof(struct state, cgroup_path), 0, 4095 },
		{ "cgroup_unit", JSON_KIND_STR, offsetof(struct state, cgroup_unit), 0, 255 },
		{ "cgroup_ino", JSON_KIND_U64, offsetof(struct state, cgroup_ino) },
		{ 0 },
	};
	struct state s = { 0 };
	json_t *doc;
	int r = json_parse_file(dir_fd, "state.json", STATE_MAX_BYTES, &doc, e);

	if (r < 0)
		return r;
	r = read_version(doc, e);
	if (r == 0)
		r = json_read(doc, rows, &s, JSON_ALLOW_UNKNOWN, "$", e);
	s.doc = doc;
	if (r == 0)
		*ret = s;
	else
		json_decref(doc);
	return r;
}

/* A zombie has ended, whoever may still have to reap it. */
static bool is_zombie(pid_t pid)
{
	char name[40], buf[512];
	auto_close int fd = FD_NONE;
	const char *p;
	ssize_t n;

	(void)snprintf(name, sizeof(name), "/proc/%d/stat", (int)pid);
	fd = open(name, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : fd_read_full(fd, buf, sizeof(buf) - 1);
	if (n <= 0)
		return true;
	buf[n] = '\0';
	p = strrchr(buf, ')');
	return !p || p[1] != ' ' || p[2] == 'Z' || p[2] == 'X';
}

enum container_status state_status(int dir_fd, const struct state *s, struct proc *ret_proc)
{
	struct proc p = PROC_INIT;

	if (s->pid == 0)
		return STATUS_CREATING;
	if (proc_open((pid_t)s->pid, s->pid_start, &p) < 0)
		return STATUS_STOPPED;
	if (is_zombie(p.pid)) {
		proc_done(&p);
		return STATUS_STOPPED;
	}
	if (ret_proc)
		*ret_proc = p;
	else
		proc_done(&p);
	if (place_paused(s))
		return STATUS_PAUSED;
	return start_fifo_exists(dir_fd) ? STATUS_CREATED : STATUS_RUNNING;
}

static json_t *state_object(const char *id, const char *status, uint64_t pid, const char *bundle,
			    const json_t *annotations)
{
	auto_json json_t *obj = json_object();
	bool stopped = streq(status, container_status_str(STATUS_STOPPED));
	int bad = !obj || set_string(obj, "ociVersion", OCI_VERSION) < 0 ||
		  set_string(obj, "id", id) < 0 || set_string(obj, "status", status) < 0 ||
		  json_object_set_new(obj, "pid", json_integer(stopped ? 0 : (json_int_t)pid)) < 0 ||
		  set_string(obj, "bundle", bundle) < 0 ||
		  set_doc(obj, "annotations", annotations) < 0;

	return bad ? NULL : json_incref(obj);
}

char *state_json(const char *id, const char *status, uint64_t pid, const char *bundle,
		 const json_t *annotations)
{
	auto_json json_t *obj = state_object(id, status, pid, bundle, annotations);

	return obj ? json_dumps(obj, JSON_INDENT(2)) : NULL;
}

char *listener_json(uint64_t pid, const char *metadata, const char *id, const char *status,
		    const char *bundle, const json_t *annotations)
{
	/* "fds" names the descriptors of the message, in order. */
	auto_json json_t *obj = json_pack("{s:s, s:[s], s:I, s:o}", "ociVersion", OCI_VERSION, "fds",
					  "seccompFd", "pid", (json_int_t)pid, "state",
					  state_object(id, status, pid, bundle, annotations));

	if (!obj || set_string(obj, "metadata", metadata) < 0)
		return NULL;
	return json_dumps(obj, JSON_COMPACT);
}
