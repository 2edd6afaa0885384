#include "root/root_signed.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child.h"
#include "base/console.h"
#include "base/read_all.h"
#include "image/members.h"
#include "image/pinned.h"
#include "image/signature.h"
#include "net/net.h"
#include "root/root_fetch.h"

#define KEYS "/" SIGNATURE_KEYS_DIR
#define TICK_MS 1000

static const char todo_sign[] = "Publish it again with `tarboot netboot --stream --sign KEYFILE`.";

/* ---- the keys ---- */

struct keys {
	char paths[SIGNATURE_KEYS_MAX][sizeof(KEYS) + NAME_MAX + 1];
	int n;
	bool are_too_many;
};

/* A file of another name is none. */
static void list_keys(struct keys *ret)
{
	DIR *d = opendir(KEYS);
	struct dirent *e;

	ret->n = 0;
	ret->are_too_many = false;
	while (d && (e = readdir(d))) {
		if (!ends_with(e->d_name, SIGNATURE_KEY_SUFFIX))
			continue;
		if (ret->n == SIGNATURE_KEYS_MAX)
			ret->are_too_many = true;
		else
			snprintf(ret->paths[ret->n++], sizeof(ret->paths[0]), KEYS "/%s",
				 e->d_name);
	}
	if (d)
		closedir(d);
}

bool root_signed_is_asked(void)
{
	struct keys keys;

	list_keys(&keys);
	return keys.n > 0;
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

/* In the child: what exec keeps is what the program expects. */
static void become_checker(char *const *argv, int manifest, int signature, int answer)
{
	int copies[] = { fcntl(manifest, F_DUPFD_CLOEXEC, SIGNATURE_FD + 1),
			 fcntl(signature, F_DUPFD_CLOEXEC, SIGNATURE_FD + 1),
			 fcntl(answer, F_DUPFD_CLOEXEC, SIGNATURE_FD + 1) };

	child_restore_signals();
	if (dup2(copies[0], STDIN_FILENO) < 0 || dup2(copies[1], SIGNATURE_FD) < 0 ||
	    dup2(copies[2], STDOUT_FILENO) < 0)
		_exit(126);
	execv(argv[0], argv);
	_exit(127);
}

/* What the checker left in the pipe. */
static int read_verdict(struct boot *b, int fd, int status, struct signature_verdict *ret)
{
	ssize_t n = read(fd, ret, sizeof(*ret));

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

	if (r < 0)
		return r;
	list_keys(keys);
	if (keys->are_too_many)
		return fail_set(&b->fail, E2BIG, KEYS, "Pack the boot part again.",
				"there may be %d keys", SIGNATURE_KEYS_MAX);
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
static int take(struct boot *b, const char *what, int manifest, int signature)
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
		return fail_set(&b->fail, EBADMSG, what, todo_sign, "it lists no Blocks");
	}
	manifest_free(&b->manifest);
	b->manifest = m;
	b->has_manifest = true;
	return 0;
}

/* ---- from a server ---- */

/* From the servers in this order. */
static int fetch_from(struct boot *b, const struct url *manifests, const struct url *signatures)
{
	_cleanup_close_ int manifest = -1, signature = -1;
	int r = root_fetch_text(b, manifests, MANIFEST_TEXT_MAX, &manifest);

	if (r == 0)
		r = root_fetch_text(b, signatures, SIGNATURE_TEXT_MAX, &signature);
	if (r == -ENOENT)
		return fail_set(&b->fail, EKEYREJECTED,
				manifest < 0 ? manifests[0].text : signatures[0].text, todo_sign,
				"no server has it, and the boot part takes a root only with a "
				"signed manifest");
	return r < 0 ? r : take(b, manifests[0].text, manifest, signature);
}

/* One server's may be old, or damaged: the next one's then. */
int root_signed_fetch(struct boot *b)
{
	_cleanup_free_ struct url *lists = calloc(2 * URLS_MAX, sizeof(*lists));
	struct url *manifests = lists, *signatures = lists + URLS_MAX;
	int r = network_wait(b);

	if (r == 0 && !lists)
		r = fail_errno(&b->fail, ENOMEM, b->urls[0].text, "cannot fetch its manifest");
	if (r < 0)
		return r;
	root_fetch_order(b);
	for (size_t tries = 0; tries < b->n_urls; tries++) {
		r = url_list_beside(b->urls, b->n_urls, ".manifest", manifests, &b->fail);
		if (r == 0)
			r = url_list_beside(b->urls, b->n_urls, ".manifest" SIGNATURE_SUFFIX,
					    signatures, &b->fail);
		if (r == 0)
			r = fetch_from(b, manifests, signatures);
		if (r == 0 || b->n_urls == 1)
			break;
		if (tries + 1 < b->n_urls)
			console_log(LOG_WARNING, "%s: %s", b->fail.what, b->fail.why);
		url_list_rotate(b->urls, b->n_urls);
	}
	return r;
}

/* ---- from the initramfs ---- */

static int open_beside(struct boot *b, const char *suffix)
{
	char path[sizeof(b->payload.name) + 32];
	int fd;

	snprintf(path, sizeof(path), "%s%s", b->payload.name, suffix);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	return fail_set(&b->fail, EKEYREJECTED, path,
			"Load the payload's manifest and its signature as initrds, too, or the "
			"image that the boot part was packed with.",
			"it is not in the initramfs, and the boot part takes no payload but its "
			"own without a signed manifest");
}

int root_signed_read(struct boot *b)
{
	_cleanup_close_ int manifest = -1, signature = -1;
	char what[sizeof(b->payload.name) + 16];
	int r;

	if (b->has_manifest && b->manifest.payload_bytes == b->payload.size)
		return 0;
	manifest = open_beside(b, ".manifest");
	signature = manifest < 0 ? manifest : open_beside(b, ".manifest" SIGNATURE_SUFFIX);
	if (signature < 0)
		return signature;
	snprintf(what, sizeof(what), "%s.manifest", b->payload.name);
	r = take(b, what, manifest, signature);
	if (r == 0 && b->manifest.payload_bytes != b->payload.size)
		r = fail_set(&b->fail, EKEYREJECTED, b->payload.name,
			     "Load the payload that the manifest is about.",
			     "it has %llu bytes, its signed manifest says %llu",
			     (unsigned long long)b->payload.size,
			     (unsigned long long)b->manifest.payload_bytes);
	return r;
}
