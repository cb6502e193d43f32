/* The order of the setup's steps: it is the security argument. */
#include "test.h"

#include "affinity.h"
#include "console.h"
#include "dev.h"
#include "identity.h"
#include "lsm.h"
#include "mask.h"
#include "mount.h"
#include "rootfs.h"
#include "setup.h"
#include "sysctl.h"

typedef int (*step_fn)(struct setup *s, struct err *e);

static int position(const struct step *steps, step_fn fn)
{
	int found = -1;

	for (int i = 0; steps[i].run; i++)
		if (steps[i].run == fn) {
			CHECK(found < 0 || fn == identity_pdeathsig);
			found = i;
		}
	CHECK(found >= 0);
	return found;
}

static int position_of_name(const struct step *steps, const char *doing)
{
	for (int i = 0; steps[i].run; i++)
		if (streq(steps[i].doing, doing))
			return i;
	test_fail(__FILE__, __LINE__, "no step \"%s\"", doing);
}

static int length(const struct step *steps)
{
	int n = 0;

	while (steps[n].run)
		n++;
	return n;
}

TEST(mounts_happen_in_a_private_tree_and_before_the_pivot)
{
	const struct step *t = init_steps;

	CHECK(position_of_name(t, "join namespaces") < position(t, rootfs_mount));
	CHECK(position(t, rootfs_mount) < position(t, mount_all));
	CHECK(position(t, mount_all) < position(t, dev_nodes));
	CHECK(position(t, dev_nodes) < position(t, console_open));
	CHECK(position(t, console_open) < position(t, rootfs_pivot));
	CHECK(position(t, mask_paths) < position(t, rootfs_pivot));
	CHECK(position(t, mask_readonly) < position(t, rootfs_pivot));
	CHECK(position(t, mount_finish_ro) < position(t, rootfs_pivot));
	CHECK(position(t, rootfs_pivot) < position(t, rootfs_finish));
}

TEST(sysctls_are_written_before_they_become_read_only)
{
	CHECK(position(init_steps, mount_all) < position(init_steps, sysctl_write_all));
	CHECK(position(init_steps, sysctl_write_all) < position(init_steps, mask_readonly));
}

TEST(hooks_that_mount_run_before_paths_are_masked)
{
	CHECK(position_of_name(init_steps, "run hooks") < position(init_steps, mask_paths));
	CHECK(position(init_steps, mount_all) < position_of_name(init_steps, "run hooks"));
}

static void check_identity(const struct step *t)
{
	int last = length(t) - 1;

	/* Raised while we may, and the terminal before its owner changes. */
	CHECK(position(t, identity_limits) < position(t, identity_user));
	CHECK(position(t, console_take) < position(t, identity_user));
	/* No descriptor of ours is inherited, and none is reachable as a working directory. */
	CHECK(position_of_name(t, "pass descriptors") < position(t, identity_cwd));
	/* The bounding set takes CAP_SETPCAP, which another user may not have. */
	CHECK(position(t, identity_bound) < position(t, identity_user));
	CHECK(position(t, identity_user) < position(t, identity_cwd));
	/* A change of user clears it. */
	CHECK(position(t, identity_user) < position(t, identity_pdeathsig));
	/* So does it make us visible, and fewer capabilities make us prey. */
	CHECK(position(t, identity_user) < position(t, identity_hide));
	CHECK(position(t, identity_hide) < position(t, identity_caps));
	/* The early filter needs what the final capabilities lack; the late one forbids all above. */
	CHECK(position(t, identity_no_new_privs) < position(t, identity_filter_early));
	CHECK(position(t, identity_filter_early) < position(t, identity_caps));
	CHECK_INT(position(t, identity_caps), last - 2);
	CHECK_INT(position(t, identity_filter_late), last - 1);
	CHECK_INT(position(t, identity_exec), last);
	/* What can be found wrong is found while `create` still listens. */
	CHECK(position(t, identity_find_program) < position_of_name(t, "wait to be started"));
	CHECK(position_of_name(t, "wait to be started") < position(t, identity_user));
}

TEST(identity_of_the_first_process)
{
	check_identity(init_steps);
	CHECK(position(init_steps, rootfs_finish) < position(init_steps, identity_limits));
}

TEST(identity_of_exec)
{
	check_identity(exec_steps);
}

TEST(exec_does_what_create_does_for_a_process)
{
	/* Every identity step of create is one of exec; oom_score_adj is written before it joins. */
	for (int i = 0; init_steps[i].run; i++) {
		step_fn fn = init_steps[i].run;
		bool both = fn == lsm_labels || fn == identity_keyring || fn == identity_limits ||
			    fn == identity_find_program || fn == identity_bound ||
			    fn == identity_no_new_privs || fn == identity_user || fn == identity_cwd ||
			    fn == identity_filter_early || fn == identity_caps ||
			    fn == identity_filter_late || fn == identity_exec || fn == console_open ||
			    fn == console_take;

		if (both)
			(void)position(exec_steps, fn);
	}
}

static void check_names(const struct step *steps, const char *const *names, size_t n)
{
	CHECK_INT(length(steps), (int)n);
	for (size_t i = 0; i < n; i++)
		CHECK_STR(steps[i].doing, names[i]);
}

/* Whoever changes the order changes it here as well, and has read the constraints above. */
TEST(the_order_by_names)
{
	static const char *const init[] = {
		"", "wait for the id maps", "", "", "join namespaces", "start a session",
		"keep the host's /proc", "make the time namespace", "set names",
		"set oom_score_adj", "mount the root file system", "mount the file systems",
		"make the devices", "make the links in /dev", "open the terminal",
		"make the working directory", "write sysctls", "run hooks", "mask paths",
		"make paths read-only", "make tmpfs read-only",
		"pivot into the root file system", "finish the root file system", "",
		"set labels", "make a keyring", "set limits", "take the terminal", "",
		"wait to be started", "run hooks", "pass descriptors", "bound capabilities",
		"set no_new_privs", "set the user", "change directory", "",
		"hide from others inside", "load the seccomp filter", "set capabilities",
		"load the seccomp filter", "",
	};
	static const char *const exec[] = {
		"", "join namespaces", "start a session", "open the terminal", "", "set labels",
		"make a keyring", "set limits", "take the terminal", "", "wait to be started",
		"", "pass descriptors", "bound capabilities", "set no_new_privs", "set the user",
		"change directory", "", "hide from others inside", "load the seccomp filter",
		"set capabilities", "load the seccomp filter", "",
	};

	check_names(init_steps, init, sizeof(init) / sizeof(init[0]));
	check_names(exec_steps, exec, sizeof(exec) / sizeof(exec[0]));
}

TEST(what_needs_the_hosts_proc_has_it)
{
	int proc = position_of_name(init_steps, "keep the host's /proc");

	CHECK(position_of_name(init_steps, "wait for the id maps") < proc);
	/* Offsets are set by way of it, by root of the user namespace that owns the new one. */
	CHECK(proc < position_of_name(init_steps, "make the time namespace"));
	CHECK(proc < position(init_steps, identity_oom_score));
	CHECK(proc < position(init_steps, lsm_labels));
	CHECK(proc < position_of_name(init_steps, "wait to be started"));
	/* It is closed by the change of user. */
	CHECK(position_of_name(init_steps, "wait to be started") < position(init_steps, identity_user));
}

TEST(the_final_affinity_comes_after_the_cgroup)
{
	/* exec waits to be told to go until it is in the container's cgroup. */
	CHECK_INT(position(exec_steps, affinity_final),
		  position_of_name(exec_steps, "wait to be started") + 1);
}
