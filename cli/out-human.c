/* Times and sizes as people read and write them, see out.h. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "fd.h"
#include "out.h"

#define NS_PER_S 1000000000LL
#define ZERO_TIME "0001-01-01T00:00:00Z"

char *out_size(uint64_t bytes, int digits, const char *blank)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB", "EB" };
	double x = (double)bytes, limit = 1000, half = 0.5;
	size_t unit = 0;

	/* a number that would be rounded up to 1000 belongs to the next unit */
	for (int i = 3; i < digits; i++)
		half /= 10;
	limit -= half;
	while (x >= limit && unit + 1 < sizeof(units) / sizeof(*units)) {
		x /= 1000;
		unit++;
	}
	return str_printf("%.*g%s%s", digits, x, blank, units[unit]);
}

char *out_duration(int64_t ns)
{
	int64_t s = ns / NS_PER_S, minutes = s / 60, hours = (s + 1800) / 3600;

	if (s < 1)
		return strdup("Less than a second");
	if (s == 1)
		return strdup("1 second");
	if (s < 60)
		return str_printf("%lld seconds", (long long)s);
	if (minutes == 1)
		return strdup("About a minute");
	if (minutes < 60)
		return str_printf("%lld minutes", (long long)minutes);
	if (hours == 1)
		return strdup("About an hour");
	if (hours < 48)
		return str_printf("%lld hours", (long long)hours);
	if (hours < 24 * 14)
		return str_printf("%lld days", (long long)hours / 24);
	if (hours < 24 * 60)
		return str_printf("%lld weeks", (long long)hours / 24 / 7);
	if (hours < 24 * 365 * 2)
		return str_printf("%lld months", (long long)hours / 24 / 30);
	return str_printf("%lld years", (long long)hours / 24 / 365);
}

int64_t out_now_ns(void)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_REALTIME, &ts) < 0)
		return 0;
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

char *out_ago(int64_t then_ns)
{
	auto_free char *d = out_duration(out_now_ns() - then_ns);

	return d ? str_printf("%s ago", d) : NULL;
}

char *out_rfc3339(int64_t ns, bool utc)
{
	time_t s = (time_t)(ns / NS_PER_S);
	long fraction = (long)(ns % NS_PER_S);
	char date[40], frac[24] = "", zone[48] = "Z";
	int digits = 9;
	struct tm tm;

	if (!ns)
		return strdup(ZERO_TIME);
	if (fraction < 0) {
		fraction += NS_PER_S;
		s--;
	}
	if (!(utc ? gmtime_r(&s, &tm) : localtime_r(&s, &tm)))
		return NULL;
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	if (fraction) {
		for (; fraction % 10 == 0; digits--)
			fraction /= 10;
		snprintf(frac, sizeof(frac), ".%0*ld", digits, fraction);
	}
	if (tm.tm_gmtoff)
		snprintf(zone, sizeof(zone), "%c%02ld:%02ld", tm.tm_gmtoff < 0 ? '-' : '+',
			 labs(tm.tm_gmtoff) / 3600, labs(tm.tm_gmtoff) / 60 % 60);
	return str_printf("%s%s%s", date, frac, zone);
}

/* ".5" and the like, at most nine digits count. */
static const char *read_fraction(const char *s, int64_t *ret_ns)
{
	int64_t unit = NS_PER_S / 10;

	*ret_ns = 0;
	if (*s != '.' || !isdigit((unsigned char)s[1]))
		return s;
	for (s++; isdigit((unsigned char)*s); s++, unit /= 10)
		*ret_ns += (*s - '0') * unit;
	return s;
}

/* Seconds east of UTC behind the time; NULL where it is malformed. */
static const char *read_zone(const char *s, long *ret_offset)
{
	int hours, minutes, used = 0;

	*ret_offset = 0;
	if (*s == 'Z')
		return s + 1;
	if ((*s != '+' && *s != '-') || sscanf(s + 1, "%2d:%2d%n", &hours, &minutes, &used) < 2 ||
	    used != 5)
		return NULL;
	*ret_offset = (hours * 3600 + minutes * 60) * (*s == '-' ? -1 : 1);
	return s + 1 + used;
}

/* A date, perhaps with a time and a zone; without a zone it is local. */
static int parse_date(const char *s, bool zone_needed, int64_t *ret_ns)
{
	struct tm tm = { .tm_isdst = -1 };
	int64_t fraction = 0;
	const char *rest;
	long offset;
	time_t t;

	rest = strptime(s, "%Y-%m-%dT%H:%M:%S", &tm);
	if (!rest)
		rest = strptime(s, "%Y-%m-%d %H:%M:%S", &tm);
	if (rest) {
		rest = read_fraction(rest, &fraction);
	} else {
		tm = (struct tm){ .tm_isdst = -1 };
		rest = strptime(s, "%Y-%m-%dT%H:%M", &tm);
		if (!rest) {
			tm = (struct tm){ .tm_isdst = -1 };
			rest = strptime(s, "%Y-%m-%d", &tm);
		}
	}
	if (!rest)
		return -EINVAL;
	if (*rest) {
		rest = read_zone(rest, &offset);
		if (!rest || *rest)
			return -EINVAL;
		t = timegm(&tm) - offset;
	} else {
		if (zone_needed)
			return -EINVAL;
		t = mktime(&tm);
	}
	/* years that do not fit in 64 bits of nanoseconds */
	if (t > INT64_MAX / NS_PER_S - 1 || t < INT64_MIN / NS_PER_S + 1)
		return -EINVAL;
	*ret_ns = t * NS_PER_S + fraction;
	return 0;
}

int out_rfc3339_parse(const char *s, int64_t *ret_ns)
{
	if (streq(s, ZERO_TIME)) {
		*ret_ns = 0;
		return 0;
	}
	return parse_date(s, true, ret_ns);
}

static int parse_seconds(const char *s, int64_t *ret_ns)
{
	size_t digits = strspn(s, "0123456789");
	int64_t fraction;
	const char *rest = read_fraction(s + digits, &fraction);

	if (!digits || digits > 10 || *rest)
		return -EINVAL;
	*ret_ns = strtoll(s, NULL, 10) * NS_PER_S + fraction;
	return 0;
}

int out_time_parse(const char *s, int64_t *ret_ns, struct err *e)
{
	int64_t duration;

	if (!parse_seconds(s, ret_ns) || !parse_date(s, false, ret_ns))
		return 0;
	if (!str_duration(s, &duration)) {
		*ret_ns = out_now_ns() - duration;
		return 0;
	}
	auto_free char *quoted = str_quote(s);
	return err_set(e, ERR_INVALID,
		       "%s is no time: a date such as 2006-01-02T15:04:05Z, seconds "
		       "since 1970 or a duration such as 10m is expected",
		       quoted ? quoted : "\"\"");
}
