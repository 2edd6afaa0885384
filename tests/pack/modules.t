#!/usr/bin/perl
# Kernel modules in the boot part: those for keyboards and consoles, those that are asked for, what they need, their
# firmware and the root's modprobe.d; what is compressed; what is missing. tests/boot/40-devices.t boots with them.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../engine";
use Engine;
use Test::More;

need_programs(qw(busybox tar xz gzip zstd));
my $TARBOOT = build_path('tarboot');
my $image   = scratch('image');
my $DIR     = 'usr/lib/modules/6.1.0-7-test';
my @NO      = qw(--no-shell --level=fast);

sub write_file {
	my ($path, $data) = @_;
	run('mkdir', '-p', $path =~ s{/[^/]*\z}{}r);
	return spew($path, $data);
}

# What only a kernel can load; it says which firmware it may ask for.
sub module {
	my ($name, @firmware) = @_;
	return "\x7fELF$name\0license=GPL\0" . join('', map { "firmware=$_\0" } @firmware) . "depends=\0" . 'x' x 5000;
}

my $root = tiny_root('root', sub {
	my ($root) = @_;
	run('mkdir', '-p', "$root/usr/lib");
	symlink 'usr/lib', "$root/lib" or die;
	my %modules = (
		'hid/hid.ko.xz' => module('hid'), 'hid/usbhid/usbhid.ko.gz' => module('usbhid'),
		'net/ethernet/a/fast.ko.zst' => module('fast', 'fast/one.bin', 'fast/two.bin', 'fast/none.bin',
			'../../../etc/passwd'),
		'net/ethernet/b/slow.ko' => module('slow', 'slow.fw'), 'layer/phylib.ko' => module('phylib'),
		'sound/beep.ko' => module('beep', 'beep.fw'), 'layer/later.ko' => module('later'),
		'layer/wished.ko' => module('wished'),
		'sound/horn.ko' => module('horn', (map { "horn/$_.fw" } 'a' .. 'e'), '../../../../lib/secret'));
	# Not built with the kernel. In a table of names a shorter one is the end of a longer one.
	my $calls = sub { return module($_[0]) . "\0printk\0$_[1]\0" };
	my %foreign = (
		'updates/dkms/r8125.ko' => $calls->('r8125', 'unregister_netdev'), 'weak-updates/usb/axnet.ko.gz' => $calls->('axnet', 'usbnet_probe'),
		'extra/wl.ko.xz'        => $calls->('wl', 'register_netdev'), 'updates/dkms/gpu.ko' => $calls->('gpu', 'register_netdevice_notifier'),
		'updates/vendor/drivers/net/ethernet/ice.ko.xz' => $calls->('ice', 'printk'), 'extra/broken.ko.xz' => "\xfd7zXZ\0junk\0register_netdev\0",
		'updates/dkms/88x2bu.ko' => $calls->('88x2bu', "register_netdev\0wiphy_new_nm"));
	my %through = (xz => 'xz --check=crc32', gz => 'gzip -n', zst => 'zstd -q', ko => 'cat');
	my %files = (%foreign, map { ("kernel/drivers/$_" => $modules{$_}) } keys %modules);
	for my $path (keys %files) {
		my $file = write_file("$root/$DIR/$path", $files{$path});
		next if $path =~ /broken/;
		my ($end) = $path =~ /(\w+)\z/;
		run("$through{$end} <'$file' >'$file.new' && mv '$file.new' '$file'");
	}
	my $d = 'kernel/drivers';
	write_file("$root/$DIR/modules.dep", <<"END");
$d/hid/hid.ko.xz:
$d/hid/usbhid/usbhid.ko.gz: $d/hid/hid.ko.xz
$d/net/ethernet/a/fast.ko.zst: $d/layer/phylib.ko
$d/net/ethernet/b/slow.ko:
$d/net/ethernet/b/gone.ko:
$d/layer/phylib.ko:
$d/layer/later.ko: $d/layer/phylib.ko
$d/layer/wished.ko:
$d/sound/beep.ko:
$d/sound/horn.ko:
updates/dkms/r8125.ko: $d/layer/phylib.ko
updates/dkms/gpu.ko:
updates/vendor/drivers/net/ethernet/ice.ko.xz:
weak-updates/usb/axnet.ko.gz:
extra/wl.ko.xz: kernel/net/wireless/cfg80211.ko
extra/broken.ko.xz:
updates/dkms/88x2bu.ko:
extra/gone.ko:
END
	write_file("$root/$DIR/modules.alias", "# made by hand\nalias usb:* usbhid\nalias pci:1* fast\nalias pci:2* beep\nalias phy-id later\n");
	write_file("$root/$DIR/modules.softdep", "softdep fast post: slow\nsoftdep beep pre: hid\n");
	write_file("$root/$DIR/modules.weakdep", "# by depmod of kmod 33\nweakdep fast phy_id none ahci\nweakdep beep hid\n");
	write_file("$root/$DIR/modules.builtin", "$d/ata/ahci.ko\n");
	write_file("$root/lib/firmware/fast/one.bin", 'ONE');
	run('mkdir', '-p', "$root/lib/firmware/fast");
	symlink '../real.bin', "$root/lib/firmware/fast/two.bin" or die;
	write_file("$root/lib/firmware/real.bin", 'TWO');
	write_file("$root/lib/firmware/slow.fw.xz", 'SLOW');
	write_file("$root/lib/firmware/beep.fw",    'BEEP');
	# In the kernel's order of directories; what is compressed comes after all that is not.
	my @places = ('updates/6.1.0-7-test/', 'updates/', '6.1.0-7-test/', '');
	write_file("$root/lib/firmware/$places[$_]horn/a.fw", "A$_") for 0 .. 3;
	write_file("$root/lib/firmware/$places[$_]horn/b.fw", "B$_") for 1 .. 3;
	write_file("$root/lib/firmware/$places[$_]horn/c.fw", "C$_") for 2, 3;
	write_file("$root/lib/firmware/updates/horn/d.fw.xz", 'D1');
	write_file("$root/lib/firmware/horn/d.fw",            'D3');
	write_file("$root/lib/firmware/updates/horn/e.fw.zst", 'E1');
	write_file("$root/lib/secret", 'secret');
	write_file("$root/lib/modprobe.d/fast.conf", "options fast a=1\n");
	write_file("$root/etc/modprobe.d/fast.conf", "options fast a=2\n");
	write_file("$root/usr/local/lib/modprobe.d/wish.conf", "softdep slow \\\n  post: wished\n");
	write_file("$root/lib/modprobe.d/hidden.conf", "blacklist hid\nsoftdep hid pre: beep\n");
	symlink '/dev/null', "$root/etc/modprobe.d/hidden.conf" or die;
	write_file("$root/boot/vmlinuz-6.1.0-7-test", bzimage('6.1.0-7-test'));
});

