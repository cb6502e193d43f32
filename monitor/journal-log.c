/* The container's log in systemd's journal. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ctr-log.h"
#include "journal.h"

#define LINE_MAX_BYTES 49152	/* as conmon cuts lines, about */
#define SHORT_ID 12
#define LABELS_MAX 4

int journal_log_open(struct ctr_log *l, const struct journal_log *j, struct err *e)
{
	int r = journal_check();

	if (r < 0)
		return err_set(e, ERR_UNSUPPORTED, "--log-driver=journald: no journal listens at "
			       JOURNAL_SOCKET " (%s): use k8s-file", strerror(-r));
	l->journal = j;
	return 0;
}

static struct journal_field field(const char *name, const char *value)
{
	return (struct journal_field){ name, value, strlen(value) };
}

static int send_line(const struct journal_log *j, enum ctr_stream stream, bool partial,
		     const char *text, size_t len)
{
	char names[LABELS_MAX][64];
	struct journal_field f[JOURNAL_FIELDS_MAX];
	size_t n = 0;

	f[n++] = (struct journal_field){ "MESSAGE", text, len };
	f[n++] = field("PRIORITY", stream == CTR_STDERR ? "3" : "6");
	f[n++] = field("CONTAINER_ID_FULL", j->id);
	f[n++] = (struct journal_field){ "CONTAINER_ID", j->id, strnlen(j->id, SHORT_ID) };
	f[n++] = field("CONTAINER_NAME", j->name);
	f[n++] = field("SYSLOG_IDENTIFIER", j->tag ? j->tag : j->name);
	if (j->tag)
		f[n++] = field("CONTAINER_TAG", j->tag);
	if (j->image)
		f[n++] = field("IMAGE_NAME", j->image);
	if (partial)
		f[n++] = field("CONTAINER_PARTIAL_MESSAGE", "true");
	for (size_t i = 0; i < j->n_labels && i < LABELS_MAX; i++) {
		const char *eq = strchr(j->labels[i], '=');

		if (!eq || snprintf(names[i], sizeof(names[i]), "%.*s", (int)(eq - j->labels[i]),
				    j->labels[i]) >= (int)sizeof(names[i]))
			continue;
		f[n++] = field(names[i], eq + 1);
	}
	return journal_send(f, n);
}

void journal_log_write(struct ctr_log *l, enum ctr_stream stream, const char *buf, size_t len)
{
	while (len > 0) {
		const char *nl = memchr(buf, '\n', len < LINE_MAX_BYTES ? len : LINE_MAX_BYTES);
		size_t n = nl ? (size_t)(nl - buf) : len < LINE_MAX_BYTES ? len : LINE_MAX_BYTES;
		int r = send_line(l->journal, stream, !nl, buf, n);

		/* Nobody waits for a journal that hangs: the container goes on. */
		if (r == -EAGAIN && l->last_errno != EAGAIN && journal_wait(JOURNAL_WAIT_MS) == 0)
			r = send_line(l->journal, stream, !nl, buf, n);
		l->last_errno = r < 0 ? -r : 0;
		if (r < 0)
			l->lost_bytes += n + (nl != NULL);
		buf += n + (nl != NULL);
		len -= n + (nl != NULL);
	}
}
