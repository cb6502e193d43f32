#pragma once
struct spec_device { char *host, *ctr; bool write; };
#define SPEC_DEVICE_INIT {0}
static inline int spec_device_parse(const char *s, struct spec_device *d, struct err *e) {(void)s;(void)d; return err_set(e, ERR_UNSUPPORTED, "device");}
static inline void spec_device_done(struct spec_device *d){(void)d;}