# What the boot part has, by name, and what pack said.
sub packed {
	my ($name, $from, @options) = @_;
	my $r = try($TARBOOT, 'pack', $from, '-o', $image, @NO, @options);
	is($r->{exit}, 0, $name) or diag($r->{err});
	return ($r, map { $_->{name} => $_->{data} } grep { $_->{mode} & 0100000 } newc_read($image));
}

sub names { return join ' ', sort map { m{([^/]+)\z} } grep { m{^lib/(modules/.*\.ko|firmware/)} } @_ }

my $M = 'lib/modules/6.1.0-7-test';
subtest 'without a word: keyboards and consoles' => sub {
	my ($r, %have) = packed('it is packed', $root);
	is(names(keys %have), 'hid.ko.xz usbhid.ko', 'the keyboard and what it needs');
	is($have{"$M/kernel/drivers/hid/usbhid/usbhid.ko"}, module('usbhid'), 'a .gz is unpacked');
	like($have{"$M/kernel/drivers/hid/hid.ko.xz"}, qr/\A\xfd7zXZ/, 'an .xz stays, init unpacks it');
	is($have{"$M/modules.dep"}, "kernel/drivers/hid/hid.ko.xz:\n"
		. "kernel/drivers/hid/usbhid/usbhid.ko: kernel/drivers/hid/hid.ko.xz\n", 'the index has their names');
	is($have{"$M/modules.alias"}, "alias usb:* usbhid\n", 'and their aliases');
	is($have{"$M/modules.softdep"}, '', 'and no others');
	is($have{'etc/modprobe.d/fast.conf'}, "options fast a=2\n", 'options of the admin');
	is($have{'lib/modprobe.d/fast.conf'}, undef, 'which hide those of the packages in a file of the same name');
	is($have{'etc/modprobe.d/hidden.conf'}, '', 'a file that the admin has hidden is empty');
	is($have{'lib/modprobe.d/wish.conf'}, "softdep slow \\\n  post: wished\n", 'one of /usr/local, as it is');
	is($have{"$M/modules.weakdep"}, '', 'no weak dependencies');
	like($r->{out}, qr/^modules  2, \d+ KiB, and 0 files of firmware, 0 B$/m, 'the report says so');
};

