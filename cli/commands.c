/* The names of all commands.  Several names may stand for one command. */
#include "commands.h"

#include "cli.h"

/* clang-format off */
const struct command_name commands[] = {
	{ "attach",		&cmd_attach },
	{ "commit",		&cmd_commit },
	{ "completion",		&cmd_completion },
	{ "container",		NULL, "Manage containers" },
	{ "container attach",	&cmd_attach },
	{ "container checkpoint", &cmd_checkpoint },
	{ "container cleanup",	&cmd_container_cleanup },
	{ "container clone",	&cmd_container_clone },
	{ "container commit",	&cmd_commit },
	{ "container cp",	&cmd_cp },
	{ "container create",	&cmd_create },
	{ "container diff",	&cmd_container_diff },
	{ "container exec",	&cmd_exec },
	{ "container exists",	&cmd_container_exists },
	{ "container export",	&cmd_export },
	{ "container init",	&cmd_init },
	{ "container inspect",	&cmd_container_inspect },
	{ "container kill",	&cmd_kill },
	{ "container list",	&cmd_ps },
	{ "container logs",	&cmd_logs },
	{ "container ls",	&cmd_ps,	NULL, NAME_ALIAS },
	{ "container mount",	&cmd_mount },
	{ "container pause",	&cmd_pause },
	{ "container port",	&cmd_port },
	{ "container prune",	&cmd_container_prune },
	{ "container ps",	&cmd_ps,	NULL, NAME_ALIAS },
	{ "container rename",	&cmd_rename },
	{ "container restart",	&cmd_restart },
	{ "container restore",	&cmd_container_restore },
	{ "container rm",	&cmd_rm },
	{ "container run",	&cmd_run },
	{ "container start",	&cmd_start },
	{ "container stats",	&cmd_stats },
	{ "container stop",	&cmd_stop },
	{ "container top",	&cmd_top },
	{ "container umount",	&cmd_unmount,	NULL, NAME_ALIAS },
	{ "container unmount",	&cmd_unmount },
	{ "container unpause",	&cmd_unpause },
	{ "container update",	&cmd_update },
	{ "container wait",	&cmd_wait },
	{ "cp",			&cmd_cp },
	{ "create",		&cmd_create },
	{ "diff",		&cmd_diff },
	{ "doctor",		&cmd_doctor },
	{ "events",		&cmd_events },
	{ "exec",		&cmd_exec },
	{ "healthcheck",	NULL, "Check the health of containers" },
	{ "healthcheck run",	&cmd_healthcheck_run },
	{ "export",		&cmd_export },
	{ "help",		&cmd_help },
	{ "history",		&cmd_history },
	{ "image",		NULL, "Manage images" },
	{ "image copy",		&cmd_image_copy },
	{ "image diff",		&cmd_image_diff },
	{ "image exists",	&cmd_image_exists },
	{ "image history",	&cmd_history },
	{ "image import",	&cmd_import },
	{ "image inspect",	&cmd_image_inspect },
	{ "image list",		&cmd_images },
	{ "image ls",		&cmd_images,	NULL, NAME_ALIAS },
	{ "image load",		&cmd_load },
	{ "image mount",	&cmd_image_mount },
	{ "image prune",	&cmd_image_prune },
	{ "image pull",		&cmd_pull },
	{ "image push",		&cmd_push },
	{ "image remove",	&cmd_rmi,	NULL, NAME_ALIAS },
	{ "image rm",		&cmd_rmi },
	{ "image save",		&cmd_save },
	{ "image search",	&cmd_search },
	{ "image sign",		&cmd_image_sign },
	{ "image tag",		&cmd_tag },
	{ "image tree",		&cmd_image_tree },
	{ "image trust",	NULL, "Manage the policy about signatures of images" },
	{ "image trust set",	&cmd_image_trust_set },
	{ "image trust show",	&cmd_image_trust_show },
	{ "image umount",	&cmd_image_unmount,	NULL, NAME_ALIAS },
	{ "image unmount",	&cmd_image_unmount },
	{ "image untag",	&cmd_untag },
	{ "images",		&cmd_images },
	{ "import",		&cmd_import },
	{ "info",		&cmd_info },
	{ "init",		&cmd_init },
	{ "inspect",		&cmd_inspect },
	{ "kill",		&cmd_kill },
	{ "list-tags",		&cmd_list_tags },
	{ "load",		&cmd_load },
	{ "login",		&cmd_login },
	{ "logout",		&cmd_logout },
	{ "logs",		&cmd_logs },
	{ "manifest",		NULL, "Manage lists of images for several platforms" },
	{ "manifest add",	&cmd_manifest_add },
	{ "manifest annotate",	&cmd_manifest_annotate },
	{ "manifest create",	&cmd_manifest_create },
	{ "manifest exists",	&cmd_manifest_exists },
	{ "manifest inspect",	&cmd_manifest_inspect },
	{ "manifest push",	&cmd_manifest_push },
	{ "manifest remove",	&cmd_manifest_remove },
	{ "manifest rm",	&cmd_manifest_rm },
	{ "mount",		&cmd_mount },
	{ "pause",		&cmd_pause },
	{ "port",		&cmd_port },
	{ "ps",			&cmd_ps },
	{ "pull",		&cmd_pull },
	{ "push",		&cmd_push },
	{ "rename",		&cmd_rename },
	{ "restart",		&cmd_restart },
	{ "rm",			&cmd_rm },
	{ "rmi",		&cmd_rmi },
	{ "run",		&cmd_run },
	{ "save",		&cmd_save },
	{ "search",		&cmd_search },
	{ "secret",		NULL, "Manage secrets" },
	{ "secret create",	&cmd_secret_create },
	{ "secret exists",	&cmd_secret_exists },
	{ "secret inspect",	&cmd_secret_inspect },
	{ "secret list",	&cmd_secret_ls,	NULL, NAME_ALIAS },
	{ "secret ls",		&cmd_secret_ls },
	{ "secret rm",		&cmd_secret_rm },
	{ "start",		&cmd_start },
	{ "stats",		&cmd_stats },
	{ "stop",		&cmd_stop },
	{ "system",		NULL, "Manage ctr-lite" },
	{ "system check",	&cmd_system_check },
	{ "system df",		&cmd_system_df },
	{ "system doctor",	&cmd_doctor },
	{ "system events",	&cmd_events },
	{ "system info",	&cmd_info },
	{ "system prune",	&cmd_system_prune },
	{ "system reset",	&cmd_system_reset },
	{ "tag",		&cmd_tag },
	{ "top",		&cmd_top },
	{ "umount",		&cmd_unmount,	NULL, NAME_ALIAS },
	{ "unmount",		&cmd_unmount },
	{ "unpause",		&cmd_unpause },
	{ "unshare",		&cmd_unshare },
	{ "untag",		&cmd_untag },
	{ "update",		&cmd_update },
	{ "version",		&cmd_version },
	{ "volume",		NULL, "Manage volumes" },
	{ "volume create",	&cmd_volume_create },
	{ "volume exists",	&cmd_volume_exists },
	{ "volume export",	&cmd_volume_export },
	{ "volume import",	&cmd_volume_import },
	{ "volume inspect",	&cmd_volume_inspect },
	{ "volume list",	&cmd_volume_ls,	NULL, NAME_ALIAS },
	{ "volume ls",		&cmd_volume_ls },
	{ "volume mount",	&cmd_volume_mount },
	{ "volume prune",	&cmd_volume_prune },
	{ "volume reload",	&cmd_volume_reload },
	{ "volume remove",	&cmd_volume_rm,	NULL, NAME_ALIAS },
	{ "volume rm",		&cmd_volume_rm },
	{ "volume unmount",	&cmd_volume_unmount },
	{ "wait",		&cmd_wait },
	{ "__complete",		&cmd_complete,	NULL, NAME_HIDDEN },
	{ "__man",		&cmd_man,	NULL, NAME_HIDDEN },
	{ "__surface",		&cmd_surface,	NULL, NAME_HIDDEN },
	{ NULL },
};
/* clang-format on */

