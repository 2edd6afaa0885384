/* entry.conf has the name of the file that an image was published from. */
#include "site/site_name.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "site/site_file.h"
#include "site/site_menu.h"

/* lab for /images/lab.img; other characters become -. */
static int name_by_file(const char *image, char ret[SITE_NAME_MAX], struct fail *f)
{
	const char *file = site_file_of(image);
	size_t length = strlen(file) - (ends_with(file, ".img") ? strlen(".img") : 0);

	if (length >= SITE_NAME_MAX)
		return fail_set(f, ENAMETOOLONG, image, "Give a shorter one with --name.",
				"its name is too long for the menu, which takes 32 characters");
	snprintf(ret, SITE_NAME_MAX, "%.*s", (int)length, file);
	for (char *at = ret; *at; at++) {
		char one[2] = { *at };

		if (!name_is_plain(one) && *at != '-')
			*at = at == ret ? '_' : '-';
	}
	return 0;
}

static int check_name(const char *name, struct fail *f)
{
	if (name_is_plain(name) && !site_menu_reserves(name))
		return 0;
	return fail_set(f, EINVAL, name, "Give another with --name.",
			site_menu_reserves(name)
				? "the menu has an entry of its own with that name"
				: "a name may have only letters, digits, - and _, at most 32");
}

/* Its name is a line of entry.conf. */
static int check_file(const char *image, struct fail *f)
{
	for (const char *at = site_file_of(image); *at; at++)
		if (iscntrl((unsigned char)*at))
			return fail_set(f, EINVAL, image, "Rename it.",
					"its file name contains a control character");
	return 0;
}

static int check_origin(const struct site *s, const char *image, const char *name, struct fail *f)
{
	const char *file = site_file_of(image);
	struct site_image published;
	int r = site_read_image(s, name, &published, f);

	if (r < 0 || !*published.current.file || strcmp(published.current.file, file) == 0)
		return r;
	return fail_set(f, EEXIST, name,
			"Give another name with --name, or this one if it is meant.",
			"the image of this name came from %s, and this is %s",
			published.current.file, file);
}

int site_name_image(const struct site *s, const char *image, const char *given,
		    char ret[SITE_NAME_MAX], struct fail *f)
{
	char name[SITE_NAME_MAX];
	int r = given ? check_name(given, f) : name_by_file(image, name, f);

	if (r == 0 && !given)
		r = check_name(name, f);
	if (r == 0)
		r = check_file(image, f);
	if (r == 0 && !given)
		r = check_origin(s, image, name, f);
	if (r == 0)
		strcpy(ret, given ? given : name);
	return r;
}
