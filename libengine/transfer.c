/* Running ctr-lite-transfer, see ctrlite/transfer.h. */
#include <ctrlite/transfer.h>

#include <ctrlite/helper-path.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fd.h"
#include "log.h"
#include "proc.h"
#include "str.h"

#define TRANSFER_OUT_MAX_BYTES (32u << 20)	/* the tags of a repository, a manifest */
#define TRANSFER_ERR_FD 3	/* its --err-fd */
#define TRANSFER_CREDS_FD 4	/* its --creds-fd */
#define TRANSFER_SIDE_FD (TRANSFER_FD_FIRST + TRANSFER_FDS_MAX)	/* --src-creds-fd, --dest-creds-fd */

enum { CREDS, SRC_CREDS, DEST_CREDS, N_SECRETS };
static const struct {
	const char *option;
	int fd;
} secret_opts[N_SECRETS] = {
	[CREDS] = { "creds-fd", TRANSFER_CREDS_FD },
	[SRC_CREDS] = { "src-creds-fd", TRANSFER_SIDE_FD },
	[DEST_CREDS] = { "dest-creds-fd", TRANSFER_SIDE_FD + 1 },
};

static const char *secret_of(const struct ctr_transfer *t, int i)
{
	if (!t)
		return NULL;
	return i == CREDS ? t->creds : i == SRC_CREDS ? t->src_creds : t->dest_creds;
}

static const char *signature_policy;

void ctr_transfer_signature_policy(const char *path)
{
	signature_policy = path;
}

static char *const *store_dirs;
static size_t n_store_dirs;

void ctr_transfer_stores(char *const *dirs, size_t n)
{
	store_dirs = dirs;
	n_store_dirs = n;
}

static int build_argv(const struct ctr_transfer *t, const char *const *args, struct strv *argv)
{
	const char *level = log_level_str(log_max);
	int r = strv_add(argv, "ctr-lite-transfer");

	if (r >= 0 && t && t->root)
		r = strv_addf(argv, "--root=%s", t->root);
	if (r >= 0 && t && t->run)
		r = strv_addf(argv, "--runroot=%s", t->run);
	for (size_t i = 0; r >= 0 && t && i < n_store_dirs; i++)
		r = strv_addf(argv, "--additional=%s", store_dirs[i]);
	if (r >= 0)
		r = strv_addf(argv, "--err-fd=%d", TRANSFER_ERR_FD);
	if (r >= 0 && signature_policy)
		r = strv_addf(argv, "--signature-policy=%s", signature_policy);
	if (r >= 0 && level)
		r = strv_addf(argv, "--log-level=%s", level);
	if (r >= 0 && t && t->quiet)
		r = strv_add(argv, "--quiet");
	if (r >= 0)
		r = strv_add(argv, *args++);
	for (int i = 0; r >= 0 && i < N_SECRETS; i++)
		if (secret_of(t, i))
			r = strv_addf(argv, "--%s=%d", secret_opts[i].option, secret_opts[i].fd);
	for (; r >= 0 && *args; args++)
		r = strv_add(argv, *args);
	return r;
}

/* A secret in a file that has no name, read from its beginning. */
static int secret_file(const char *secret)
{
	auto_close int fd = memfd_create("credentials", MFD_CLOEXEC);
	int r;

	if (fd < 0)
		return -errno;
	r = fd_write_all(fd, secret, strlen(secret));
	if (r < 0)
		return r;
	return lseek(fd, 0, SEEK_SET) < 0 ? -errno : take_fd(&fd);
}

/* The secrets' descriptors, added to the child's. */
static int add_secrets(const struct ctr_transfer *t, int fds[N_SECRETS], struct proc_fd *list,
		       size_t *n, struct err *e)
{
	for (int i = 0; i < N_SECRETS; i++) {
		if (!secret_of(t, i))
			continue;
		fds[i] = secret_file(secret_of(t, i));
		if (fds[i] < 0)
			return err_sys(e, fds[i], "hand over the credentials");
		list[(*n)++] = (struct proc_fd){ fds[i], secret_opts[i].fd };
	}
	return 0;
}

static void close_secrets(int fds[N_SECRETS])
{
	for (int i = 0; i < N_SECRETS; i++)
		fds[i] = fd_close(fds[i]);
}

/* The child's own word where it left one, else what its end looked like. */
static int result(struct proc *p, int err_fd, const char *command, struct err *e)
{
	struct err theirs = ERR_INIT;
	int status, got, r;

	got = err_recv(err_fd, &theirs);
	r = proc_wait(p, &status);
	if (r < 0)
		return err_sys(e, r, "wait for ctr-lite-transfer");
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return 0;
	if (got == 1) {
		if (e)
			*e = theirs;
		return theirs.code ? -theirs.code : err_kind_errno(theirs.kind);
	}
	if (WIFSIGNALED(status))
		return err_set(e, ERR_OS, "%s: ctr-lite-transfer was ended by signal %d", command,
			       WTERMSIG(status));
	return err_set(e, ERR_OS, "%s: ctr-lite-transfer ended with status %d", command,
		       WEXITSTATUS(status));
}

