/* Dockerfile instructions that change an image's configuration. */
#include "change.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "fd.h"
#include "json.h"
#include "proc.h"
#include "str.h"

#define CHANGE_MAX_BYTES 65536u

static int out_of_memory(struct err *e)
{
	return err_sys(e, ENOMEM, "change the image's configuration");
}

static int set_new(json_t *o, const char *key, json_t *value, struct err *e)
{
	return json_object_set_new(o, key, value) < 0 ? out_of_memory(e) : 0;
}

/* A JSON array of strings, or NULL where the value is something else. */
static json_t *parse_list(const char *value)
{
	json_t *list;
	size_t i;
	json_t *item;

	if (value[0] != '[')
		return NULL;
	list = json_loads(value, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_array(list)) {
		json_decref(list);
		return NULL;
	}
	json_array_foreach(list, i, item)
		if (!json_is_string(item)) {
			json_decref(list);
			return NULL;
		}
	return list;
}

/* The exec form as it is, the shell form by /bin/sh -c. */
static int set_command(json_t *config, const char *key, const char *value, struct err *e)
{
	json_t *list = parse_list(value);

	if (!list)
		list = json_pack("[s, s, s]", "/bin/sh", "-c", value);
	return set_new(config, key, list, e);
}

/*
 * Words of ENV and LABEL: separated by blanks, quotes group, a backslash takes the next byte as
 * it is.
 */
static int next_word(const char **pos, struct strbuf *word, struct err *e)
{
	const char *p = *pos;
	char quote = 0;

	while (isspace((unsigned char)*p))
		p++;
	if (!*p)
		return 0;
	for (; *p && (quote || !isspace((unsigned char)*p)); p++) {
		if (*p == quote) {
			quote = 0;
		} else if (!quote && (*p == '"' || *p == '\'')) {
			quote = *p;
		} else if (*p == '\\' && quote != '\'' && p[1]) {
			strbuf_addc(word, *++p);
		} else {
			strbuf_addc(word, *p);
		}
	}
	*pos = p;
	if (quote)
		return err_set(e, ERR_INVALID, "a quote %c is not closed", quote);
	return word->failed ? out_of_memory(e) : 1;
}

static int env_index(const json_t *list, const char *word, size_t key_len)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *s = json_string_value(json_array_get(list, i));

		if (s && strncmp(s, word, key_len) == 0 && s[key_len] == '=')
			return (int)i;
	}
	return -1;
}

static json_t *member_list(json_t *config, const char *key, json_t *(*make)(void))
{
	json_t *v = json_object_get(config, key);

	if (!v && json_object_set_new(config, key, make()) == 0)
		v = json_object_get(config, key);
	return v;
}

static int put_pair(json_t *config, bool is_env, const char *word, struct err *e)
{
	size_t key_len = strcspn(word, "=");
	json_t *to =
		member_list(config, is_env ? "Env" : "Labels", is_env ? json_array : json_object);
	auto_free char *key = strndup(word, key_len);
	json_t *s;
	int at, r;

	if (!to || !key)
		return out_of_memory(e);
	if (key_len == 0)
		return err_set(e, ERR_INVALID, "a name is missing before \"=\"");
	if (!is_env)
		return set_new(to, key, json_string(word[key_len] ? word + key_len + 1 : ""), e);
	s = json_string(word);
	if (!s)
		return err_set(e, ERR_INVALID, "the value is not UTF-8");
	at = env_index(to, word, key_len);
	r = at >= 0 ? json_array_set_new(to, (size_t)at, s) : json_array_append_new(to, s);
	return r < 0 ? out_of_memory(e) : 0;
}

/* "k=v k2=v2", or the old form "k the rest", or (perfectly valid) a name without a value. */
static int set_pairs(json_t *config, bool is_env, const char *value, struct err *e)
{
	auto_strbuf struct strbuf first = STRBUF_INIT;
	const char *p = value;
	int r = next_word(&p, &first, e);

	if (r < 0)
		return r;
	if (!first.data || !strchr(first.data, '=')) {
		while (isspace((unsigned char)*p))
			p++;
		strbuf_addf(&first, "=%s", p);
		return first.failed ? out_of_memory(e) : put_pair(config, is_env, first.data, e);
	}
	r = put_pair(config, is_env, first.data, e);
	while (r == 0) {
		auto_strbuf struct strbuf word = STRBUF_INIT;

		r = next_word(&p, &word, e);
		if (r <= 0)
			return r;
		if (!word.data || !strchr(word.data, '='))
			return err_set(e, ERR_INVALID, "expected NAME=VALUE");
		r = put_pair(config, is_env, word.data, e);
	}
	return r;
}

