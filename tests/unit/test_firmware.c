/* Which UUIDs of the firmware make a machine-id. */
#include "root/firmware.h"

#include "scratch.h"
#include "tap.h"

static const struct {
	const char *uuid, *id; /* NULL: none */
} cases[] = {
	{ "4c4c4544-0042-3510-8052-b4c04f4d3132", "4c4c4544004235108052b4c04f4d3132" },
	{ "4C4C4544-0042-3510-8052-B4C04F4D3132", "4c4c4544004235108052b4c04f4d3132" },
	{ "00000000-0000-0000-0000-000000000001", "00000000000000000000000000000001" },
	{ "00000000-0000-0000-0000-000000000000", NULL },
	{ "ffffffff-ffff-ffff-ffff-ffffffffffff", NULL },
	{ "FFFFFFFF-ffff-FFFF-FFFF-FFFFFFFFFFFF", NULL },
	{ "03000200-0400-0500-0006-000700080009", NULL },
	{ "00020003-0004-0005-0006-000700080009", NULL },
	{ "", NULL },
	{ "Not Settable", NULL },
	{ "4c4c4544-0042-3510-8052-b4c04f4d313", NULL },
	{ "4c4c4544-0042-3510-8052-b4c04f4d31322", NULL },
	{ "4c4c4544-0042-3510-8052-b4c04f4d313g", NULL },
	{ "4c4c45440-042-3510-8052-b4c04f4d3132", NULL },
	{ "4c4c4544 0042 3510 8052 b4c04f4d3132", NULL },
};

int main(void)
{
	char id[MACHINE_ID_MAX], text[FIRMWARE_TEXT_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *copy = exact_copy(cases[i].uuid, strlen(cases[i].uuid) + 1);

		strcpy(id, "untouched");
		is_int(firmware_machine_id(copy, id), cases[i].id != NULL, "[%s]", cases[i].uuid);
		is_str(id, cases[i].id ? cases[i].id : "untouched", "[%s]", cases[i].uuid);
		free(copy);
	}
	firmware_read("no-such-file", text);
	is_str(text, "", "what the firmware does not say");
	return done_testing();
}
