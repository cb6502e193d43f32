/*
 * `commit`: a process that is root to the container's files writes the layer as an archive, and
 * ctr-lite-transfer, which has digests and compression, makes the image of it meanwhile.
 */
#include "ctrlite/commit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "container-priv.h"
#include "copy-tar.h"
#include "ctrlite/event.h"
#include "ctrlite/image.h"
#include "ctrlite/transfer.h"
#include "json.h"
#include "oci.h"
#include "root-work.h"

static int nomem(struct err *e)
{
	return err_sys(e, ENOMEM, "commit");
}

static int set(json_t *o, const char *key, json_t *value, struct err *e)
{
	if (!value)
		return err_set(e, ERR_INVALID, "%s is not UTF-8", key);
	return json_object_set_new(o, key, value) < 0 ? nomem(e) : 0;
}

static json_t *member(json_t *o, const char *key, json_t *(*make)(void))
{
	json_t *v = json_object_get(o, key);

	if (!v && json_object_set_new(o, key, make()) == 0)
		v = json_object_get(o, key);
	return v;
}

static bool env_has(const json_t *env, const char *text)
{
	size_t len = strcspn(text, "=");

	for (size_t i = 0; i < json_array_size(env); i++) {
		const char *s = json_string_value(json_array_get(env, i));

		if (s && strncmp(s, text, len) == 0 && s[len] == '=')
			return true;
	}
	return false;
}

/* Those of the image and of the user, not what the engine gives to every container. */
static int set_env(json_t *config, const struct ctr_request *req, struct err *e)
{
	static const char *const ours[] = { "container=", "HOSTNAME=", "HOME=", "TERM=" };
	const json_t *old = json_object_get(config, "Env");
	json_t *env = json_array();

	for (size_t i = 0; i < req->env.n; i++) {
		const char *s = req->env.items[i];
		bool skip = false;

		for (size_t k = 0; k < sizeof(ours) / sizeof(ours[0]); k++)
			skip |= str_starts(s, ours[k]) && !env_has(old, s);
		if (!skip && json_array_append_new(env, json_string(s)) < 0) {
			json_decref(env);
			return err_set(e, ERR_INVALID, "a variable of the container is not UTF-8");
		}
	}
	return set(config, "Env", env, e);
}

static int set_list(json_t *config, const char *key, const struct strv *v, struct err *e)
{
	if (!v->n) {
		(void)json_object_del(config, key); /* it may not be there */
		return 0;
	}
	return set(config, key, json_from_strv(v), e);
}

static int set_labels(json_t *config, const struct ctr_request *req, struct err *e)
{
	json_t *labels = req->labels.n ? member(config, "Labels", json_object) : NULL;
	int r = 0;

	for (size_t i = 0; labels && r == 0 && i < req->labels.n; i++) {
		const char *eq = strchr(req->labels.items[i], '=');
		auto_free char *key =
			eq ? strndup(req->labels.items[i], (size_t)(eq - req->labels.items[i]))
			   : strdup(req->labels.items[i]);

		r = key ? set(labels, key, json_string(eq ? eq + 1 : ""), e) : nomem(e);
	}
	return r;
}

/* --include-volumes: where something was mounted a volume will be. */
static int set_volumes(json_t *config, const struct ctr_request *req, struct err *e)
{
	auto_spec_mounts struct spec_mounts m = SPEC_MOUNTS_INIT;
	json_t *volumes;
	int r = request_mounts(req, &m, e);

	if (r < 0 || (!m.n && !req->anon_dests.n))
		return r;
	volumes = member(config, "Volumes", json_object);
	for (size_t i = 0; r == 0 && i < m.n; i++)
		if (m.items[i].type == SPEC_MOUNT_BIND || m.items[i].type == SPEC_MOUNT_VOLUME)
			r = set(volumes, m.items[i].dest, json_object(), e);
	for (size_t i = 0; r == 0 && i < req->anon_dests.n; i++)
		r = set(volumes, req->anon_dests.items[i], json_object(), e);
	return r;
}

static int fill_config(json_t *config, const struct ctr_request *req,
		       const struct ctr_commit_opts *o, struct err *e)
{
	int r = set_env(config, req, e);

	if (r == 0)
		r = set_list(config, "Entrypoint", &req->entrypoint, e);
	if (r == 0)
		r = set_list(config, "Cmd", &req->cmd, e);
	if (r == 0 && req->user && req->user[0])
		r = set(config, "User", json_string(req->user), e);
	if (r == 0 && req->cwd && req->cwd[0])
		r = set(config, "WorkingDir", json_string(req->cwd), e);
	if (r == 0)
		r = set_labels(config, req, e);
	if (r == 0 && o->include_volumes)
		r = set_volumes(config, req, e);
	return r;
}

