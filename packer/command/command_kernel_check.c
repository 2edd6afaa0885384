/* tarboot kernel-check: does this kernel have what tarboot needs? */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "command/command.h"
#include "image/image.h"
#include "kernel/kernel_check.h"
#include "kernel/kernel_config.h"
#include "base/options.h"
#include "base/print.h"

static const char *arg_image, *arg_only;
static bool arg_json, arg_missing, arg_quiet;

static const struct option_spec options[] = {
	{ .name = "image",
	  .value = "IMAGE",
	  .text = &arg_image,
	  .help = "check whether modules are in this image" },
	{ .name = "only",
	  .value = "LIST",
	  .suggest = "tarboot recommended x86_64 aarch64 netboot vm secureboot debug",
	  .text = &arg_only,
	  .help = "check these groups only, separated by commas: tarboot, recommended, x86_64, "
		  "aarch64, netboot, vm, secureboot, debug (default: all)" },
	{ .name = "missing", .flag = &arg_missing, .help = "show only what is missing" },
	{ .name = "json", .flag = &arg_json, .help = "print everything as JSON" },
	OPTION_QUIET(.flag = &arg_quiet),
	OPTION_HELP,
	OPTIONS_END,
};

const struct command_usage usage_kernel_check = {
	.command = "kernel-check",
	.synopsis = "kernel-check CONFIG|VMLINUZ|DIR|auto [OPTION]...",
	.about = "Shows for each kernel configuration symbol that tarboot needs or can use whether "
		 "the kernel has it (built in, as a module, or not), why it is needed, and what "
		 "fails without it.\n\nCONFIG is a .config or /boot/config-*, compressed or not; "
		 "VMLINUZ a kernel with its configuration inside it or in a file next to it; DIR a "
		 "root, a build tree or a /boot; auto the running kernel.",
	.options = options,
	.suggest = "auto",
	.more = "Exit status: 0 if the kernel has all that is required, 1 if not, or if it cannot "
		"be read.",
};

/* Returns -1 to go on, else an exit code. */
static int parse_options(int argc, char **argv, struct command_line *ret)
{
	int r = options_parse(&usage_kernel_check, argc, argv, ret);

	if (r >= 0)
		return r;
	if (!kernel_check_knows(arg_only))
		return print_usage_error("kernel-check", "--only %s: unknown group", arg_only);
	r = options_expect("kernel-check", "one CONFIG, VMLINUZ, DIR or auto", 1, ret->n_arguments);
	if (r == EXIT_OK && arg_quiet)
		r = print_quietly();
	return r == EXIT_OK ? -1 : r;
}

static int check(const char *path, struct kernel_check *ret, struct kernel_config *config,
		 struct fail *f)
{
	_cleanup_free_ char *index = NULL;
	struct image image = { 0 };
	struct kernel_modules modules;
	int r = kernel_config_open(path, config, f);

	if (r == 0 && arg_image) {
		r = image_open_any(arg_image, &image, f);
		if (r == 0 && image.is_layers)
			r = image_need_root(&image, f);
		if (r == 0)
			r = image_read_module_index(&image, &index, f);
		image_close(&image);
	}
	if (r < 0)
		return r;
	modules = (struct kernel_modules){ index, config->modules };
	r = kernel_check(config->text, &modules, arg_only, ret);
	return r < 0 ? fail_errno(f, r, config->path, "cannot compare it") : 0;
}

static void print_check(const struct kernel_check *c, const char *path)
{
	print_line(stdout, "%s: Linux %s, %s", path,
		   *c->release ? c->release : "of unknown version",
		   c->architecture ? c->architecture : "an unknown architecture");
	kernel_check_print(c, arg_missing, stdout);
}

int command_kernel_check(int argc, char **argv)
{
	struct kernel_config config = { 0 };
	struct kernel_check c = { 0 };
	struct command_line line;
	struct fail f;
	int r = parse_options(argc, argv, &line);

	if (r >= 0)
		return r;
	r = EXIT_FAILED;
	if (check(line.arguments[0], &c, &config, &f) < 0)
		(void)print_failure(&f);
	else {
		if (arg_json)
			kernel_check_json(&c, config.path, stdout);
		else
			print_check(&c, config.path);
		r = kernel_check_missing(&c, true) ? EXIT_FAILED : EXIT_OK;
	}
	kernel_check_free(&c);
	kernel_config_close(&config);
	return r;
}
