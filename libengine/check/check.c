/* `system check`: see ctrlite/check.h. */
#include <ctrlite/check.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ctrlite/container.h>
#include <ctrlite/image.h>
#include <ctrlite/secret.h>
#include <ctrlite/transfer.h>
#include <ctrlite/volume.h>

#include "fd.h"
#include "json.h"
#include "layer.h"
#include "path.h"

#define ANSWER_MAX_BYTES (1u << 20)
#define LIST_MAX 100000
#define REMOVE_TIMEOUT_S 10

void ctr_check_done(struct ctr_check *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->damage[i].kind);
		free(c->damage[i].id);
		free(c->damage[i].why);
		strv_done(&c->damage[i].images);
		strv_done(&c->damage[i].details);
	}
	free(c->damage);
	strv_done(&c->notes);
	*c = (struct ctr_check)CTR_CHECK_INIT;
}

bool ctr_check_is_damaged(const struct ctr_check *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->damage[i].outcome != CTR_DAMAGE_MENDED && c->damage[i].outcome != CTR_DAMAGE_REMOVED)
			return true;
	return false;
}

static int nomem(struct err *e)
{
	return err_sys(e, ENOMEM, "check the store");
}

static struct ctr_damage *new_damage(struct ctr_check *c, const char *kind, const char *id)
{
	struct ctr_damage *grown = reallocarray(c->damage, c->n + 1, sizeof(*grown)), *d;

	if (!grown)
		return NULL;
	c->damage = grown;
	d = &grown[c->n];
	*d = (struct ctr_damage){ .kind = strdup(kind), .id = strdup(id), .images = STRV_INIT,
				  .details = STRV_INIT };
	c->n++;
	return d->kind && d->id ? d : NULL;
}

/* What the engine finds itself. */
__attribute__((format(printf, 5, 6)))
static int say(struct ctr_check *c, const char *kind, const char *id, struct err *e, const char *fmt, ...)
{
	struct ctr_damage *d = c->n ? &c->damage[c->n - 1] : NULL;
	char *text = NULL;
	va_list ap;

	if (!d || !streq(d->kind, kind) || !streq(d->id, id))
		d = new_damage(c, kind, id);
	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	if (d && text)
		return strv_add_take(&d->details, text) < 0 ? nomem(e) : 0;
	free(text);
	return nomem(e);
}

/* Images */

struct damage_json {
	const char *kind, *id, *outcome, *why;
	const json_t *images, *details;
	uint64_t more;
};

#define FIELD(member) offsetof(struct damage_json, member)
static const struct json_field damage_fields[] = {
	{ "kind", JSON_KIND_STR, FIELD(kind), JSON_REQUIRED, 64 },
	{ "id", JSON_KIND_STR, FIELD(id), JSON_REQUIRED, 512 },
	{ "images", JSON_KIND_ARRAY, FIELD(images), JSON_REQUIRED, LIST_MAX },
	{ "details", JSON_KIND_ARRAY, FIELD(details), JSON_REQUIRED, LIST_MAX },
	{ "more", JSON_KIND_U64, FIELD(more), JSON_REQUIRED, 0 },
	{ "outcome", JSON_KIND_STR, FIELD(outcome), JSON_REQUIRED, 64 },
	{ "why", JSON_KIND_STR, FIELD(why), 0, 0 },
	{ NULL, 0, 0, 0, 0 },
};