/* --config: lists of variables and objects are added to, everything else is replaced. */
static int merge_config(json_t *config, const char *text, struct err *e)
{
	auto_json json_t *doc = NULL;
	const char *key;
	json_t *value;
	int r = json_parse(text, strlen(text), REQUEST_MAX_BYTES, "--config", &doc, e);

	if (r < 0)
		return r;
	if (!json_is_object(doc))
		return err_set(e, ERR_INVALID,
			       "--config: expected a JSON object as docker's Config is one");
	json_object_foreach(doc, key, value) {
		json_t *old = json_object_get(config, key);

		if (json_is_null(value))
			continue;
		if (json_is_object(value) && json_is_object(old)) {
			r = json_object_update(old, value);
		} else if (strcmp(key, "Env") == 0 && json_is_array(old) && json_is_array(value)) {
			size_t i;
			json_t *item;

			json_array_foreach(value, i, item) {
				const char *s = json_string_value(item);

				if (!s || !strchr(s, '='))
					return err_set(e, ERR_INVALID,
						       "--config: Env: expected NAME=VALUE");
				for (size_t k = json_array_size(old); k-- > 0;) {
					const char *was = json_string_value(json_array_get(old, k));

					if (was && strncmp(was, s, strcspn(s, "=") + 1) == 0)
						(void)json_array_remove(old, k);
				}
				r = r < 0 ? r : json_array_append(old, item);
			}
		} else {
			r = json_object_set(config, key, value);
		}
		if (r < 0)
			return nomem(e);
	}
	return 0;
}

