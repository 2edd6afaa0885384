/* minisign does it, since only it reads its secret keys; it writes beside links to the manifests, in a directory of its own, where what
 * came out is checked. */
#include "site/site_sign.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/out.h"
#include "base/read_all.h"
#include "base/tool.h"
#include "site/site_file.h"

#define ASIDE ".signing" /* in the site's directory */
#define COMMENT_MAX 256
#define ARGUMENTS 9 /* before the files */

/* ---- what is to be signed ---- */

int signing_add(struct signing *s, const char *directory, const char *file,
		const struct signature_trust *const *keys, size_t n_keys, struct fail *f)
{
	struct signing_file *files = array_one_more(s->files, s->n, sizeof(*files));
	struct signing_file new = { .n_keys = n_keys };

	if (!files)
		return fail_errno(f, ENOMEM, file, "cannot sign it");
	s->files = files;
	if (asprintf(&new.manifest, "%s/%s.manifest", directory, file) < 0)
		return fail_errno(f, ENOMEM, file, "cannot sign it");
	new.keys = calloc(n_keys + 1, sizeof(*new.keys));
	if (!new.keys) {
		free(new.manifest);
		return fail_errno(f, ENOMEM, file, "cannot sign it");
	}
	memcpy(new.keys, keys, n_keys * sizeof(*keys));
	files[s->n++] = new;
	return 0;
}

/* What does not fit is left out: the comment is for people. */
static void add_word(char *text, size_t room, const char *word)
{
	size_t used = strlen(text);

	if (used + strlen(word) + 2 <= room)
		snprintf(text + used, room - used, "%s%s", used ? "," : "", word);
}

void signing_tell(struct signing *s, const char *name, const char *version)
{
	add_word(s->names, sizeof(s->names), name);
	if (strcmp(s->versions, version) != 0)
		add_word(s->versions, sizeof(s->versions), version);
}

void signing_free(struct signing *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->files[i].manifest);
		free(s->files[i].signature);
		free(s->files[i].keys);
	}
	free(s->files);
	*s = (struct signing){ 0 };
}

/* ---- minisign ---- */

/* What the trusted comment tells: init's words for it, and what --manifest-min is compared with. */
static void write_comment(const struct signing *s, char ret[COMMENT_MAX])
{
	time_t now = time(NULL);
	char date[SIGNATURE_DATE_MAX];
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", &tm);
	snprintf(ret, COMMENT_MAX, "tarboot name=%s version=%s date=%s",
		 *s->names ? s->names : "layers", *s->versions ? s->versions : "-", date);
}

/* Its messages, and its question for a password, are for the user, but not among our results. */
static void become_minisign(char *const *argv)
{
	(void)dup2(STDERR_FILENO, STDOUT_FILENO);
	execvp("minisign", argv);
	_exit(errno == ENOENT ? 127 : 126);
}

static int fail_program(struct fail *f)
{
	return fail_set(f, ENOENT, "minisign", "Install it (Debian: minisign).",
			"it makes the signature for --sign, but is not installed");
}

int signing_check(const char *key, struct fail *f)
{
	struct stat st;
	int error = access(key, R_OK) < 0 ? errno : 0;

	if (error == 0 && stat(key, &st) == 0 && S_ISDIR(st.st_mode))
		error = EISDIR;
	if (error)
		return fail_set(f, error, key, "Give the secret key that `minisign -G` wrote.",
				"cannot read this key: %s", strerror(error));
	return tool_is_there("minisign") ? 0 : fail_program(f);
}

static int run(char *const *argv, const char *key, struct fail *f)
{
	int status = 0;
	pid_t pid;

	(void)fflush(NULL);
	pid = fork();
	if (pid == 0)
		become_minisign(argv);
	if (pid < 0)
		return fail_errno(f, errno, "minisign", "cannot start it");
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return fail_program(f);
	if (status != 0)
		return fail_set(f, EIO, key,
				"Give the secret key that `minisign -G` wrote, and its password: "
				"minisign asks for it, or reads it from standard input where there "
				"is no terminal.",
				"minisign could not sign with it");
	return 0;
}

