/* The options of the local driver: what -o type=, device= and o= make of a volume. */
#include "volume-priv.h"

#include <errno.h>
#include <stdlib.h>

#include "fd.h"
#include "path.h"

#define ID_MAX (UINT32_MAX - 1)

static int nomem(struct err *e)
{
	return err_sys(e, ENOMEM, "read the options of a volume");
}

static int set_id(const char *key, const char *value, bool *has, uint32_t *ret, struct err *e)
{
	if (str_u32(value, ID_MAX, ret) < 0)
		return err_set(e, ERR_INVALID, "cannot convert %s \"%.40s\" to a number", key, value);
	*has = true;
	return 0;
}

/* One word of o=: ours, or one for the mount. */
static int take_word(struct ctr_volume *v, const char *word, struct err *e)
{
	const char *value;
	uint64_t bytes;

	if (!*word)
		return err_set(e, ERR_INVALID, "an empty word in o=");
	value = str_after(word, "uid=");
	if (value)
		return set_id("uid", value, &v->has_uid, &v->uid, e);
	value = str_after(word, "gid=");
	if (value)
		return set_id("gid", value, &v->has_gid, &v->gid, e);
	value = str_after(word, "size=");
	if (value) {
		if (str_size(value, &bytes) < 0 && !str_ends(value, "%"))
			return err_set(e, ERR_INVALID, "cannot convert size \"%.40s\" to a number",
				       value);
		free(v->size);
		v->size = strdup(value);
		return v->size ? 0 : nomem(e);
	}
	if (streq(word, "noquota"))
		return 0; /* there are none */
	if (str_starts(word, "timeout="))
		return err_set(e, ERR_UNSUPPORTED, "o=%s: only volume plugins have a timeout, and there "
			       "are none", word);
	return strv_add(&v->mount_options, word) < 0 ? nomem(e) : 0;
}

static int take_words(struct ctr_volume *v, const char *list, struct err *e)
{
	auto_strv struct strv words = STRV_INIT;
	int r = strv_split(&words, list, ',') < 0 ? nomem(e) : 0;

	for (size_t i = 0; r == 0 && i < words.n; i++)
		r = take_word(v, words.items[i], e);
	return r;
}

static bool says_bind(const struct ctr_volume *v)
{
	return strv_has(&v->mount_options, "bind") || strv_has(&v->mount_options, "rbind");
}

/* What a tmpfs is told about its owner goes into its mount and not onto a directory. */
static int tmpfs_options(struct ctr_volume *v, struct err *e)
{
	int r = 0;

	if (v->size)
		r = strv_addf(&v->mount_options, "size=%s", v->size);
	if (r == 0 && v->has_uid)
		r = strv_addf(&v->mount_options, "uid=%u", v->uid);
	if (r == 0 && v->has_gid)
		r = strv_addf(&v->mount_options, "gid=%u", v->gid);
	return r < 0 ? nomem(e) : 0;
}

static bool has_inodes(const struct ctr_volume *v)
{
	for (size_t i = 0; i < v->mount_options.n; i++)
		if (str_starts(v->mount_options.items[i], "inodes="))
			return true;
	return false;
}

static int settle_kind(struct ctr_volume *v, const char *type, struct err *e)
{
	if (type && streq(type, "tmpfs")) {
		v->kind = CTR_VOLUME_TMPFS;
		return tmpfs_options(v, e);
	}
	if (v->size || has_inodes(v))
		return err_set(e, ERR_UNSUPPORTED, "volume options size and inodes not supported. "
			       "Filesystem does not support Project Quota (type=tmpfs has a size)");
	if (type && !streq(type, "none") && !streq(type, "bind"))
		return err_set(e, ERR_UNSUPPORTED, "volume type \"%.60s\" is not supported: there are "
			       "bind (type=none), tmpfs and the volume's own directory", type);
	if (!type && !v->device && !says_bind(v)) {
		if (v->mount_options.n)
			return err_set(e, ERR_INVALID, "o=%s needs a type and a device",
				       v->mount_options.items[0]);
		v->kind = CTR_VOLUME_DIR;
		return 0;
	}
	if (!v->device || v->device[0] != '/')
		return err_set(e, ERR_INVALID, "a bind volume needs device= with an absolute path of "
			       "the host");
	if (!says_bind(v))
		return err_set(e, ERR_INVALID, "device=%s needs o=bind", v->device);
	v->kind = CTR_VOLUME_BIND;
	return 0;
}

int volume_read_options(struct ctr_volume *v, bool rootless, struct err *e)
{
	const char *type = NULL;
	int r = 0;

	(void)rootless;
	for (size_t i = 0; r == 0 && i < v->options.n; i++) {
		const char *opt = v->options.items[i], *value;

		if ((value = str_after(opt, "type=")))
			type = value;
		else if ((value = str_after(opt, "device="))) {
			free(v->device);
			v->device = *value == '/' ? path_clean_abs(value) : strdup(value);
			r = v->device ? 0 : nomem(e);
		} else if ((value = str_after(opt, "o=")))
			r = take_words(v, value, e);
		else if ((value = str_after(opt, "uid=")))
			r = set_id("uid", value, &v->has_uid, &v->uid, e);
		else if ((value = str_after(opt, "gid=")))
			r = set_id("gid", value, &v->has_gid, &v->gid, e);
		else if ((value = str_after(opt, "size=")) || (value = str_after(opt, "inodes=")))
			r = take_word(v, opt, e);
		else if (streq(opt, "nocopy") || streq(opt, "nocopy="))
			v->nocopy = true;
		else if (streq(opt, "copy") || streq(opt, "copy="))
			v->nocopy = false;
		else
			r = err_set(e, ERR_INVALID, "invalid mount option %.*s for driver 'local': "
				    "invalid argument", (int)strcspn(opt, "="), opt);
	}
	return r < 0 ? r : settle_kind(v, type, e);
}
