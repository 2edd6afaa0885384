/*
 * replay FILE...: gives each file to the fuzz target that this is linked with. The main of the builds
 * that have no libFuzzer; what goes wrong ends the program by abort or by the sanitizer.
 */
#include <fcntl.h>
#include <sys/stat.h>

#include "fuzz.h"
#include "base/util.h"

/* The targets that need no start have none. */
__attribute__((weak)) int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return 0;
}

/* The mutators are linked, but nobody calls them here. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size)
{
	(void)data;
	(void)max_size;
	return size;
}

static int replay(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ uint8_t *data = NULL;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	data = malloc(st.st_size ? (size_t)st.st_size : 1);
	if (!data)
		return -ENOMEM;
	if (read(fd, data, (size_t)st.st_size) != st.st_size)
		return -EIO;
	LLVMFuzzerTestOneInput(data, (size_t)st.st_size);
	return 0;
}

int main(int argc, char **argv)
{
	int r;

	LLVMFuzzerInitialize(&argc, &argv);
	for (int i = 1; i < argc; i++) {
		r = replay(argv[i]);
		if (r < 0) {
			fprintf(stderr, "%s: %s\n", argv[i], strerror(-r));
			return EXIT_FAILURE;
		}
	}
	printf("%d inputs, %u accepted\n", argc - 1, fuzz_accepted);
	return EXIT_SUCCESS;
}
