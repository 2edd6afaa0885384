#include "root/root_signed.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child.h"
#include "base/console.h"
#include "base/read_all.h"
#include "image/members.h"
#include "image/pinned.h"
#include "image/signature.h"
#include "net/network.h"
#include "root/root_fetch.h"

#define KEYS "/" SIGNATURE_KEYS_DIR
#define TICK_MS 1000

/* ---- the keys ---- */

struct keys {
	char paths[SIGNATURE_KEYS_MAX][sizeof(KEYS) + NAME_MAX + 1];
	int n;
};

static int fail_keys(struct boot *b, int error, const char *why)
{
	return fail_set(&b->fail, error, KEYS, "Pack the boot part again.", "%s", why);
}

static int add_key(struct boot *b, const char *name, struct keys *ret)
{
	if (!ends_with(name, SIGNATURE_KEY_SUFFIX))
		return 0;
	if (ret->n == SIGNATURE_KEYS_MAX)
		return fail_keys(b, E2BIG, "there are more keys than can be");
	snprintf(ret->paths[ret->n++], sizeof(ret->paths[0]), KEYS "/%s", name);
	return 0;
}

/* None when there is no such directory. */
static int list_keys(struct boot *b, struct keys *ret)
{
	DIR *d = opendir(KEYS);
	struct dirent *e = NULL;
	int r = 0;

	ret->n = 0;
	if (!d && errno == ENOENT)
		return 0;
	if (!d)
		return fail_errno(&b->fail, errno, KEYS, "cannot read the keys of the boot part");
	errno = 0;
	while (r == 0 && (e = readdir(d)))
		r = add_key(b, e->d_name, ret);
	if (r == 0 && errno)
		r = fail_errno(&b->fail, errno, KEYS, "cannot read the keys of the boot part");
	closedir(d);
	return r == 0 && ret->n == 0 ? fail_keys(b, EINVAL, "there is no key in it") : r;
}

int root_signed_look(struct boot *b)
{
	_cleanup_free_ struct keys *keys = malloc(sizeof(*keys));
	int r = keys ? list_keys(b, keys) : fail_errno(&b->fail, ENOMEM, KEYS, "cannot read it");

	b->has_keys = r < 0 || keys->n > 0;
	return r;
}

/* The later of the dates that the boot part and the kernel command line say; "" = neither does. */
static int choose_least(struct boot *b, char ret[SIGNATURE_DATE_MAX])
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	int r = read_file("/" SIGNATURE_LEAST_FILE, &text, &size);

	strcpy(ret, b->params.manifest_min);
	if (r == -ENOENT)
		return 0;
	if (r == 0)
		text[strcspn(text, "\n")] = '\0';
	if (r < 0 || !signature_is_date(text))
		return fail_set(&b->fail, EINVAL, "/" SIGNATURE_LEAST_FILE,
				"Pack the boot part again.", "there is no date in it");
	if (strcmp(text, ret) > 0)
		strcpy(ret, text);
	return 0;
}

/* ---- the check ---- */

/* In the child: what exec keeps is what the program expects. The console is none of it. */
static void become_checker(char *const *argv, int manifest, int signature, int answer)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int copies[] = { fcntl(manifest, F_DUPFD_CLOEXEC, SIGNATURE_FD + 1),
			 fcntl(signature, F_DUPFD_CLOEXEC, SIGNATURE_FD + 1),
			 fcntl(answer, F_DUPFD_CLOEXEC, SIGNATURE_FD + 1),
			 fcntl(null, F_DUPFD_CLOEXEC, SIGNATURE_FD + 1) };

	child_restore_signals();
	if (dup2(copies[0], STDIN_FILENO) < 0 || dup2(copies[1], SIGNATURE_FD) < 0 ||
	    dup2(copies[2], STDOUT_FILENO) < 0 || dup2(copies[3], STDERR_FILENO) < 0)
		_exit(126);
	execv(argv[0], argv);
	_exit(127);
}

/* Whoever took the checker over may have written it. */
static void tidy(struct signature_verdict *v)
{
	v->about.name[sizeof(v->about.name) - 1] = '\0';
	v->about.version[sizeof(v->about.version) - 1] = '\0';
	v->about.date[sizeof(v->about.date) - 1] = '\0';
	v->fail.what[sizeof(v->fail.what) - 1] = '\0';
	v->fail.why[sizeof(v->fail.why) - 1] = '\0';
	v->fail.todo[sizeof(v->fail.todo) - 1] = '\0';
	if (v->fail.error < 0 || v->fail.error > 4095)
		v->fail.error = EIO;
}

