/* What is left to do when the container's process runs: files of process IDs, a word to systemd. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "container-priv.h"
#include "log.h"
#include "oci.h"

static void write_pid(const char *path, pid_t pid)
{
	auto_close int fd = FD_NONE;
	char text[16];
	int rc;

	if (!path)
		return;
	(void)snprintf(text, sizeof(text), "%d", (int)pid);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	rc = fd < 0 ? -errno : fd_write_all(fd, text, strlen(text));
	if (rc < 0)
		log_warn("write the process ID to %s: %s", path, strerror(-rc));
}

/* sd_notify(3); a socket's name that begins with @ is an abstract one. */
static void notify(const char *socket_name, const char *text)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	size_t len = strlen(socket_name);
	auto_close int fd = FD_NONE;

	if (len >= sizeof(sa.sun_path) || (socket_name[0] != '/' && socket_name[0] != '@'))
		return;
	memcpy(sa.sun_path, socket_name, len);
	if (sa.sun_path[0] == '@')
		sa.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&sa,
			     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0)
		log_warn("Failed to notify systemd: %s", strerror(errno));
}

const char *notify_socket(const struct ctr_request *r)
{
	const char *name = getenv("NOTIFY_SOCKET");

	return name && *name && !(r->sdnotify && streq(r->sdnotify, "ignore")) ? name : NULL;
}

void container_started(struct ctr_engine *eng, const struct ctr_request *r)
{
	const char *socket_name = notify_socket(r);
	struct ctr_status st;
	char text[64];

	if (!r->pidfile && !r->conmon_pidfile && !socket_name)
		return;
	if (ctr_container_status(eng, r->id, &st, NULL) < 0 || st.state != CTR_RUNNING)
		return; /* it was quick */
	write_pid(r->pidfile, st.pid);
	write_pid(r->conmon_pidfile, st.monitor_pid);
	if (!socket_name)
		return;
	(void)snprintf(text, sizeof(text), "MAINPID=%d%s", (int)st.monitor_pid,
		       r->sdnotify ? "\nREADY=1" : "");
	notify(socket_name, text);
}

int oci_notify_mount(struct oci_build *b, struct err *e)
{
	const char *name = notify_socket(b->req);
	struct stat st;

	/* the container itself says when it is ready; an abstract socket is of the host's network */
	if (!name || b->req->sdnotify || name[0] != '/' || stat(name, &st) < 0 || !S_ISSOCK(st.st_mode))
		return 0;
	return oci_add_mount(b->mounts, OCI_NOTIFY_PATH, "bind", name,
			     json_pack("[s, s, s, s, s]", "bind", "rprivate", "nosuid", "nodev", "noexec"),
			     e);
}
