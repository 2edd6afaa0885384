#include "base/run_file.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

FILE *run_file_create(const char *directory, const char *name, mode_t mode)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s", directory);
	for (char *slash = path + 1; slash; slash = strchr(slash + 1, '/')) {
		if (*slash == '/') {
			*slash = '\0';
			(void)mkdir(path, 0755);
			*slash = '/';
		}
	}
	(void)mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	return fd < 0 ? NULL : fdopen(fd, "w");
}