static void now_rfc3339(char buf[64])
{
	struct timespec ts;
	struct tm tm;
	char sec[32];

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	(void)gmtime_r(&ts.tv_sec, &tm);
	(void)strftime(sec, sizeof(sec), "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(buf, 64, "%s.%09ldZ", sec, ts.tv_nsec);
}

static int add_history(json_t *doc, const struct ctr_request *req, const struct ctr_commit_opts *o,
		       const char *created, struct err *e)
{
	json_t *entry = json_pack("{s:s, s:s}", "created", created, "created_by", "/bin/sh"),
	       *history;
	auto_free char *from = str_printf("FROM %s", req->image ? req->image : "scratch");
	int r = entry && from ? 0 : nomem(e);

	if (r == 0 && o->author)
		r = set(entry, "author", json_string(o->author), e);
	if (r == 0)
		r = set(entry, "comment",
			json_string(o->message && o->message[0] ? o->message : from), e);
	history = r == 0 ? member(doc, "history", json_array) : NULL;
	if (r == 0 && json_array_append(history, entry) < 0)
		r = nomem(e);
	json_decref(entry);
	return r;
}

/* What ctr-lite-transfer is told: the config but for the new layer, and the layers below it. */
static int make_document(const struct ctr_request *req, const struct ctr_image *img,
			 const struct ctr_commit_opts *o, json_t **ret, struct err *e)
{
	auto_json json_t *doc = img->config ? json_deep_copy(img->config) : json_object();
	auto_json json_t *layers = json_array();
	json_t *rootfs, *config;
	char created[64];
	int r = 0;

	now_rfc3339(created);
	(void)json_object_del(doc, "container_config");
	(void)json_object_del(doc, "container");
	(void)json_object_del(doc, "docker_version");
	if (o->squash || !img->config) {
		(void)json_object_del(doc, "history");
		r = set(doc, "rootfs", json_pack("{s:s, s:[]}", "type", "layers", "diff_ids"), e);
	} else if (json_is_array(json_object_get(img->manifest_doc, "layers"))) {
		json_decref(layers);
		layers = json_deep_copy(json_object_get(img->manifest_doc, "layers"));
	}
	rootfs = member(doc, "rootfs", json_object);
	if (r == 0 && !json_is_array(member(rootfs, "diff_ids", json_array)))
		r = err_set(e, ERR_CORRUPT, "the config of image %s is damaged", req->image);
	if (r == 0)
		r = set(doc, "created", json_string(created), e);
	if (r == 0 && o->author)
		r = set(doc, "author", json_string(o->author), e);
	config = member(doc, "config", json_object);
	if (json_is_null(config)) {
		(void)json_object_del(doc, "config");
		config = member(doc, "config", json_object);
	}
	if (r == 0)
		r = fill_config(config, req, o, e);
	if (r == 0 && o->config)
		r = merge_config(config, o->config, e);
	if (r == 0)
		r = add_history(doc, req, o, created, e);
	if (r == 0 && !(*ret = json_pack("{s:O, s:O}", "config", doc, "layers", layers)))
		r = nomem(e);
	return r;
}

struct committing {
	const struct ctr_root *root;
	const char *upper;
	bool squash;
	struct tar_walk_opts o;
	int out_fd, whole_fd;
};

static int write_layer(struct committing *c, struct err *e)
{
	auto_close int dir = c->squash
				     ? openat(c->root->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
				     : open(c->upper, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct tar_job *t = NULL;
	int r = dir < 0 ? err_sys(e, errno, "open the container's files")
			: tar_begin(c->out_fd, &c->o, &t, e);

	if (r < 0)
		return r;
	r = tar_root(t, dir, e);
	if (r == 0)
		r = tar_tree(t, dir, "", e);
	if (r < 0) {
		(void)tar_end(t, false, NULL);
		return r;
	}
	r = tar_end(t, true, e);
	return r < 0 || fd_write_all(c->whole_fd, "w", 1) == 0
		       ? r
		       : err_sys(e, EPIPE, "write the layer");
}

/* The process that writes, and where its error comes. */
static int start_writer(struct committing *c, const int others[2], struct proc *p, int *ret_err,
			struct err *e)
{
	int fds[2], r;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(e, errno, "make a pipe");
	r = root_fork(c->root, p, e);
	if (r == 0) {
		struct err failure = ERR_INIT;

		/* Or it would never see that nobody reads any more. */
		(void)fd_close(others[0]);
		(void)fd_close(others[1]);
		(void)signal(SIGPIPE, SIG_IGN); /* it shows as an error of the write */
		r = write_layer(c, &failure);
		if (r < 0)
			(void)err_send(fds[1], &failure);
		_exit(r < 0);
	}
	(void)fd_close(fds[1]);
	*ret_err = fds[0];
	return r < 0 ? r : 0;
}

static int document_fd(const json_t *doc, struct err *e)
{
	auto_free char *text = json_dumps(doc, JSON_COMPACT);
	auto_close int fd = memfd_create("commit", MFD_CLOEXEC);
	int r = !text ? -ENOMEM : fd < 0 ? -errno : fd_write_all(fd, text, strlen(text));

	if (r == 0 && lseek(fd, 0, SEEK_SET) < 0)
		r = -errno;
	return r < 0 ? err_sys(e, r, "commit") : take_fd(&fd);
}

static int run_transfer(struct ctr_engine *eng, const int fds[3], const struct ctr_commit_opts *o,
			const char *name, char **ret_id, struct err *e)
{
	const struct ctr_transfer t = { .root = eng->store.root,
					.run = eng->store.run,
					.quiet = o->quiet,
					.fds = { fds[0], fds[1], fds[2] },
					.n_fds = 3 };
	auto_strv struct strv args = STRV_INIT;
	int r = strv_add(&args, "commit");

	for (size_t i = 0; r == 0 && o->changes && i < o->changes->n; i++)
		r = strv_addf(&args, "--change=%s", o->changes->items[i]);
	if (r == 0 && o->docker)
		r = strv_add(&args, "--docker");
	if (r == 0)
		r = strv_add(&args, "--");
	if (r == 0 && name)
		r = strv_add(&args, name);
	if (r < 0)
		return nomem(e);
	return ctr_transfer_run(&t, (const char *const *)strv_argv(&args), ret_id, e);
}

static int make_image(struct ctr_engine *eng, struct committing *c, const json_t *doc,
		      const struct ctr_commit_opts *o, const char *name, char **ret_id,
		      struct err *e)
{
	auto_close int mem = document_fd(doc, e), err_fd = FD_NONE;
	auto_close int tar_rd = FD_NONE, tar_wr = FD_NONE, whole_rd = FD_NONE, whole_wr = FD_NONE;
	struct err theirs = ERR_INIT;
	struct proc p = PROC_INIT;
	int tar[2], whole[2], status = 0, r;

	if (mem < 0)
		return mem;
	if (pipe2(tar, O_CLOEXEC) < 0)
		return err_sys(e, errno, "make a pipe");
	tar_rd = tar[0];
	tar_wr = tar[1];
	(void)fcntl(tar_wr, F_SETPIPE_SZ, 1 << 20); /* fewer switches; it works without, too */
	if (pipe2(whole, O_CLOEXEC) < 0)
		return err_sys(e, errno, "make a pipe");
	whole_rd = whole[0];
	whole_wr = whole[1];
	c->out_fd = tar_wr;
	c->whole_fd = whole_wr;
	r = start_writer(c, (const int[]){ tar_rd, whole_rd }, &p, &err_fd, e);
	tar_wr = fd_close(tar_wr);
	whole_wr = fd_close(whole_wr);
	if (r == 0)
		r = run_transfer(eng, (const int[]){ tar_rd, whole_rd, mem }, o, name, ret_id, e);
	tar_rd = fd_close(tar_rd); /* ends the writer when nobody wants more of it */
	if (p.pid > 0)
		(void)proc_wait(&p, &status);
	proc_done(&p);
	/* When the archive was not whole, the writer knows why; a broken pipe is only what it saw.
	 */
	if (r < 0 && err_fd >= 0 && err_recv(err_fd, &theirs) == 1 && theirs.code != EPIPE) {
		if (e)
			*e = theirs;
		r = theirs.code ? -theirs.code : err_kind_errno(theirs.kind);
	}
	return r;
}

static int base_image(struct ctr_engine *eng, const struct ctr_request *req, bool squash,
		      struct ctr_image *ret, struct err *e)
{
	auto_free char *id = NULL;
	int r;

	if (req->rootfs && !squash)
		return err_set(e, ERR_UNSUPPORTED, "the container has no image to add a layer to: give --squash "
			       "to make an image of all of its files");
	if (!req->image_id || !req->image_id[0])
		return 0;
	r = ctr_image_get(eng, req->image_id, ret, NULL, e);
	if (r != -ENOENT)
		return r;
	if (!squash)
		return err_set(e, ERR_NOT_FOUND,
			       "the image %s of the container is not there any more: give "
			       "--squash to make an image of the files alone",
			       req->image);
	*e = (struct err)ERR_INIT;
	return 0;
}

static int commit(struct ctr_engine *eng, struct ctr_root *root, const struct ctr_commit_opts *o,
		  const char *name, char **ret_id, struct err *e)
{
	auto_free char *upper = str_printf("%s/containers/%s/upper", eng->store.root, root->req.id);
	const struct idmap *map = NULL;
	struct committing c = { .root = root, .upper = upper, .squash = o->squash };
	struct ctr_image img = CTR_IMAGE_INIT;
	auto_json json_t *doc = NULL;
	int r = upper ? base_image(eng, &root->req, o->squash, &img, e) : nomem(e);

	if (r == 0)
		r = make_document(&root->req, &img, o, &doc, e);
	if (r == 0)
		r = ctr_engine_idmap(eng, &map, e);
	c.o = (struct tar_walk_opts){ .inner = root->inner,
				      .layer = !o->squash,
				      .squashed = map && idmap_is_single(map) };
	if (r == 0)
		r = make_image(eng, &c, doc, o, name, ret_id, e);
	ctr_image_done(&img);
	return r;
}

int ctr_container_commit(struct ctr_engine *eng, const char *id, const struct ctr_commit_opts *o,
			 char **ret_id, struct err *e)
{
	auto_root struct ctr_root root = CTR_ROOT_INIT;
	auto_free char *name = NULL;
	bool paused = false;
	int r = o->name ? ctr_image_full_name(o->name, &name, e) : 0;

	if (r == 0)
		r = ctr_root_open(eng, id, o->squash ? ROOT_PLAIN : ROOT_IDS, &root, e);
	if (r < 0)
		return r;
	if (o->pause && root.running) {
		struct ctr_status st;

		r = ctr_container_status(eng, id, &st, e);
		if (r == 0 && st.state == CTR_RUNNING && !st.paused) {
			r = ctr_container_pause(eng, id, true, e);
			paused = r == 0;
		}
	}
	if (r == 0)
		r = commit(eng, &root, o, name, ret_id, e);
	if (paused) {
		struct err other = ERR_INIT;
		int back = ctr_container_pause(eng, id, false, &other);

		if (r == 0 && back < 0) {
			*e = other;
			r = back;
		}
	}
	if (r == 0)
		ctr_event_of(eng, &root.req, "commit");
	return r;
}
