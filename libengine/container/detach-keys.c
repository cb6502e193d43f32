/* The keys that detach: reading them, and finding them in what is typed. */
#include <errno.h>
#include <string.h>

#include "ctrlite/client.h"
#include "fd.h"
#include "str.h"

static int key_parse(const char *s, char *ret)
{
	const char *ctl = str_after(s, "ctrl-");

	if (!ctl && strlen(s) == 1)
		*ret = s[0];
	else if (ctl && strlen(ctl) == 1 && ctl[0] >= 'a' && ctl[0] <= 'z')
		*ret = (char)(ctl[0] - 'a' + 1);
	else if (ctl && strlen(ctl) == 1 && strchr("@[\\]^_", ctl[0]))
		*ret = (char)(ctl[0] - '@');
	else
		return -EINVAL;
	return 0;
}

int ctr_detach_keys_parse(const char *s, struct ctr_detach_keys *ret, struct err *e)
{
	auto_strv struct strv parts = STRV_INIT;
	struct ctr_detach_keys k = { .n = 0 };

	if (s[0] && strv_split(&parts, s, ',') < 0)
		return err_sys(e, ENOMEM, "read the detach keys");
	for (size_t i = 0; i < parts.n; i++) {
		auto_free char *shown = NULL;

		if (k.n == sizeof(k.keys))
			return err_set(e, ERR_INVALID, "detach keys: more than %zu keys",
				       sizeof(k.keys));
		if (key_parse(parts.items[i], &k.keys[k.n]) == 0) {
			k.n++;
			continue;
		}
		shown = str_quote(parts.items[i]);
		return err_set(e, ERR_INVALID,
			       "detach keys: %s is neither a single character nor "
			       "ctrl-X with X one of a-z @ ^ [ \\ ] _",
			       shown ? shown : "one");
	}
	*ret = k;
	return 0;
}

/* What of the first @n keys, which were typed, may still begin the sequence: its longest proper
 * beginning that those keys end with. */
static size_t fall_back(const struct ctr_detach_keys *k, size_t n)
{
	for (size_t len = n - 1; len > 0; len--)
		if (memcmp(k->keys, k->keys + n - len, len) == 0)
			return len;
	return 0;
}

bool ctr_detach_filter(const struct ctr_detach_keys *k, size_t *matched, const char *in, size_t n,
		       char *out, size_t *ret_n)
{
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		/* What is held back and cannot be the sequence any more is somebody's input. */
		while (*matched && in[i] != k->keys[*matched]) {
			size_t keep = fall_back(k, *matched);

			memcpy(out + len, k->keys, *matched - keep);
			len += *matched - keep;
			*matched = keep;
		}
		if (k->n == 0 || in[i] != k->keys[*matched])
			out[len++] = in[i];
		else if (++*matched == k->n) {
			*ret_n = len;
			return true;
		}
	}
	*ret_n = len;
	return false;
}
