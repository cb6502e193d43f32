/*
 * What the files of libengine/container share; nobody else includes it.
 */
#ifndef CONTAINER_PRIV_H
#define CONTAINER_PRIV_H

#include "ctrlite/container.h"
#include "monitor-proto.h"

#define REQUEST_VERSION 1
#define REQUEST_MAX_BYTES (4u << 20)
#define REQUEST_LIST_MAX 65536
#define RECORD_BUF 16384 /* longer records are read the slow way */

/* Write a fresh file into a directory that is not visible yet. */
int write_file_at(int dir_fd, const char *name, const void *data, size_t len, mode_t mode);

/* The text of a record in fresh memory. */
int request_text(const struct ctr_request *r, char **ret, struct err *e);
int request_write(int dir_fd, const struct ctr_request *r, struct err *e);
/* The same for a container that others see already. */
int request_replace(int dir_fd, const struct ctr_request *r, struct err *e);

/* The record's text: all that is valid, with the reason for a refusal; or quickly, but only what
 * request_write() usually writes (false: ask request_parse()).  What they both read is the same.
 * *@ret is to be zero, and freed in any case. */
int request_parse(const char *text, size_t len, struct ctr_request *ret, struct err *e);
bool request_scan(const char *text, size_t len, struct ctr_request *ret);

/* The container's directory under containers/ and its run directory; fds that the caller owns.
 * run_dir makes it (0700) with @create. */
int container_dir(struct ctr_engine *eng, const char *id, struct err *e);
int container_run_dir(struct ctr_engine *eng, const char *id, bool create, struct err *e);
/* 1 while a living monitor holds it, 0, or -errno. */
int container_is_held(struct ctr_engine *eng, const char *id);
/* The state of a container without a run directory: it is not running, only its exit record counts. */
int container_status_at_rest(struct ctr_engine *eng, const char *id, struct ctr_status *ret,
			     struct err *e);
/* Wait until its monitor has cleaned up and gone. */
void container_wait_released(struct ctr_engine *eng, const char *id);

/* The cgroup of a running container's own as a directory descriptor, and its path below the mount
 * (may be NULL; the caller frees it).  -ENOENT without text where it has none. */
int container_cgroup(struct ctr_engine *eng, const char *id, char **ret_path, struct err *e);

/* ctr_container_stop() in any state. */
int container_end(struct ctr_engine *eng, const char *id, const struct ctr_stop_opts *o,
		  bool *ret_killed, struct err *e);
/* One message to the monitor of a running container; 0 as well when there is none. */
int container_tell(struct ctr_engine *eng, const char *id, enum mon_msg type, const void *body,
		   size_t len, struct err *e);
/* health/command.c: what the monitor runs to check its health, added to @ret; nothing where it is
 * not checked by itself. */
int health_command(struct ctr_engine *eng, const struct ctr_request *r, struct strv *ret,
		   struct err *e);
/* Let the program of an initialized container run. */
int container_go(struct ctr_engine *eng, const char *id, const struct ctr_start_opts *o, int *ret_sock,
		 struct err *e);
/* enum mon_restart of ctr_request.restart. */
uint32_t restart_number(const char *policy);
/* ERR_UNSUPPORTED: "cannot @doing container ... as it did not create a cgroup: why". */
int container_lacks_cgroup(struct ctr_engine *eng, const char *id, const char *doing, struct err *e);

/* The record's log_tag with its {{.Name}} and the like filled in; the caller frees it. */
int container_log_tag(const struct ctr_request *r, char **ret, struct err *e);
/* Does the driver (NULL: the default) write a file?  json-file is another name of k8s-file. */
bool container_log_is_file(const char *driver);
/* The log's file, where the driver has one; fresh, or NULL. */
char *container_log_path(const struct ctr_engine *eng, const struct ctr_request *r);

/* Before it is removed: what `mount` has mounted goes. */
void container_drop_mounts(struct ctr_engine *eng, const char *id);

/* A fresh container ID; the caller frees it. */
int container_new_id(char **ret, struct err *e);

/* --volumes-from, type=image and type=glob become what they stand for.  Doing it again changes
 * nothing. */
int container_expand_mounts(struct ctr_engine *eng, struct ctr_request *r, struct err *e);
/* Names for the volumes that have none: into the record. */
int container_name_volumes(struct ctr_request *r, struct err *e);
/* The directories of the volumes that the record names, where they are missing. */
int container_make_volumes(struct ctr_engine *eng, const struct ctr_request *r, struct err *e);

/* oci-secrets.c: copies of the secrets into the stage of a new container, from there into the run
 * directory of a start; and "UID:GID:PATH" of those that the monitor gives another owner. */
int container_copy_secrets(struct ctr_engine *eng, int stage_fd, const struct ctr_request *r,
			   struct err *e);
int container_place_secrets(struct ctr_engine *eng, const struct ctr_request *r, int run_fd,
			    struct err *e);
struct ns_plan;
int container_secret_owners(const struct ctr_request *r, const struct ns_plan *ns, struct strv *ret,
			    struct err *e);

/* started.c: once its process runs; what fails is a warning.  notify_socket() is systemd's for the one who starts it, or
 * NULL; borrowed from the environment. */
void container_started(struct ctr_engine *eng, const struct ctr_request *r);
const char *notify_socket(const struct ctr_request *r);

/* Where the OCI runtime @name is (NULL: ours): its absolute path, and whether it is ours. */
int runtime_path(const char *name, char **ret_path, bool *ret_ours, struct err *e);
bool runtime_is_ours(const char *name);
/* The engine's runtime is to be that of a new container. */
int request_runtime(const struct ctr_engine *eng, struct ctr_request *r, struct err *e);

#endif
