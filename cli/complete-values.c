/* What the values of options can be, see complete-values.h. */
#include "complete-values.h"

#include "commands.h"

#define PS_FILTERS                                                                                        \
	"ancestor= ancestor=@image before= before=@container command= exited= health= health=healthy "    \
	"health=none health=starting health=unhealthy id= label= name= name=@container network= pod= "     \
	"restart-policy= restart-policy=always restart-policy=no restart-policy=on-failure "              \
	"restart-policy=unless-stopped should-start-on-boot= should-start-on-boot=false "                  \
	"should-start-on-boot=true since= since=@container status= status=created status=exited "          \
	"status=paused status=running status=stopped until= volume= volume=@volume"
#define NS "host private container: container:@running ns:"
#define CAPS                                                                                              \
	"ALL CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID IPC_LOCK KILL MKNOD NET_ADMIN "             \
	"NET_BIND_SERVICE NET_RAW SETFCAP SETGID SETPCAP SETUID SYS_ADMIN SYS_CHROOT SYS_NICE SYS_PTRACE " \
	"SYS_RESOURCE SYS_TIME"
#define SIGNALS "HUP INT QUIT KILL USR1 USR2 TERM CONT STOP WINCH RTMIN+3"
#define RESTARTS "no always on-failure on-failure: unless-stopped"

/* clang-format off */
const struct value_row value_rows[] = {
	{ "ps", "filter", PS_FILTERS },		{ "pause", "filter", PS_FILTERS },
	{ "unpause", "filter", PS_FILTERS },	{ "restart", "filter", PS_FILTERS },
	{ "rm", "filter", PS_FILTERS },		{ "start", "filter", PS_FILTERS },
	{ "stop", "filter", PS_FILTERS },
	{ "container prune", "filter", "label= label!= until=" },
	{ "images", "filter", "after= after=@image before= before=@image containers= containers=false "
		"containers=true dangling= dangling=false dangling=true digest= id= label= reference= "
		"reference=@image since= since=@image until=" },
	{ "volume ls", "filter", "dangling= dangling=false dangling=true driver= driver=local label= name= "
		"name=@volume opt= scope= scope=local since= since=@volume until=" },
	{ "volume prune", "filter", "all= all=false all=true label= label!= until=" },
	{ "secret ls", "filter", "id= name= name=@secret" },
	{ "events", "filter", "container= container=@container event= event=create event=start event=died "
		"event=stop event=remove image= image=@image label= status= type= type=container type=image "
		"type=secret type=volume volume= volume=@volume" },
	{ "ps", "sort", "command created id image names runningfor size status" },
	{ "images", "sort", "created id repository size tag" },
	{ "inspect", "type", "all container image volume" },
	{ "wait", "condition", "created exited healthy paused running stopped unhealthy" },
	{ "kill", "signal", SIGNALS },
	{ "stop", "signal", SIGNALS },
	{ "events", "format", "json" },
	{ NULL, "stop-signal", SIGNALS },
	{ NULL, "network", "none host pasta slirp4netns private container: container:@running ns: pasta: "
		"slirp4netns:" },
	{ NULL, "pid", NS }, { NULL, "ipc", NS " none shareable" }, { NULL, "uts", NS }, { NULL, "cgroupns", NS },
	{ NULL, "userns", "host keep-id keep-id: nomap auto auto: container: container:@running ns:" },
	{ NULL, "cgroups", "enabled disabled no-conmon split" },
	{ NULL, "restart", RESTARTS },
	{ NULL, "log-driver", "k8s-file json-file journald none passthrough" },
	{ NULL, "systemd", "true false always" },
	{ NULL, "sdnotify", "container conmon ignore" },
	{ NULL, "cap-add", CAPS }, { NULL, "cap-drop", CAPS },
	{ NULL, "security-opt", "no-new-privileges seccomp= seccomp=unconfined apparmor= "
		"apparmor=unconfined label= label=disable mask= unmask= unmask=ALL proc-opts=" },
	{ NULL, "mount", "type= type=bind, type=volume, type=tmpfs, type=image, type=glob, type=devpts," },
	{ NULL, "personality", "LINUX LINUX32" },
	{ NULL, "attach", "stdin stdout stderr" },
	{ NULL, "hosts-file", "image none" },
	{ NULL, "format", "json table" },
	{ NULL, "cgroup-manager", "systemd cgroupfs disabled" },
	{ NULL, "events-backend", "file journald none" },
	{ NULL, "log-level", "trace debug info warn error fatal panic" },
	{ NULL, "runtime", "ctr-lite-runtime crun runc" },
	{ NULL, NULL, NULL },
};
/* clang-format on */

const char *value_words(const struct command_name *name, const char *option)
{
	for (const struct value_row *r = value_rows; r->option; r++) {
		const struct command_name *n = r->command ? command_find(r->command) : NULL;

		if (!streq(r->option, option))
			continue;
		if (!r->command || (n && name && n->cmd == name->cmd))
			return r->words;
	}
	return NULL;
}
