/*
 * serial_parts FILE.tar.xz DIR: what of the engine's work is done by one thread alone, for the prediction of
 * docs/performance.md. Decodes the file (one thread), then, from memory, parses the tar and makes all names in DIR
 * without data, finishes the tree, and at last writes the data of all files once. Prints seconds of CPU:
 * list, decode of each Block, parse, names, finish, write.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "codec/codec.h"
#include "tar/tar_read.h"
#include "tree/tree.h"
#include "base/util.h"

struct source {
	const char *data;
	size_t size, at;
};

static void die(const struct fail *f)
{
	fprintf(stderr, "serial_parts: %s: %s\n", f->what, f->why);
	exit(1);
}

/* CPU time, which other programs do not lengthen: there is one thread, and it waits for nothing. */
static uint64_t cpu_usec(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static double seconds_since(uint64_t start)
{
	return (double)(cpu_usec() - start) / 1e6;
}

static void decode(const struct payload *p, const struct block_list *l, char *out)
{
	size_t got, at = 0;
	void *decoder;
	struct fail f;

	if (l->codec->decoder_new(p, l, &decoder) < 0)
		exit(1);
	printf("decode");
	for (size_t i = 0; i < l->n; i++) {
		uint64_t start = cpu_usec();
		int r = l->codec->start(decoder, &l->blocks[i], &f);

		if (r == 0 && l->whole_memory)
			l->codec->start_whole(decoder, out + at);

		while (r >= 0 &&
		       (r = l->codec->read(decoder, out + at, 256 * 1024, &got, &f)) >= 0) {
			at += got;
			if (r == 0)
				break;
		}
		if (r < 0)
			die(&f);
		printf(" %.6f", seconds_since(start));
	}
	putchar('\n');
	l->codec->decoder_free(decoder);
}

static int next(void *arg, const void **ret_data, size_t *ret_size, struct fail *f)
{
	struct source *s = arg;
	size_t left = s->size - s->at;

	(void)f;
	*ret_data = s->data + s->at;
	*ret_size = left < 256 * 1024 ? left : 256 * 1024;
	s->at += *ret_size;
	return *ret_size > 0;
}

/* Walks the archive; with a tree, makes the names, with_data writes their content too. */
static double walk(const char *data, size_t size, struct tree *tree, bool with_data)
{
	struct source s = { data, size, 0 };
	uint64_t start = cpu_usec();
	struct tar_reader *t;
	struct member m;
	struct fail f;
	int r = tar_reader_open(next, &s, "the tar", TAR_MEMORY_MAX, &t, &f);

	while (r == 0 && (r = tar_reader_next(t, &m, &f)) > 0) {
		struct tree_file *file = NULL;
		const void *piece;
		uint64_t offset;
		size_t n;

		r = tree ? tree_add(tree, &m, &file, &f) : 0;
		while (r == 0 && file && with_data &&
		       (r = tar_reader_data(t, &piece, &n, &offset, &f)) > 0)
			r = tree_file_write(file, piece, n, offset, &f);
		if (r == 0 && file)
			r = tree_file_release(file, with_data, &f);
		member_free(&m);
	}
	if (r < 0)
		die(&f);
	tar_reader_close(t);
	return seconds_since(start);
}

/* Memory that was free for a while costs its first user many times as much in a virtual machine: so much is used, and freed, a
 * moment before it is wanted. */
static void touch(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		exit(1);
	memset(memory, 1, size);
	munmap(memory, size);
}

static double fill(const char *directory, const char *data, size_t size, bool with_data,
		   double *ret_finish)
{
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct tree *tree;
	struct fail f;
	double spent;
	uint64_t start;

	if (fd < 0 || tree_new(fd, &tree) < 0) {
		perror(directory);
		exit(1);
	}
	spent = walk(data, size, tree, with_data);
	start = cpu_usec();
	if (tree_finish(tree, &f) < 0)
		die(&f);
	*ret_finish = seconds_since(start);
	tree_free(tree);
	close(fd);
	return spent;
}

int main(int argc, char **argv)
{
	struct block_list l;
	struct payload p;
	struct fail f;
	uint64_t start = cpu_usec();
	double parse, names, all, finish;
	char *out, path[4096];

	if (argc != 3) {
		fputs("usage: serial_parts FILE.tar.xz DIR\n", stderr);
		return 2;
	}
	if (payload_open(AT_FDCWD, argv[1], false, &p, &f) < 0 || block_list_read(&p, &l, &f) < 0)
		die(&f);
	printf("list %.6f\n", seconds_since(start));
	out = mmap(NULL, l.uncompressed + 256 * 1024, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (out == MAP_FAILED)
		return 1;
	memset(out, 1, l.uncompressed);
	decode(&p, &l, out);
	parse = walk(out, l.uncompressed, NULL, false);
	snprintf(path, sizeof(path), "%s/names", argv[2]);
	(void)mkdir(path, 0755);
	names = fill(path, out, l.uncompressed, false, &finish);
	printf("parse %.6f\nnames %.6f\nfinish %.6f\n", parse, names - parse, finish);
	snprintf(path, sizeof(path), "%s/all", argv[2]);
	(void)mkdir(path, 0755);
	touch(l.uncompressed + l.uncompressed / 8);
	all = fill(path, out, l.uncompressed, true, &finish);
	printf("write %.6f\n", all - names);
	return 0;
}
