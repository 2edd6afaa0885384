/* What is decided by the text of a file: fstab, crypttab, profiles of network cards; and by the head of a swap file. */
#include <errno.h>

#include "root/card_profile.h"
#include "root/crypttab.h"
#include "root/fstab.h"
#include "root/scrub.h"
#include "root/swap_file.h"
#include "tap.h"

#define DISK "# no disk (tarboot pack): "
#define HOST "# no host (tarboot pack): "

/* Lines, alone, and what becomes of each. */
static const struct {
	const char *lack, *line;
} fstab_lines[] = {
	{ "", "" },
	{ "", "# x" },
	{ "", "   # /dev/sda1 / ext4" },
	{ "", "one-word" },
	{ "", "/dev/sda1" },

	/* disks, however they are called */
	{ DISK, "/dev/sda1 /home ext4 defaults 0 2" },
	{ DISK, "  LABEL=x\t/y\txfs" },
	{ DISK, "UUID=\"1-2\" /y ext4" },
	{ DISK, "\"UUID=1-2\" /y ext4" },
	{ DISK, "'UUID=1-2' /y ext4" },
	{ DISK, "PARTUUID=1 /y vfat umask=0077" },
	{ DISK, "PARTLABEL=a\\040b /y vfat" },
	{ DISK, "ID=nvme-x /y vfat" },
	{ DISK, "NEWTAG=1 /y auto" },
	{ DISK, "/dev/disk/by-id/x /y auto" },
	{ DISK, "/dev/mapper/vg-lv /y auto" },
	{ DISK, "/dev/sda:/dev/sdb /y bcachefs" },
	{ DISK, "/dev/sdb1 /y fuse.ntfs-3g" },
	{ DISK, "UUID=1 /y fuse.ntfs-3g" },
	{ DISK, "/dev/sdb1 /y gfs2 _netdev" },
	{ DISK, "/dev/sr0 /media/cd udf user" },
	{ DISK, "tank/home /home zfs defaults" },
	{ DISK, "tank/home /home zfs zfsutil,x-systemd.requires=zfs-import.target" },
	{ DISK, "something /y new-fs" },
	{ DISK, "UUID=1 none swap sw" },
	{ DISK, "/dev/sda2 none swap sw" },
	{ DISK, "/swapfile none swap sw" },
	{ DISK, "/var/swap.1 swap swap defaults" },
	{ DISK, "/dev/mapper/cswap none swap sw" },

	/* the root is in RAM */
	{ DISK, "UUID=1 / ext4 defaults 0 1" },
	{ DISK, "tmpfs / tmpfs size=1g" },
	{ DISK, "UUID=1 / ext4 nofail" },
	{ DISK, "server:/root / nfs ro" },

	/* the host of a virtual machine */
	{ HOST, "share /y virtiofs defaults" },
	{ HOST, "share /y 9p trans=virtio,version=9p2000.L" },
	{ HOST, "share /y 9p" },
	{ HOST, "share /y vboxsf uid=1000" },
	{ HOST, ".host:/ /mnt/hgfs fuse.vmhgfs-fuse allow_other" },
	{ HOST, "vmhgfs-fuse /mnt/hgfs fuse defaults" },
	{ HOST, ".host:/share /y vmhgfs" },
	{ HOST, "share /y prl_fs" },

	/* no disk at all */
	{ "", "proc /proc proc defaults" },
	{ "", "tmpfs /tmp tmpfs size=1g" },
	{ "", "none /tmp tmpfs" },
	{ "", "/dev/shm /tmp tmpfs" },
	{ "", "devpts /dev/pts devpts gid=5" },
	{ "", "none /sys/kernel/new newfs" },
	{ "", "newfs /sys/kernel/new newfs" },
	{ "", "overlay /etc overlay lowerdir=/etc,upperdir=/run/u,workdir=/run/w" },
	{ "", "/dev/zram0 none swap pri=100" },
	{ "", "/dev/zram1 /var/cache ext2" },
	{ "", "/dev/ram0 /y ext2" },
	{ "", "/dev/shm /var/shm none bind" },
	{ "", "/dev/shm/x /var/shm none rw,rbind" },
	{ "", "/srv/home /home none bind" },
	{ "", "/srv/cd.iso /media/cd iso9660 loop,ro" },
	{ "", "/dev/fuse /y fuse.program" },
	{ "", "program#x /y fuse defaults" },
	{ "", "lxcfs /var/lib/lxcfs fuse.lxcfs" },

	/* servers */
	{ "", "s:/home /home nfs4 _netdev\r" },
	{ "", "[fd00::1]:/home /home nfs" },
	{ "", "//s/share /mnt cifs guest" },
	{ "", "//s/share /mnt new-cifs" },
	{ "", "s:/volume /mnt glusterfs" },
	{ "", "https://s/dav /mnt davfs" },
	{ "", "user@s:/ /mnt fuse.sshfs" },
	{ "", "10.0.0.1:6789,10.0.0.2:6789:/ /mnt ceph name=x" },
	{ "", "admin@.fs=/ /mnt ceph mon_addr=10.0.0.1:6789" },
	{ "", "10.0.0.1 /y 9p trans=tcp,port=564" },

	/* a machine boots without them */
	{ "", "/dev/sr0 /media/cd udf user,noauto" },
	{ "", "LABEL=d /d ext4 nofail" },
	{ "", "LABEL=d /d ext4 rw,x-systemd.automount,noatime" },
	{ "", "share /y virtiofs nofail" },
	{ "", "tank/home /home zfs noauto" },
	{ "", "\"UUID=1\" /y ext4 nofail" },
	{ DISK, "LABEL=d /d ext4 nofail2" },
	{ DISK, "LABEL=d /d ext4 xnofail,x=nofail" },
};

