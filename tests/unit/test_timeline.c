/* Reports of boots, and the rows that pictures of them have. */
#include "timeline/timeline.h"

#include <errno.h>
#include <stdlib.h>

#include "tap.h"

static const char report[] =
	"{ \"init\": \"/sbin/init\", \"failed_step\": \"\", \"memory_total_bytes\": 1000,\n"
	"  \"devices_seen_s\": 2.5, \"block_times\": [[0, 3, 4], [1, 3.5, 5.5], [0, 4, 4.25]],\n"
	"  \"memory_samples\": [[2, 100], [5, 400], [6, 300]],\n"
	"  \"steps\": [{ \"name\": \"plug in devices\", \"start_s\": 2.0, \"duration_s\": 0.25 },\n"
	"    { \"name\": \"unpack root\", \"start_s\": 3, \"duration_s\": 3 }] }";
/* One that failed, of an older init. */
static const char failed[] =
	"{\"steps\":[{\"name\":\"mount root\",\"start_s\":1,\"duration_s\":1}],"
	"\"failed_step\":\"mount root\"}";

static const char *const want[] = { "kernel",      "plug in devices", "  until all are seen",
				    "unpack root", "  worker 1",      "  worker 2",
				    "mount root" };
static const double sums[] = { 2, 0.25, 0.5, 3, 1.25, 2, -1 };

/* sums: of the first boot. */
static void check_rows(const struct timeline *boots, size_t n_boots, const char *const *names,
		       const double *seconds, int n_names)
{
	struct timeline_row *rows = NULL;
	int n = timeline_rows(boots, n_boots, &rows);

	is_int(n, n_names, "as many rows as the boots have together");
	for (int i = 0; i < n && i < n_names; i++) {
		is_str(rows[i].name, names[i], "row %d", i);
		ok(timeline_sum(&boots[0], &rows[i]) == seconds[i], "its seconds: %g",
		   timeline_sum(&boots[0], &rows[i]));
	}
	free(rows);
}

/* One whose root was fetched. */
static const char fetched[] =
	"{\"steps\":[{\"name\":\"start network\",\"start_s\":1,\"duration_s\":0.5},"
	"{\"name\":\"unpack root\",\"start_s\":2,\"duration_s\":6}],"
	"\"network\":{\"nic\":\"eth0\",\"link_s\":1.5,\"reached_s\":2.5},"
	"\"fetch\":{\"url\":\"http://a/b\",\"first_byte_s\":3,\"last_byte_s\":7}}";

static void check_fetched(void)
{
	static const char *const names[] = { "kernel", "start network", "  until one is reached",
					     "unpack root", "  fetch" };
	static const double seconds[] = { 1, 0.5, 1.5, 6, 4 };
	struct timeline t;

	is_int(timeline_read(fetched, "c", &t), 0, "a boot whose root was fetched");
	check_rows(&t, 1, names, seconds, ARRAY_SIZE(names));
	timeline_free(&t);
}

static void check_text(const struct timeline *boots)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	is_int(timeline_print(boots, 2, 99, out), 0, "it is shown");
	fclose(out);
	ok(strstr(text, "a: 6.000 s to /sbin/init\n"), "the heading");
	ok(strstr(text, "b: 2.000 s to the failure of mount root\n"), "that of a failure");
	/* 60 columns are 6 s. */
	ok(strstr(text, "\nkernel                       2.000 s |####################              "
			"                          |\n"),
	   "the kernel");
	ok(strstr(text, "\nplug in devices              0.250 s |                    ##            "
			"                          |\n"),
	   "a step");
	ok(strstr(text, "\n  worker 2                   2.000 s |                                  "
			" ####################     |\n"),
	   "a worker");
	ok(strstr(text, "\nmemory in use, at most         400 B |                    "
			"::::::::::::::::::::::::::::::##########|\n"),
	   "the memory");
	free(text);
}

int main(void)
{
	static const char *const none[] = {
		"",
		"[]",
		"{}",
		"{\"steps\":[]}",
		"{\"steps\":[{}]}",
		"{\"steps\":[1]}",
		"{\"steps\":[{\"name\":\"x\"}],\"block_times\":[[-1,0,0]]}",
		"{\"steps\":[{\"name\":\"x\"}],\"block_times\":[[99999,0,0]]}"
	};
	struct timeline boots[2], t;

	is_int(timeline_read(report, "a", &boots[0]), 0, "a report");
	is_int(timeline_read(failed, "b", &boots[1]), 0, "another");
	is_str(boots[0].init, "/sbin/init", "its init");
	is_str(boots[1].failed, "mount root", "the step that failed");
	is_int(boots[0].workers, 2, "its workers");
	is_int((long long)boots[0].n_blocks, 3, "its Blocks");
	ok(timeline_end(&boots[0]) == 6 && timeline_last_end(boots, 2) == 6, "its end");
	ok(timeline_most_memory(boots, 2) == 400, "the most memory");
	check_rows(boots, 2, want, sums, ARRAY_SIZE(want));
	check_fetched();
	check_text(boots);
	timeline_free(&boots[0]);
	timeline_free(&boots[1]);
	for (size_t i = 0; i < ARRAY_SIZE(none); i++) {
		is_int(timeline_read(none[i], "x", &t), -EINVAL, "none: %s", none[i]);
		timeline_free(&t);
	}
	return done_testing();
}
