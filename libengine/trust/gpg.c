/* Running gpg, see gpg.h. */
#include "gpg.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fd.h"
#include "path.h"
#include "proc.h"
#include "signature.h"

#define STATUS_MAX_BYTES (1u << 20)
#define KEYS_OUT_MAX_BYTES (4u << 20)
#define STATUS_FD 3
#define PASSPHRASE_FD 4
#define STATUS_PREFIX "[GNUPG:] "

/* One run.  Files without a name carry everything, so that no pipe can fill up. */

struct gpg_run {
	char *out, *status, *messages;	/* fresh */
	size_t out_len;
	int exit_code;
};

static void gpg_run_done(struct gpg_run *r)
{
	free(r->out);
	free(r->status);
	free(r->messages);
}
#define auto_gpg_run __attribute__((cleanup(gpg_run_done)))

static int make_file(const void *data, size_t len)
{
	auto_close int fd = memfd_create("gpg", MFD_CLOEXEC);
	int r;

	if (fd < 0)
		return -errno;
	r = fd_write_all(fd, data, len);
	if (r < 0)
		return r;
	return lseek(fd, 0, SEEK_SET) < 0 ? -errno : take_fd(&fd);
}

static int read_back(int fd, size_t max, char **ret, size_t *ret_len)
{
	if (lseek(fd, 0, SEEK_SET) < 0)
		return -errno;
	return fd_read_file(fd, max, ret, ret_len);
}

static int find_gpg(char **ret, struct err *e)
{
	*ret = path_find_program("gpg");
	if (!*ret)
		return err_set(e, ERR_UNSUPPORTED, "the program gpg, which signatures need, is not here: "
			       "install the package gpg (gnupg)");
	return 0;
}

static int run_gpg(struct strv *argv, const void *input, size_t len, const char *passphrase,
		   size_t max_out, struct gpg_run *ret, struct err *e)
{
	auto_free char *path = NULL;
	auto_close int in = make_file(input, len);
	auto_close int out = make_file("", 0);
	auto_close int messages = make_file("", 0);
	auto_close int status = make_file("", 0);
	auto_close int secret = make_file(passphrase ? passphrase : "", passphrase ? strlen(passphrase) : 0);
	const struct proc_fd fds[] = { { in, STDIN_FILENO }, { out, STDOUT_FILENO },
				       { messages, STDERR_FILENO }, { status, STATUS_FD },
				       { secret, PASSPHRASE_FD } };
	struct proc p = PROC_INIT;
	size_t ignored;
	int r = find_gpg(&path, e), wait_status;
	const struct proc_spawn s = {
		.path = path, .argv = strv_argv(argv), .fds = fds,
		.n_fds = sizeof(fds) / sizeof(*fds), .dir_fd = FD_NONE, .pdeathsig = SIGTERM,
	};

	if (r < 0)
		return r;
	for (size_t i = 0; i < s.n_fds; i++)
		if (fds[i].from < 0)
			return err_sys(e, fds[i].from, "prepare to run gpg");
	r = proc_spawn(&s, &p, e);
	if (r < 0)
		return r;
	r = proc_wait(&p, &wait_status);
	proc_done(&p);
	if (r < 0)
		return err_sys(e, r, "wait for gpg");
	ret->exit_code = proc_exit_code(wait_status);
	r = read_back(out, max_out, &ret->out, &ret->out_len);
	if (r == 0)
		r = read_back(status, STATUS_MAX_BYTES, &ret->status, &ignored);
	if (r == 0)
		r = read_back(messages, STATUS_MAX_BYTES, &ret->messages, &ignored);
	return r < 0 ? err_sys(e, r, "read what gpg says") : 0;
}

/* The next status line of *@at split at blanks: its keyword and fields, or false at the end. */
static bool next_status(char **at, char *fields[], size_t max, size_t *ret_n)
{
	while (*at && **at) {
		char *line = *at, *end = strchr(line, '\n'), *save = NULL;
		size_t n = 0;

		*at = end ? end + 1 : NULL;
		if (end)
			*end = '\0';
		if (!str_starts(line, STATUS_PREFIX))
			continue;
		for (char *f = strtok_r(line + strlen(STATUS_PREFIX), " ", &save); f && n < max;
		     f = strtok_r(NULL, " ", &save))
			fields[n++] = f;
		*ret_n = n;
		if (n)
			return true;
	}
	return false;
}

/* The ring */