static enum ctr_damage_outcome outcome_of(const char *s)
{
	static const char *const names[] = { "found", "mended", "removed", "pull", "busy" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (streq(names[i], s))
			return (enum ctr_damage_outcome)i;
	return CTR_DAMAGE_FAILED;
}

static int take_damage(struct ctr_check *c, const json_t *doc, struct err *e)
{
	struct damage_json j = { .why = NULL };
	struct ctr_damage *d;
	int r = json_read(doc, damage_fields, &j, 0, "$.damage[]", e);

	if (r < 0)
		return r;
	d = new_damage(c, j.kind, j.id);
	if (!d || (j.why && !(d->why = strdup(j.why))))
		return nomem(e);
	d->more = j.more;
	d->outcome = outcome_of(j.outcome);
	r = json_read_strv(j.images, &d->images, LIST_MAX, "$.images", e);
	return r < 0 ? r : json_read_strv(j.details, &d->details, LIST_MAX, "$.details", e);
}

static int take_answer(struct ctr_check *c, const char *text, struct err *e)
{
	auto_json json_t *doc = NULL;
	const json_t *list;
	int r = json_parse(text, strlen(text), ANSWER_MAX_BYTES, "the answer of ctr-lite-transfer", &doc, e);

	list = json_object_get(doc, "damage");
	for (size_t i = 0; r == 0 && i < json_array_size(list); i++)
		r = take_damage(c, json_array_get(list, i), e);
	return r < 0 ? r : json_read_strv(json_object_get(doc, "notes"), &c->notes, LIST_MAX, "$.notes", e);
}

/* Which layers do containers need, and which are mounted?  A record that cannot be read keeps nothing. */
static int list_uses(struct ctr_engine *eng, struct strv *used, struct strv *busy, struct err *e)
{
	auto_strv struct strv ids = STRV_INIT;
	int r = ctr_container_ids(eng, &ids, e);

	for (size_t i = 0; r == 0 && i < ids.n; i++) {
		struct ctr_request req = CTR_REQUEST_INIT;
		struct ctr_status st = { 0 };
		auto_strv struct strv layers = STRV_INIT;
		bool runs;

		if (ctr_container_load(eng, ids.items[i], &req, NULL) < 0)
			continue;
		runs = ctr_container_status(eng, ids.items[i], &st, NULL) == 0 && st.state == CTR_RUNNING;
		r = ctr_request_layers(&req, &layers);
		for (size_t k = 0; r == 0 && k < layers.n; k++) {
			if (!strv_has(used, layers.items[k]))
				r = strv_add(used, layers.items[k]);
			if (r == 0 && runs && !strv_has(busy, layers.items[k]))
				r = strv_add(busy, layers.items[k]);
		}
		ctr_request_done(&req);
		if (r < 0)
			return nomem(e);
	}
	return r;
}

static int check_images(struct ctr_engine *eng, const struct ctr_check_opts *o, struct ctr_check *c,
			struct err *e)
{
	struct ctr_transfer t = { .root = eng->store.root, .run = eng->store.run, .quiet = true };
	auto_strv struct strv argv = STRV_INIT, used = STRV_INIT, busy = STRV_INIT;
	auto_free char *out = NULL;
	int r = list_uses(eng, &used, &busy, e);

	if (r < 0)
		return r;
	r = strv_add(&argv, "check");
	if (r == 0 && o->quick)
		r = strv_add(&argv, "--quick");
	if (r == 0 && o->repair)
		r = strv_add(&argv, "--repair");
	if (r == 0)
		r = strv_addf(&argv, "--age=%" PRIu64, o->max_age_s);
	for (size_t i = 0; r == 0 && i < used.n; i++)
		r = strv_addf(&argv, "--used=%s", used.items[i]);
	for (size_t i = 0; r == 0 && i < busy.n; i++)
		r = strv_addf(&argv, "--busy=%s", busy.items[i]);
	if (r < 0)
		return nomem(e);
	r = ctr_transfer_run(&t, (const char *const *)strv_argv(&argv), &out, e);
	return r < 0 ? r : take_answer(c, out, e);
}

/* Containers and their names */

static int check_name(struct ctr_engine *eng, const struct ctr_request *req, bool repair, struct ctr_check *c,
		      struct err *e)
{
	char holder[65] = "";
	int r = store_name_lookup(&eng->store, req->name, holder);