static int run_minisign(const struct signing *s, const struct site *site, const char *key,
			struct fail *f)
{
	char comment[COMMENT_MAX], path[PATH_MAX];
	const char *first[ARGUMENTS] = { "minisign", "-S", "-H", "-s", key, "-t", comment, "-m" };
	char **argv = calloc(ARGUMENTS + s->n, sizeof(*argv));
	int r = 0;

	write_comment(s, comment);
	for (size_t i = 0; argv && i < ARGUMENTS - 1; i++)
		argv[i] = (char *)(uintptr_t)first[i];
	for (size_t i = 0; argv && r == 0 && i < s->n; i++) {
		argv[ARGUMENTS - 1 + i] = strdup(site_path(site, path, ASIDE "/%zu", i));
		r = argv[ARGUMENTS - 1 + i] ? 0 : -ENOMEM;
	}
	r = !argv || r < 0 ? fail_errno(f, ENOMEM, "minisign", "cannot start it")
			   : run(argv, key, f);
	for (size_t i = 0; argv && i < s->n; i++)
		free(argv[ARGUMENTS - 1 + i]);
	free(argv);
	return r;
}

/* ---- the results ---- */

/* As machines do that boot with these keys. Where nobody asks, any key will do, which is in another boot part. */
static int check(const struct signing_file *file, const char *text, size_t size, struct fail *f)
{
	const struct signed_text t = { text, size, file->signature, file->signature_size };
	struct signature_about about;
	struct signature s;
	struct fail other;

	if (file->n_keys == 0 && signature_parse(file->signature, file->signature_size, &s) < 0)
		return fail_set(f, EBADMSG, "minisign", "Use version 0.8 or later.",
				"it made a signature of a kind that machines do not take");
	for (size_t i = 0; i < file->n_keys; i++)
		if (signature_check_manifest(site_file_of(file->manifest), &t, file->keys[i],
					     &about, i == 0 ? f : &other) == 0)
			return 0;
	return file->n_keys == 0 ? 0 : -f->error;
}

static int take_result(struct signing_file *file, const char *signature, struct fail *f)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	int r = read_file(file->manifest, &text, &size);

	if (r == 0)
		r = read_file(signature, &file->signature, &file->signature_size);
	if (r < 0)
		return fail_errno(f, r, site_file_of(file->manifest),
				  "cannot read what minisign wrote");
	return check(file, text, size, f);
}

static int put(const struct signing_file *file, struct fail *f)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s" SIGNATURE_SUFFIX, file->manifest) >= PATH_MAX)
		return fail_errno(f, ENAMETOOLONG, file->manifest, "cannot sign it");
	return out_replace(path, OUT_PUBLISHED, file->signature, file->signature_size, f);
}

/* ---- the whole ---- */

/* minisign puts a signature beside what it signs. */
static int make_links(const struct signing *s, const struct site *site, struct fail *f)
{
	char path[PATH_MAX], target[PATH_MAX];
	int r = signing_sweep(site, f);

	if (r == 0 && mkdir(site_path(site, path, ASIDE), 0700) < 0)
		r = fail_errno(f, errno, path, "cannot create this directory");
	for (size_t i = 0; r == 0 && i < s->n; i++)
		if (!realpath(s->files[i].manifest, target) ||
		    symlink(target, site_path(site, path, ASIDE "/%zu", i)) < 0)
			r = fail_errno(f, errno, s->files[i].manifest, "cannot sign it");
	return r;
}

int signing_run(struct signing *s, const struct site *site, const char *key, struct fail *f)
{
	char signature[PATH_MAX], aside[PATH_MAX];
	struct out_guard guard = { .path = site_path(site, aside, ASIDE) };
	struct fail unused;
	int r;

	out_guard_add(&guard);
	r = s->n > 0 ? make_links(s, site, f) : 0;
	if (r == 0 && s->n > 0)
		r = run_minisign(s, site, key, f);
	for (size_t i = 0; r == 0 && i < s->n; i++)
		r = take_result(&s->files[i],
				site_path(site, signature, ASIDE "/%zu" SIGNATURE_SUFFIX, i), f);
	for (size_t i = 0; r == 0 && i < s->n; i++)
		r = put(&s->files[i], f);
	(void)signing_sweep(site, &unused);
	out_guard_remove(&guard);
	return r;
}

int signing_sweep(const struct site *site, struct fail *f)
{
	char path[PATH_MAX];

	return site_remove_tree(site_path(site, path, ASIDE), f);
}