/* Lines that depend on others. */
static const struct {
	const char *in, *out;
} fstabs[] = {
	{ "UUID=1 /data ext4\n/data/home /home none bind\n/srv /data/srv none bind\n", DISK
	  "UUID=1 /data ext4\n" DISK "/data/home /home none bind\n/srv /data/srv none bind\n" },
	{ "/data /srv none bind\nUUID=1 /data/ ext4\n",
	  "/data /srv none bind\n" DISK "UUID=1 /data/ ext4\n" },
	{ "/home/a /b none bind\n/data/home /home none bind\nUUID=1 /data ext4", DISK
	  "/home/a /b none bind\n" DISK "/data/home /home none bind\n" DISK "UUID=1 /data ext4" },
	{ "UUID=1 /d ext4 nofail\n/d/x /x none bind\n/d/y /y none bind,nofail\n",
	  "UUID=1 /d ext4 nofail\n" DISK "/d/x /x none bind\n/d/y /y none bind,nofail\n" },
	{ "UUID=1 /my\\040data ext4\n/my\\040data/x /x none bind\n/my /y none bind\n", DISK
	  "UUID=1 /my\\040data ext4\n" DISK "/my\\040data/x /x none bind\n/my /y none bind\n" },
	{ "UUID=1 /d ext4\noverlay /etc overlay lowerdir=/etc:/d/l,upperdir=/u,workdir=/w\n",
	  DISK "UUID=1 /d ext4\n" DISK
	       "overlay /etc overlay lowerdir=/etc:/d/l,upperdir=/u,workdir=/w\n" },
	{ "UUID=1 /d ext4\noverlay /etc overlay lowerdir=/etc,upperdir=/d/u,workdir=/d/w\n",
	  DISK "UUID=1 /d ext4\n" DISK
	       "overlay /etc overlay lowerdir=/etc,upperdir=/d/u,workdir=/d/w\n" },
	{ "x /d virtiofs\n/d/cd.iso /cd iso9660 loop\n/d2/cd.iso /cd2 iso9660 loop\n", HOST
	  "x /d virtiofs\n" DISK "/d/cd.iso /cd iso9660 loop\n/d2/cd.iso /cd2 iso9660 loop\n" },
	{ "UUID=1 / ext4\n/srv/home /home none bind\n",
	  DISK "UUID=1 / ext4\n/srv/home /home none bind\n" },
};

