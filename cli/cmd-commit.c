/* `commit`: make an image of a container. */
#include "commands.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "cli.h"
#include "ctrlite/commit.h"
#include "fd.h"
#include "file.h"
#include "str.h"
#include "targets.h"

#define CONFIG_MAX_BYTES (1u << 20)

struct commit_args {
	const char *author, *message, *config, *format, *iidfile;
	struct strv changes;
	bool include_volumes, pause, quiet, squash;
};

#define ARG(m) offsetof(struct commit_args, m)
/* clang-format off */
static const struct opt opts[] = {
	{ 'a', "author",          "AUTHOR",      OPT_STRING, ARG(author),  "who made the image" },
	{ 'c', "change",          "INSTRUCTION", OPT_LIST,   ARG(changes), "apply a Dockerfile instruction: CMD ENTRYPOINT ENV EXPOSE LABEL ONBUILD STOPSIGNAL USER VOLUME WORKDIR" },
	{ 0,   "config",          "FILE",        OPT_STRING, ARG(config),  "merge the configuration (JSON, as docker's Config) in this file into the image's", 0, COMPLETE_FILE },
	{ 'f', "format",          "FORMAT",      OPT_STRING, ARG(format),  "format of manifest and configuration: oci or docker (default oci, or image_default_format of containers.conf)" },
	{ 0,   "iidfile",         "FILE",        OPT_STRING, ARG(iidfile), "write the image ID to this file", 0, COMPLETE_FILE },
	{ 0,   "include-volumes", NULL,          OPT_FLAG,   ARG(include_volumes), "what is mounted in the container becomes a volume of the image" },
	{ 'm', "message",         "MESSAGE",     OPT_STRING, ARG(message), "comment of the history entry" },
	{ 'p', "pause",           NULL,          OPT_FLAG,   ARG(pause),   "pause a running container meanwhile" },
	{ 'q', "quiet",           NULL,          OPT_FLAG,   ARG(quiet),   "show no progress" },
	{ 's', "squash",          NULL,          OPT_FLAG,   ARG(squash),  "make one layer of all files" },
	{ 0 },
};
/* clang-format on */

static int check_format(const char *format, bool *ret_docker, struct err *e)
{
	*ret_docker = format && strcmp(format, "docker") == 0;
	if (!format || *ret_docker || strcmp(format, "oci") == 0)
		return 0;
	return err_set(e, ERR_INVALID, "unrecognized image format \"%s\": expected oci or docker", format);
}

static int write_iidfile(const char *name, const char *id, struct err *e)
{
	auto_close int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0 || fd_write_all(fd, id, strlen(id)) < 0)
		return err_sys(e, errno, "write the image ID to %s", name);
	return 0;
}

static int run(struct cmd *c, void *args, struct err *e)
{
	const struct commit_args *a = args;
	struct ctr_commit_opts o = {
		.name = c->n_args > 1 ? c->args[1] : NULL, .author = a->author, .message = a->message,
		.changes = &a->changes, .pause = a->pause, .include_volumes = a->include_volumes,
		.squash = a->squash, .quiet = a->quiet,
	};
	auto_free char *config = NULL, *image = NULL;
	char id[65];
	size_t used, len;
	int r = check_format(a->format ? a->format : c->eng->conf.image_format, &o.docker, e);

	if (r == 0)
		r = target_one(c, false, NULL, id, &used, e);
	if (r == 0 && a->config) {
		r = file_read_path(a->config, CONFIG_MAX_BYTES, &config, &len);
		if (r < 0)
			(void)err_sys(e, r, "read %s", a->config);
		o.config = config;
	}
	if (r == 0)
		r = ctr_container_commit(c->eng, id, &o, &image, e);
	if (r == 0 && a->iidfile)
		r = write_iidfile(a->iidfile, image, e);
	if (r == 0)
		printf("%s\n", image);
	return r;
}

const struct command cmd_commit = {
	.summary = "Create new image based on the changed container",
	.usage = "[options] CONTAINER [IMAGE]",
	.description = "Makes an image of a container, whether it runs or not: the layers of its image, and "
		       "what it has written as one more. Command, environment, user, working directory "
		       "and labels are the container's. What is mounted in the container is left out. "
		       "The ID of the image is printed.",
	.examples = "commit web web:patched\ncommit -m 'with curl' -a me -c 'CMD [\"/bin/bash\"]' work tools\n"
		    "commit --squash --pause web flat",
	.run = run, .opts = opts, .args_size = sizeof(struct commit_args), .min_args = 1, .max_args = 2,
	.needs = NEED_STORE, .complete = COMPLETE_CONTAINER,
};
