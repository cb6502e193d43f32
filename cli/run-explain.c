/* --explain: what would run, and which option, part of the image or default each of it comes from. */
#include "run-opts.h"

#include <ctrlite/explain.h>

#include <errno.h>
#include <jansson.h>

#include "ensure.h"
#include "fd.h"
#include "json.h"
#include "out.h"

#define COLUMN_MAX 40	/* what is longer pushes its line to the right */

/* An option that was typed, with its value; else the image; else the default. */
static void from(const struct cmd *c, const struct ctr_request *r, const char *kind, const char *option,
		 const char *value, const char *image, const char *otherwise)
{
	if (opt_seen(c->opts, option))
		ctr_origin(r, kind, "", "--%s%s%s", option, value ? " " : "", value ? value : "");
	else
		ctr_origin(r, kind, "", "%s", image ? image : otherwise);
}

static void command_origin(const struct cmd *c, const struct run_args *a,
			   const struct ctr_image_config *img, const struct ctr_request *r)
{
	const char *entry = a->entrypoint ? "--entrypoint" : img->entrypoint.n ? "image: Entrypoint" : NULL;
	const char *args = c->n_args > 1 ? "arguments" : r->cmd.n ? "image: Cmd" : NULL;

	ctr_origin(r, "process.args", "", "%s%s%s%s%s", r->init ? "--init, " : "", entry ? entry : "",
		   entry && args ? ", " : "", args ? args : "", entry || args ? "" : "default");
}

void run_origins(const struct cmd *c, const struct run_args *a, const struct ctr_image_config *img,
		 const struct ctr_request *r)
{
	if (!r->origins)
		return;
	command_origin(c, a, img, r);
	from(c, r, "process.user", "user", a->user, img->user && img->user[0] ? "image: User" : NULL,
	     r->userns && str_starts(r->userns, "keep-id") ? "--userns keep-id" : "default");
	ctr_origin(r, "process.user.additionalGids", "", "%sthe user's own group, the image's /etc/group",
		   a->groups.n ? "--group-add, " : "");
	from(c, r, "process.user.umask", "umask", a->umask, NULL, "default");
	from(c, r, "process.cwd", "workdir", a->workdir, img->cwd ? "image: WorkingDir" : NULL, "default");
	from(c, r, "process.terminal", "tty", NULL, NULL, "default");
	from(c, r, "process.oomScoreAdj", "oom-score-adj", NULL, NULL, "default");
	ctr_origin(r, "process.noNewPrivileges", "", r->no_new_privs ? "--security-opt no-new-privileges"
								      : "default");
	from(c, r, "root.readonly", "read-only", NULL, NULL, "default");
	from(c, r, "hostname", "hostname", a->hostname, NULL, "default: the container's ID, or the host's");
	from(c, r, "user ids of those", a->uidmaps.n ? "uidmap" : "userns", a->userns, NULL, "PODMAN_USERNS");
	from(c, r, "group ids of those", a->gidmaps.n ? "gidmap" : "userns", a->userns, NULL, "PODMAN_USERNS");
}

void run_env_said(void *arg, const char *name, const char *source)
{
	ctr_origin(arg, "process.env", name, "%s", source);
}

static const char *text_of(const json_t *el, const char *key)
{
	return json_string_value(json_object_get(el, key));
}

static int wider(int width, const char *s)
{
	int n = (int)strlen(s);

	return n > width && n <= COLUMN_MAX ? n : width;
}

/* Lists as headings with their elements below; origins in a column, values behind. */
static void print_text(const json_t *elements)
{
	int name_width = 0, origin_width = 0;
	const char *section = "";
	size_t i;
	json_t *el;

	json_array_foreach((json_t *)(uintptr_t)elements, i, el) {
		const char *name = text_of(el, "Name");

		name_width = wider(name_width, *name ? name : text_of(el, "Section"));
		origin_width = wider(origin_width, text_of(el, "Origin"));
	}
	name_width += 2; /* the elements of lists are indented */
	json_array_foreach((json_t *)(uintptr_t)elements, i, el) {
		auto_free char *name = str_printable(text_of(el, "Name"));
		auto_free char *value = str_printable(text_of(el, "Value"));
		auto_free char *origin = str_printable(text_of(el, "Origin"));

		if (!name || !value || !origin)
			continue; /* no memory */
		if (*name && !streq(section, text_of(el, "Section")))
			printf("%s\n", text_of(el, "Section"));
		section = text_of(el, "Section");
		printf("%s%-*s  %-*s  %s\n", *name ? "  " : "", *name ? name_width - 2 : name_width,
		       *name ? name : section, origin_width, origin, value);
	}
}

int run_explain(struct cmd *c, struct run_args *a, struct ctr_request *r, struct err *e)
{
	auto_strv struct strv origins = STRV_INIT;
	auto_json json_t *j = NULL;
	int rc;

	if (!streq(a->explain, "text") && !streq(a->explain, "json"))
		return err_set(e, ERR_INVALID, "--explain=%s: expected text or json", a->explain);
	/* Nothing is made, so nothing is pulled either. */
	a->pull = CTR_PULL_NEVER;
	r->origins = &origins;
	rc = run_request(c, a, r, e);
	if (rc == 0)
		rc = ctr_container_explain(c->eng, r, &j, e);
	r->origins = NULL;
	if (rc < 0)
		return rc;
	if (streq(a->explain, "json"))
		return out_json(j, 2, e);
	print_text(json_object_get(j, "elements"));
	return 0;
}
