/*
 * The container's stdio: output to the log and to the clients, input from them.
 *
 * Output is read in chunks into one fixed buffer.  While a client has not taken the current chunk
 * nothing more is read, so a slow client slows the container as a pipe would, and memory does not
 * depend on the amount of output.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <termios.h>
#include <unistd.h>

#include "fd.h"
#include "mon.h"

/* What may still come after the container's end.  Its own output fits into a pipe; the rest is
 * from processes outside that hold the pipe open, and need not be waited for. */
#define AFTER_END_MAX_BYTES (16u << 20)

/* A container that writes without end gets more room, so that it and we run side by side. */
#define PIPE_BYTES (256 << 10)
#define PIPE_CALM_BYTES (64 << 10) /* the kernel's own choice */
#define BUSY_CHUNKS 16	/* full ones, one after the other */

static char chunk[MSG_BODY_MAX] __attribute__((aligned(4096)));

const char *output_chunk(void)
{
	return chunk;
}

static void set_pipe(const struct mon *m, struct output *o, int bytes)
{
	/* A user has so many pages for pipes in all: without them it stays as it is. */
	if (!m->p.terminal && fcntl(o->src.fd, F_SETPIPE_SZ, bytes) >= 0)
		o->wide = bytes == PIPE_BYTES;
}

static void note_pace(struct mon *m, struct output *o, size_t n)
{
	m->chunk_used = true;
	o->full_chunks = n == sizeof(chunk) ? o->full_chunks + 1 : 0;
	if (o->full_chunks == BUSY_CHUNKS && !o->wide)
		set_pipe(m, o, PIPE_BYTES);
}

void output_calm(struct mon *m)
{
	if (!m->chunk_used || m->n_owing > 0)
		return;
	m->chunk_used = false;
	(void)madvise(chunk, sizeof(chunk), MADV_DONTNEED);
	for (int i = 0; i < 2; i++)
		if (m->out[i].wide)
			set_pipe(m, &m->out[i], PIPE_CALM_BYTES);
}

static void output_close(struct mon *m, struct output *o)
{
	ctr_log_note_loss(&m->log);
	source_close(m, &o->src);
}

/* Take one chunk.  Returns whether there was one. */
static bool output_read(struct mon *m, struct output *o)
{
	ssize_t n = read(o->src.fd, chunk, sizeof(chunk));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	/* A pty whose other end nobody holds gives EIO.  While the container lives it may open it
	 * again; closing ours would hang it up. */
	if (n < 0 && errno == EIO && m->p.terminal && m->state == MON_ST_RUNNING) {
		(void)source_set(m, &o->src, 0); /* removing cannot fail */
		m->resume_ms = mon_now_ms() + RETRY_MS;
		return false;
	}
	if (n <= 0) {
		output_close(m, o);
		return false;
	}
	note_pace(m, o, (size_t)n);
	m->chunk_type = o->stream == CTR_STDOUT ? MON_STDOUT : MON_STDERR;
	m->chunk_len = (size_t)n;
	/* Clients first: they write it on while we do. */
	clients_send_chunk(m);
	ctr_log_write(&m->log, o->stream, chunk, (size_t)n);
	if (m->state == MON_ST_ENDED || m->state == MON_ST_BETWEEN) {
		m->bytes_after_end += (uint64_t)n;
		if (m->bytes_after_end > AFTER_END_MAX_BYTES)
			output_close(m, o);
	}
	if (m->n_owing > 0)
		for (int i = 0; i < 2; i++)
			(void)source_set(m, &m->out[i].src, 0); /* removing cannot fail */
	return true;
}

void output_ready(struct mon *m, struct source *s, uint32_t events)
{
	(void)events;
	if (m->n_owing == 0)
		(void)output_read(m, (struct output *)s);
}

/* Without memory even for that the loop tries again. */
void output_resume(struct mon *m)
{
	m->resume_ms = 0;
	if (m->n_owing > 0)
		return;
	for (int i = 0; i < 2; i++)
		if (source_set(m, &m->out[i].src, EPOLLIN) < 0)
			m->resume_ms = mon_now_ms() + RETRY_MS;
}

bool output_pending(const struct mon *m)
{
	return m->out[0].src.fd >= 0 || m->out[1].src.fd >= 0 || m->n_owing > 0;
}

void output_drain(struct mon *m)
{
	for (int i = 0; i < 2; i++)
		while (m->n_owing == 0 && m->out[i].src.fd >= 0 && output_read(m, &m->out[i]))
			;
}

void output_abandon(struct mon *m)
{
	for (int i = 0; i < 2; i++)
		if (m->out[i].src.fd >= 0)
			output_close(m, &m->out[i]);
}

size_t input_write(struct mon *m, const char *buf, size_t len)
{
	size_t done = 0;

	while (m->in.fd >= 0 && done < len) {
		ssize_t n = write(m->in.fd, buf + done, len - done);

		if (n >= 0) {
			done += (size_t)n;
		} else if (errno == EAGAIN) {
			/* EPOLLOUT tells when it goes on; without that, input would stop for good.
			 */
			if (source_set(m, &m->in, EPOLLOUT) < 0)
				source_close(m, &m->in);
			break;
		} else if (errno != EINTR) {
			source_close(m, &m->in); /* EPIPE: the container has closed its stdin */
		}
	}
	return m->in.fd < 0 ? len : done;
}

void input_ready(struct mon *m, struct source *s, uint32_t events)
{
	(void)events;
	(void)source_set(m, s, 0); /* asked for again when it is full again; removing cannot fail */
	clients_feed_input(m);
}

void input_eof(struct mon *m)
{
	struct termios t;

	m->input_ended = !m->p.terminal;
	if (m->in.fd < 0)
		return;
	if (!m->p.terminal)
		source_close(m, &m->in);
	else if (tcgetattr(m->in.fd, &t) == 0 && (t.c_lflag & ICANON))
		(void)input_write(m, (const char *)&t.c_cc[VEOF],
				  1); /* full: then nobody reads it */
}

void input_resize(struct mon *m, const struct mon_size *size)
{
	struct winsize w = { .ws_row = size->rows, .ws_col = size->cols };

	m->p.rows = size->rows; /* of the next run's terminal, too */
	m->p.cols = size->cols;
	if (m->p.terminal && m->out[0].src.fd >= 0)
		(void)ioctl(m->out[0].src.fd, TIOCSWINSZ, &w); /* the pty may just have gone */
}