static const struct path_map none;

static void test_fstab(void)
{
	char want[512], *out;
	size_t size;
	int lines;

	for (size_t i = 0; i < ARRAY_SIZE(fstab_lines); i++) {
		const char *line = fstab_lines[i].line;

		lines = fstab_without_disks(line, strlen(line), &none, &out, &size);
		snprintf(want, sizeof(want), "%s%s", fstab_lines[i].lack, line);
		out[size] = '\0';
		is_str(out, want, "fstab: %s", line);
		is_int(lines, *fstab_lines[i].lack ? 1 : 0, "lines of it that changed");
		free(out);
	}
	for (size_t i = 0; i < ARRAY_SIZE(fstabs); i++) {
		lines = fstab_without_disks(fstabs[i].in, strlen(fstabs[i].in), &none, &out, &size);
		out[size] = '\0';
		is_str(out, fstabs[i].out, "fstab: %s", fstabs[i].in);
		ok(lines > 0, "lines of it that changed");
		free(out);
	}
}

static int add_path(const char *path, void *list)
{
	strcat(strcat(list, path), " ");
	return 0;
}

static void test_swap_names(void)
{
	static const char text[] =
		"/swapfile none swap sw\n/dev/sda2 none swap sw\n#/x none swap\n"
		"/my\\040swap none swap nofail\nUUID=1 none swap\n/a /b none bind\n";
	static const char crypttab[] =
		"c /a /dev/urandom plain,swap\n#c /b k swap\nd /dev/sda2 k swap\n"
		"e /c k luks\nf /d swap\n";
	char list[256] = "";

	is_int(fstab_each_swap_file(text, strlen(text), add_path, list), 0,
	       "swap files of an fstab");
	is_str(list, "/swapfile /my swap ", "all of them, no devices");
	*list = '\0';
	is_int(crypttab_each_swap_file(crypttab, strlen(crypttab), add_path, list), 0,
	       "swap files of a crypttab");
	is_str(list, "/a ", "all of them, no devices");
}

static const struct {
	enum crypttab_format format;
	const char *lack, *line;
} crypttab_lines[] = {
	{ CRYPTTAB, "", "# name device key options" },
	{ CRYPTTAB, "", "" },
	{ CRYPTTAB, DISK, "luks UUID=1-2 none luks,discard" },
	{ CRYPTTAB, DISK, "luks UUID=\"1-2\" none luks" },
	{ CRYPTTAB, DISK, "luks /dev/sda3" },
	{ CRYPTTAB, DISK, "luks PARTLABEL=x - tpm2-device=auto" },
	{ CRYPTTAB, DISK, "luks \"UUID=1-2\" none luks" },
	{ CRYPTTAB, DISK, "cswap /dev/sda2 /dev/urandom swap,cipher=aes-xts-plain64" },
	{ CRYPTTAB, DISK, "cswap /swapfile /dev/urandom swap" },
	{ CRYPTTAB, DISK, "luks UUID=1 none luks,_netdev" },
	{ CRYPTTAB, DISK, "box /srv/box.img /key:UUID=1 luks" },
	{ CRYPTTAB, "", "box /srv/box.img /etc/box.key luks" },
	{ CRYPTTAB, "", "cram /dev/zram1 /dev/urandom plain" },
	{ CRYPTTAB, "", "luks UUID=1-2 none luks,nofail" },
	{ CRYPTTAB, "", "luks UUID=1-2 none noauto" },
	{ CRYPTTAB, "", "luks" },
	{ CRYPTTAB_VERITY, DISK, "usr PARTUUID=1 PARTUUID=2 0123 auto" },
	{ CRYPTTAB_VERITY, DISK, "usr /usr.img PARTUUID=2 0123 auto" },
	{ CRYPTTAB_VERITY, "", "usr /usr.img /usr.hash 0123 auto" },
	{ CRYPTTAB_VERITY, "", "usr PARTUUID=1 PARTUUID=2 0123 auto,nofail" },
};

