/* The menu lists the machines that have a script: iPXE tells it by that whether a script that it cannot load should be there. */
#include "site/site_scripts.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "site/site_file.h"
#include "site/site_layers.h"

/* With our own DHCP server the machine learns its name from that. With proxy DHCP its script sets the name, unless the other server
 * gave one. */
static bool needs_script(const struct site *s, const struct site_machine *machine)
{
	return *machine->boot || *machine->layer.file || (s->proxy && *machine->name);
}

static bool are_needed(const struct site *s)
{
	for (size_t i = 0; i < s->n_machines; i++)
		if (needs_script(s, &s->machines[i]))
			return true;
	return false;
}

/* ---- in the menu ---- */

/* ${own}: the machine has a script, which clears that. Variables outlive a menu that is replaced by another one. */
static void print_own(FILE *out, const struct site *s)
{
	char mac[MAC_TEXT_MAX];

	fputs("clear own ||\n", out);
	if (site_layers_are_given(s))
		fputs("clear layer ||\nclear layerimg ||\nclear layerinitrd ||\n", out);
	for (size_t i = 0; i < s->n_machines; i++) {
		if (!needs_script(s, &s->machines[i]))
			continue;
		mac_parse(s->machines[i].mac, MAC_TEXT_MAX - 1, '-', mac);
		fprintf(out, "iseq ${netX/mac:hexhyp} %s && set own yes ||\n", mac);
	}
}

const char *site_scripts_check(const struct site *s)
{
	return are_needed(s) ? "isset ${own} && goto own.failed ||\n" : "";
}

void site_scripts_print_call(FILE *out, const struct site *s)
{
	if (are_needed(s))
		print_own(out, s);
	fprintf(out, "chain --autofree ${base}/mac-${netX/mac:hexhyp}.ipxe ||\n%s",
		site_scripts_check(s));
}

void site_scripts_print_failure(FILE *out, const struct site *s)
{
	if (are_needed(s))
		fputs(":own.failed\necho\necho FAILED: this machine's own script, "
		      "mac-${netX/mac:hexhyp}.ipxe, cannot be loaded; see the reason above.\n"
		      "goto failed.again\n\n",
		      out);
}

/* ---- files ---- */

struct script {
	const struct site *site;
	const struct site_machine *machine;
	const char *layer; /* the word of the kernel command line for it */
};

static void print_layer(FILE *out, const struct script *s)
{
	char initrd[SITE_LAYER_FILE_MAX];

	site_layers_initrd(s->machine, initrd);
	fprintf(out, "set layer %s\nset layerimg %s\nset layerinitrd initrd=machine.img\n",
		s->layer, initrd);
}

/* The last line clears ${own}: if iPXE fails earlier, the menu sees that ${own} is still set. */
static void print_machine(FILE *out, const void *script)
{
	const struct script *s = script;

	fprintf(out, "#!ipxe\n# " SITE_MARK "\n");
	if (*s->machine->boot)
		fprintf(out, "set entry %s\n", s->machine->boot);
	if (s->site->proxy && *s->machine->name)
		fprintf(out, "isset ${netX/hostname} || set netX/hostname %s ||\n",
			s->machine->name);
	if (*s->machine->layer.file)
		print_layer(out, s);
	fputs("clear own ||\n", out);
}

static int write_machine(const struct site *s, const struct site_machine *machine, struct fail *f)
{
	_cleanup_free_ char *layer = site_layers_machine_word(s, machine);
	const struct script script = { s, machine, layer };
	char path[64], mac[MAC_TEXT_MAX];

	if (!needs_script(s, machine))
		return 0;
	if (!layer)
		return fail_errno(f, ENOMEM, machine->mac, "cannot write its script");
	mac_parse(machine->mac, strlen(machine->mac), '-', mac);
	snprintf(path, sizeof(path), "http/mac-%s.ipxe", mac);
	return site_print(s, path, print_machine, &script, f);
}

static const struct site_machine *find_machine(const struct site *s, const char *file)
{
	char mac[MAC_TEXT_MAX];

	for (size_t i = 0; i < s->n_machines; i++)
		if (mac_parse(s->machines[i].mac, MAC_TEXT_MAX - 1, '-', mac) &&
		    strncmp(file + strlen("mac-"), mac, strlen(mac)) == 0)
			return &s->machines[i];
	return NULL;
}

bool site_scripts_has(const struct site *s, const char *path)
{
	const struct site_machine *machine = strncmp(path, "/mac-", 5) == 0
						     ? find_machine(s, path + 1)
						     : NULL;

	return machine && ends_with(path, ".ipxe") && needs_script(s, machine);
}

static int is_machine_file(const struct dirent *e)
{
	return strncmp(e->d_name, "mac-", 4) == 0 && ends_with(e->d_name, ".ipxe");
}

int site_scripts_write(const struct site *s, struct fail *f)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->n_machines; i++)
		r = write_machine(s, &s->machines[i], f);
	return r;
}

int site_scripts_remove_old(const struct site *s, struct fail *f)
{
	char path[PATH_MAX];
	struct dirent **entries = NULL;
	const struct site_machine *machine;
	int n = scandir(site_path(s, path, "http"), &entries, is_machine_file, alphasort), r = 0;

	for (int i = 0; i < n; i++) {
		machine = find_machine(s, entries[i]->d_name);
		site_path(s, path, "http/%s", entries[i]->d_name);
		if (r == 0 && (!machine || !needs_script(s, machine)) && site_owns(path))
			r = site_remove_file(path, f);
		free(entries[i]);
	}
	free(entries);
	return r;
}