/* What the checker left in the pipe. */
static int read_verdict(struct boot *b, int fd, int status, struct signature_verdict *ret)
{
	ssize_t n = read(fd, ret, sizeof(*ret));

	tidy(ret);
	if (n != (ssize_t)sizeof(*ret))
		return fail_set(&b->fail, EIO, "/" MEMBER_SIGNATURE, "Pack the boot part again.",
				"it ended (%d) without saying whether the manifest is signed",
				status);
	if (ret->fail.error == 0 && status == 0)
		return 0;
	if (ret->fail.error == 0)
		return fail_errno(&b->fail, EIO, "/" MEMBER_SIGNATURE, "it failed");
	b->fail = ret->fail;
	return -b->fail.error;
}

/* Descriptors of files that stand at their beginnings. what: the manifest. */
static int run_checker(struct boot *b, char **argv, int manifest, int signature,
		       struct signature_verdict *ret)
{
	_cleanup_close_ int answer = -1;
	int ends[2], status;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return fail_errno(&b->fail, errno, argv[0], "cannot start it");
	answer = ends[0];
	pid = fork();
	if (pid == 0)
		become_checker(argv, manifest, signature, ends[1]);
	close(ends[1]);
	if (pid < 0)
		return fail_errno(&b->fail, errno, argv[0], "cannot start it");
	status = child_wait(pid, TICK_MS, NULL, NULL);
	return read_verdict(b, answer, status, ret);
}

/* Is the manifest open at one signed by what is open at the other? Says so when it is. */
static int check(struct boot *b, const char *what, int manifest, int signature)
{
	_cleanup_free_ struct keys *keys = malloc(sizeof(*keys));
	char least[SIGNATURE_DATE_MAX], *argv[SIGNATURE_KEYS_MAX + 5];
	struct signature_verdict v;
	int r = keys ? choose_least(b, least)
		     : fail_errno(&b->fail, ENOMEM, what, "cannot check it"),
	    n = 0;

	if (r == 0)
		r = list_keys(b, keys);
	if (r < 0)
		return r;
	argv[n++] = (char *)(uintptr_t) "/" MEMBER_SIGNATURE;
	argv[n++] = (char *)(uintptr_t)what;
	argv[n++] = least;
	argv[n++] = (char *)(uintptr_t)KEYS;
	for (int i = 0; i < keys->n; i++)
		argv[n++] = keys->paths[i];
	argv[n] = NULL;
	r = run_checker(b, argv, manifest, signature, &v);
	if (r == 0)
		console_log(LOG_NOTICE, "%s is signed: %s %s of %s", what,
			    *v.about.name ? v.about.name : "no name", v.about.version,
			    *v.about.date ? v.about.date : "no date");
	return r;
}

/* Checks it, then reads it. */
static int take(struct boot *b, const char *what, int manifest, int signature, struct manifest *ret)
{
	_cleanup_free_ char *text = NULL;
	struct manifest m;
	size_t size;
	int r;

	if (lseek(manifest, 0, SEEK_SET) < 0 || lseek(signature, 0, SEEK_SET) < 0)
		return fail_errno(&b->fail, errno, what, "cannot read it");
	r = check(b, what, manifest, signature);
	if (r < 0)
		return r;
	if (lseek(manifest, 0, SEEK_SET) < 0)
		r = -errno;
	if (r == 0)
		r = read_all(manifest, &text, &size);
	if (r == 0)
		r = manifest_parse(text, size, &m);
	if (r < 0)
		return manifest_fail(r, what, &b->fail);
	if (!pinned_is_possible(&m)) {
		manifest_free(&m);
		return fail_set(&b->fail, EBADMSG, what, SIGNATURE_TODO, "it lists no Blocks");
	}
	*ret = m;
	return 0;
}

/* ---- from a server ---- */

/* One that no server has is what somebody must publish, unless it may be missing: 1. */
static int fetch_text(struct boot *b, const struct url *urls, size_t n, uint64_t max,
		      bool may_be_missing, int *ret)
{
	int r = root_fetch_file(b, urls, n, max,
				may_be_missing ? ROOT_FETCH_OPTIONAL : ROOT_FETCH_WHOLE, ret);

	if (r == -ENOENT && may_be_missing)
		return 1;
	if (r == -ENOENT)
		r = fail_set(&b->fail, ENOENT, urls[0].text, SIGNATURE_TODO,
			     "no server has it, and the boot part takes a root only with a signed "
			     "manifest");
	if (r == -EFBIG)
		r = fail_set(&b->fail, EKEYREJECTED, urls[0].text, SIGNATURE_TODO,
			     "it is larger than a manifest, or a signature, can be");
	return r;
}

