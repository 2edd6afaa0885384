/* The table of machines on a terminal: no sentence of a failure is cut. */
#include "status/status_table.h"

#include "tap.h"

static struct machines room;

static struct machine *add(const char *mac, enum machine_stage stage, const char *failure)
{
	struct machine *k = &room.machines[room.n++];

	*k = (struct machine){ .stage = stage, .start = 1000, .since = 1000 };
	strcpy(k->mac, mac);
	strcpy(k->failure, failure);
	return k;
}

/* As lines without what clears the rest of one. */
static const char *draw(unsigned columns, unsigned rows)
{
	static const char *const last[] = { "a line", "another one" };
	static char screen[8192];
	struct status_screen s = { columns, rows, "the title", last, 2 };
	char text[8192] = "", *to = screen;
	FILE *out = fmemopen(text, sizeof(text), "w");

	status_table_draw(&room, &s, 2000, out);
	fclose(out);
	for (const char *at = text; *at; at++) {
		if (strncmp(at, "\033[", 2) == 0)
			at += 2;
		else
			*to++ = *at;
	}
	*to = '\0';
	return screen;
}

static unsigned count_lines(const char *text, size_t *ret_longest)
{
	unsigned lines = 0;

	*ret_longest = 0;
	for (size_t n; *text; text += n + 1, lines++) {
		n = strcspn(text, "\n");
		*ret_longest = n > *ret_longest ? n : *ret_longest;
	}
	return lines;
}

int main(void)
{
	const char *screen;
	size_t longest;

	ok(strstr(draw(100, 24), "no machine has asked to boot yet\n"), "an empty room");
	add("52:54:00:00:00:01", STAGE_UP, "");
	add("52:54:00:00:00:02", STAGE_FAILED,
	    "unpack root failed: root.tar.xz: Block 3 (byte 50331648) is damaged; to do: Copy the "
	    "image again; `tarboot verify` on the server tells whether it is whole there.");
	add("52:54:00:00:00:03", STAGE_KERNEL, "");
	screen = draw(300, 24);
	ok(strstr(screen, " 1 s      0 s  unpack root failed: root.tar.xz: Block 3 (byte 50331648) "
			  "is damaged; to do: Copy the image again; `tarboot verify` on the server "
			  "tells whether it is whole there.\n52:54:00:00:00:03 "),
	   "a wide terminal has the sentence behind its machine");
	screen = draw(80, 24);
	ok(strstr(screen, "\n    unpack root failed: root.tar.xz: Block 3 (byte 50331648) is "
			  "damaged; to do:\n    Copy the image again; `tarboot verify` on the "
			  "server tells whether it is\n    whole there.\n52:54:00:00:00:03 "),
	   "a narrow one below it");
	ok(count_lines(screen, &longest) == 11 && longest < 80, "no line is too long");
	strcpy(room.machines[1].failure, "a-word-that-is-longer-than-the-line");
	ok(strstr(draw(24, 24), "\n    a-word-that-is-long\n    er-than-the-line\n"),
	   "a long word is broken");
	strcpy(room.machines[1].failure, "one two three four five six seven eight nine ten eleven "
					 "twelve thirteen fourteen fifteen sixteen");
	screen = draw(30, 11);
	is_int(count_lines(screen, &longest), 9, "there is room for so many");
	ok(strstr(screen, "\n    one two three four five\n    six seven eight nine ten\nand 2 "
			  "more\na line\n"),
	   "of others it says how many");
	screen = draw(80, 3);
	ok(strstr(screen, "\nand 3 more\n"), "in a very low one");
	add("52:54:00:00:00:04", STAGE_FETCH, "")->percent = 40;
	add("52:54:00:00:00:05", STAGE_FETCH, "");
	screen = draw(80, 24);
	ok(strstr(screen, " fetch        40 % "), "how much of its root one has fetched");
	ok(strstr(screen, " fetch             "), "of another one nobody knows how much");
	return done_testing();
}