static int add_name(struct field name, void *map)
{
	return path_map_add(map, name.at, name.size) ? 0 : -ENOMEM;
}

/* Devices of files are there for etc/fstab, those of disks are not, and swap is never wanted. */
static void test_mapped(void)
{
	static const char crypttab[] =
		"filec /srv/crypt.img none luks\n#c /srv/c none\nluks UUID=1\n"
		"may UUID=2 none luks,nofail\nlate /srv/l none noauto\n";
	static const char in[] = "/dev/mapper/filec /a ext4\n/dev/mapper/luks /b ext4\n"
				 "/dev/mapper/may /c ext4\n/dev/mapper/late /d ext4\n"
				 "/dev/mapper/file /e ext4\n/dev/mapper/filec none swap\n";
	static const char out[] = "/dev/mapper/filec /a ext4\n" DISK
				  "/dev/mapper/luks /b ext4\n" DISK
				  "/dev/mapper/may /c ext4\n/dev/mapper/late /d ext4\n" DISK
				  "/dev/mapper/file /e ext4\n" DISK "/dev/mapper/filec none swap\n";
	struct path_map mapped = { 0 };
	char *text;
	size_t size;

	is_int(crypttab_each_mapped(crypttab, strlen(crypttab), CRYPTTAB, add_name, &mapped), 0,
	       "names of a crypttab");
	is_int(mapped.n, 2, "those of files");
	is_int(fstab_without_disks(in, strlen(in), &mapped, &text, &size), 4, "their fstab");
	text[size] = '\0';
	is_str(text, out, "keeps them");
	free(text);
	path_map_clear(&mapped, NULL, NULL);
}

static void test_crypttab(void)
{
	char want[512], *out;
	size_t size;

	for (size_t i = 0; i < ARRAY_SIZE(crypttab_lines); i++) {
		const char *line = crypttab_lines[i].line;

		is_int(crypttab_without_disks(line, strlen(line), crypttab_lines[i].format, &out,
					      &size),
		       *crypttab_lines[i].lack ? 1 : 0, "lines of a crypttab: %s", line);
		snprintf(want, sizeof(want), "%s%s", crypttab_lines[i].lack, line);
		is_int(size, strlen(want), "its size");
		ok(memcmp(out, want, strlen(want)) == 0, "crypttab: %s", line);
		free(out);
	}
}

static const struct {
	bool has_mac;
	const char *text;
} profiles[] = {
	{ true, "[connection]\nid=a\n[ethernet]\nmac-address=52:54:00:AB:cd:ef\n" },
	{ true, "[ethernet]\ncloned-mac-address=52:54:00:12:34:56" },
	{ false, "[ethernet]\ncloned-mac-address=stable\n" },
	{ false, "[ethernet]\nmac-address-denylist=52:54:00:12:34:56\n" },
	{ false, "[ethernet]\nmac-address=\n" },
	{ true, "DEVICE=eth0\nHWADDR=\"52:54:00:12:34:56\"\n" },
	{ true, "MACADDR=52:54:00:12:34:56\n" },
	{ false, "#HWADDR=52:54:00:12:34:56\n  # HWADDR=52:54:00:12:34:56\n" },
	{ true, "[Match]\nMACAddress=52:54:00:12:34:56 52-54-00-12-34-57\n" },
	{ true, "[Match]\nPermanentMACAddress=52-54-00-12-34-57\n" },
	{ false, "[Match]\nMACAddress=52:54:00:*\nName=en*\n" },
	{ true, "network:\n  ethernets:\n    a:\n      match:\n        macaddress: "
		"'52:54:00:12:34:56'\n" },
	{ false, "network:\n  ethernets:\n    a:\n      dhcp4: true # 52:54:00:12:34:56\n" },
	{ true, "    a: {match: {macaddress: '52:54:00:12:34:56'}, dhcp4: true}\n" },
	{ true, "    a: {match: {\"macaddress\" : 52:54:00:12:34:56}}\n" },
	{ false, "    a: {macaddress: permanent} # 52:54:00:12:34:56\n" },
	{ true, "[Match]\nMACAddress=5254.0012.3456\n" },
	{ false, "[Match]\nMACAddress=5254.0012.345\n" },
	{ false, "[Network]\nAddress=fe80::52:54:00:12:34:56/64\n" },
	{ false, "" },
};

