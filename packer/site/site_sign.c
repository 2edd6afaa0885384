/* minisign does it, since only it reads its secret keys; what came out is checked as a machine will. */
#include "site/site_sign.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/read_all.h"

#define COMMENT_MAX 256

int site_sign_check(const struct publishing *p, const struct boot_keys *keys, const char *image,
		    struct fail *f)
{
	if (!p->stream || p->sign || keys->n == 0)
		return 0;
	return fail_set(f, EPERM, image, "Give the secret key with --sign.",
			"its boot part has keys, so machines take its root only with a signed "
			"manifest");
}

/* What the trusted comment tells: init's words for it, and what --manifest-min is compared with. */
static void write_comment(const struct publishing *p, const struct site_version *v,
			  char ret[COMMENT_MAX])
{
	time_t now = time(NULL);
	char date[SIGNATURE_DATE_MAX];
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", &tm);
	snprintf(ret, COMMENT_MAX, "tarboot name=%s version=%s date=%s", p->name, v->version, date);
}

/* Its messages, and its question for a password, are for the user, but not among our results. */
static void become_minisign(const char *key, const char *manifest, const char *signature,
			    const char *comment)
{
	(void)dup2(STDERR_FILENO, STDOUT_FILENO);
	execlp("minisign", "minisign", "-S", "-H", "-s", key, "-m", manifest, "-x", signature, "-t",
	       comment, (char *)NULL);
	_exit(errno == ENOENT ? 127 : 126);
}

static int run_minisign(const char *key, const char *manifest, const char *signature,
			const char *comment, struct fail *f)
{
	int status = 0;
	pid_t pid;

	(void)fflush(NULL);
	pid = fork();
	if (pid == 0)
		become_minisign(key, manifest, signature, comment);
	if (pid < 0)
		return fail_errno(f, errno, "minisign", "cannot start it");
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return fail_set(f, ENOENT, "minisign", "Install it (Debian: minisign).",
				"it makes the signature for --sign, but is not installed");
	if (status != 0)
		return fail_set(f, EIO, key,
				"Give the secret key that `minisign -G` wrote, and its password: "
				"minisign asks for it, or reads it from standard input where there "
				"is no terminal.",
				"minisign could not sign with it");
	return 0;
}

/* As a machine does that boots this boot part. Without keys there, any key will do, which is in another boot part. */
static int check_result(const char *manifest, const char *signature, const struct boot_keys *keys,
			struct fail *f)
{
	_cleanup_free_ char *text = NULL, *signed_text = NULL;
	const char *name = site_file_of(manifest);
	struct signature_about about;
	struct signature s;
	size_t size, signed_size;
	int r = read_file(manifest, &text, &size);

	if (r == 0)
		r = read_file(signature, &signed_text, &signed_size);
	if (r < 0)
		return fail_errno(f, r, name, "cannot read what minisign wrote");
	if (keys->n > 0)
		return signature_check_manifest(name, text, size, signed_text, signed_size,
						keys->keys, keys->n, keys->least, &about, f);
	if (signature_parse(signed_text, signed_size, &s) == 0)
		return 0;
	return fail_set(f, EBADMSG, "minisign", "Use version 0.8 or later.",
			"it made a signature of a kind that machines do not take");
}

/* Everybody can read it, and it is on the disk, before it has its name. */
static int put(const char *aside, const char *signature, struct fail *f)
{
	_cleanup_close_ int fd = open(aside, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fchmod(fd, 0644) < 0 || fsync(fd) < 0 || rename(aside, signature) < 0)
		return fail_errno(f, errno, signature, "cannot publish it");
	return 0;
}

int site_sign(const struct publishing *p, const struct boot_keys *keys,
	      const struct site_version *v, const char *directory, struct fail *f)
{
	char manifest[PATH_MAX], signature[PATH_MAX], aside[PATH_MAX], comment[COMMENT_MAX];
	struct boot_keys asked = *keys;
	int r;

	if (snprintf(manifest, PATH_MAX, "%s/%s.manifest", directory, v->payload) >= PATH_MAX ||
	    snprintf(signature, PATH_MAX, "%s/%s.manifest" SIGNATURE_SUFFIX, directory,
		     v->payload) >= PATH_MAX ||
	    snprintf(aside, PATH_MAX, "%s/" SITE_SIGN_ASIDE, directory) >= PATH_MAX)
		return fail_errno(f, ENAMETOOLONG, directory, "cannot create files in it");
	boot_keys_obey_line(&asked, v->append);
	write_comment(p, v, comment);
	r = run_minisign(p->sign, manifest, aside, comment, f);
	if (r == 0)
		r = check_result(manifest, aside, &asked, f);
	if (r == 0)
		r = put(aside, signature, f);
	if (r < 0)
		(void)unlink(aside);
	return r;
}