my $tar = scratch('root.tar');
run('tar', '-C', $root, '-cf', $tar, '.');
for my $from ($root, $tar) {
	subtest "net, from $from" => sub {
		my ($r, %have) = packed('it is packed', $from, '--modules=net');
		is(names(keys %have), 'axnet.ko fast.ko.zst hid.ko.xz ice.ko.xz later.ko one.bin phylib.ko r8125.ko slow.fw.xz slow.ko two.bin usbhid.ko wished.ko',
			'cards, wherever their drivers lie, what they need before and after or may ask for, their firmware');
		is($have{"$M/modules.weakdep"}, "weakdep fast phy_id none ahci\n", 'the index says who may ask for what');
		is($have{"$M/modules.alias"}, "alias usb:* usbhid\nalias pci:1* fast\nalias phy-id later\n", 'by which name');
		is($have{'lib/firmware/fast/two.bin'}, 'TWO', 'firmware behind a link is a file');
		is($have{"$M/kernel/drivers/net/ethernet/a/fast.ko.zst"}, slurp("$root/$DIR/kernel/drivers/net/ethernet/a/fast.ko.zst"),
			'a .zst stays, too');
		like($have{"$M/modules.dep"}, qr{^kernel/drivers/net/ethernet/a/fast\.ko\.zst: kernel/drivers/layer/phylib\.ko$}m, 'under its name');
		like($r->{err}, qr/warning: 1 modules that modules.dep names are not in the root/, 'a module that is gone');
	};
}

subtest 'firmware that updates, or is for one kernel' => sub {
	my ($r, %have) = packed('it is packed', $root, '--modules=none,horn');
	is_deeply({ map { $_ => $have{$_} } grep { m{^lib/firmware/} } keys %have }, {
			'lib/firmware/updates/6.1.0-7-test/horn/a.fw' => 'A0', 'lib/firmware/updates/horn/b.fw' => 'B1',
			'lib/firmware/6.1.0-7-test/horn/c.fw' => 'C2', 'lib/firmware/horn/d.fw' => 'D3',
			'lib/firmware/updates/horn/e.fw.zst' => 'E1' },
		'of each file the one that the kernel takes, and none beside /lib/firmware');
};

