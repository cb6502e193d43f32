/* Methods of Go's time.Time in templates: {{.Created.Format "2006-01-02"}}, {{.StartedAt.Unix}}. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "template-tree.h"

#define NS_PER_S 1000000000

/* A time with the wall clock of its zone. */
struct moment {
	struct tm wall;
	int64_t unix_s;
	long ns;
	int offset_s;
};

static const char *const months[] = {
	"January", "February", "March",	    "April",   "May",	   "June",
	"July",	   "August",   "September", "October", "November", "December",
};
static const char *const days[] = {
	"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday",
};

static void set_wall(struct moment *m)
{
	time_t t = (time_t)(m->unix_s + m->offset_s);

	(void)gmtime_r(&t, &m->wall);
}

static bool read_moment(const char *s, struct moment *ret)
{
	int year, month, day, hour, minute, second, used = 0, zh, zm;
	struct moment m = { .ns = 0 };
	long unit = NS_PER_S / 10;

	if (sscanf(s, "%4d-%2d-%2dT%2d:%2d:%2d%n", &year, &month, &day, &hour, &minute, &second,
		   &used) != 6 || !used)
		return false;
	s += used;
	if (*s == '.')
		for (s++; *s >= '0' && *s <= '9'; s++, unit /= 10)
			m.ns += (*s - '0') * unit;
	if (*s == '+' || *s == '-') {
		if (sscanf(s + 1, "%2d:%2d", &zh, &zm) != 2)
			return false;
		m.offset_s = (zh * 60 + zm) * (*s == '-' ? -60 : 60);
	} else if (*s != 'Z') {
		return false;
	}
	m.wall = (struct tm){ .tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day,
			      .tm_hour = hour, .tm_min = minute, .tm_sec = second };
	m.unix_s = (int64_t)timegm(&m.wall) - m.offset_s;
	set_wall(&m);
	*ret = m;
	return true;
}

static void add_offset(const struct moment *m, struct strbuf *b, bool colon, bool minutes)
{
	int off = abs(m->offset_s) / 60;

	strbuf_addf(b, "%c%02d", m->offset_s < 0 ? '-' : '+', off / 60);
	if (minutes)
		strbuf_addf(b, "%s%02d", colon ? ":" : "", off % 60);
}

static void add_zone_name(const struct moment *m, struct strbuf *b)
{
	if (m->offset_s)
		add_offset(m, b, false, m->offset_s % 3600 != 0);
	else
		strbuf_add(b, "UTC");
}

/* .000 prints so many digits, .999 leaves out zeros at the end, and the point before none. */
static void add_fraction(const struct moment *m, const char *pattern, size_t digits, struct strbuf *b)
{
	char text[16];
	size_t len = digits < 9 ? digits : 9;

	(void)snprintf(text, sizeof(text), "%09ld", m->ns);
	text[len] = '\0';
	while (*pattern == '9' && len && text[len - 1] == '0')
		text[--len] = '\0';
	if (len)
		strbuf_addf(b, ".%s", text);
}

enum piece {
	P_LONG_MONTH, P_MONTH, P_LONG_DAY, P_DAY, P_ZONE, P_MONTH0, P_DAY0, P_HOUR12_0, P_MINUTE0,
	P_SECOND0, P_YEAR2, P_YEARDAY, P_HOUR24, P_YEAR, P_DAY_BLANK, P_PM, P_PM_SMALL, P_Z_COLON, P_Z,
	P_OFF_COLON, P_OFF, P_OFF_HOURS, P_MONTH_NUM, P_DAY_NUM, P_HOUR12, P_MINUTE, P_SECOND,
};

/* The longer ones first where one begins with another. */
static const struct {
	const char *text;
	enum piece piece;
} pieces[] = {
	{ "January", P_LONG_MONTH }, { "Jan", P_MONTH },     { "Monday", P_LONG_DAY },
	{ "Mon", P_DAY },	     { "MST", P_ZONE },	     { "002", P_YEARDAY },
	{ "01", P_MONTH0 },	     { "02", P_DAY0 },	     { "03", P_HOUR12_0 },
	{ "04", P_MINUTE0 },	     { "05", P_SECOND0 },    { "06", P_YEAR2 },
	{ "15", P_HOUR24 },	     { "2006", P_YEAR },     { "_2", P_DAY_BLANK },
	{ "PM", P_PM },		     { "pm", P_PM_SMALL },   { "Z07:00", P_Z_COLON },
	{ "Z0700", P_Z },	     { "-07:00", P_OFF_COLON }, { "-0700", P_OFF },
	{ "-07", P_OFF_HOURS },	     { "1", P_MONTH_NUM },   { "2", P_DAY_NUM },
	{ "3", P_HOUR12 },	     { "4", P_MINUTE },	     { "5", P_SECOND },
};

