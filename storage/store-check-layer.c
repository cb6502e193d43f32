/* Checking a layer: a confined worker in the layer's user namespace compares it with its list. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store-check-priv.h"
#include "confine.h"
#include "file-list.h"
#include "layer.h"
#include "path.h"
#include "proc.h"
#include "store-internal.h"
#include "worker.h"

#define WORKER_FILE_BYTES 0		/* it writes none */
#define SHIFT_MAP_MAX_BYTES (64u << 10)

/* What a worker says: SAYS_DAMAGE, path, NUL, what, NUL; at last SAYS_DONE, or SAYS_ERROR, why, NUL. */
#define SAYS_DAMAGE 'D'
#define SAYS_DONE 'R'
#define SAYS_ERROR 'E'

enum { FD_LIST = WORKER_FD_FIRST, FD_SAY, FD_ROOT };

static int say_damage(void *arg, const char *path, const char *what)
{
	FILE *f = arg;

	if (putc(SAYS_DAMAGE, f) == EOF || fwrite(path, strlen(path) + 1, 1, f) != 1 ||
	    fwrite(what, strlen(what) + 1, 1, f) != 1)
		return -EPIPE;
	return 0;
}

static void __attribute__((noreturn)) worker_main(const int fds[3], const struct idmap *shift, bool quick)
{
	struct err e = ERR_INIT;
	FILE *say;
	int r;

	worker_reset_signals();
	r = worker_place_fds(fds, 3);
	say = r < 0 ? NULL : fdopen(FD_SAY, "w");
	if (!say)
		_exit(1);
	r = confine_to(FD_ROOT, WORKER_FILE_BYTES, &e);
	if (r == 0)
		r = file_list_check(FD_ROOT, FD_LIST, shift, quick, say_damage, say, &e);
	if (putc(r < 0 ? SAYS_ERROR : SAYS_DONE, say) == EOF ||
	    (r < 0 && fwrite(e.text, strlen(e.text) + 1, 1, say) != 1) || fflush(say) != 0)
		_exit(1);
	_exit(0);
}

/* A text up to its NUL into fresh memory. */
static char *read_word(FILE *f)
{
	char *s = NULL;
	size_t cap = 0;

	if (getdelim(&s, &cap, '\0', f) <= 0) {
		free(s);
		return NULL;
	}
	return s;
}

static int listen_to(struct store_check *c, enum store_damage_kind kind, const char *id, FILE *f,
		     struct err *e)
{
	int says, r = 0;

	while (r == 0 && (says = getc(f)) == SAYS_DAMAGE) {
		auto_free char *path = read_word(f), *what = read_word(f);

		if (!path || !what)
			return -ECHILD;
		r = check_say(c, kind, id, NULL, e, "%s: %s", path, what);
	}
	if (r == 0 && says == SAYS_ERROR) {
		auto_free char *why = read_word(f);

		return why ? check_say(c, kind, id, NULL, e, "%s", why) : -ECHILD;
	}
	return r < 0 ? r : says == SAYS_DONE ? 0 : -ECHILD;
}

static int compare(struct store_check *c, enum store_damage_kind kind, const char *id, int root, int list,
		   const struct idmap *shift, struct err *e)
{
	auto_close int rd = FD_NONE, wr = FD_NONE;
	struct proc p = PROC_INIT;
	auto_file FILE *f = NULL;
	int fds[2], status = 0, r;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(e, errno, "make a pipe");
	rd = fds[0];
	wr = fds[1];
	f = fdopen(rd, "r");
	if (!f)
		return err_sys(e, errno, "make a pipe");
	(void)take_fd(&rd);
	r = worker_fork(c->idmap, &p, e);
	if (r == 0)
		worker_main((const int[]){ list, wr, root }, shift, c->quick);
	wr = fd_close(wr);
	if (r < 0)
		return r;
	r = listen_to(c, kind, id, f, e);
	if (r < 0)
		(void)proc_signal(&p, SIGKILL);
	(void)proc_wait(&p, &status); /* its word is what counts */
	proc_done(&p);
	return r == -ECHILD ? err_set(e, ERR_OS, "check %s %.80s: the comparing process died",
				      store_damage_kind_names[kind], id) : r;
}

static int read_map(int dir_fd, struct idmap *ret)
{
	auto_close int fd = path_open_beneath(dir_fd, "idmap", O_RDONLY);
	auto_free char *text = NULL;
	char *save = NULL, *uid, *gid;
	int r = fd < 0 ? fd : fd_read_file(fd, SHIFT_MAP_MAX_BYTES, &text, NULL);

	if (r < 0)
		return r;
	uid = strtok_r(text, "\n", &save);
	gid = strtok_r(NULL, "\n", &save);
	if (!uid || !gid || !str_starts(uid, "uid ") || !str_starts(gid, "gid "))
		return -EBADMSG;
	r = idmap_parse(uid + 4, ret->uid, &ret->n_uid);
	return r < 0 ? r : idmap_parse(gid + 4, ret->gid, &ret->n_gid);
}

