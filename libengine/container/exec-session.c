/* Records of exec sessions: one file for each, made and removed by the session's parent. */
#include "exec.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "container-priv.h"
#include "file.h"
#include "json.h"
#include "path.h"

#define DIR_NAME "exec"

int exec_session_dir(struct exec_run *x, struct err *e)
{
	int r = str_random_hex(32, x->id);

	if (r < 0)
		return err_sys(e, r, "make the ID of the session");
	x->run_dir = container_run_dir(x->eng, x->req.id, false, e);
	if (x->run_dir < 0)
		return x->run_dir;
	if (mkdirat(x->run_dir, DIR_NAME, 0700) < 0 && errno != EEXIST)
		return err_sys(e, errno, "make the directory of the sessions of container %.12s",
			       x->req.id);
	x->dir = path_open_beneath(x->run_dir, DIR_NAME, O_RDONLY | O_DIRECTORY);
	return x->dir < 0
		       ? err_sys(e, x->dir, "open the directory of the sessions of container %.12s",
				 x->req.id)
		       : 0;
}

static char *record_text(const struct exec_run *x)
{
	const struct ctr_exec_opts *o = x->o;
	auto_json json_t *j = json_pack("{s:i, s:i, s:I, s:b, s:b, s:b, s:b}", "version", 1, "pid",
					(int)x->proc.pid, "pid_start", (json_int_t)x->proc_start,
					"tty", o->tty, "interactive", o->interactive, "detach",
					o->detach, "privileged", o->privileged);

	if (!j || json_object_set_new(j, "args", json_from_strv(&o->args)) < 0 ||
	    (o->user && json_object_set_new(j, "user", json_string(o->user)) < 0))
		return NULL; /* without memory, or an argument is no UTF-8 */
	return json_dumps(j, JSON_COMPACT);
}

/* The lock comes before the content: a record that nobody holds is of one who was killed. */
int exec_session_record(struct exec_run *x, struct err *e)
{
	auto_close int fd =
		openat(x->dir, x->id, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	auto_free char *text = record_text(x);
	int r = fd < 0 ? -errno : file_ofd_lock(fd, false);

	/* A container that ends takes the directory along. */
	if (fd == -1 && r == -ENOENT)
		return 0;
	if (r == 0 && text)
		r = fd_write_all(fd, text, strlen(text));
	if (r < 0)
		return err_sys(e, r, "record the session");
	x->record = take_fd(&fd);
	return 0;
}

/* A container that has ended meanwhile could not remove the directories that we were still in. */
void exec_session_forget(struct exec_run *x)
{
	struct stat st;

	if (x->record < 0)
		return;
	(void)unlinkat(x->dir, x->id, 0);
	x->record = fd_close(x->record);
	if (fstatat(x->run_dir, "lock", &st, AT_SYMLINK_NOFOLLOW) == 0)
		return;
	(void)unlinkat(x->run_dir, DIR_NAME, AT_REMOVEDIR);
	(void)unlinkat(x->eng->store.run_containers_fd, x->req.id, AT_REMOVEDIR);
}

int ctr_exec_sessions(struct ctr_engine *eng, const char *id, struct strv *ret, struct err *e)
{
	auto_dir DIR *d = NULL;
	struct dirent *de;
	char path[80];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/" DIR_NAME, id);
	fd = path_open_beneath(eng->store.run_containers_fd, path, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return fd == -ENOENT ? 0
				     : err_sys(e, fd, "list the sessions of container %.12s", id);
	d = fdopendir(fd);
	if (!d) {
		(void)fd_close(fd);
		return err_sys(e, ENOMEM, "list the sessions of container %.12s", id);
	}
	while ((de = readdir(d))) {
		auto_close int rec = FD_NONE;

		if (strlen(de->d_name) != 64)
			continue;
		rec = path_open_beneath(fd, de->d_name, O_RDWR);
		if (rec >= 0 && file_ofd_held(rec) == 1 && strv_add(ret, de->d_name) < 0)
			return err_sys(e, ENOMEM, "list the sessions of container %.12s", id);
	}
	return 0;
}
