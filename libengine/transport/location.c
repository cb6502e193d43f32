/* Where an image is, see location.h. */
#include "location.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fd.h"
#include "str.h"

#define INDEX_MAX 65535

static const char *const names[] = { "", "docker", "oci", "oci-archive", "docker-archive", "dir",
				     "containers-storage" };
static_assert(sizeof(names) / sizeof(names[0]) == TRANSPORT_COUNT_, "a name for each transport");

static const struct {
	const char *name, *instead;
} refused[] = {
	{ "docker-daemon", "use `docker save IMAGE | ctr-lite load`" },
	{ "ostree", "copy the image to an oci: layout first" },
	{ "sif", "copy the image to an oci: layout first" },
	{ "atomic", "use docker:// for the registry" },
	{ "tarball", "use `ctr-lite import`" },
};
#define N_REFUSED (sizeof(refused) / sizeof(refused[0]))

const char *ctr_transport_str(enum ctr_transport t)
{
	return names[t];
}

void ctr_location_done(struct ctr_location *l)
{
	int saved = errno;

	free(l->text);
	free(l->path);
	free(l->ref);
	free(l->driver);
	free(l->root);
	free(l->run);
	*l = (struct ctr_location)CTR_LOCATION_INIT;
	errno = saved;
}

/* What stands behind "name:" in @text, or NULL. */
static const char *behind(const char *text, const char *name)
{
	const char *rest = str_after(text, name);

	return rest && *rest == ':' ? rest + 1 : NULL;
}

static enum ctr_transport find(const char *text, const char **ret_rest)
{
	for (enum ctr_transport t = TRANSPORT_DOCKER; t < TRANSPORT_COUNT_; t++) {
		const char *rest = behind(text, names[t]);

		/* "docker" is also an image: docker:latest */
		if (rest && (t != TRANSPORT_DOCKER || str_starts(rest, "//"))) {
			*ret_rest = t == TRANSPORT_DOCKER ? rest + 2 : rest;
			return t;
		}
	}
	return TRANSPORT_NAME;
}

bool ctr_location_has_transport(const char *text)
{
	const char *rest;

	for (size_t i = 0; i < N_REFUSED; i++)
		if (behind(text, refused[i].name))
			return true;
	return find(text, &rest) != TRANSPORT_NAME;
}

bool ctr_location_is_elsewhere(const char *text)
{
	const char *rest;
	enum ctr_transport t = find(text, &rest);

	if (t == TRANSPORT_STORAGE)
		return *rest == '[';
	return t != TRANSPORT_DOCKER && ctr_location_has_transport(text);
}

static int set(char **to, const char *s, size_t len, struct err *e)
{
	*to = strndup(s, len);
	return *to ? 0 : err_sys(e, ENOMEM, "read an image's place");
}

/* PATH[:REF], the path without a colon. */
static int parse_path(struct ctr_location *l, const char *rest, struct err *e)
{
	size_t len = strcspn(rest, ":");
	const char *ref = rest[len] ? rest + len + 1 : NULL;
	uint32_t n;
	int r;

	if (len == 0)
		return err_set(e, ERR_INVALID, "%s: no path behind %s:", l->text, names[l->transport]);
	r = set(&l->path, rest, len, e);
	if (r < 0 || !ref || !*ref)
		return r;
	if (*ref != '@')
		return set(&l->ref, ref, strlen(ref), e);
	if (str_u32(ref + 1, INDEX_MAX, &n) < 0)
		return err_set(e, ERR_INVALID, "%s: \"%s\" is not @ and the number of an image", l->text, ref);
	l->index = (long)n;
	return 0;
}

/* [DRIVER@ROOT+RUN]NAME; each part may be left out, and with it its separator. */
static int parse_storage(struct ctr_location *l, const char *rest, struct err *e)
{
	const char *end, *at, *plus;
	int r = 0;

	if (*rest == '[') {
		end = strchr(++rest, ']');
		if (!end)
			return err_set(e, ERR_INVALID, "%s: no ] behind [", l->text);
		at = memchr(rest, '@', (size_t)(end - rest));
		if (at) {
			r = set(&l->driver, rest, (size_t)(at - rest), e);
			rest = at + 1;
		}
		plus = memchr(rest, '+', (size_t)(end - rest));
		if (r == 0)
			r = set(&l->root, rest, (size_t)((plus ? plus : end) - rest), e);
		if (r == 0 && plus)
			r = set(&l->run, plus + 1, (size_t)(end - plus - 1), e);
		if (r == 0 && l->root[0] != '/')
			return err_set(e, ERR_INVALID, "%s: the store's directory must be absolute", l->text);
		rest = end + 1;
	}
	if (r == 0 && !*rest)
		return err_set(e, ERR_INVALID, "%s: no image is named", l->text);
	return r < 0 ? r : set(&l->ref, rest, strlen(rest), e);
}

static int parse_rest(struct ctr_location *l, const char *rest, struct err *e)
{
	switch (l->transport) {
	case TRANSPORT_NAME:
	case TRANSPORT_DOCKER:
		if (!*rest)
			return err_set(e, ERR_INVALID, "%s: no image is named", l->text);
		return set(&l->ref, rest, strlen(rest), e);
	case TRANSPORT_OCI:
	case TRANSPORT_OCI_ARCHIVE:
	case TRANSPORT_DOCKER_ARCHIVE:
		return parse_path(l, rest, e);
	case TRANSPORT_DIR:
		if (!*rest)
			return err_set(e, ERR_INVALID, "%s: no directory behind dir:", l->text);
		return set(&l->path, rest, strlen(rest), e);
	case TRANSPORT_STORAGE:
		return parse_storage(l, rest, e);
	case TRANSPORT_COUNT_:
		break;
	}
	return -EINVAL;
}

int ctr_location_parse(const char *text, struct ctr_location *ret, struct err *e)
{
	auto_location struct ctr_location l = CTR_LOCATION_INIT;
	const char *rest = text;
	int r;

	for (size_t i = 0; i < N_REFUSED; i++)
		if (behind(text, refused[i].name))
			return err_set(e, ERR_UNSUPPORTED, "%s: the transport %s: does not exist here; %s",
				       text, refused[i].name, refused[i].instead);
	r = set(&l.text, text, strlen(text), e);
	if (r < 0)
		return r;
	l.transport = find(text, &rest);
	r = parse_rest(&l, rest, e);
	if (r < 0)
		return r;
	*ret = l;
	l = (struct ctr_location)CTR_LOCATION_INIT;
	return 0;
}
