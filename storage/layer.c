/* Unpacked layers: looking at them and holding them. */
#include "layer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "json.h"
#include "path.h"
#include "store-internal.h"

#define LAYER_JSON_MAX_BYTES 4096

struct layer_json {
	uint64_t version;
	const char *diff_id, *chain, *list_sum, *sum;
	struct layer_info info;
};

#define FIELD(member) offsetof(struct layer_json, member)
static const struct json_field layer_fields[] = {
	{ "version", JSON_KIND_U64, FIELD(version), JSON_REQUIRED, 1 },
	{ "diff_id", JSON_KIND_STR, FIELD(diff_id), JSON_REQUIRED, DIGEST_STR_MAX },
	{ "chain_id", JSON_KIND_STR, FIELD(chain), 0, DIGEST_STR_MAX },
	{ "size", JSON_KIND_U64, FIELD(info.size_bytes), JSON_REQUIRED, 0 },
	{ "entries", JSON_KIND_U64, FIELD(info.n_entries), JSON_REQUIRED, 0 },
	{ "squashed_owners", JSON_KIND_BOOL, FIELD(info.squashed_owners), 0, 0 },
	{ "implicit_parents", JSON_KIND_BOOL, FIELD(info.implicit_parents), 0, 0 },
	{ "has_root", JSON_KIND_BOOL, FIELD(info.has_root), 0, 0 },
	{ "opaque_root", JSON_KIND_BOOL, FIELD(info.opaque_root), 0, 0 },
	{ "files", JSON_KIND_STR, FIELD(list_sum), 0, LAYER_SUM_LEN },
	{ "sum", JSON_KIND_STR, FIELD(sum), 0, LAYER_SUM_LEN },
	{ NULL, 0, 0, 0, 0 },
};

static int check_key(const char *key, struct err *e)
{
	struct digest d;

	return digest_parse_hex(key, &d, e);
}

