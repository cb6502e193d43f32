/* The commands, each defined in its own file (cmd-<name>.c); their names are in commands.c. */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

struct command;

extern const struct command cmd_attach, cmd_init, cmd_checkpoint, cmd_container_cleanup, cmd_container_clone, cmd_container_restore, cmd_rename, cmd_restart,
	 cmd_completion, cmd_complete, cmd_container_exists,
	cmd_container_inspect, cmd_container_prune, cmd_create, cmd_doctor, cmd_events, cmd_exec, cmd_healthcheck_run, cmd_help, cmd_image_exists,
	cmd_image_inspect, cmd_images, cmd_import, cmd_info, cmd_inspect, cmd_kill, cmd_load, cmd_logs, cmd_man, cmd_pause, cmd_port, cmd_ps,
	cmd_pull, cmd_push, cmd_rm, cmd_rmi, cmd_run, cmd_save, cmd_secret_create, cmd_secret_exists,
	cmd_secret_inspect, cmd_secret_ls, cmd_secret_rm, cmd_start, cmd_stats, cmd_stop, cmd_surface, cmd_tag, cmd_top, cmd_unpause,
	cmd_untag, cmd_update, cmd_version, cmd_wait;
extern const struct command cmd_volume_create, cmd_volume_exists, cmd_volume_inspect, cmd_volume_ls, cmd_volume_mount,
	cmd_volume_prune, cmd_volume_reload, cmd_volume_rm, cmd_volume_unmount;
extern const struct command cmd_volume_export, cmd_volume_import;
extern const struct command cmd_system_check, cmd_system_df, cmd_system_prune, cmd_system_reset, cmd_image_prune;
extern const struct command cmd_history, cmd_image_tree;
extern const struct command cmd_image_sign, cmd_image_trust_set, cmd_image_trust_show;
extern const struct command cmd_manifest_add, cmd_manifest_annotate, cmd_manifest_create, cmd_manifest_exists,
	cmd_manifest_inspect, cmd_manifest_push, cmd_manifest_remove, cmd_manifest_rm;
extern const struct command cmd_commit, cmd_cp, cmd_container_diff, cmd_diff, cmd_export, cmd_image_copy, cmd_image_diff, cmd_image_mount, cmd_image_unmount,
	cmd_mount, cmd_unmount, cmd_unshare;
extern const struct command cmd_login, cmd_logout, cmd_search, cmd_list_tags;

#endif