sub check_names {
	my ($name, $want, @options) = @_;
	my ($r, %have) = packed($name, $root, @options);
	is(names(keys %have), $want, "$name: the right ones");
	return;
}
check_names('a name, one that is built in', 'beep.fw beep.ko hid.ko.xz usbhid.ko', '--modules=beep,ahci');
check_names('none', '', '--modules=none');
check_names('none and one: it, and what it needs', 'beep.fw beep.ko hid.ko.xz', '--modules=none,beep');
check_names('another order', 'wished.ko', '--modules=wished,none');
{
	my ($r) = packed('none, what is said', $root, '--modules=none');
	like($r->{out}, qr/^modules  none, not even for keyboards, consoles and zram$/m, 'pack says what goes too');
	like($r->{out}, qr/^         no figure with zram: the image has no module of that name, and if the kernel has it built in is not known$/m, 'and why there is no figure with zram');
	like(run($TARBOOT, 'inspect', $image), qr/^machine  needs about \S+ \S+ of RAM to boot; the rest is free\n         no figure with zram: the image has no module of that name, and if the kernel has it built in is not known$/m, 'inspect, too');
}
check_names('a pattern', 'hid.ko.xz later.ko phylib.ko usbhid.ko wished.ko', '--modules=kernel/drivers/layer/');
check_names('no kernel', 'hid.ko.xz usbhid.ko', '--kernel=none');
check_names('none and net', 'axnet.ko fast.ko.zst ice.ko.xz later.ko one.bin phylib.ko r8125.ko slow.fw.xz slow.ko two.bin wished.ko', '--modules=none,net');
check_names('a long list', 'beep.fw beep.ko hid.ko.xz usbhid.ko', '--modules=' . 'hid,' x 400 . 'beep');

sub refuses {
	my ($name, $like, @command) = @_;
	unlink $image;
	my $r = try($TARBOOT, 'pack', '-o', $image, @NO, @command);
	is($r->{exit}, 1, "$name: refused");
	like($r->{err}, $like, "$name: says why");
	ok(!-e $image, "$name: writes nothing");
	my $dry = try($TARBOOT, 'pack', '-n', '-o', $image, @NO, @command);
	is("$dry->{exit} $dry->{err}", "1 $r->{err}", "$name: a dry run says the same");
	return;
}
refuses('a name that is none', qr/no module matches ehternet/, $root, '--modules=net,ehternet,hid');
refuses('an index that is left out', qr/modules.dep: cannot read the index/, $root, '--modules=net',
	'--exclude=modules.dep');
refuses('a kernel that is not there', qr{/nowhere: cannot open this kernel}, $root, '--kernel=/nowhere');

# The head of a kernel for x86: where it says its release.
my $foreign = spew(scratch('vmlinuz'), ("\0" x 0x202) . 'HdrS' . ("\0" x 8) . pack('v', 0x100) . ("\0" x 0xf0)
	. "5.10.0-9-other (builder\@host) #1 SMP\0" . ("\0" x 100));
refuses('a kernel of another release', qr{lib/modules/5.10.0-9-other/modules.dep: cannot}, $root, '--modules=net',
	"--kernel=$foreign");
{
	my ($r, %have) = packed('the same without a wish', $root, "--kernel=$foreign");
	is(names(keys %have), '', 'has no modules');
	like($r->{err}, qr/warning: the root has no modules for its kernel 5.10.0-9-other/, 'and is warned about');
}
{
	my $bin = scratch('bin');
	mkdir $bin or die;
	symlink run('sh', '-c', "command -v $_") =~ s/\n//r, "$bin/$_" or die for qw(gzip);
	my $r = try('env', "PATH=$bin", $TARBOOT, 'pack', $root, '-o', $image, @NO, '--modules=net');
	is($r->{exit}, 0, 'an .xz and a .zst need no program') or diag($r->{err});
}
spew("$root/$DIR/kernel/drivers/hid/hid.ko.xz", "\xfd7zXZ\0 and no more");
refuses('a damaged module', qr{hid.ko.xz: cannot put it into the image: it cannot be decompressed\n  Copy or build it again, or install the program that decompresses it\.\n}, $root);
spew("$root/$DIR/kernel/drivers/hid/hid.ko.xz", run('xz', '-c', '/etc/passwd'));
spew("$root/$DIR/kernel/drivers/net/ethernet/a/fast.ko.zst", "\x28\xb5\x2f\xfd and no more");
refuses('a damaged .zst', qr{fast.ko.zst: cannot put it into the image: it cannot be decompressed\n  Copy or build it again, or install the program that decompresses it\.\n}, $root, '--modules=net');
done_testing();
