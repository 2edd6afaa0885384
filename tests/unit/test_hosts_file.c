/* Machines in a file: ethers(5) and CSV, as people and spreadsheets write them. */
#include "site/hosts_file.h"

#include <errno.h>

#include "scratch.h"
#include "tap.h"

/* All machines, one after the other; "LINE: WHY" for what is wrong. */
static const char *describe(const char *text)
{
	static char all[4096];
	char *copy = exact_copy(text, strlen(text) + 1), address[IPV4_TEXT_MAX];
	struct hosts_file h = { .at = copy };
	static struct hosts_machine m;
	const char *wrong;
	size_t used = 0;
	int r;

	*all = '\0';
	while ((r = hosts_next(&h, &m, &wrong)) > 0)
		used += (size_t)snprintf(all + used, sizeof(all) - used, "%s[%s %s %s %s %s]",
					 used ? " " : "", m.mac,
					 m.address ? ipv4_format(address, m.address) : "-",
					 *m.name ? m.name : "-", *m.entry ? m.entry : "-",
					 *m.layer ? m.layer : "-");
	if (r < 0)
		snprintf(all + used, sizeof(all) - used, "%u: %s", h.line, wrong);
	free(copy);
	return all;
}

static const struct {
	const char *text, *want;
} cases[] = {
	{ "", "" },
	{ "\n# a room\n   # b\n\r\n", "" },

	/* ethers */
	{ "52:54:00:12:34:56 pc1\n", "[52:54:00:12:34:56 - pc1 - -]" },
	{ "52-54-00-AB-CD-EF\t pc-2 \r\n52:54:00:12:34:57   192.168.7.5",
	  "[52:54:00:ab:cd:ef - pc-2 - -] [52:54:00:12:34:57 192.168.7.5 - - -]" },
	{ "52:54:00:12:34:56", "[52:54:00:12:34:56 - - - -]" },
	{ "52:54:00:12:34:56 pc1 lab",
	  "1: after the MAC address and blanks there is a name, an address, or an address and a "
	  "name; more columns need commas" },
	{ "52:54:00:12:34:56 192.168.7.5 pc1 lab",
	  "1: after the MAC address and blanks there is a name, an address, or an address and a "
	  "name; more columns need commas" },
	{ "0:1:2:a:B:c pc1\n0-1-02-a-b-c,,pc2",
	  "[00:01:02:0a:0b:0c - pc1 - -] [00:01:02:0a:0b:0c - pc2 - -]" },
	{ "0:1:2:a:b pc1", "1: it must begin with a MAC address, for example 52:54:00:12:34:56" },
	{ "0:1:2:a:b: pc1", "1: it must begin with a MAC address, for example 52:54:00:12:34:56" },
	{ "0:1:2:a:b:c:d pc1",
	  "1: it must begin with a MAC address, for example 52:54:00:12:34:56" },
	{ "0:1:2:a:b:123 pc1",
	  "1: it must begin with a MAC address, for example 52:54:00:12:34:56" },
	{ "52:54:00:12:34:56 pc1.example.org\n52:54:00:12:34:57,,pc2.example.org",
	  "[52:54:00:12:34:56 - pc1 - -] [52:54:00:12:34:57 - pc2 - -]" },
	{ "52:54:00:12:34:56 .org", "1: a machine's name has letters, digits and inner -, at most "
				    "32, and is no number or time, as 7 or 12h" },
	{ "52:54:00:12:34:56 192.168.7", "1: a machine's name has letters, digits and inner -, at "
					 "most 32, and is no number or time, as 7 or 12h" },
	{ "52:54:00:12:34:56 pc1 # by the door, old\n52:54:00:12:34:57\t#; unused",
	  "[52:54:00:12:34:56 - pc1 - -] [52:54:00:12:34:57 - - - -]" },
	{ "52:54:00:12:34:56\t192.168.7.5\tpc1\n  52:54:00:12:34:57 192.168.7.6  pc2\t# new",
	  "[52:54:00:12:34:56 192.168.7.5 pc1 - -] [52:54:00:12:34:57 192.168.7.6 pc2 - -]" },
	{ "52:54:00:12:34:56\t\tpc1", "[52:54:00:12:34:56 - pc1 - -]" },

	/* CSV */
	{ "MAC,address,name,entry,layer\n52:54:00:12:34:56,192.168.7.5,pc1,lab,layers/pc1\n",
	  "[52:54:00:12:34:56 192.168.7.5 pc1 lab layers/pc1]" },
	{ "52:54:00:12:34:56,,pc1", "[52:54:00:12:34:56 - pc1 - -]" },
	{ "52:54:00:12:34:56,", "[52:54:00:12:34:56 - - - -]" },
	{ " 52:54:00:12:34:56 , 192.168.7.5 , pc1 ,, a b \r\n",
	  "[52:54:00:12:34:56 192.168.7.5 pc1 - a b]" },
	{ "\"52:54:00:12:34:56\",\"\",\"pc1\" ,\"lab\",\"a, \"\"b\"\"\"",
	  "[52:54:00:12:34:56 - pc1 lab a, \"b\"]" },
	{ "52:54:00:12:34:56,,,,a,b", "1: it has more than five columns" },
	{ "52:54:00:12:34:56,,\"pc1", "1: its quotes do not match" },
	{ "52:54:00:12:34:56,,\"pc1\"x", "1: its quotes do not match" },
	{ "52:54:00:12:34:56,192.168.7,pc1",
	  "1: its second column must be an IPv4 address, or empty" },
	{ "52:54:00:12:34:56,,a b", "1: a machine's name has letters, digits and inner -, at most "
				    "32, and is no number or time, as 7 or 12h" },
	{ "52:54:00:12:34:56,,-rf", "1: a machine's name has letters, digits and inner -, at most "
				    "32, and is no number or time, as 7 or 12h" },
	{ "# a room\n\"mac\",\"address\"\r\n,,,,\r\n\"52:54:00:12:34:56\",,pc1\r\n",
	  "[52:54:00:12:34:56 - pc1 - -]" },
	{ "MAC address,ip\r52:54:00:12:34:56,,pc1\r52:54:00:12:34:57,,pc2",
	  "[52:54:00:12:34:56 - pc1 - -] [52:54:00:12:34:57 - pc2 - -]" },
	{ "52:54:00:12:34:56,,pc_1", "1: a machine's name has letters, digits and inner -, at most "
				     "32, and is no number or time, as 7 or 12h" },
	{ "52:54:00:12:34:56,,12h", "1: a machine's name has letters, digits and inner -, at most "
				    "32, and is no number or time, as 7 or 12h" },
	{ "52:54:00:12:34:56,,07", "1: a machine's name has letters, digits and inner -, at most "
				   "32, and is no number or time, as 7 or 12h" },
	{ "52:54:00:12:34:56,,ignore", "1: a machine's name has letters, digits and inner -, at "
				       "most 32, and is no number or time, as 7 or 12h" },
	{ "\xef\xbb\xbfmac;name\n52:54:00:12:34:56;;3d-lab;\"a;b\"",
	  "2: its fourth column must be an entry of the menu, or empty" },
	{ "\xef\xbb\xbfMAC;address\n52:54:00:12:34:56;;3d-lab;lab",
	  "[52:54:00:12:34:56 - 3d-lab lab -]" },
	{ "52:54:00:12:34:56,,,a/b",
	  "1: its fourth column must be an entry of the menu, or empty" },
	{ "\n\n52:54:00:12:34,,x",
	  "3: it must begin with a MAC address, for example 52:54:00:12:34:56" },
	{ "52:54:00:12:34:567,,x",
	  "1: it must begin with a MAC address, for example 52:54:00:12:34:56" },
	{ "x\nmac,address", "1: it must begin with a MAC address, for example 52:54:00:12:34:56" },
	{ "52:54:00:12:34:56 a\nmac b",
	  "[52:54:00:12:34:56 - a - -]2: it must begin with a MAC address, for example "
	  "52:54:00:12:34:56" },
};

int main(void)
{
	char *text = calloc(1, 10000);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		is_str(describe(cases[i].text), cases[i].want, "[%s]", cases[i].text);
	memset(text, 'x', 9000);
	is_str(describe(text), "1: it is too long", "a line of 9000 bytes");
	sprintf(text, "52:54:00:12:34:56,,,,");
	memset(text + strlen(text), 'p', PATH_MAX);
	text[21 + PATH_MAX] = '\0';
	is_str(describe(text), "1: its path is too long", "a path of 4096 bytes");
	free(text);
	return done_testing();
}