const struct command_name *command_find(const char *path)
{
	for (const struct command_name *n = commands; n->path; n++)
		if (streq(n->path, path))
			return n;
	return NULL;
}

/* "image ls" against the words "image" and "ls" */
static bool path_is(const char *path, const char *group, const char *word)
{
	const char *rest = str_after(path, group);

	return rest && rest[0] == ' ' && streq(rest + 1, word);
}

const struct command_name *command_below(const char *group, const char *word)
{
	for (const struct command_name *n = commands; n->path; n++)
		if (!strchr(word, ' ') && path_is(n->path, group, word))
			return n;
	return NULL;
}

const struct command_name *command_match(const char *const *words, size_t n, size_t *ret_used)
{
	const struct command_name *first = n ? command_find(words[0]) : NULL;

	if (!first || strchr(words[0], ' '))
		return NULL;
	*ret_used = 1;
	for (size_t i = 1; i < n && !first->cmd; i++) {
		const struct command_name *below = command_below(first->path, words[i]);

		if (!below)
			break;
		first = below;
		*ret_used = i + 1;
	}
	return first;
}

const char *command_name_in(const struct command_name *n, const char *group)
{
	const char *rest;

	if (n->flags & (NAME_HIDDEN | NAME_ALIAS))
		return NULL;
	if (!group)
		return strchr(n->path, ' ') ? NULL : n->path;
	rest = str_after(n->path, group);
	return rest && *rest == ' ' && !strchr(rest + 1, ' ') ? rest + 1 : NULL;
}