int layer_exists(struct store *s, const char *key)
{
	int r = check_key(key, NULL);

	if (r < 0)
		return r;
	if (faccessat(s->layers_fd, key, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 1;
	return errno == ENOENT ? 0 : -errno;
}

/* The document's own checksum: of its text without it. */
static bool sum_of(const json_t *doc, char ret[LAYER_SUM_LEN + 1])
{
	auto_json json_t *copy = json_copy((json_t *)(uintptr_t)doc); /* jansson's copy takes no const */
	auto_free char *text = NULL;

	if (!copy)
		return false;
	(void)json_object_del(copy, "sum"); /* there may be none */
	text = json_dumps(copy, JSON_COMPACT);
	if (!text)
		return false;
	(void)snprintf(ret, LAYER_SUM_LEN + 1, "%016" PRIx64, str_hash64(text, strlen(text)));
	return true;
}

int layer_info_read(int dir_fd, struct layer_info *ret, struct err *e)
{
	struct layer_json j = { 0 };
	char sum[LAYER_SUM_LEN + 1];
	auto_json json_t *doc = NULL;
	int r = json_parse_file(dir_fd, "layer.json", LAYER_JSON_MAX_BYTES, &doc, e);

	if (r == 0)
		r = json_read(doc, layer_fields, &j, 0, "$", e);
	if (r == 0)
		r = digest_parse(j.diff_id, &j.info.diff_id, e);
	if (r == 0 && j.chain)
		r = digest_parse(j.chain, &j.info.chain, e);
	if (r < 0)
		return r;
	(void)snprintf(j.info.list_sum, sizeof(j.info.list_sum), "%s", j.list_sum ? j.list_sum : "");
	j.info.whole = j.sum && sum_of(doc, sum) && streq(sum, j.sum);
	*ret = j.info;
	return 0;
}

int layer_info_write(int dir_fd, const struct layer_info *info)
{
	char diff[DIGEST_STR_MAX], chain[DIGEST_STR_MAX], sum[LAYER_SUM_LEN + 1];
	auto_json json_t *doc = json_pack("{s:i, s:s, s:I, s:I, s:b, s:b, s:b, s:b}", "version", 1,
		"diff_id", digest_str(&info->diff_id, diff), "size", (json_int_t)info->size_bytes,
		"entries", (json_int_t)info->n_entries, "squashed_owners", info->squashed_owners,
		"implicit_parents", info->implicit_parents, "has_root", info->has_root,
		"opaque_root", info->opaque_root);
	auto_free char *text = NULL;

	if (!doc || (info->chain.hex[0] &&
		     json_object_set_new(doc, "chain_id", json_string(digest_str(&info->chain, chain)))))
		return -ENOMEM;
	if (info->list_sum[0] && json_object_set_new(doc, "files", json_string(info->list_sum)) < 0)
		return -ENOMEM;
	if (!sum_of(doc, sum) || json_object_set_new(doc, "sum", json_string(sum)) < 0)
		return -ENOMEM;
	text = json_dumps(doc, JSON_COMPACT);
	if (!text)
		return -ENOMEM;
	return file_replace(dir_fd, "layer.json", text, strlen(text), 0600, FILE_SYNC_NONE);
}

int layer_info(struct store *s, const char *key, struct layer_info *ret, struct err *e)
{
	auto_close int fd = FD_NONE;
	int r = check_key(key, e);

	if (r < 0)
		return r;
	fd = path_open_beneath(s->layers_fd, key, O_PATH | O_DIRECTORY);
	if (fd == -ENOENT)
		return err_set(e, ERR_NOT_FOUND, "layer %.12s is not in the store", key);
	if (fd < 0)
		return err_sys(e, fd, "open layer %.12s", key);
	r = layer_info_read(fd, ret, e);
	return r < 0 ? err_wrap(e, r, "layer %.12s", key) : 0;
}

bool layer_is_damaged(struct store *s, const char *key)
{
	char path[DIGEST_HEX_LEN + 16];

	(void)snprintf(path, sizeof(path), "%.64s/" LAYER_DAMAGED, key);
	return faccessat(s->layers_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int layer_find_any(struct store *s, const struct digest *diff_id, const struct digest *chain,
		   char ret_key[DIGEST_HEX_LEN + 1], struct err *e)
{
	struct layer_info info;
	int r = layer_exists(s, diff_id->hex);

	if (r > 0 && !digest_eq(diff_id, chain)) {
		r = layer_info(s, diff_id->hex, &info, e);
		if (r < 0)
			return r;
		r = !info.implicit_parents;
	}
	if (r > 0) {
		memcpy(ret_key, diff_id->hex, sizeof(diff_id->hex));
		return 1;
	}
	if (r == 0)
		r = layer_exists(s, chain->hex);
	if (r < 0)
		return err_sys(e, r, "look for layer %.12s", diff_id->hex);
	if (r > 0)
		memcpy(ret_key, chain->hex, sizeof(chain->hex));
	return r;
}

int layer_find(struct store *s, const struct digest *diff_id, const struct digest *chain,
	       char ret_key[DIGEST_HEX_LEN + 1], struct err *e)
{
	char key[DIGEST_HEX_LEN + 1];
	int r = layer_find_any(s, diff_id, chain, key, e);

	if (r <= 0 || layer_is_damaged(s, key))
		return r < 0 ? r : 0;
	memcpy(ret_key, key, sizeof(key));
	return 1;
}

int layer_hold(struct store *s, const char *key, struct err *e)
{
	auto_close int fd = FD_NONE;
	int r = check_key(key, e);

	if (r < 0)
		return r;
	fd = path_open_beneath(s->layers_fd, key, O_RDONLY | O_DIRECTORY);
	if (fd == -ENOENT)
		return err_set(e, ERR_NOT_FOUND, "layer %.12s is not in the store", key);
	if (fd < 0)
		return err_sys(e, fd, "open layer %.12s", key);
	r = file_lock(fd, false, false);
	/* Held exclusively, or gone by now: it is being collected. */
	if (r == 0 && layer_exists(s, key) == 1)
		return take_fd(&fd);
	if (r == 0 || r == -EWOULDBLOCK)
		return err_set(e, ERR_NOT_FOUND, "layer %.12s is being removed", key);
	return err_sys(e, r, "lock layer %.12s", key);
}