static void test_profiles(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(profiles); i++)
		is_int(card_profile_has_mac(profiles[i].text, strlen(profiles[i].text)),
		       profiles[i].has_mac, "a MAC address in %s", profiles[i].text);
}

static void test_swap_heads(void)
{
	static const struct {
		size_t at, size;
		const char *signature;
		bool is_swap;
	} heads[] = {
		{ 4086, 65536, "SWAPSPACE2", true },   { 16374, 65536, "SWAPSPACE2", true },
		{ 65526, 65536, "SWAPSPACE2", true },  { 4086, 4096, "SWAPSPACE2", true },
		{ 4086, 65536, "S1SUSPEND\0", true },  { 4086, 65536, "LINHIB0001", true },
		{ 4085, 65536, "SWAPSPACE2", false },  { 0, 65536, "SWAPSPACE2", false },
		{ 65526, 65535, "SWAPSPACE2", false }, { 4086, 65536, "SWAPSPACE1", false },
	};
	static char head[65536];

	for (size_t i = 0; i < ARRAY_SIZE(heads); i++) {
		memset(head, 0, sizeof(head));
		memcpy(head + heads[i].at, heads[i].signature, 10);
		is_int(swap_file_is(head, heads[i].size), heads[i].is_swap, "%s at %zu of %zu",
		       heads[i].signature, heads[i].at, heads[i].size);
	}
	ok(!swap_file_is(NULL, 0), "nothing is no swap");
}

/* What the table says is done by the one function. */
static void test_actions(void)
{
	static const struct {
		enum rule_action action;
		const char *text;
		enum scrub_result result;
		int lines;
	} cases[] = {
		{ RULE_FSTAB, "UUID=1 /x ext4\nUUID=2 /y ext4\n", SCRUB_CHANGES, 2 },
		{ RULE_CRYPTTAB, "x UUID=1 none\n", SCRUB_CHANGES, 1 },
		{ RULE_VERITYTAB, "x UUID=1 UUID=2 0 nofail\n", SCRUB_CHANGES, 0 },
		{ RULE_CARD_PROFILE, "HWADDR=52:54:00:12:34:56\n", SCRUB_LEAVES_OUT, 0 },
		{ RULE_CARD_PROFILE, "BOOTPROTO=dhcp\n", SCRUB_LETS_BE, 0 },
		{ RULE_NETWORK, "iface enp1s0 inet dhcp\n", SCRUB_LETS_BE, 0 },
		{ RULE_RESOLV_CONF, "nameserver 10.0.0.1\n", SCRUB_LETS_BE, 0 },
	};
	struct scrubbed s;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		ok(scrub_reads_text(cases[i].action), "action %zu reads a text", i);
		is_int(scrub_text(cases[i].action, cases[i].text, strlen(cases[i].text), &none, &s),
		       0, "action %zu", i);
		is_int(s.result, cases[i].result, "its result");
		is_int(s.lines, cases[i].lines, "its lines");
		free(s.text);
	}
	ok(!scrub_reads_text(RULE_LEAVE_OUT) && !scrub_reads_text(RULE_SWAP_FILE), "others do not");
}

int main(void)
{
	test_fstab();
	test_swap_names();
	test_crypttab();
	test_mapped();
	test_profiles();
	test_swap_heads();
	test_actions();
	return done_testing();
}
