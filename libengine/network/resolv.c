/* The container's resolv.conf, made from the host's and the --dns options. */
#include <errno.h>
#include <stdlib.h>

#include "fd.h"
#include "net-names.h"

#define LINES_MAX 4096

struct resolv {
	struct strv servers, search, options;
};

static void resolv_done(struct resolv *r)
{
	strv_done(&r->servers);
	strv_done(&r->search);
	strv_done(&r->options);
}
#define auto_resolv __attribute__((cleanup(resolv_done)))

/* The words of a line after its keyword; a comment ends it. */
static int add_words(struct strv *v, char *text, size_t max)
{
	char *save = NULL;

	for (char *w = strtok_r(text, " \t", &save); w && v->n < max;
	     w = strtok_r(NULL, " \t", &save)) {
		if (*w == '#' || *w == ';')
			break;
		if (net_is_word(w) && strv_add(v, w) < 0)
			return -ENOMEM;
	}
	return 0;
}

static char *keyword(char *line, const char *word)
{
	size_t len = strlen(word);

	if (strncmp(line, word, len) != 0 || (line[len] != ' ' && line[len] != '\t'))
		return NULL;
	return line + len + 1;
}

/* resolv.conf(5): the last search or domain line wins; keywords start in the first column, but
 * glibc is not strict about leading blanks in practice, nor are we. */
static int parse_line(struct resolv *r, char *line, bool keep_loopback)
{
	auto_strv struct strv words = STRV_INIT;
	char *rest;

	line += strspn(line, " \t");
	if ((rest = keyword(line, "nameserver"))) {
		if (add_words(&words, rest, 1) < 0)
			return -ENOMEM;
		if (words.n && net_is_address(words.items[0]) &&
		    (keep_loopback || !net_is_loopback(words.items[0])))
			return strv_add(&r->servers, words.items[0]);
		return 0;
	}
	if ((rest = keyword(line, "search")) || (rest = keyword(line, "domain"))) {
		strv_done(&r->search);
		return add_words(&r->search, rest, LINES_MAX);
	}
	if ((rest = keyword(line, "options")))
		return add_words(&r->options, rest, LINES_MAX);
	return 0;
}

static int parse_text(struct resolv *r, const char *text, bool keep_loopback)
{
	auto_free char *copy = strdup(text);
	char *save = NULL;

	if (!copy)
		return -ENOMEM;
	for (char *l = strtok_r(copy, "\r\n", &save); l; l = strtok_r(NULL, "\r\n", &save)) {
		int res = parse_line(r, l, keep_loopback);

		if (res < 0)
			return res;
	}
	return 0;
}

bool net_resolv_usable(const char *text)
{
	auto_resolv struct resolv r = { 0 };

	return parse_text(&r, text, false) == 0 && r.servers.n > 0;
}

bool net_resolv_has_server(const char *text)
{
	auto_resolv struct resolv r = { 0 };

	return parse_text(&r, text, true) == 0 && r.servers.n > 0;
}

bool net_resolv_needs_forward(const char *text, const char *own)
{
	auto_resolv struct resolv r = { 0 };

	if (parse_text(&r, text, true) < 0 || r.servers.n == 0)
		return false;
	return !net_resolv_usable(text) || (*own && streq(r.servers.items[0], own));
}

static void put_words(struct strbuf *b, const char *word, const struct strv *v)
{
	if (v->n == 0 || (v->n == 1 && streq(v->items[0], ".")))
		return;
	strbuf_add(b, word);
	for (size_t i = 0; i < v->n; i++)
		strbuf_addf(b, " %s", v->items[i]);
	strbuf_addc(b, '\n');
}

char *net_resolv_text(const char *base, const struct ctr_net_names *names, const char *forward,
		      bool keep_loopback, struct err *e)
{
	auto_resolv struct resolv r = { 0 };
	auto_strbuf struct strbuf b = STRBUF_INIT;
	char *out;

	if (parse_text(&r, base, keep_loopback) < 0) {
		(void)err_sys(e, -ENOMEM, "read resolv.conf");
		return NULL;
	}
	put_words(&b, "search", names->dns_search.n ? &names->dns_search : &r.search);
	if (names->dns.n) {
		for (size_t i = 0; i < names->dns.n; i++)
			strbuf_addf(&b, "nameserver %s\n", names->dns.items[i]);
	} else {
		if (*forward)
			strbuf_addf(&b, "nameserver %s\n", forward);
		for (size_t i = 0; i < r.servers.n; i++)
			if (!streq(r.servers.items[i], forward))
				strbuf_addf(&b, "nameserver %s\n", r.servers.items[i]);
	}
	put_words(&b, "options", names->dns_option.n ? &names->dns_option : &r.options);
	if (b.len > CTR_NET_FILE_MAX_BYTES) {
		(void)err_set(e, ERR_LIMIT, "resolv.conf of more than %u bytes",
			      CTR_NET_FILE_MAX_BYTES);
		return NULL;
	}
	out = strbuf_take(&b);
	if (!out)
		(void)err_sys(e, -ENOMEM, "make resolv.conf");
	return out;
}
