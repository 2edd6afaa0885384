/* Files are written aside and renamed: a new one has another inode. */
#include "command/serve_watch.h"

#include "site/site_file.h"

static const char *const names[SERVE_FILES] = {
	[SERVE_FILE_HOSTS] = SITE_DNSMASQ_HOSTS,
	[SERVE_FILE_DNSMASQ] = "dnsmasq.conf",
	[SERVE_FILE_NGINX] = "nginx-site.conf",
};

static void look(const struct site *s, size_t i, struct stat *ret)
{
	char path[PATH_MAX];

	if (stat(site_path(s, path, "config/%s", names[i]), ret) < 0)
		*ret = (struct stat){ 0 };
}

void serve_watch_start(struct serve_watch *w, const struct site *s)
{
	w->site = s;
	for (size_t i = 0; i < SERVE_FILES; i++)
		look(s, i, &w->seen[i]);
}

const char *serve_watch_next(struct serve_watch *w, enum serve_file *ret)
{
	struct stat now;

	for (size_t i = 0; i < SERVE_FILES; i++) {
		struct stat *seen = &w->seen[i];
		bool is_same;

		look(w->site, i, &now);
		is_same = now.st_ino == seen->st_ino &&
			  now.st_mtim.tv_sec == seen->st_mtim.tv_sec &&
			  now.st_mtim.tv_nsec == seen->st_mtim.tv_nsec;
		*seen = now;
		if (is_same)
			continue;
		*ret = (enum serve_file)i;
		return names[i];
	}
	return NULL;
}