static int set_flag(json_t *config, const char *key, const char *member, struct err *e)
{
	json_t *o = member_list(config, key, json_object);

	return o ? set_new(o, member, json_object(), e) : out_of_memory(e);
}

/* 80, 80/udp, 8000-8010/tcp. */
static int expose_one(json_t *config, const char *word, struct err *e)
{
	const char *slash = strchr(word, '/');
	size_t len = slash ? (size_t)(slash - word) : strlen(word);
	const char *proto = slash ? slash + 1 : "tcp";
	uint32_t lo, hi;
	char ports[16];
	char *dash;

	if (len >= sizeof(ports) ||
	    (!streq(proto, "tcp") && !streq(proto, "udp") && !streq(proto, "sctp")))
		return err_set(e, ERR_INVALID, "%.60s is not PORT[-PORT][/tcp|udp|sctp]", word);
	memcpy(ports, word, len);
	ports[len] = '\0';
	dash = strchr(ports, '-');
	if (dash)
		*dash = '\0';
	if (str_u32(ports, 65535, &lo) < 0 || str_u32(dash ? dash + 1 : ports, 65535, &hi) < 0 ||
	    lo == 0 || hi < lo)
		return err_set(e, ERR_INVALID, "%.60s is not a port number from 1 to 65535", word);
	for (uint32_t port = lo; port <= hi; port++) {
		auto_free char *key = str_printf("%u/%s", port, proto);
		int r = key ? set_flag(config, "ExposedPorts", key, e) : out_of_memory(e);

		if (r < 0)
			return r;
	}
	return 0;
}

static int for_words(json_t *config, const char *value, struct err *e,
		     int (*each)(json_t *config, const char *word, struct err *e))
{
	const char *p = value;
	int r;

	for (;;) {
		auto_strbuf struct strbuf word = STRBUF_INIT;

		r = next_word(&p, &word, e);
		if (r > 0)
			r = each(config, word.data ? word.data : "", e);
		else
			return r;
		if (r < 0)
			return r;
	}
}

static int volume_one(json_t *config, const char *word, struct err *e)
{
	if (!word[0])
		return err_set(e, ERR_INVALID, "a volume needs a path");
	return set_flag(config, "Volumes", word, e);
}

static int do_cmd(json_t *config, const char *value, struct err *e)
{
	return set_command(config, "Cmd", value, e);
}

static int do_entrypoint(json_t *config, const char *value, struct err *e)
{
	return set_command(config, "Entrypoint", value, e);
}

static int do_env(json_t *config, const char *value, struct err *e)
{
	return set_pairs(config, true, value, e);
}

static int do_label(json_t *config, const char *value, struct err *e)
{
	return set_pairs(config, false, value, e);
}

static int do_expose(json_t *config, const char *value, struct err *e)
{
	return for_words(config, value, e, expose_one);
}

static int do_volume(json_t *config, const char *value, struct err *e)
{
	auto_json json_t *list = parse_list(value);
	int r = 0;

	if (!list)
		return for_words(config, value, e, volume_one);
	for (size_t i = 0; r == 0 && i < json_array_size(list); i++)
		r = volume_one(config, json_string_value(json_array_get(list, i)), e);
	return r;
}

/* One --option=value in front of CMD, into @test. */
static int health_option(json_t *test, const char *word, struct err *e)
{
	static const struct {
		const char *option, *member;
	} times[] = {
		{ "--interval=", "Interval" },
		{ "--timeout=", "Timeout" },
		{ "--start-period=", "StartPeriod" },
		{ "--start-interval=", "StartInterval" },
	};
	const char *value;
	uint32_t retries;
	int64_t ns;

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		value = str_after(word, times[i].option);
		if (!value)
			continue;
		if (str_duration(value, &ns) < 0 || ns < 0)
			return err_set(e, ERR_INVALID, "%.60s is not a duration", value);
		return set_new(test, times[i].member, json_integer(ns), e);
	}
	value = str_after(word, "--retries=");
	if (!value)
		return err_set(e, ERR_INVALID, "%.60s is not an option of HEALTHCHECK", word);
	if (str_u32(value, INT32_MAX, &retries) < 0 || retries == 0)
		return err_set(e, ERR_INVALID, "--retries: %.60s is not a positive number", value);
	return set_new(test, "Retries", json_integer(retries), e);
}

