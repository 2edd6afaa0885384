/* minisign does it, since only it reads its secret keys; what came out is checked as a machine will. */
#include "site/site_sign.h"

#include <errno.h>
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
	execlp("minisign", "minisign", "-S", "-s", key, "-m", manifest, "-x", signature, "-t",
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
		return fail_set(f, EIO, key, "Give the secret key that `minisign -G` wrote.",
				"minisign could not sign with it");
	return 0;
}

/* As a machine does that boots this boot part; without keys there, any key will do. */
static int check_result(const char *manifest, const char *signature, const struct boot_keys *keys,
			struct fail *f)
{
	_cleanup_free_ char *text = NULL, *signed_text = NULL;
	struct signature_about about;
	size_t size, signed_size;
	int r = read_file(manifest, &text, &size);

	if (r == 0)
		r = read_file(signature, &signed_text, &signed_size);
	if (r < 0)
		return fail_errno(f, r, signature, "cannot read what minisign wrote");
	if (keys->n == 0)
		return 0;
	return signature_check_manifest(manifest, text, size, signed_text, signed_size, keys->keys,
					keys->n, keys->least, &about, f);
}

int site_sign(const struct publishing *p, const struct boot_keys *keys,
	      const struct site_version *v, const char *directory, struct fail *f)
{
	char manifest[PATH_MAX], signature[PATH_MAX], comment[COMMENT_MAX];
	int r;

	if (snprintf(manifest, PATH_MAX, "%s/%s.manifest", directory, v->payload) >= PATH_MAX ||
	    snprintf(signature, PATH_MAX, "%s/%s.manifest" SIGNATURE_SUFFIX, directory,
		     v->payload) >= PATH_MAX)
		return fail_errno(f, ENAMETOOLONG, directory, "cannot create files in it");
	write_comment(p, v, comment);
	r = run_minisign(p->sign, manifest, signature, comment, f);
	if (r == 0 && chmod(signature, 0644) < 0)
		r = fail_errno(f, errno, signature, "cannot publish it");
	return r == 0 ? check_result(manifest, signature, keys, f) : r;
}
