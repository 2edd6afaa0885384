/*
 * Where hostile archives are unpacked: an empty root on a tmpfs, and around it what no archive may
 * touch. Root gets a mount namespace of its own in which the rest of the machine is read-only; only
 * what lies below the working directory, where libFuzzer writes, stays as it is.
 */
#pragma once

#include <fcntl.h>
#include <limits.h>
#include <locale.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/fail.h"
#include "fuzz.h"
#include "scratch.h"

static const char *const stage_canaries[] = { ".", "secret", "etc", "etc/passwd", "tmp" };

static struct {
	int base_fd, root_fd, home_fd; /* home: the working directory of libFuzzer */
	bool read_only;                /* the rest of the machine */
	struct stat before[ARRAY_SIZE(stage_canaries)];
	int next_fd; /* the lowest free descriptor */
} stage;

/* Sets or clears MOUNT_ATTR_RDONLY of all mounts at and below path; Linux 5.12. */
static bool stage_protect(const char *path, bool protect)
{
	const uint64_t rdonly = 1, attr[4] = { protect ? rdonly : 0, protect ? 0 : rdonly };

	return syscall(SYS_mount_setattr, AT_FDCWD, path, 0x8000 /* AT_RECURSIVE */, attr,
		       sizeof(attr)) == 0;
}

/* A tmpfs that stands nowhere, so that it hides nothing and nothing is left of it: Linux 5.2. Devices
 * in it cannot be opened. -1: not here. */
static int stage_tmpfs(void)
{
	int fs = (int)syscall(SYS_fsopen, "tmpfs", 1 /* FSOPEN_CLOEXEC */);

	if (fs < 0 || syscall(SYS_fsconfig, fs, 1 /* SET_STRING */, "size", "64m", 0) < 0 ||
	    syscall(SYS_fsconfig, fs, 6 /* CMD_CREATE */, NULL, NULL, 0) < 0)
		return -1;
	return (int)syscall(SYS_fsmount, fs, 1 /* FSMOUNT_CLOEXEC */, 4 /* MOUNT_ATTR_NODEV */);
}

static bool stage_isolate(void)
{
	char home[PATH_MAX];

	return geteuid() == 0 && getcwd(home, sizeof(home)) && unshare(CLONE_NEWNS) == 0 &&
	       mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount(home, home, NULL, MS_BIND | MS_REC, NULL) == 0 && chdir(home) == 0 &&
	       stage_protect("/", true) && stage_protect(home, false) &&
	       (stage.base_fd = stage_tmpfs()) >= 0;
}

static inline void stage_open(void)
{
	setlocale(LC_CTYPE, "C.UTF-8"); /* as the programs do */
	stage.read_only = stage_isolate();
	if (!stage.read_only) {
		fprintf(stderr, "stage: no mount namespace: only what is beside the root is "
				"watched\n");
		stage.base_fd = scratch_dir("stage");
	}
	stage.home_fd = must(open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	put_file(stage.base_fd, "secret", "secret", 0644);
	must(mkdirat(stage.base_fd, "etc", 0755));
	put_file(stage.base_fd, "etc/passwd", "canary:x:4711:4711::/:/bin/false\n", 0644);
	must(mkdirat(stage.base_fd, "tmp", 0755));
}

/* An empty root; it is the stage's. */
static inline int stage_begin(void)
{
	must(mkdirat(stage.base_fd, "root", 0755));
	stage.root_fd = must(openat(stage.base_fd, "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	for (size_t i = 0; i < ARRAY_SIZE(stage_canaries); i++)
		must(fstatat(stage.base_fd, stage_canaries[i], &stage.before[i],
			     AT_SYMLINK_NOFOLLOW));
	stage.next_fd = must(dup(stage.root_fd));
	close(stage.next_fd);
	return stage.root_fd;
}

static inline bool stage_is_same(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_mode == b->st_mode && a->st_uid == b->st_uid &&
	       a->st_gid == b->st_gid && a->st_nlink == b->st_nlink && a->st_size == b->st_size &&
	       memcmp(&a->st_mtim, &b->st_mtim, sizeof(a->st_mtim)) == 0 &&
	       memcmp(&a->st_ctim, &b->st_ctim, sizeof(a->st_ctim)) == 0;
}

/* Nothing around the root has changed and no descriptor is left; removes the root. error: what the
 * unpacking gave. */
static inline void stage_end(int error)
{
	int next_fd = must(dup(stage.root_fd));
	struct stat after;

	close(next_fd);
	promise(next_fd == stage.next_fd);
	promise(error != -EROFS || !stage.read_only); /* nothing in the root is read-only */
	for (size_t i = 0; i < ARRAY_SIZE(stage_canaries); i++) {
		must(fstatat(stage.base_fd, stage_canaries[i], &after, AT_SYMLINK_NOFOLLOW));
		promise(stage_is_same(&stage.before[i], &after));
	}
	close(stage.root_fd);
	must(fchdir(stage.home_fd)); /* tree.c has moved it */
	scratch_remove(stage.base_fd, "root");
}

/* Every target with a stage starts so. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	stage_open();
	return 0;
}
