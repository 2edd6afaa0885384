#include "command/option_values.h"

#include "base/print.h"
#include "image/signature.h"
#include "parameters/params.h"

int option_date(const char *command, const char *option, const char *text)
{
	return signature_is_date(text)
		       ? EXIT_OK
		       : print_usage_error(command,
					   "%s %s: it must be a date, as 2026-11-29 or "
					   "2026-11-29T21:15:00Z",
					   option, text);
}

int option_kernel_line(const char *command, const char *option, const char *line)
{
	struct params p;
	struct fail f;
	int r = params_parse(line, &p, &f);

	if (r == 0)
		r = params_check_known(&p, 0, &f);
	return r < 0 ? print_usage_error(command, "%s: %s: %s", option, f.what, f.why) : EXIT_OK;
}