static json_t *health_test(const char *value)
{
	json_t *list = parse_list(value);

	if (!list)
		return json_pack("[s, s]", "CMD-SHELL", value);
	if (json_array_size(list) == 0 || json_array_insert_new(list, 0, json_string("CMD")) < 0) {
		json_decref(list);
		return NULL;
	}
	return list;
}

static int do_healthcheck(json_t *config, const char *value, struct err *e)
{
	auto_json json_t *test = json_object();
	const char *command;
	int r = 0;

	while (r == 0 && str_starts(value, "--")) {
		size_t len = strcspn(value, " \t");
		auto_free char *word = strndup(value, len);

		r = word ? health_option(test, word, e) : out_of_memory(e);
		value += len;
		value += strspn(value, " \t");
	}
	if (r < 0)
		return r;
	if (strcasecmp(value, "NONE") == 0) {
		r = set_new(test, "Test", json_pack("[s]", "NONE"), e);
	} else {
		command = strncasecmp(value, "CMD", 3) == 0 && (value[3] == ' ' || value[3] == '\t')
				  ? value + 4 + strspn(value + 4, " \t")
				  : "";
		if (!command[0] || streq(command, "[]"))
			return err_set(e, ERR_INVALID, "expected NONE or CMD COMMAND");
		r = set_new(test, "Test", health_test(command), e);
	}
	return r < 0 ? r : set_new(config, "Healthcheck", json_incref(test), e);
}

static int do_onbuild(json_t *config, const char *value, struct err *e)
{
	json_t *list = member_list(config, "OnBuild", json_array);

	if (!list || json_array_append_new(list, json_string(value)) < 0)
		return err_set(e, ERR_INVALID, "the value is not UTF-8");
	return 0;
}

static int do_stopsignal(json_t *config, const char *value, struct err *e)
{
	if (sig_parse(value) < 0)
		return err_set(e, ERR_INVALID, "%.60s is not a signal", value);
	return set_new(config, "StopSignal", json_string(value), e);
}

static int do_user(json_t *config, const char *value, struct err *e)
{
	return set_new(config, "User", json_string(value), e);
}

static int do_workdir(json_t *config, const char *value, struct err *e)
{
	return set_new(config, "WorkingDir", json_string(value), e);
}

static const struct {
	const char *name;
	int (*apply)(json_t *config, const char *value, struct err *e);
} instructions[] = {
	{ "CMD", do_cmd },
	{ "ENTRYPOINT", do_entrypoint },
	{ "ENV", do_env },
	{ "EXPOSE", do_expose },
	{ "HEALTHCHECK", do_healthcheck },
	{ "LABEL", do_label },
	{ "ONBUILD", do_onbuild },
	{ "STOPSIGNAL", do_stopsignal },
	{ "USER", do_user },
	{ "VOLUME", do_volume },
	{ "WORKDIR", do_workdir },
};

static int apply(json_t *config, const char *change, struct err *e)
{
	size_t len = strcspn(change, " \t");
	const char *value;

	/* INSTRUCTION=value where nothing separates by a blank. */
	if (!change[len])
		len = strcspn(change, "=");
	if (!change[len])
		return err_set(e, ERR_INVALID, "expected INSTRUCTION VALUE");
	value = change + len + 1;
	while (isspace((unsigned char)*value))
		value++;
	if (!*value)
		return err_set(e, ERR_INVALID, "a value is missing");
	for (size_t i = 0; i < sizeof(instructions) / sizeof(instructions[0]); i++)
		if (strlen(instructions[i].name) == len &&
		    strncasecmp(instructions[i].name, change, len) == 0)
			return instructions[i].apply(config, value, e);
	return err_set(e, ERR_INVALID,
		       "the instruction is not one of CMD ENTRYPOINT ENV EXPOSE "
		       "HEALTHCHECK LABEL ONBUILD STOPSIGNAL USER VOLUME WORKDIR");
}

int change_apply(json_t *config, const char *change, struct err *e)
{
	auto_free char *q = str_quote(change), *copy = NULL;
	size_t len = strlen(change);
	int r;

	if (len > CHANGE_MAX_BYTES)
		return err_set(e, ERR_LIMIT, "--change: longer than %u bytes", CHANGE_MAX_BYTES);
	while (isspace((unsigned char)*change))
		change++;
	copy = strdup(change);
	if (!copy)
		return out_of_memory(e);
	for (len = strlen(copy); len && isspace((unsigned char)copy[len - 1]);)
		copy[--len] = '\0';
	r = apply(config, copy, e);
	return r < 0 ? err_wrap(e, r, "--change %s", q ? q : "?") : 0;
}