static int ring_argv(const struct gpg_ring *g, struct strv *argv)
{
	static const char *const fixed[] = {
		"gpg", "--no-options", "--no-autostart", "--batch", "--no-tty", "--quiet",
		"--no-auto-key-retrieve", "--no-auto-key-locate", "--trust-model=always", "--status-fd=3",
	};
	int r = 0;

	for (size_t i = 0; r >= 0 && i < sizeof(fixed) / sizeof(*fixed); i++)
		r = strv_add(argv, fixed[i]);
	return r < 0 ? r : strv_addf(argv, "--homedir=%s", g->path);
}

int gpg_ring_new(struct store *s, struct gpg_ring *ret, struct err *e)
{
	int r = store_stage_new(s, &ret->home, e);

	if (r < 0)
		return r;
	ret->store = s;
	ret->path = str_printf("%s/tmp/%s", s->root, ret->home.name);
	return ret->path ? 0 : err_sys(e, ENOMEM, "make a keyring");
}

void gpg_ring_done(struct gpg_ring *g)
{
	if (g->store)
		(void)store_stage_drop(g->store, &g->home, NULL, NULL); /* the next command collects it */
	free(g->path);
	strv_done(&g->keys);
	*g = (struct gpg_ring)GPG_RING_INIT;
}

int gpg_ring_import(struct gpg_ring *g, const void *data, size_t len, const char *what, struct err *e)
{
	auto_strv struct strv argv = STRV_INIT;
	auto_gpg_run struct gpg_run run = { 0 };
	size_t before = g->keys.n, n;
	char *at, *f[4];
	int r = ring_argv(g, &argv);

	if (r >= 0)
		r = strv_add(&argv, "--import");
	if (r < 0)
		return err_sys(e, r, "read the keys of %s", what);
	r = run_gpg(&argv, data, len, NULL, STATUS_MAX_BYTES, &run, e);
	if (r < 0)
		return err_wrap(e, r, "read the keys of %s", what);
	for (at = run.status; next_status(&at, f, 4, &n);)
		if (streq(f[0], "IMPORT_OK") && n >= 3 && strv_add(&g->keys, f[2]) < 0)
			return err_sys(e, ENOMEM, "read the keys of %s", what);
	if (g->keys.n == before)
		return err_set(e, ERR_CORRUPT, "%s: there is no OpenPGP public key in it", what);
	return 0;
}

/* What the status lines of a verification say. */
struct verdict {
	unsigned int good, bad, valid, texts;
	const char *why;	/* of a bad one; static */
	char by[GPG_FINGERPRINT_MAX + 1];	/* key id or fingerprint, as far as known */
	char primary[GPG_FINGERPRINT_MAX + 1];
};

static void keep(char to[GPG_FINGERPRINT_MAX + 1], const char *s)
{
	(void)snprintf(to, GPG_FINGERPRINT_MAX + 1, "%.*s", GPG_FINGERPRINT_MAX, s); /* a longer one is none */
}

static void read_verdict(char *status, struct verdict *v)
{
	static const struct {
		const char *word, *why;
	} bad[] = {
		{ "EXPSIG", "the signature has expired" },
		{ "EXPKEYSIG", "the key has expired" },
		{ "REVKEYSIG", "the key has been revoked" },
		{ "BADSIG", "the signature does not fit what is signed" },
		{ "ERRSIG", "the key is not one of those that the policy trusts" },
	};
	char *f[12];
	size_t n;

	for (char *at = status; next_status(&at, f, 12, &n);) {
		if (streq(f[0], "GOODSIG"))
			v->good++;
		else if (streq(f[0], "PLAINTEXT"))
			v->texts++;
		for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
			if (!streq(f[0], bad[i].word))
				continue;
			v->bad++;
			v->why = bad[i].why;
		}
		if (n >= 2 && !v->by[0] && (str_ends(f[0], "SIG") && !streq(f[0], "NEWSIG")))
			keep(v->by, f[1]);
		/* VALIDSIG FPR DATE TIME EXPIRE VERSION - ALGO HASH CLASS PRIMARY; class 00: a document */
		if (streq(f[0], "VALIDSIG") && n >= 11 && streq(f[9], "00")) {
			v->valid++;
			keep(v->primary, f[10]);
		}
	}
}