static int read_output(int fd, char **ret, struct err *e)
{
	auto_free char *out = NULL;
	size_t len;
	int r = fd_read_file(fd, TRANSFER_OUT_MAX_BYTES, &out, &len);

	if (r < 0)
		return err_sys(e, r, "read the output of ctr-lite-transfer");
	if (len && out[len - 1] == '\n')
		out[len - 1] = '\0';
	*ret = take_ptr(&out);
	return 0;
}

/* What we are asked to end by goes to the child first: it has files and a terminal line to clean
 * up, and nothing of it may come after our own end. */
static const int passed_on[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
#define N_PASSED_ON (sizeof(passed_on) / sizeof(passed_on[0]))
static volatile sig_atomic_t child_pidfd = FD_NONE, asked_by;

static void pass_on(int sig)
{
	int saved = errno;

	asked_by = sig;
	(void)syscall(SYS_pidfd_send_signal, (int)child_pidfd, sig, NULL, 0); /* it may be gone */
	errno = saved;
}

static void catch_signals(const struct proc *p, struct sigaction old[N_PASSED_ON])
{
	struct sigaction sa = { .sa_handler = pass_on };

	asked_by = 0;
	child_pidfd = p->pidfd;
	for (size_t i = 0; i < N_PASSED_ON; i++)
		if (sigaction(passed_on[i], NULL, &old[i]) == 0 && old[i].sa_handler == SIG_DFL)
			(void)sigaction(passed_on[i], &sa, NULL);
}

/* Put things back, and end by the signal that came, if one did. */
static void release_signals(const struct sigaction old[N_PASSED_ON])
{
	for (size_t i = 0; i < N_PASSED_ON; i++)
		if (old[i].sa_handler == SIG_DFL)
			(void)sigaction(passed_on[i], &old[i], NULL);
	child_pidfd = FD_NONE;
	if (asked_by)
		(void)raise(asked_by);
}

int ctr_transfer_run(const struct ctr_transfer *t, const char *const *args, char **ret_out,
		     struct err *e)
{
	auto_free char *path = NULL, *out = NULL;
	auto_strv struct strv argv = STRV_INIT;
	struct proc p = PROC_INIT;
	struct sigaction old[N_PASSED_ON];
	int out_pipe[2], err_pipe[2], r, read_r;

	r = ctr_helper_path("ctr-lite-transfer", &path, e);
	if (r < 0)
		return r;
	r = build_argv(t, args, &argv);
	if (r < 0)
		return err_sys(e, r, "start ctr-lite-transfer");
	if (pipe2(out_pipe, O_CLOEXEC) < 0)
		return err_sys(e, errno, "make a pipe");
	auto_close int out_r = out_pipe[0];
	auto_close int out_w = out_pipe[1];
	if (pipe2(err_pipe, O_CLOEXEC) < 0)
		return err_sys(e, errno, "make a pipe");
	auto_close int err_r = err_pipe[0];
	auto_close int err_w = err_pipe[1];
	int secrets[N_SECRETS] = { FD_NONE, FD_NONE, FD_NONE };
	struct proc_fd fds[2 + N_SECRETS + TRANSFER_FDS_MAX] = {
		{ out_w, STDOUT_FILENO },
		{ err_w, TRANSFER_ERR_FD },
	};
	struct proc_spawn s = {
		.path = path, .argv = strv_argv(&argv), .fds = fds, .n_fds = 2, .dir_fd = FD_NONE,
		.pdeathsig = SIGTERM,
	};

	for (size_t i = 0; t && i < t->n_fds; i++)
		fds[s.n_fds++] = (struct proc_fd){ t->fds[i], TRANSFER_FD_FIRST + (int)i };
	r = add_secrets(t, secrets, fds, &s.n_fds, e);
	if (r == 0)
		r = proc_spawn(&s, &p, e);
	close_secrets(secrets);
	if (r < 0)
		return err_wrap(e, r, "start ctr-lite-transfer");
	catch_signals(&p, old);
	out_w = fd_close(out_w);
	err_w = fd_close(err_w);
	read_r = read_output(out_r, &out, e);
	if (read_r < 0)
		(void)proc_signal(&p, SIGTERM);	/* it may have ended already */
	r = result(&p, err_r, args[0], read_r < 0 ? NULL : e);
	release_signals(old);
	proc_done(&p);
	if (read_r < 0 || r < 0)
		return read_r < 0 ? read_r : r;
	if (ret_out)
		*ret_out = take_ptr(&out);
	return 0;
}
