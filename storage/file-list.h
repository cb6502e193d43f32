/*
 * The file list of a layer: <layer>/files, what every file in diff/ was when it was unpacked, so
 * that damage can be found later without the blob (which may be gone) and named by its path.
 *
 * Records end with a NUL.  The first stands for the root of the tree and has the name "."; what is
 * in a directory follows its record, ordered by strcmp(), and ends with a record "..":
 *
 *	TYPE MODE UID GID SIZE MTIME.NS CONTENT XATTRS LINK NAME
 *
 * TYPE	f file; g file whose CONTENT passes over blocks of zeros; d directory; l link; c b p s
 * MODE	permission, set-id and sticky bits, octal; the owner is as the layer's user namespace has it
 * SIZE	of files; the device number of devices; else 0
 * CONTENT, XATTRS	XXH3 of 64 bits, in hex: of the content, of a link's target; of the extended
 *	attributes (those that overlay and programs see), 0 where there are none
 * LINK	0, or which record (counted from 1) was the first of the same file: hard links
 *
 * Checksums against decay, not against adversaries: what proves where a file is from is the blob's
 * digest and the diffID.
 */
#ifndef STORAGE_FILE_LIST_H
#define STORAGE_FILE_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "err.h"

#define FILE_LIST "files"
#define FILE_SUM_LEN 16		/* hex digits */
#define FILE_SUMS_MAX (1u << 15)	/* files that are remembered: 5 MB at most; others are read again */

/* What is known of files that were just written; NULL may be given to all of these. */
struct file_sums;
struct stat;
struct file_sums *file_sums_new(void);
void file_sums_free(struct file_sums *s);
/* One file: begin, data and gaps in their order, and the end, when nothing of it changes any more but
 * how many names it has.  A file that is not told of is looked at and read again later. */
void file_sums_begin(struct file_sums *s);
void file_sums_data(struct file_sums *s, const void *data, size_t len);
void file_sums_gap(struct file_sums *s);
void file_sums_end(struct file_sums *s, const struct stat *st);

/*
 * Write the list of the tree @root_fd to @out_fd, and add up the sizes of its files (each once)
 * into *@ret_bytes.  @sums: of its files, may be used up; @xattrs false: no file has any.  For a
 * process that may read everything in the tree, which nobody changes, and whose working directory
 * may be another one meanwhile; so the others.
 */
int file_list_write(int root_fd, int out_fd, struct file_sums *sums, bool xattrs, uint64_t *ret_bytes,
		    struct err *e);

/* The list @in_fd again, as the tree is now, files' content being the same. */
int file_list_refresh(int root_fd, int in_fd, int out_fd, struct err *e);

/*
 * Compare the tree with the list.  @report is called with each damage: a path ("." is the root) and
 * what is wrong with it; a negative answer ends it and is returned.  @quick: not the content of files.
 * @shift (NULL: none): the tree is a copy whose owners are what this map makes of the list's; its
 * extended attributes are not looked at.
 */
typedef int file_list_report(void *arg, const char *path, const char *what);
struct idmap;
int file_list_check(int root_fd, int list_fd, const struct idmap *shift, bool quick,
		    file_list_report *report, void *arg, struct err *e);

/* XXH3 of bytes in memory and of a whole file from its beginning, as FILE_SUM_LEN hex digits. */
void file_sum(const void *data, size_t len, char ret[FILE_SUM_LEN + 1]);
int file_sum_fd(int fd, char ret[FILE_SUM_LEN + 1]);

#endif
