/* Times as text, see stamp.h. */
#include "stamp.h"

#include <string.h>
#include <time.h>

#define NS_PER_S 1000000000
#define SECONDS_PER_DAY 86400

/* Days since 1970-01-01 of a civil date (proleptic Gregorian). */
static int64_t days_of(int64_t y, int64_t m, int64_t d)
{
	int64_t era, yoe, doy;

	y -= m <= 2;
	era = (y >= 0 ? y : y - 399) / 400;
	yoe = y - era * 400;
	doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

/* The reverse, for days from the year 0 on. */
static void date_of(int64_t days, unsigned int *y, unsigned int *m, unsigned int *d)
{
	int64_t z = days + 719468, era = z / 146097, doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;

	*d = (unsigned int)(doy - (153 * mp + 2) / 5 + 1);
	*m = (unsigned int)(mp < 10 ? mp + 3 : mp - 9);
	*y = (unsigned int)(yoe + era * 400 + (*m <= 2));
}

static char *digits(char *p, uint64_t v, int n)
{
	for (int i = n; i-- > 0; v /= 10)
		p[i] = (char)('0' + v % 10);
	return p + n;
}

void stamp_format(int64_t ns, char buf[STAMP_LEN])
{
	uint64_t s = ns < 0 ? 0 : (uint64_t)ns / NS_PER_S, day = s % SECONDS_PER_DAY;
	unsigned int y, m, d;
	char *p = buf;

	date_of((int64_t)(s / SECONDS_PER_DAY), &y, &m, &d);
	p = digits(p, y, 4);
	*p++ = '-';
	p = digits(p, m, 2);
	*p++ = '-';
	p = digits(p, d, 2);
	*p++ = 'T';
	p = digits(p, day / 3600, 2);
	*p++ = ':';
	p = digits(p, day / 60 % 60, 2);
	*p++ = ':';
	p = digits(p, day % 60, 2);
	*p++ = '.';
	(void)digits(p, ns < 0 ? 0 : (uint64_t)ns % NS_PER_S, 9);
}

/* @n digits at *@p, then the byte @sep (0: none). */
static bool number(const char **p, const char *end, int n, char sep, int *ret)
{
	int v = 0;

	if (end - *p < n + (sep != 0))
		return false;
	for (int i = 0; i < n; i++, (*p)++) {
		if (**p < '0' || **p > '9')
			return false;
		v = v * 10 + (**p - '0');
	}
	*ret = v;
	return !sep || *(*p)++ == sep;
}

static bool zone(const char *p, const char *end, int64_t *ret_s)
{
	char sign = p < end ? *p++ : 0;
	int h, m;

	*ret_s = 0;
	if (sign == 'Z')
		return p == end;
	if (sign != '+' && sign != '-')
		return false;
	if (!number(&p, end, 2, ':', &h) || !number(&p, end, 2, 0, &m) || p != end || m > 59)
		return false;
	*ret_s = (sign == '+' ? 1 : -1) * (h * 3600 + m * 60);
	return true;
}

bool stamp_parse(const char *s, size_t len, int64_t *ret_ns)
{
	const char *p = s, *end = s + len;
	int y, mo, d, h, mi, sec, unit = NS_PER_S / 10;
	int64_t offset, fraction = 0;

	if (!number(&p, end, 4, '-', &y) || !number(&p, end, 2, '-', &mo) ||
	    !number(&p, end, 2, 'T', &d) || !number(&p, end, 2, ':', &h) ||
	    !number(&p, end, 2, ':', &mi) || !number(&p, end, 2, 0, &sec))
		return false;
	/* Beyond 2200 the nanoseconds would not fit. */
	if (y > 2200 || mo < 1 || mo > 12 || d < 1 || d > 31 || h > 23 || mi > 59 || sec > 60)
		return false;
	if (p < end && *p == '.')
		for (p++; p < end && *p >= '0' && *p <= '9'; p++, unit /= 10)
			fraction += (int64_t)(*p - '0') * unit;
	if (y < 1700 || !zone(p, end, &offset))
		return false;
	*ret_ns = (days_of(y, mo, d) * SECONDS_PER_DAY + h * 3600 + mi * 60 + sec - offset) *
			  NS_PER_S + fraction;
	return true;
}

int64_t stamp_now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}