int gpg_ring_verify(const struct gpg_ring *g, const void *data, size_t len, char **ret,
		    size_t *ret_len, char ret_key[GPG_FINGERPRINT_MAX + 1], struct err *e)
{
	auto_strv struct strv argv = STRV_INIT;
	auto_gpg_run struct gpg_run run = { 0 };
	struct verdict v = { 0 };
	int r = ring_argv(g, &argv);

	if (r >= 0)
		r = strv_addf(&argv, "--max-output=%u", SIGNATURE_PAYLOAD_MAX_BYTES);
	if (r >= 0)
		r = strv_add(&argv, "--output=-");
	if (r >= 0)
		r = strv_add(&argv, "--verify");
	if (r < 0)
		return err_sys(e, r, "verify a signature");
	r = run_gpg(&argv, data, len, NULL, SIGNATURE_PAYLOAD_MAX_BYTES, &run, e);
	if (r < 0)
		return err_wrap(e, r, "verify a signature");
	read_verdict(run.status, &v);
	if (v.bad)
		return err_set(e, ERR_DENIED, "signature by key %.*s: %s", GPG_FINGERPRINT_MAX,
			       v.by[0] ? v.by : "?", v.why);
	if (run.exit_code != 0 || v.good != 1 || v.valid != 1 || v.texts != 1)
		return err_set(e, ERR_DENIED, "it is no signed message with exactly one valid signature");
	if (!strv_has(&g->keys, v.primary))
		return err_set(e, ERR_DENIED, "signature by key %.*s: the key is not one of those that the "
			       "policy trusts", GPG_FINGERPRINT_MAX, v.primary);
	memcpy(ret_key, v.primary, sizeof(v.primary));
	*ret_len = run.out_len;
	*ret = take_ptr(&run.out);
	return 0;
}

/* Signing */

/* The last thing gpg said, without its own name before it. */
static const char *last_message(char *messages)
{
	char *nl;

	while ((nl = strrchr(messages, '\n')) && !nl[1])
		*nl = '\0';
	nl = strrchr(messages, '\n');
	nl = nl ? nl + 1 : messages;
	return str_starts(nl, "gpg: ") ? nl + 5 : *nl ? nl : "gpg says nothing";
}

int gpg_sign(const char *key, const char *passphrase, const void *data, size_t len, char **ret,
	     size_t *ret_len, struct err *e)
{
	auto_strv struct strv argv = STRV_INIT;
	auto_gpg_run struct gpg_run run = { 0 };
	static const char *const fixed[] = { "gpg", "--batch", "--yes", "--status-fd=3", "--output=-" };
	static const char *const by_passphrase[] = { "--pinentry-mode=loopback", "--passphrase-fd=4" };
	size_t n;
	char *at, *f[2];
	bool created = false;
	int r = 0;

	for (size_t i = 0; r >= 0 && i < sizeof(fixed) / sizeof(*fixed); i++)
		r = strv_add(&argv, fixed[i]);
	for (size_t i = 0; r >= 0 && passphrase && i < 2; i++)
		r = strv_add(&argv, by_passphrase[i]);
	if (r >= 0)
		r = strv_addf(&argv, "--local-user=%s", key);
	if (r >= 0)
		r = strv_add(&argv, "--sign");
	if (r < 0)
		return err_sys(e, r, "sign by %s", key);
	r = run_gpg(&argv, data, len, passphrase, SIGNATURE_MAX_BYTES, &run, e);
	if (r < 0)
		return err_wrap(e, r, "sign by %s", key);
	for (at = run.status; next_status(&at, f, 2, &n);)
		created |= streq(f[0], "SIG_CREATED");
	if (run.exit_code != 0 || !created)
		return err_set(e, ERR_DENIED, "sign by %s: %s", key, last_message(run.messages));
	*ret_len = run.out_len;
	*ret = take_ptr(&run.out);
	return 0;
}

/* Showing */

/* Field @i (from 0) of a line of --with-colons, cut off in place; NULL when there are fewer. */
static char *colon_field(char *line, unsigned int i)
{
	char *end;

	for (; i && line; i--) {
		line = strchr(line, ':');
		line = line ? line + 1 : NULL;
	}
	if (!line)
		return NULL;
	end = strchrnul(line, ':');
	*end = '\0';
	return line;
}

int gpg_ring_uids(const struct gpg_ring *g, const void *data, size_t len, struct strv *ret,
		  struct err *e)
{
	auto_strv struct strv argv = STRV_INIT;
	auto_gpg_run struct gpg_run run = { 0 };
	char *save = NULL;
	int r = ring_argv(g, &argv);

	if (r >= 0)
		r = strv_add(&argv, "--with-colons");
	if (r >= 0)
		r = strv_add(&argv, "--show-keys");
	if (r < 0)
		return err_sys(e, r, "list keys");
	r = run_gpg(&argv, data, len, NULL, KEYS_OUT_MAX_BYTES, &run, e);
	for (char *line = r < 0 ? NULL : strtok_r(run.out, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		const char *uid = str_starts(line, "uid:") ? colon_field(line, 9) : NULL;

		if (uid && *uid && strv_add(ret, uid) < 0)
			return err_sys(e, ENOMEM, "list keys");
	}
	return r;
}
