/* Writing the file list of a layer. */
#include "file-list.h"

#include <errno.h>
#include <stdio.h>

#include "fd.h"
#include "file-walk.h"

#define FLUSH_BYTES (128u << 10)

static int flush(struct strbuf *b, int fd, size_t least)
{
	int r;

	if (b->failed)
		return -ENOMEM;
	if (b->len < least)
		return 0;
	r = fd_write_all(fd, b->data, b->len);
	b->len = 0;
	return r;
}

static int add_content(const struct file_walk *w, struct file_record *rec)
{
	auto_close int fd = FD_NONE;

	if (rec->type != 'f' || rec->size == 0 || rec->known)
		return 0;
	fd = file_walk_open(w, rec);
	if (fd < 0)
		return fd;
	rec->type = rec->dense ? 'f' : 'g';
	return file_content_sum(fd, rec->dense, &rec->content);
}

int file_list_write(int root_fd, int out_fd, struct file_sums *sums, bool xattrs, uint64_t *ret_bytes,
		    struct err *e)
{
	auto_file_walk struct file_walk w = FILE_WALK_INIT;
	auto_strbuf struct strbuf b = STRBUF_INIT;
	struct file_record rec;
	uint64_t bytes = 0;
	int r = file_walk_init(&w, root_fd, xattrs);

	w.known = sums;
	while (r >= 0 && (r = file_walk_next(&w, &rec)) > 0) {
		r = add_content(&w, &rec);
		if ((rec.type == 'f' || rec.type == 'g') && !rec.link)
			bytes += rec.size;
		if (r == 0) {
			file_record_write(&b, &rec);
			r = flush(&b, out_fd, FLUSH_BYTES);
		}
	}
	if (r == 0)
		r = flush(&b, out_fd, 1);
	if (r < 0)
		return err_sys(e, r, "list the layer's files");
	*ret_bytes = bytes;
	return 0;
}

int file_list_refresh(int root_fd, int in_fd, int out_fd, struct err *e)
{
	auto_file_walk struct file_walk w = FILE_WALK_INIT;
	auto_strbuf struct strbuf b = STRBUF_INIT;
	auto_file FILE *in = NULL;
	struct file_record rec, old;
	int copy = fd_dup(in_fd), r = copy < 0 ? copy : file_walk_init(&w, root_fd, true);

	in = copy < 0 ? NULL : fdopen(copy, "r");
	if (r == 0 && !in)
		r = -ENOMEM;
	while (r >= 0 && (r = file_walk_next(&w, &rec)) > 0) {
		r = file_record_read(in, &old);
		if (r <= 0 || !streq(old.name, rec.name)) {
			r = r < 0 ? r : -EBADMSG;
			break;
		}
		if (rec.type == 'f') {
			rec.type = old.type;
			rec.content = old.content;
		}
		file_record_write(&b, &rec);
		r = flush(&b, out_fd, FLUSH_BYTES);
	}
	if (r == 0)
		r = flush(&b, out_fd, 1);
	return r < 0 ? err_sys(e, r, "list the layer's files again") : 0;
}
