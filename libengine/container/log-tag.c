/* --log-opt tag=: what the journal calls the container. */
#include "container-priv.h"

#include <errno.h>

/* The fields that tags are made of in practice, as `inspect` has them. */
static const char *field(const struct ctr_request *r, const char *name, size_t len)
{
	const struct {
		const char *name, *value;
	} fields[] = {
		{ ".ID", r->id }, { ".Name", r->name }, { ".Image", r->image_id },
		{ ".ImageName", r->image },
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (strlen(fields[i].name) == len && memcmp(fields[i].name, name, len) == 0)
			return fields[i].value ? fields[i].value : "";
	return NULL;
}

int container_log_tag(const struct ctr_request *r, char **ret, struct err *e)
{
	auto_strbuf struct strbuf b = STRBUF_INIT;
	const char *s = r->log_tag, *open;

	while ((open = strstr(s, "{{"))) {
		const char *name = open + 2 + strspn(open + 2, " "), *close = strstr(name, "}}"), *value;
		size_t len = close ? (size_t)(close - name) : 0;

		while (len && name[len - 1] == ' ')
			len--;
		value = close ? field(r, name, len) : NULL;
		if (!value)
			return err_set(e, ERR_INVALID, "--log-opt tag=%s: only {{.ID}}, {{.Name}}, {{.Image}} "
				       "and {{.ImageName}} can stand in it", r->log_tag);
		strbuf_addn(&b, s, (size_t)(open - s));
		strbuf_add(&b, value);
		s = close + 2;
	}
	strbuf_add(&b, s);
	*ret = strbuf_take(&b);
	return *ret ? 0 : err_sys(e, ENOMEM, "make the log's tag");
}

char *container_log_path(const struct ctr_engine *eng, const struct ctr_request *r)
{
	if (r->log_path)
		return strdup(r->log_path);
	return str_printf("%s/containers/%s/ctr.log", eng->store.root, r->id);
}

bool container_log_is_file(const char *driver)
{
	return !driver || streq(driver, "k8s-file") || streq(driver, "json-file");
}
