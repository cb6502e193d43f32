/* Credential helpers. */
#include "credential-helper.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "fd.h"
#include "json.h"
#include "path.h"
#include "proc.h"

#define HELPER_OUT_MAX_BYTES (1u << 20)
#define HELPER_SERVERS_MAX 10000
#define TOKEN_USER "<token>"	/* the user's name of an identity token */
#define NOT_FOUND "credentials not found"	/* begins what a helper says that has none */

static void erase(char **s)
{
	if (*s)
		explicit_bzero(*s, strlen(*s));
	free(*s);
	*s = NULL;
}
#define auto_secret __attribute__((cleanup(erase)))

static int find_program(const char *name, char **ret_program, char **ret_path, struct err *e)
{
	auto_free char *program = str_printf("docker-credential-%s", name);

	if (!program)
		return err_sys(e, ENOMEM, "run a credential helper");
	if (!path_is_component(program))
		return err_set(e, ERR_CORRUPT, "credential helper \"%.60s\": not a program's name", name);
	*ret_path = path_find_program(program);
	if (!*ret_path)
		return err_set(e, ERR_NOT_FOUND, "credential helper %s is not installed", program);
	*ret_program = take_ptr(&program);
	return 0;
}

/* Run it with @word, feed it @in, and take what it prints.  Returns its exit code. */
static int converse(const char *program, const char *path, const char *word, const char *in,
		    char **ret_out, struct err *e)
{
	char *argv[] = { (char *)(uintptr_t)program, (char *)(uintptr_t)word, NULL };
	struct proc p = PROC_INIT;
	int in_pipe[2], out_pipe[2], status, r, w;
	size_t len;

	if (pipe2(in_pipe, O_CLOEXEC) < 0)
		return err_sys(e, errno, "make a pipe");
	auto_close int in_r = in_pipe[0];
	auto_close int in_w = in_pipe[1];
	if (pipe2(out_pipe, O_CLOEXEC) < 0)
		return err_sys(e, errno, "make a pipe");
	auto_close int out_r = out_pipe[0];
	auto_close int out_w = out_pipe[1];
	const struct proc_fd fds[] = { { in_r, STDIN_FILENO }, { out_w, STDOUT_FILENO } };
	const struct proc_spawn s = { .path = path, .argv = argv, .fds = fds, .n_fds = 2,
				      .dir_fd = FD_NONE, .pdeathsig = SIGTERM };

	r = proc_spawn(&s, &p, e);
	if (r < 0)
		return r;
	in_r = fd_close(in_r);
	out_w = fd_close(out_w);
	w = fd_write_all(in_w, in, strlen(in)); /* a helper that does not read says why itself */
	(void)w;
	in_w = fd_close(in_w);
	r = fd_read_file(out_r, HELPER_OUT_MAX_BYTES, ret_out, &len);
	if (r < 0)
		(void)proc_signal(&p, SIGKILL);
	w = proc_wait(&p, &status);
	proc_done(&p);
	if (r < 0 || w < 0)
		return err_sys(e, r < 0 ? r : w, "read from %s", program);
	return proc_exit_code(status);
}

/* 1: it did it, *@ret_out is its answer.  0: it has no such credentials. */
static int ask(const char *name, const char *word, const char *in, char **ret_program, char **ret_out,
	       struct err *e)
{
	auto_free char *path = NULL, *shown = NULL;
	auto_secret char *out = NULL;
	int r = find_program(name, ret_program, &path, e);

	if (r < 0)
		return r;
	r = converse(*ret_program, path, word, in, &out, e);
	if (r < 0)
		return r;
	if (r == 0) {
		*ret_out = take_ptr(&out);
		return 1;
	}
	if (str_starts(out, NOT_FOUND))
		return 0;
	out[strcspn(out, "\n")] = '\0';
	shown = str_quote(out);
	return err_set(e, ERR_REMOTE, "%s %s failed with status %d: %s", *ret_program, word, r,
		       shown ? shown : "");
}

int credential_helper_get(const char *name, const char *server, struct credentials *ret,
			  struct err *e)
{
	auto_secret char *out = NULL;
	auto_free char *program = NULL;
	auto_json json_t *j = NULL;
	const char *user, *secret;
	int r = ask(name, "get", server, &program, &out, e);

	if (r <= 0)
		return r;
	r = json_parse(out, strlen(out), HELPER_OUT_MAX_BYTES, program, &j, NULL);
	user = json_string_value(json_object_get(j, "Username"));
	secret = json_string_value(json_object_get(j, "Secret"));
	if (r < 0 || !user || !secret) /* the parser's message could show the secret */
		return err_set(e, ERR_CORRUPT, "%s: the answer is not what the protocol says", program);
	if (!*user && !*secret)
		return 0;
	if (streq(user, TOKEN_USER)) {
		ret->identity_token = strdup(secret);
		return ret->identity_token ? 1 : err_sys(e, ENOMEM, "%s", program);
	}
	ret->user = strdup(user);
	ret->password = strdup(secret);
	return ret->user && ret->password ? 1 : err_sys(e, ENOMEM, "%s", program);
}

int credential_helper_store(const char *name, const char *server, const struct credentials *c,
			    struct err *e)
{
	auto_json json_t *j = json_pack("{s:s, s:s, s:s}", "ServerURL", server, "Username",
					c->identity_token ? TOKEN_USER : c->user, "Secret",
					c->identity_token ? c->identity_token : c->password);
	auto_secret char *in = j ? json_dumps(j, JSON_COMPACT) : NULL, *out = NULL;
	auto_free char *program = NULL;
	int r;

	if (!in)
		return err_set(e, ERR_INVALID, "the credentials are not UTF-8");
	r = ask(name, "store", in, &program, &out, e);
	return r == 0 ? err_set(e, ERR_REMOTE, "%s store failed: " NOT_FOUND, program) : r < 0 ? r : 0;
}

int credential_helper_erase(const char *name, const char *server, struct err *e)
{
	auto_credentials struct credentials c = CREDENTIALS_INIT;
	auto_free char *program = NULL, *out = NULL;
	/* Most of them erase what is not there without a word. */
	int r = credential_helper_get(name, server, &c, e);

	return r <= 0 ? r : ask(name, "erase", server, &program, &out, e);
}

int credential_helper_list(const char *name, struct strv *servers, struct err *e)
{
	auto_free char *program = NULL, *out = NULL;
	auto_json json_t *j = NULL;
	const char *key;
	json_t *v;
	int r = ask(name, "list", "", &program, &out, e);

	if (r <= 0)
		return r;
	r = json_parse(out, strlen(out), HELPER_OUT_MAX_BYTES, program, &j, NULL);
	if (r < 0 || (!json_is_object(j) && !json_is_null(j)))
		return err_set(e, ERR_CORRUPT, "%s: the answer is not what the protocol says", program);
	if (json_object_size(j) > HELPER_SERVERS_MAX)
		return err_set(e, ERR_LIMIT, "%s: more than %d servers", program, HELPER_SERVERS_MAX);
	json_object_foreach(j, key, v)
		if (strv_add(servers, key) < 0)
			return err_sys(e, ENOMEM, "%s", program);
	return 0;
}
