/* The files of the status page: each machine has its own, also in a place where another one was. */
#include "status/status_files.h"

#include "base/read_all.h"

#include "scratch.h"
#include "tap.h"

static struct machines room;
static struct status_files files;

static struct machine *add(size_t place, const char *mac)
{
	struct machine *k = &room.machines[place];

	*k = (struct machine){ .serial = ++room.made, .n_lines = 1 };
	strcpy(k->mac, mac);
	snprintf(k->lines[0].text, sizeof(k->lines[0].text), "a line of %s", mac);
	room.n = place >= room.n ? place + 1 : room.n;
	return k;
}

/* Does a file begin so? */
static bool begins(const char *name, const char *start)
{
	_cleanup_free_ char *text = NULL;
	char path[PATH_MAX + 64];
	size_t size;

	snprintf(path, sizeof(path), "%s/%s", files.directory, name);
	return read_file(path, &text, &size) == 0 && strncmp(text, start, strlen(start)) == 0;
}

static const char report[] =
	"{ \"init\": \"/sbin/init\", \"steps\": [ { \"name\": \"unpack root\", "
	"\"start_s\": 1.5, \"duration_s\": 2.25 } ] }";

static void test_place(void)
{
	struct machine *k = add(0, "52:54:00:00:00:01");

	status_files_write(&files, "http://server", 1000);
	ok(begins("log/0.txt", "52:54:00:00:00:01\n"), "the log of a machine");
	ok(status_files_draw(&files, k, report) && begins("timeline/0.svg", "<svg "), "a timeline");
	ok(!status_files_draw(&files, k, "rubbish"), "of rubbish none");
	ok(begins("timeline/0.svg", "<svg "), "the old one is still there");
	add(0, "52:54:00:00:00:02");
	status_files_write(&files, "http://server", 2000);
	ok(begins("log/0.txt", "52:54:00:00:00:02\n"), "another machine in its place has its own");
	ok(!begins("timeline/0.svg", ""), "and no timeline");
	ok(status_files_draw(&files, k, report), "until it sends one");
	ok(begins("status.json", "{\"version\":"), "the table");
}

/* Not so many at once that what machines send meanwhile is lost. */
static void test_many(void)
{
	char mac[MAC_TEXT_MAX], name[32];
	unsigned written = 0;

	for (unsigned i = 1; i < 1000; i++) {
		snprintf(mac, sizeof(mac), "52:54:00:00:%02x:%02x", i >> 8, i & 255);
		add(i, mac);
	}
	for (int turn = 1; turn <= 4; turn++) {
		status_files_write(&files, "http://server", 3000);
		for (unsigned i = written = 0; i < 1000; i++) {
			snprintf(name, sizeof(name), "log/%u.txt", i);
			written += begins(name, "52:54:");
		}
		ok(written >= 200 * (unsigned)turn && (turn > 1 || written < 400),
		   "turn %d: %u logs", turn, written);
	}
	is_int(written, 1000, "all of them are written in the end");
}

/* The largest picture that is taken; and all together have a limit, too. */
static void test_pictures(void)
{
	static char large[65536];
	size_t used = (size_t)snprintf(large, sizeof(large),
				       "{ \"steps\": [ { \"name\": \"unpack root\", "
				       "\"start_s\": 1, \"duration_s\": 2 } ], \"block_times\": [");
	unsigned drawn = 0;

	while (used < sizeof(large) - 40)
		used += (size_t)snprintf(large + used, sizeof(large) - used, "%s[0, 1.5, 0.5]",
					 large[used - 1] == '[' ? "" : ",");
	snprintf(large + used, sizeof(large) - used, "]}");
	while (drawn < 1000 && status_files_draw(&files, &room.machines[drawn], large))
		drawn++;
	ok(drawn > 50 && drawn < 1000, "%u of a thousand large pictures are taken", drawn);
	ok(files.pictures <= 64U << 20, "that is not too much");
}

int main(void)
{
	char directory[sizeof(scratch_base) + 8];
	struct fail f;

	close(scratch_dir("others"));
	snprintf(directory, sizeof(directory), "%s/status", scratch_base);
	is_int(status_files_open(&files, directory, &room, &f), 0, "it is opened");
	test_place();
	test_many();
	test_pictures();
	return done_testing();
}