/* layers/KEY/shift-HASH */
static int check_copy(struct store_check *c, const char *key, int layer_fd, const char *name, int list,
		      struct err *e)
{
	auto_close int dir = path_open_beneath(layer_fd, name, O_RDONLY | O_DIRECTORY);
	auto_close int root = dir < 0 ? dir : path_open_beneath(dir, "diff", O_RDONLY | O_DIRECTORY);
	auto_free struct idmap *map = calloc(1, sizeof(*map));
	char id[DIGEST_HEX_LEN + 64];
	int r;

	(void)snprintf(id, sizeof(id), "%s/%.40s", key, name);
	if (!map)
		return err_sys(e, ENOMEM, "check a layer");
	if (dir == -ENOENT)
		return 0;
	if (dir < 0 || root < 0)
		return check_say(c, DAMAGE_COPY, id, NULL, e, "diff: %s", strerror(dir < 0 ? -dir : -root));
	r = read_map(dir, map);
	if (r < 0)
		return check_say(c, DAMAGE_COPY, id, NULL, e, "idmap: %s", strerror(-r));
	return lseek(list, 0, SEEK_SET) < 0 ? err_sys(e, errno, "read a list of files") :
	       compare(c, DAMAGE_COPY, id, root, list, map, e);
}

/* What is in the layer's directory besides what belongs there. */
static int check_names(struct store_check *c, const char *key, int dir, int list, struct err *e)
{
	static const char *const known[] = { "diff", "layer.json", FILE_LIST, LAYER_NEW, LAYER_DAMAGED };
	auto_strv struct strv names = STRV_INIT;
	int r = store_list_dir(dir, ".", &names);

	if (r < 0)
		return err_sys(e, r, "list layer %.12s", key);
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		const char *name = names.items[i];
		bool is_known = false;

		for (size_t k = 0; k < sizeof(known) / sizeof(known[0]); k++)
			is_known |= streq(name, known[k]);
		if (is_known)
			continue;
		if (!str_starts(name, SHIFT_PREFIX))
			r = check_say(c, DAMAGE_LAYER, key, NULL, e, "%s: does not belong beside the layer's "
				      "files", name);
		else if (list >= 0)
			r = check_copy(c, key, dir, name, list, e);
	}
	return r;
}

static int check_info(struct store_check *c, const char *key, int dir, struct layer_info *info,
		      struct err *e)
{
	struct err why = ERR_INIT;
	int r = layer_info_read(dir, info, &why);

	if (r < 0)
		return check_say(c, DAMAGE_LAYER, key, NULL, e, "layer.json: %s", why.text[0] ? why.text :
				 strerror(-r));
	if (!info->whole || !streq(key, info->chain.hex[0] ? info->chain.hex : info->diff_id.hex))
		return check_say(c, DAMAGE_LAYER, key, NULL, e, "layer.json: the content has changed");
	return 0;
}

static int check_list(struct store_check *c, const char *key, int list, const struct layer_info *info,
		      struct err *e)
{
	char sum[FILE_SUM_LEN + 1];
	int r = list < 0 ? list : file_sum_fd(list, sum);

	if (r < 0)
		return check_say(c, DAMAGE_LAYER, key, NULL, e, FILE_LIST ": %s", strerror(-r));
	if (!streq(sum, info->list_sum))
		return check_say(c, DAMAGE_LAYER, key, NULL, e, FILE_LIST ": the content has changed");
	return lseek(list, 0, SEEK_SET) < 0 ? err_sys(e, errno, "read a list of files") : 1;
}

int check_one_layer(struct store_check *c, const char *key, struct err *e)
{
	/* The lock keeps it from being collected while we look. */
	auto_close int dir = path_open_beneath(c->store->layers_fd, key, O_RDONLY | O_DIRECTORY);
	auto_close int list = dir < 0 ? dir : path_open_beneath(dir, FILE_LIST, O_RDONLY);
	auto_close int root = dir < 0 ? dir : path_open_beneath(dir, "diff", O_RDONLY | O_DIRECTORY);
	struct layer_info info = { 0 };
	int r;

	if (dir == -ENOENT || (dir >= 0 && file_lock(dir, false, false) == -EWOULDBLOCK))
		return 0;
	if (dir < 0)
		return check_say(c, DAMAGE_LAYER, key, NULL, e, "%s", strerror(-dir));
	r = check_info(c, key, dir, &info, e);
	if (r == 0 && root < 0)
		r = check_say(c, DAMAGE_LAYER, key, NULL, e, "diff: %s", strerror(-root));
	if (r < 0)
		return r;
	r = check_list(c, key, list, &info, e);
	if (r > 0 && root >= 0)
		r = compare(c, DAMAGE_LAYER, key, root, list, NULL, e);
	else
		list = fd_close(list);
	return r < 0 ? r : check_names(c, key, dir, list, e);
}