/* The manifest from any server, which becomes the first of files, and the signature from that one, if it has it. urls: room for as
 * many. *ret_has_arrived: both are here, whatever they are. */
static int fetch_pair(struct boot *b, struct url *files, size_t n, bool may_be_missing,
		      struct url *urls, bool *ret_has_arrived, struct manifest *ret)
{
	_cleanup_close_ int manifest = -1, signature = -1;
	int r = url_list_beside(files, n, ".manifest", urls, &b->fail);

	*ret_has_arrived = false;
	if (r == 0)
		r = fetch_text(b, urls, n, MANIFEST_TEXT_MAX, may_be_missing, &manifest);
	if (r != 0)
		return r;
	for (uint32_t i = 0; i < b->record.fetched.from && i < n; i++)
		url_list_rotate(files, n);
	r = url_list_beside(files, n, ".manifest" SIGNATURE_SUFFIX, urls, &b->fail);
	if (r == 0)
		r = fetch_text(b, urls, n, SIGNATURE_TEXT_MAX, false, &signature);
	*ret_has_arrived = r == 0;
	if (r == 0)
		r = url_list_beside(files, n, ".manifest", urls, &b->fail);
	return r < 0 ? r : take(b, urls[0].text, manifest, signature, ret);
}

/* Is it about what a server sent, so that another one may have something better? What did not arrive was asked of all servers, until the
 * patience ended. */
static bool is_rejected(int error, bool has_arrived)
{
	return error == -EKEYREJECTED ||
	       (has_arrived && (error == -EBADMSG || error == -EPROTO || error == -EFBIG));
}

int root_signed_fetch(struct boot *b, struct url *files, size_t n, bool may_be_missing,
		      struct manifest *ret)
{
	_cleanup_free_ struct url *urls = calloc(URLS_MAX, sizeof(*urls));
	struct fail first = { 0 };
	bool has_arrived;
	int r = urls ? network_wait(b)
		     : fail_errno(&b->fail, ENOMEM, files[0].text, "cannot fetch its manifest");

	if (r == 0)
		root_fetch_order(b, files, n);
	for (size_t tries = 0; r == 0 && tries < n; tries++) {
		r = fetch_pair(b, files, n, may_be_missing, urls, &has_arrived, ret);
		if (!is_rejected(r, has_arrived) || tries + 1 == n)
			break;
		console_log(LOG_WARNING, "%s: %s", b->fail.what, b->fail.why);
		if (!first.error)
			first = b->fail;
		url_list_rotate(files, n);
		r = 0;
	}
	if (r < 0 && first.error)
		b->fail = first;
	return r < 0 ? -b->fail.error : r;
}

/* ---- from the initramfs ---- */

/* A file of so many bytes at most: its descriptor, or -errno. */
static int open_beside(struct boot *b, const char *file, const char *suffix, uint64_t max)
{
	_cleanup_close_ int fd = -1;
	char path[PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), "%s%s", file, suffix);
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return signature_fail_missing(&b->fail, path);
	if (fd < 0 || fstat(fd, &st) < 0)
		return fail_errno(&b->fail, errno, path, "cannot open it");
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size > max)
		return fail_set(&b->fail, EKEYREJECTED, path, SIGNATURE_TODO,
				"it is no file, or too large to be what it should");
	return take_fd(&fd);
}

int root_signed_read(struct boot *b, const char *path, uint64_t size, struct manifest *ret)
{
	_cleanup_close_ int manifest = -1, signature = -1;
	char what[PATH_MAX];
	int r;

	manifest = open_beside(b, path, ".manifest", MANIFEST_TEXT_MAX);
	signature = manifest < 0 ? manifest
				 : open_beside(b, path, ".manifest" SIGNATURE_SUFFIX,
					       SIGNATURE_TEXT_MAX);
	if (signature < 0)
		return signature;
	snprintf(what, sizeof(what), "%s.manifest", path);
	r = take(b, what, manifest, signature, ret);
	if (r < 0 || ret->payload_bytes == size)
		return r;
	r = fail_set(&b->fail, EKEYREJECTED, path, "Load the payload that the manifest is about.",
		     "it has %llu bytes, its signed manifest says %llu", (unsigned long long)size,
		     (unsigned long long)ret->payload_bytes);
	manifest_free(ret);
	return r;
}

int root_signed_check_root(struct boot *b, const struct manifest *m)
{
	if (strncmp(m->payload, MEMBER_LAYERS "/", sizeof(MEMBER_LAYERS)) != 0)
		return 0;
	return fail_set(&b->fail, EKEYREJECTED, b->payload.name,
			"Give the URL or the file of a root.", "it was signed as a layer, %s",
			m->payload);
}
