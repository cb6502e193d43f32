/* URLs: origins, and how they are shown. */
#include "http.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "fd.h"

static void url_done(CURLU **u)
{
	curl_url_cleanup(*u);
}
#define auto_url __attribute__((cleanup(url_done)))

static void curl_str_done(char **s)
{
	curl_free(*s);
}
#define auto_curl_str __attribute__((cleanup(curl_str_done)))

static char *part(CURLU *u, CURLUPart what)
{
	auto_curl_str char *s = NULL;
	char *out;

	if (curl_url_get(u, what, &s, CURLU_DEFAULT_PORT) != CURLUE_OK)
		return NULL;
	out = strdup(s);
	for (char *p = out; p && *p; p++)
		*p = (char)tolower((unsigned char)*p);
	return out;
}

int http_url_split(const char *url, char **ret_scheme, char **ret_host, char **ret_port)
{
	auto_url CURLU *u = curl_url();
	auto_free char *scheme = NULL, *host = NULL, *port = NULL;

	if (!u)
		return -ENOMEM;
	if (curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK)
		return -EINVAL;
	scheme = part(u, CURLUPART_SCHEME);
	host = part(u, CURLUPART_HOST);
	port = part(u, CURLUPART_PORT);
	if (!scheme || !host || !*host || !port)
		return -EINVAL;
	if (ret_scheme)
		*ret_scheme = take_ptr(&scheme);
	if (ret_host)
		*ret_host = take_ptr(&host);
	if (ret_port)
		*ret_port = take_ptr(&port);
	return 0;
}

bool http_same_origin(const char *a, const char *b)
{
	auto_free char *as = NULL, *ah = NULL, *ap = NULL, *bs = NULL, *bh = NULL, *bp = NULL;

	return http_url_split(a, &as, &ah, &ap) == 0 && http_url_split(b, &bs, &bh, &bp) == 0 &&
	       streq(as, bs) && streq(ah, bh) && streq(ap, bp);
}

char *http_url_join(const char *base, const char *url)
{
	auto_url CURLU *u = curl_url();
	auto_curl_str char *s = NULL;

	if (!u || curl_url_set(u, CURLUPART_URL, base, 0) != CURLUE_OK ||
	    curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK ||
	    curl_url_set(u, CURLUPART_USER, NULL, 0) != CURLUE_OK ||
	    curl_url_set(u, CURLUPART_PASSWORD, NULL, 0) != CURLUE_OK ||
	    curl_url_get(u, CURLUPART_URL, &s, 0) != CURLUE_OK)
		return NULL;
	return strdup(s);
}

char *http_url_without_user(const char *url)
{
	return http_url_join(url, url);
}

char *http_url_show(const char *url)
{
	auto_url CURLU *u = curl_url();
	auto_curl_str char *s = NULL;

	/* Queries carry signatures, which are credentials. */
	if (!u || curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK ||
	    curl_url_set(u, CURLUPART_QUERY, NULL, 0) != CURLUE_OK ||
	    curl_url_set(u, CURLUPART_FRAGMENT, NULL, 0) != CURLUE_OK ||
	    curl_url_set(u, CURLUPART_USER, NULL, 0) != CURLUE_OK ||
	    curl_url_set(u, CURLUPART_PASSWORD, NULL, 0) != CURLUE_OK ||
	    curl_url_get(u, CURLUPART_URL, &s, 0) != CURLUE_OK)
		return strdup("(an unreadable URL)");
	return strdup(s);
}

char *http_url_escape(const char *s)
{
	auto_curl_str char *coded = curl_easy_escape(NULL, s, 0);

	return coded ? strdup(coded) : NULL;
}
