/* certs.d */
#include "certs.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>

#include "fd.h"
#include "file.h"
#include "log.h"

#define CA_PEM_MAX_BYTES (1u << 20)

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list(DIR *d, const char *dir, struct strv *names, struct err *e)
{
	struct dirent *de;

	while (errno = 0, de = readdir(d))
		if ((str_ends(de->d_name, ".crt") || str_ends(de->d_name, ".cert") ||
		     str_ends(de->d_name, ".key")) && strv_add(names, de->d_name) < 0)
			return err_sys(e, ENOMEM, "read %s", dir);
	if (errno)
		return err_sys(e, errno, "read %s", dir);
	if (names->n > 0)
		qsort(names->items, names->n, sizeof(*names->items), by_name);
	return 0;
}

static int add_authority(const char *path, struct strbuf *pem, struct err *e)
{
	auto_free char *buf = NULL;
	size_t len;
	int r = file_read_path(path, CA_PEM_MAX_BYTES, &buf, &len);

	if (r < 0)
		return err_sys(e, r, "read %s", path);
	if (!strstr(buf, "-----BEGIN"))
		return err_set(e, ERR_CORRUPT, "%s is not a PEM certificate", path);
	strbuf_addn(pem, buf, len);
	strbuf_addc(pem, '\n');
	return 0;
}

/* The other half of a client's pair must be there. */
static int check_pair(const struct strv *names, const char *name, const char *end, const char *other,
		      const char *dir, char **ret_other, struct err *e)
{
	auto_free char *want = str_printf("%.*s%s", (int)(strlen(name) - strlen(end)), name, other);

	if (!want)
		return err_sys(e, ENOMEM, "read %s", dir);
	if (!strv_has(names, want))
		return err_set(e, ERR_NOT_FOUND, "%s: %s is missing, which belongs to %s (certificates of "
			       "authorities end in .crt)", dir, want, name);
	*ret_other = take_ptr(&want);
	return 0;
}

static int read_names(const char *dir, const struct strv *names, struct http_peer *peer, struct err *e)
{
	auto_strbuf struct strbuf pem = STRBUF_INIT;

	for (size_t i = 0; i < names->n; i++) {
		auto_free char *path = str_printf("%s/%s", dir, names->items[i]), *other = NULL;
		int r = path ? 0 : err_sys(e, ENOMEM, "read %s", dir);

		if (r == 0 && str_ends(names->items[i], ".crt"))
			r = add_authority(path, &pem, e);
		else if (r == 0 && str_ends(names->items[i], ".cert"))
			r = check_pair(names, names->items[i], ".cert", ".key", dir, &other, e);
		else if (r == 0)
			r = check_pair(names, names->items[i], ".key", ".cert", dir, &other, e);
		if (r < 0)
			return r;
		if (str_ends(names->items[i], ".cert") && !peer->cert_file) {
			peer->cert_file = take_ptr(&path);
			peer->key_file = str_printf("%s/%s", dir, other);
			if (!peer->key_file)
				return err_sys(e, ENOMEM, "read %s", dir);
		}
	}
	if (pem.len == 0)
		return 0;
	peer->ca_pem = strbuf_take(&pem);
	return peer->ca_pem ? 0 : err_sys(e, ENOMEM, "read %s", dir);
}

/* 1 when @dir exists. */
static int load_dir(const char *dir, struct http_peer *peer, struct err *e)
{
	auto_dir DIR *d = opendir(dir);
	auto_strv struct strv names = STRV_INIT;
	int r;

	if (!d && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (!d && errno == EACCES) {
		log_debug("%s: not readable, skipped", dir);
		return 0;
	}
	if (!d)
		return err_sys(e, errno, "read %s", dir);
	r = list(d, dir, &names, e);
	if (r == 0)
		r = read_names(dir, &names, peer, e);
	return r < 0 ? r : 1;
}

int certs_load(const char *cert_dir, const char *host, struct http_peer *peer, struct err *e)
{
	const char *home = getenv("HOME");
	auto_free char *user = home && *home == '/'
				       ? str_printf("%s/.config/containers/certs.d", home) : NULL;
	const char *const parents[] = { user, "/etc/containers/certs.d", "/etc/docker/certs.d" };
	int r = 0;

	if (cert_dir) {
		r = load_dir(cert_dir, peer, e);
		return r == 0 ? err_set(e, ERR_NOT_FOUND, "--cert-dir %s: no such directory", cert_dir)
			      : r < 0 ? r : 0;
	}
	for (size_t i = 0; r == 0 && i < sizeof(parents) / sizeof(*parents); i++) {
		auto_free char *dir = parents[i] ? str_printf("%s/%s", parents[i], host) : NULL;

		if (dir)
			r = load_dir(dir, peer, e);
	}
	return r < 0 ? r : 0;
}