	if (r == 0 && streq(holder, req->id))
		return 0;
	r = say(c, "container", req->id, e, "its name %s %s%s", req->name, r == 0 ? "belongs to " :
		"is not claimed", r == 0 ? holder : "");
	if (r == 0 && repair && !holder[0] &&
	    store_name_claim(&eng->store, req->name, req->id, NULL, holder, NULL) == 0)
		c->damage[c->n - 1].outcome = CTR_DAMAGE_MENDED;
	return r;
}

static int check_parts(struct ctr_engine *eng, const struct ctr_request *req, struct ctr_check *c, struct err *e)
{
	auto_strv struct strv layers = STRV_INIT;
	auto_free char *upper = str_printf("%s/upper", req->id);
	int r = ctr_request_layers(req, &layers);

	if (r < 0 || !upper)
		return nomem(e);
	for (size_t i = 0; r == 0 && i < layers.n; i++)
		if (layer_exists(&eng->store, layers.items[i]) != 1)
			r = say(c, "container", req->id, e, "layer %s is missing", layers.items[i]);
	if (r == 0 && layers.n && faccessat(eng->store.containers_fd, upper, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		r = say(c, "container", req->id, e, "upper: %s", strerror(errno));
	return r;
}

static bool is_there(struct ctr_engine *eng, const char *id)
{
	return faccessat(eng->store.containers_fd, id, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int check_containers(struct ctr_engine *eng, bool repair, struct ctr_check *c, struct err *e)
{
	auto_strv struct strv ids = STRV_INIT;
	int r = ctr_container_ids(eng, &ids, e);

	for (size_t i = 0; r == 0 && i < ids.n; i++) {
		struct ctr_request req = CTR_REQUEST_INIT;
		struct err why = ERR_INIT;

		r = ctr_container_load(eng, ids.items[i], &req, &why);
		if (r < 0 && is_there(eng, ids.items[i])) {
			r = say(c, "container", ids.items[i], e, "container.json: %s", why.text);
			continue;
		}
		if (r == 0 && !streq(req.id, ids.items[i]))
			r = say(c, "container", ids.items[i], e, "container.json: it is that of %s", req.id);
		else if (r == 0)
			r = check_parts(eng, &req, c, e);
		if (r == 0)
			r = check_name(eng, &req, repair, c, e);
		r = is_there(eng, ids.items[i]) || r == -ENOMEM ? r : 0; /* removed meanwhile */
		ctr_request_done(&req);
	}
	return r;
}

static int each_name(struct ctr_engine *eng, const char *dir, struct strv *ret, struct err *e)
{
	auto_close int fd = path_open_beneath(eng->store.root_fd, dir, O_RDONLY | O_DIRECTORY);
	auto_dir DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;

	if (fd == -ENOENT)
		return 0;
	if (!d)
		return err_sys(e, fd < 0 ? fd : errno, "list %s/%s", eng->store.root, dir);
	(void)take_fd(&fd);
	while ((de = readdir(d)))
		if (!streq(de->d_name, ".") && !streq(de->d_name, "..") && strv_add(ret, de->d_name) < 0)
			return nomem(e);
	return 0;
}

/* Names of containers that do not exist.  One whose maker is at work has its stage behind the id. */
static int check_names(struct ctr_engine *eng, bool repair, struct ctr_check *c, struct err *e)
{
	auto_strv struct strv names = STRV_INIT;
	int r = each_name(eng, "names", &names, e);

	for (size_t i = 0; r == 0 && i < names.n; i++) {
		const char *name = names.items[i];
		char target[160], id[65];
		ssize_t n = readlinkat(eng->store.names_fd, name, target, sizeof(target) - 1);

		if (n < 0 && errno == ENOENT)
			continue;
		target[n > 0 ? n : 0] = '\0';
		if (n > 0 && (strchr(target, '/') || is_there(eng, target)))
			continue;
		r = say(c, "name", name, e, n > 0 ? "it belongs to no container" : "it is no link");
		if (r < 0 || !repair)
			continue;
		if (n > 0 && store_name_lookup(&eng->store, name, id) == 0)
			store_name_release(&eng->store, name, id);
		else
			(void)unlinkat(eng->store.names_fd, name, 0); /* seen below */
		if (faccessat(eng->store.names_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
			c->damage[c->n - 1].outcome = CTR_DAMAGE_REMOVED;
	}
	return r;
}

/* Volumes and secrets */

static int check_volumes(struct ctr_engine *eng, bool repair, struct ctr_check *c, struct err *e)
{
	auto_strv struct strv names = STRV_INIT;
	int r = each_name(eng, "volumes", &names, e);

	(void)repair; /* a volume's content is the user's: nothing to make it of */
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		struct ctr_volume v = CTR_VOLUME_INIT;
		auto_free char *data = str_printf("%s/_data", names.items[i]);
		struct err why = ERR_INIT;

		r = data ? ctr_volume_read(eng, names.items[i], &v, &why) : nomem(e);
		if (r < 0 && data && faccessat(eng->store.volumes_fd, names.items[i], F_OK, 0) == 0)
			r = say(c, "volume", names.items[i], e, "volume.json: %s", why.text);
		else if (r == 0 && faccessat(eng->store.volumes_fd, data, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
			r = say(c, "volume", names.items[i], e, "_data: %s", strerror(errno));
		r = data && r != -ENOMEM ? 0 : r;
		ctr_volume_done(&v);
	}
	return r;
}

static int check_secrets(struct ctr_engine *eng, bool repair, struct ctr_check *c, struct err *e)
{
	auto_strv struct strv ids = STRV_INIT;
	int r = each_name(eng, "secrets", &ids, e);

	(void)repair; /* nothing to make one of */
	for (size_t i = 0; r == 0 && i < ids.n; i++) {
		struct ctr_secret s = CTR_SECRET_INIT;
		struct err why = ERR_INIT;
		char *data = NULL;
		size_t len = 0;

		if (ctr_secret_find(eng, ids.items[i], &s, &why) < 0)
			r = say(c, "secret", ids.items[i], e, "secret.json: %s", why.text);
		else if (ctr_secret_data(eng, ids.items[i], &data, &len, &why) < 0)
			r = say(c, "secret", ids.items[i], e, "data: %s", why.text);
		ctr_secret_data_free(data, len);
		ctr_secret_done(&s);
	}
	return r;
}

/* --force: what cannot be mended goes, containers before the images that they are made from. */

/* One whose record cannot be read, and that nobody has running, is its directory. */
static int remove_directory(struct ctr_engine *eng, const char *id, struct err *e)
{
	auto_strv struct strv names = STRV_INIT;
	const struct idmap *map = NULL;
	struct ctr_status st = { 0 };
	struct stage stage = STAGE_INIT;
	char holder[65];
	int r = ctr_container_status(eng, id, &st, NULL);

	if (r == 0 && st.state == CTR_RUNNING)
		return err_set(e, ERR_BUSY, "it is running: kill the process %d", (int)st.pid);
	r = ctr_engine_idmap(eng, &map, e);
	if (r == 0)
		r = store_stage_take(&eng->store, eng->store.containers_fd, id, &stage, e);
	if (r == 0)
		r = store_stage_drop(&eng->store, &stage, map, e);
	if (r == 0)
		r = each_name(eng, "names", &names, e);
	for (size_t i = 0; r == 0 && i < names.n; i++)
		if (store_name_lookup(&eng->store, names.items[i], holder) == 0 && streq(holder, id))
			store_name_release(&eng->store, names.items[i], id);
	return r;
}

static int remove_container(struct ctr_engine *eng, const char *id, struct err *e)
{
	struct ctr_request req = CTR_REQUEST_INIT;
	int r = ctr_container_load(eng, id, &req, NULL);
	bool readable = r == 0 && streq(req.id, id);

	ctr_request_done(&req);
	return readable ? ctr_container_remove(eng, id, true, true, REMOVE_TIMEOUT_S, e) :
			  remove_directory(eng, id, e);
}

static int remove_containers(struct ctr_engine *eng, struct ctr_check *c)
{
	for (size_t i = 0; i < c->n; i++) {
		struct ctr_damage *d = &c->damage[i];
		struct err why = ERR_INIT;

		if (!streq(d->kind, "container") || d->outcome == CTR_DAMAGE_MENDED)
			continue;
		if (remove_container(eng, d->id, &why) == 0) {
			d->outcome = CTR_DAMAGE_REMOVED;
			continue;
		}
		d->outcome = CTR_DAMAGE_FAILED;
		free(d->why);
		d->why = strdup(why.text);
		if (!d->why)
			return -ENOMEM;
	}
	return 0;
}

static void remove_images(struct ctr_engine *eng, struct ctr_check *c)
{
	for (size_t i = 0; i < c->n; i++) {
		struct ctr_damage *d = &c->damage[i];
		bool all = d->images.n > 0;

		if (d->outcome != CTR_DAMAGE_PULL)
			continue;
		for (size_t k = 0; k < d->images.n; k++) {
			const struct ctr_image_remove_opts force = { .force = true };
			struct ctr_image_removed gone = CTR_IMAGE_REMOVED_INIT;
			int r = ctr_image_remove(eng, d->images.items[k], &force, &gone, NULL);

			all &= r == 0 || r == -ENOENT; /* for another damage of its */
			ctr_image_removed_done(&gone);
		}
		if (all)
			d->outcome = CTR_DAMAGE_REMOVED;
	}
}

int ctr_check(struct ctr_engine *eng, const struct ctr_check_opts *o, struct ctr_check *ret, struct err *e)
{
	struct ctr_check c = CTR_CHECK_INIT;
	int r = check_images(eng, o, &c, e);

	if (r == 0)
		r = check_containers(eng, o->repair, &c, e);
	if (r == 0)
		r = check_names(eng, o->repair, &c, e);
	if (r == 0)
		r = check_volumes(eng, o->repair, &c, e);
	if (r == 0)
		r = check_secrets(eng, o->repair, &c, e);
	if (r == 0 && o->force) {
		r = remove_containers(eng, &c) < 0 ? nomem(e) : 0;
		remove_images(eng, &c);
	}
	if (r < 0) {
		ctr_check_done(&c);
		return r;
	}
	*ret = c;
	return 0;
}
