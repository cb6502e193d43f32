/* --change: what each instruction does to the configuration, and what is refused. */
#include "test.h"

#include "change.h"
#include "json.h"

static const struct {
	const char *changes[4];
	const char *want;
} good[] = {
	{ { "CMD /bin/sh" }, "{\"Cmd\":[\"/bin/sh\",\"-c\",\"/bin/sh\"]}" },
	{ { "CMD [\"a\",\"b c\"]" }, "{\"Cmd\":[\"a\",\"b c\"]}" },
	{ { "cmd=[\"a\"]" }, "{\"Cmd\":[\"a\"]}" },
	{ { "CMD [broken" }, "{\"Cmd\":[\"/bin/sh\",\"-c\",\"[broken\"]}" },
	{ { "ENTRYPOINT [\"/e\"]", "CMD []" }, "{\"Cmd\":[],\"Entrypoint\":[\"/e\"]}" },
	{ { "ENV A=1", "ENV B=two words", "ENV A=3" }, NULL },
	{ { "ENV A=1 B=\"x y\" C='z z'" }, "{\"Env\":[\"A=1\",\"B=x y\",\"C=z z\"]}" },
	{ { "ENV A the rest of it" }, "{\"Env\":[\"A=the rest of it\"]}" },
	{ { "ENV A=1", "ENV A=2", "ENV AB=3" }, "{\"Env\":[\"A=2\",\"AB=3\"]}" },
	{ { "ENV=A=1" }, "{\"Env\":[\"A=1\"]}" },
	{ { "ENV A=b\\ c" }, "{\"Env\":[\"A=b c\"]}" },
	{ { "LABEL k=v", "LABEL \"a b\"=\"c d\" e=" }, "{\"Labels\":{\"a b\":\"c d\",\"e\":\"\",\"k\":\"v\"}}" },
	{ { "EXPOSE 80", "EXPOSE 53/udp 90-91/tcp" },
	  "{\"ExposedPorts\":{\"53/udp\":{},\"80/tcp\":{},\"90/tcp\":{},\"91/tcp\":{}}}" },
	{ { "VOLUME /a /b", "VOLUME [\"/c d\"]" }, "{\"Volumes\":{\"/a\":{},\"/b\":{},\"/c d\":{}}}" },
	{ { "WORKDIR /w", "USER 1000:1000", "STOPSIGNAL SIGUSR1" },
	  "{\"StopSignal\":\"SIGUSR1\",\"User\":\"1000:1000\",\"WorkingDir\":\"/w\"}" },
	{ { "HEALTHCHECK --interval=5s --retries=2 CMD curl x" },
	  "{\"Healthcheck\":{\"Interval\":5000000000,\"Retries\":2,\"Test\":[\"CMD-SHELL\",\"curl x\"]}}" },
	{ { "healthcheck CMD [\"a\",\"b c\"]" }, "{\"Healthcheck\":{\"Test\":[\"CMD\",\"a\",\"b c\"]}}" },
	{ { "HEALTHCHECK --timeout=1m CMD x", "HEALTHCHECK none" }, "{\"Healthcheck\":{\"Test\":[\"NONE\"]}}" },
	{ { "  workdir   /w  " }, "{\"WorkingDir\":\"/w\"}" },
};

static const char *const bad[] = {
	"", " ", "CMD", "CMD ", "FROM x", "RUN x", "ENV =x", "ENV A=\"open", "LABEL a=b c", "EXPOSE x",
	"EXPOSE 0", "EXPOSE 65536", "EXPOSE 80/icmp", "EXPOSE 90-80", "EXPOSE 4294967376", "STOPSIGNAL NOPE",
	"STOPSIGNAL 0", "HEALTHCHECK x", "HEALTHCHECK CMD", "HEALTHCHECK CMD []", "HEALTHCHECK --interval=x CMD a",
	"HEALTHCHECK --retries=0 CMD a", "HEALTHCHECK --what=1 CMD a", "HEALTHCHECK --interval=1s", "CM D", "ONBUILD", "USER \xff\xfe",
};

TEST(instructions)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		auto_json json_t *c = json_object();
		auto_free char *got = NULL;
		struct err e = ERR_INIT;
		int r = 0;

		for (size_t k = 0; r == 0 && k < 4 && good[i].changes[k]; k++)
			r = change_apply(c, good[i].changes[k], &e);
		if (!good[i].want) {
			CHECK_ERR(r, e, ERR_INVALID);
			continue;
		}
		CHECK_MSG(r == 0, "%s: %s", good[i].changes[0], e.text);
		got = json_dumps(c, JSON_COMPACT | JSON_SORT_KEYS);
		CHECK_STR(got, good[i].want);
	}
}

TEST(refused)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		auto_json json_t *c = json_object();
		struct err e = ERR_INIT;

		CHECK_MSG(change_apply(c, bad[i], &e) < 0, "\"%s\" was accepted", bad[i]);
		CHECK_CONTAINS(e.text, "--change");
	}
}