static void add_piece(const struct moment *m, enum piece p, struct strbuf *b)
{
	const struct tm *w = &m->wall;
	int hour12 = w->tm_hour % 12 ? w->tm_hour % 12 : 12;

	switch (p) {
	case P_LONG_MONTH: strbuf_add(b, months[w->tm_mon]); break;
	case P_MONTH: strbuf_addn(b, months[w->tm_mon], 3); break;
	case P_LONG_DAY: strbuf_add(b, days[w->tm_wday]); break;
	case P_DAY: strbuf_addn(b, days[w->tm_wday], 3); break;
	case P_ZONE: add_zone_name(m, b); break;
	case P_MONTH0: strbuf_addf(b, "%02d", w->tm_mon + 1); break;
	case P_DAY0: strbuf_addf(b, "%02d", w->tm_mday); break;
	case P_HOUR12_0: strbuf_addf(b, "%02d", hour12); break;
	case P_MINUTE0: strbuf_addf(b, "%02d", w->tm_min); break;
	case P_SECOND0: strbuf_addf(b, "%02d", w->tm_sec); break;
	case P_YEAR2: strbuf_addf(b, "%02d", (w->tm_year + 1900) % 100); break;
	case P_YEARDAY: strbuf_addf(b, "%03d", w->tm_yday + 1); break;
	case P_HOUR24: strbuf_addf(b, "%02d", w->tm_hour); break;
	case P_YEAR: strbuf_addf(b, "%04d", w->tm_year + 1900); break;
	case P_DAY_BLANK: strbuf_addf(b, "%2d", w->tm_mday); break;
	case P_PM: strbuf_add(b, w->tm_hour >= 12 ? "PM" : "AM"); break;
	case P_PM_SMALL: strbuf_add(b, w->tm_hour >= 12 ? "pm" : "am"); break;
	case P_Z_COLON:
	case P_Z:
		if (m->offset_s)
			add_offset(m, b, p == P_Z_COLON, true);
		else
			strbuf_addc(b, 'Z');
		break;
	case P_OFF_COLON:
	case P_OFF: add_offset(m, b, p == P_OFF_COLON, true); break;
	case P_OFF_HOURS: add_offset(m, b, false, false); break;
	case P_MONTH_NUM: strbuf_addf(b, "%d", w->tm_mon + 1); break;
	case P_DAY_NUM: strbuf_addf(b, "%d", w->tm_mday); break;
	case P_HOUR12: strbuf_addf(b, "%d", hour12); break;
	case P_MINUTE: strbuf_addf(b, "%d", w->tm_min); break;
	case P_SECOND: strbuf_addf(b, "%d", w->tm_sec); break;
	}
}

static void format(const struct moment *m, const char *layout, struct strbuf *b)
{
	while (*layout) {
		size_t digits = layout[0] == '.' || layout[0] == ',' ? strspn(layout + 1, "0") : 0, i = 0;

		if (!digits && (layout[0] == '.' || layout[0] == ','))
			digits = strspn(layout + 1, "9");
		if (digits && !(layout[1 + digits] >= '0' && layout[1 + digits] <= '9')) {
			add_fraction(m, layout + 1, digits, b);
			layout += 1 + digits;
			continue;
		}
		while (i < sizeof(pieces) / sizeof(*pieces) && !str_starts(layout, pieces[i].text))
			i++;
		if (i == sizeof(pieces) / sizeof(*pieces)) {
			strbuf_addc(b, *layout++);
			continue;
		}
		add_piece(m, pieces[i].piece, b);
		layout += strlen(pieces[i].text);
	}
}

static int time_value(struct tmpl_run *run, const struct moment *m, struct value *ret)
{
	struct strbuf b = STRBUF_INIT;
	int r;

	format(m, "2006-01-02T15:04:05.999999999Z07:00", &b);
	r = run_string(run, &b, ret);
	ret->is_time = true;
	return r;
}

static int local_offset(int64_t unix_s)
{
	time_t t = (time_t)unix_s;
	struct tm tm;

	return localtime_r(&t, &tm) ? (int)tm.tm_gmtoff : 0;
}

static bool number_of(const struct moment *m, const char *name, int64_t *ret)
{
	const struct {
		const char *name;
		int64_t value;
	} numbers[] = {
		{ "Year", m->wall.tm_year + 1900 }, { "Day", m->wall.tm_mday },
		{ "Hour", m->wall.tm_hour }, { "Minute", m->wall.tm_min },
		{ "Second", m->wall.tm_sec }, { "Nanosecond", m->ns },
		{ "YearDay", m->wall.tm_yday + 1 }, { "Unix", m->unix_s },
		{ "UnixMilli", m->unix_s * 1000 + m->ns / 1000000 },
		{ "UnixMicro", m->unix_s * 1000000 + m->ns / 1000 },
		/* as Go's: outside of its range it is what it is */
		{ "UnixNano", (int64_t)((uint64_t)m->unix_s * NS_PER_S + (uint64_t)m->ns) },
	};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		if (streq(numbers[i].name, name)) {
			*ret = numbers[i].value;
			return true;
		}
	}
	return false;
}

int tmpl_time_method(struct tmpl_run *run, const struct value *v, const char *name,
		     const struct value *args, size_t n_args, struct value *ret)
{
	struct strbuf b = STRBUF_INIT;
	struct moment m;
	int64_t number;

	if (!read_moment(json_string_value(v->j), &m))
		return run_fail(run, "can't evaluate field %s", name);
	if (streq(name, "Format")) {
		if (n_args != 1 || !json_is_string(args[0].j))
			return run_fail(run, "wrong number of args for Format: want 1 got %zu", n_args);
		format(&m, json_string_value(args[0].j), &b);
		return run_string(run, &b, ret);
	}
	if (n_args)
		return run_fail(run, "wrong number of args for %s: want 0 got %zu", name, n_args);
	if (number_of(&m, name, &number))
		return run_value(run, json_integer(number), ret);
	if (streq(name, "Month"))
		return run_value(run, json_string(months[m.wall.tm_mon]), ret);
	if (streq(name, "Weekday"))
		return run_value(run, json_string(days[m.wall.tm_wday]), ret);
	if (streq(name, "IsZero")) /* the year 1 */
		return run_value(run, json_boolean(m.unix_s == -62135596800 && !m.ns), ret);
	if (streq(name, "String")) {
		value_print(v, &b);
		return run_string(run, &b, ret);
	}
	if (streq(name, "UTC") || streq(name, "Local")) {
		m.offset_s = name[0] == 'U' ? 0 : local_offset(m.unix_s);
		set_wall(&m);
		return time_value(run, &m, ret);
	}
	return run_fail(run, "can't evaluate field %s in type time.Time", name);
}
