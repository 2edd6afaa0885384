/* Rules in order, what is kept, and lines of an fstab. */
#include "sieve.h"

#include "fstab.h"
#include "tap.h"

static void check(const struct sieve *s, const char *path, bool is_directory, const char *glob)
{
	const struct sieve_rule *rule = sieve_judge(s, path, is_directory);

	is_str(rule ? rule->glob : "none", glob, "the rule for %s", path);
}

static void test_rules(void)
{
	struct sieve s = { 0 };

	sieve_add(&s, SIEVE_LEAVE_OUT, "/a/*", "one");
	sieve_add(&s, SIEVE_EMPTY, "/b/**", "two");
	sieve_add(&s, SIEVE_LEAVE_OUT, "*.log", "three");
	check(&s, ".", true, "none");
	check(&s, "./", true, "none");
	check(&s, "/", true, "none");
	check(&s, "a", true, "none");
	check(&s, "./a/x", false, "/a/*");
	check(&s, "/a/x/y.log", false, "/a/*");
	check(&s, "b/d", true, "none");
	check(&s, "b/d/f", false, "/b/**");
	check(&s, "b/f.log", false, "/b/**");
	check(&s, "c/f.log", false, "*.log");
	sieve_keep(&s, "/a/deep/in/it");
	check(&s, "a/deep", true, "none");
	check(&s, "a/deep/in", true, "none");
	check(&s, "a/deep/out", true, "/a/*");
	check(&s, "a/deep/file", false, "/a/*");
	check(&s, "a/deep/in/it/all", false, "none");
	sieve_free(&s);
}

static const struct {
	const char *in, *out;
} tables[] = {
	{ "", "" },
	{ "\n\n# x\n", "\n\n# x\n" },
	{ "/dev/sda1 /home ext4 defaults 0 2",
	  "# no disk (tarboot pack): /dev/sda1 /home ext4 defaults 0 2" },
	{ "  LABEL=x\t/y\txfs\n", "# no disk (tarboot pack):   LABEL=x\t/y\txfs\n" },
	{ "PARTUUID=1 /y vfat umask=0077\n",
	  "# no disk (tarboot pack): PARTUUID=1 /y vfat umask=0077\n" },
	{ "/swapfile none swap sw\n", "# no disk (tarboot pack): /swapfile none swap sw\n" },
	{ "tmpfs / tmpfs size=1g\n", "# no disk (tarboot pack): tmpfs / tmpfs size=1g\n" },
	{ "/dev/sr0 /media/cd udf user,noauto\n", "/dev/sr0 /media/cd udf user,noauto\n" },
	{ "LABEL=d /d ext4 nofail\n", "LABEL=d /d ext4 nofail\n" },
	{ "LABEL=d /d ext4 nofail2\n", "# no disk (tarboot pack): LABEL=d /d ext4 nofail2\n" },
	{ "s:/home /home nfs4 _netdev\r\n", "s:/home /home nfs4 _netdev\r\n" },
	{ "//s/share /mnt cifs guest\ntmpfs /tmp tmpfs\n",
	  "//s/share /mnt cifs guest\ntmpfs /tmp tmpfs\n" },
	{ "one-word\n", "one-word\n" },
	{ "/dev/sda1\n", "/dev/sda1\n" },
};

int main(void)
{
	size_t size;
	char *out;

	test_rules();
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		if (fstab_without_disks(tables[i].in, strlen(tables[i].in), &out, &size) < 0)
			return 1;
		out[size] = '\0';
		is_str(out, tables[i].out, "fstab %zu", i);
		free(out);
	}
	return done_testing();
}
