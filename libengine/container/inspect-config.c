/* Config: what was asked for the program itself. */
#include "inspect-priv.h"

#include <stdio.h>

#include "ctrlite/secret.h"
#include "json.h"
#include "proc.h"

/* Those that are files: of variables podman says nothing, and no content ever. */
static void insp_secrets(struct describe *d, json_t *to)
{
	json_t *list = json_array();

	for (size_t i = 0; i < d->r->secrets.n; i++) {
		struct ctr_secret_use u = CTR_SECRET_USE_INIT;

		if (ctr_secret_use_read(d->r->secrets.items[i], &u, NULL) < 0)
			d->failed = true;
		else if (!u.env &&
			 json_array_append_new(list, json_pack("{s:s, s:s, s:I, s:I, s:I}", "Name", u.name,
							       "ID", u.id, "UID", (json_int_t)u.uid, "GID",
							       (json_int_t)u.gid, "Mode",
							       (json_int_t)u.mode)) < 0)
			d->failed = true;
		ctr_secret_use_done(&u);
	}
	if (json_array_size(list))
		insp_set(d, to, "Secrets", list);
	else
		json_decref(list);
}

static json_t *exposed_ports(struct describe *d)
{
	json_t *map = json_object();

	for (size_t i = 0; i < d->r->exposed.n; i++)
		insp_set(d, map, d->r->exposed.items[i], json_object());
	for (size_t i = 0; i < d->net.n_ports; i++)
		for (unsigned int k = 0; k < d->net.ports[i].count; k++) {
			char key[32];

			(void)snprintf(key, sizeof(key), "%u/%s", d->net.ports[i].ctr_port + k,
				       d->net.ports[i].udp ? "udp" : "tcp");
			insp_set(d, map, key, json_object());
		}
	return insp_sorted(d, map);
}

/* Every container gets its host name; podman shows that once it was started, or where it was asked for. */
static json_t *env(struct describe *d)
{
	const struct ctr_request *r = d->r;
	json_t *list = json_from_strv(&r->env);

	if ((r->hostname || d->s->state != CTR_CREATED) && !strv_env_get(&r->env, "HOSTNAME") &&
	    json_array_append_new(list, r->hostname ? json_sprintf("HOSTNAME=%s", r->hostname)
						      : json_sprintf("HOSTNAME=%.12s", r->id)) < 0)
		d->failed = true;
	return list;
}

json_t *insp_config(struct describe *d)
{
	const struct ctr_request *r = d->r;
	json_t *j = json_object(), *volumes = json_object();
	char umask_buf[16];

	for (size_t i = 0; i < r->image_volumes.n; i++)
		insp_set(d, volumes, r->image_volumes.items[i], json_object());
	if (r->hostname)
		insp_str(d, j, "Hostname", r->hostname);
	else
		insp_set(d, j, "Hostname", json_stringn(r->id, 12));
	insp_str(d, j, "Domainname", r->domainname);
	insp_str(d, j, "User", r->user);
	insp_bool(d, j, "AttachStdin", false);
	insp_bool(d, j, "AttachStdout", false);
	insp_bool(d, j, "AttachStderr", false);
	insp_bool(d, j, "Tty", r->tty);
	insp_bool(d, j, "OpenStdin", r->open_stdin);
	insp_bool(d, j, "StdinOnce", false);
	insp_set(d, j, "Env", env(d));
	insp_set(d, j, "Cmd", r->cmd.n ? json_from_strv(&r->cmd) : json_null());
	insp_str(d, j, "Image", r->image);
	insp_set(d, j, "Volumes", json_object_size(volumes) ? json_incref(volumes) : json_null());
	json_decref(volumes);
	insp_str(d, j, "WorkingDir", or_default(r->cwd, "/"));
	insp_set(d, j, "Entrypoint",
		 r->entrypoint.n ? json_from_strv(&r->entrypoint) : json_null());
	insp_set(d, j, "OnBuild", json_null());
	insp_set(d, j, "Labels", insp_map_or_null(&r->labels));
	insp_set(d, j, "Annotations", insp_map_or_null(&r->annotations));
	insp_str(d, j, "StopSignal", sig_name(r->stop_signal));
	insp_health_config(d, j);
	insp_strv(d, j, "CreateCommand", &r->command_line);
	if (r->systemd)
		insp_bool(d, j, "SystemdMode", true);
	if (r->tz)
		insp_str(d, j, "Timezone", r->tz);
	(void)snprintf(umask_buf, sizeof(umask_buf), "%s", or_default(r->umask, "0022"));
	insp_str(d, j, "Umask", umask_buf);
	if (r->secrets.n)
		insp_secrets(d, j);
	insp_int(d, j, "Timeout", r->timeout_s);
	insp_int(d, j, "StopTimeout", ctr_stop_timeout(r));
	insp_bool(d, j, "Passwd", !r->no_passwd);
	insp_str(d, j, "sdNotifyMode", or_default(r->sdnotify, "container"));
	if (r->exposed.n || d->net.n_ports)
		insp_set(d, j, "ExposedPorts", exposed_ports(d));
	return j;
}
