/* Writing resolv.conf, hosts and hostname for a container. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctrlite/network.h"
#include "fd.h"
#include "file.h"
#include "net-names.h"

#define HOST_RESOLV "/etc/resolv.conf"
#define RESOLVED_RESOLV "/run/systemd/resolve/resolv.conf"
#define HOST_HOSTS "/etc/hosts"

/* These files are mounted into the container one by one, so they are written in place: a new
 * inode would not be seen there.  The mode must not depend on the caller's umask. */
static int write_file(int dir_fd, const char *name, const char *text, struct err *e)
{
	auto_close int fd = FD_NONE;
	int r;

	if (dir_fd == FD_NONE) /* only to be looked at */
		return 0;
	fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_sys(e, errno, "create the container's %s", name);
	if (fchmod(fd, 0644) < 0)
		return err_sys(e, errno, "set the mode of the container's %s", name);
	r = fd_write_all(fd, text, strlen(text));
	return r < 0 ? err_sys(e, r, "write the container's %s", name) : 0;
}

/* A host without the file is a host with an empty one. */
static int read_host(const char *path, char **ret, struct err *e)
{
	size_t len;
	int r = file_read_path(path, CTR_NET_FILE_MAX_BYTES, ret, &len);

	if (r == -ENOENT) {
		*ret = strdup("");
		return *ret ? 0 : err_sys(e, -ENOMEM, "read %s", path);
	}
	if (r == -EFBIG)
		return err_set(e, ERR_LIMIT, "%s is larger than %u bytes", path,
			       CTR_NET_FILE_MAX_BYTES);
	return r < 0 ? err_sys(e, r, "read %s", path) : 0;
}

int net_resolv_read_host(bool host_network, char **ret, struct err *e)
{
	auto_free char *own = NULL;
	auto_free char *resolved = NULL;
	int r = read_host(HOST_RESOLV, &own, e);

	if (r < 0)
		return r;
	if (!host_network && net_resolv_has_server(own) && !net_resolv_usable(own)) {
		size_t len;

		if (file_read_path(RESOLVED_RESOLV, CTR_NET_FILE_MAX_BYTES, &resolved, &len) == 0 &&
		    net_resolv_usable(resolved)) {
			*ret = take_ptr(&resolved);
			return 0;
		}
	}
	*ret = take_ptr(&own);
	return 0;
}

static bool wants_resolv(const struct ctr_net_plan *p, const struct ctr_net_names *names)
{
	return p->mode != CTR_NET_NONE && !(names->dns.n == 1 && streq(names->dns.items[0], "none"));
}

static int write_resolv(int dir_fd, const struct ctr_net_plan *p, const struct ctr_net_names *names,
			struct err *e)
{
	bool host_network = p->mode == CTR_NET_HOST;
	auto_free char *base = NULL;
	auto_free char *text = NULL;
	int r = net_resolv_read_host(host_network, &base, e);

	if (r < 0)
		return r;
	text = net_resolv_text(base, names, p->dns_forward, host_network, e);
	if (!text)
		return -EINVAL;
	return write_file(dir_fd, "resolv.conf", text, e);
}

static int write_hosts(int dir_fd, const struct ctr_net_plan *p, const struct ctr_net_names *names,
		       const char *hostname, const char *name, struct err *e)
{
	/* A network whose address is not known (IPv6 only): the names must resolve all the same. */
	const char *own = *p->address || p->mode == CTR_NET_HOST ? p->address : "127.0.0.1";
	auto_free char *base = NULL;
	auto_free char *text = NULL;
	int r = names->hosts_base ? 0 : read_host(HOST_HOSTS, &base, e);

	if (r < 0)
		return r;
	text = net_hosts_text(names->hosts_base ? names->hosts_base : base, names, p->host_address, own, hostname, name, e);
	if (!text)
		return -EINVAL;
	return write_file(dir_fd, "hosts", text, e);
}

static int write_hostname(int dir_fd, const char *hostname, struct err *e)
{
	auto_free char *line = str_printf("%s\n", hostname);

	return line ? write_file(dir_fd, "hostname", line, e)
		    : err_sys(e, -ENOMEM, "write the container's hostname");
}

int ctr_network_write_files(int dir_fd, const struct ctr_net_plan *p,
			    const struct ctr_net_names *names, const char *hostname,
			    const char *name, struct err *e)
{
	int bits = CTR_NET_FILE_HOSTNAME;
	int r = ctr_hostname_check(hostname, e);

	if (r == 0 && name && !net_is_word(name))
		return err_set(e, ERR_INVALID, "container name \"%s\" cannot stand in a hosts file",
			       name);
	if (names->no_hostname)
		bits = 0;
	if (r == 0 && !names->no_hostname)
		r = write_hostname(dir_fd, hostname, e);
	if (r == 0 && !names->no_hosts) {
		r = write_hosts(dir_fd, p, names, hostname, name, e);
		bits |= CTR_NET_FILE_HOSTS;
	}
	if (r == 0 && wants_resolv(p, names)) {
		r = write_resolv(dir_fd, p, names, e);
		bits |= CTR_NET_FILE_RESOLV;
	}
	return r < 0 ? r : bits;
}

int ctr_network_copy_files(int dir_fd, int from_fd, const char *hostname, struct err *e)
{
	static const struct {
		const char *name;
		int bit;
	} files[] = { { "resolv.conf", CTR_NET_FILE_RESOLV }, { "hosts", CTR_NET_FILE_HOSTS } };
	int bits = CTR_NET_FILE_HOSTNAME;
	int r = ctr_hostname_check(hostname, e);

	if (r == 0)
		r = write_hostname(dir_fd, hostname, e);
	for (size_t i = 0; r == 0 && i < sizeof(files) / sizeof(files[0]); i++) {
		auto_free char *text = NULL;
		size_t len;

		r = file_read(from_fd, files[i].name, CTR_NET_FILE_MAX_BYTES, &text, &len);
		if (r == -ENOENT) {
			r = 0;
			continue;
		}
		r = r < 0 ? err_sys(e, r, "read the other container's %s", files[i].name)
			  : write_file(dir_fd, files[i].name, text, e);
		bits |= files[i].bit;
	}
	return r < 0 ? r : bits;
}
