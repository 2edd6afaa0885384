#!/usr/bin/perl
# Devices with a kernel whose drivers are modules: what is there at the start and what is plugged in
# while the root unpacks. A keyboard on USB, a disk and a network card; nothing is renamed, nothing is
# brought up, and the modules get their options. Once with devtmpfs and once without.
use strict;
use warnings;
use File::Path qw(make_path);
use FindBin;
use lib $FindBin::RealBin;
use Test::More;
use Guest;
use Image;
use Modules;

my $BOOT    = 150;                         # seconds for one that takes ten
my @CONSOLE = qw(xhci_pci usbhid hid_generic evdev virtio_pci); # every image gets them
my @WANTED  = qw(virtio_blk virtio_net e1000);
my @MODULES = (@CONSOLE, @WANTED);
my @NOT     = qw(e1000e);

# What the new root sees, then the end. Until then it is the initramfs that has loaded everything.
my $LOOK = <<'END';
#!/bin/sh
B=/bin/busybox
say() { echo "SEEN $*" >/dev/console; }
$B cat /run/tarboot/log >/dev/console
say modules $($B cut -d ' ' -f 1 /proc/modules)
for d in /sys/class/input/input*; do say input "$($B cat $d/name)"; done
for d in /sys/class/net/*; do say net ${d##*/} up=$(($($B cat $d/flags) & 1)); done
say block $($B ls -l /dev/vda /dev/vdb 2>&1 | $B sed 's/[^b]*\(b[-rw]*\).*\(\/dev.*\)/\1 \2/')
say events $($B ls /dev/input)
say null $(echo x >/dev/null && echo fine) urandom $($B head -c 1 /dev/urandom | $B wc -c)
say option $($B cat /sys/module/e1000/parameters/copybreak) $($B cat /sys/module/usbhid/parameters/mousepoll)
say modprobe $($B cat /proc/sys/kernel/modprobe)
say devtmpfs $($B grep -c ' /dev devtmpfs ' /proc/mounts)
exec $B poweroff -f
END

# An image of a root with modules, and a payload that takes some seconds.
sub make_image {
	my ($name, $suite, $change) = @_;
	my $image = scratch("$name.img");
	my $root  = tiny_root($name, sub {
		my ($root) = @_;
		spew("$root/sbin/init", $LOOK, 0755);
		make_path("$root/etc/modprobe.d");
		spew("$root/etc/modprobe.d/local.conf", "options e1000 copybreak=77\nblacklist evdev_none\n");
		copy_modules($suite, $root, @MODULES, @NOT);
	});

	run("seq 1 30000000 >'$root/data'");
	tarboot('pack', '--level=fast', '--kernel', kernel_of($suite) . '/vmlinuz', $root, '-o', $image,
		'--modules', join(',', grep { is_module($suite, $_) } @WANTED));
	my @members = newc_read($image);
	run('rm', '-rf', $root);
	ok(!(grep { $_->{name} =~ m{/$NOT[0]\.ko} } @members), 'a module that nobody asked for stays out');
	$_->{name} eq 'init' and $change and $_->{data} = $change->($_->{data}) for @members;
	return newc_write($image, @members);
}

sub boot {
	my ($name, $suite, $change) = @_;
	run('truncate', '-s', '1M', scratch('first.disk'), scratch('second.disk'));
	my $guest = Guest->start(
		dir => scratch(), name => $name, booting($suite),
		initrd => make_image($name, $suite, $change),
		mem => 1024, monitor => 1, append => 'debug usbhid.mousepoll=7 net.ifnames=0',
		args => [
			-device => 'qemu-xhci,id=usb',
			-drive => 'if=none,id=one,format=raw,file=' . scratch('first.disk'),
			-device => 'virtio-blk-pci,drive=one', -device => 'e1000',
			-drive => 'if=none,id=two,format=raw,file=' . scratch('second.disk') ]);

	ok($guest->wait_for(qr/unpack root: +\d+ %/, $BOOT), 'it unpacks');
	unlike($guest->monitor('device_add usb-kbd,bus=usb.0', 'device_add virtio-blk-pci,drive=two',
		'device_add virtio-net-pci') // 'Error: no monitor', qr/Error|could not|unknown/i, 'QEMU plugs in');
	ok($guest->wait_end($BOOT), 'it boots to its end') or $guest->show_end;
	return $guest;
}

sub check {
	my ($guest, $suite, $devtmpfs) = @_;
	my $text = $guest->text;
	my %seen;
	push @{ $seen{$1} }, $2 while $text =~ /^SEEN (\w+) (.*)$/mg;
	my $modules = ' ' . ($seen{modules}[0] // '') . ' ';

	like($modules, qr/ $_ /, "$_ is loaded") for grep { is_module($suite, $_) } @MODULES;
	ok((grep { /USB Keyboard/ } @{ $seen{input} }), 'the keyboard is there');
	is_deeply([ sort @{ $seen{net} } ], [ 'eth0 up=0', 'eth1 up=0', 'lo up=0' ],
		'both network cards are there, with their kernel names, and down');
	like($seen{block}[0], qr{^b\S+ /dev/vda b\S+ /dev/vdb$}, 'and both disks');
	like($seen{events}[0], qr/event\d/, 'and nodes below /dev/input');
	is($seen{null}[0], 'fine urandom 1', 'the usual nodes work');
	is($seen{option}[0], '77 7', 'options of modprobe.d and of the kernel command line are given');
	is($seen{modprobe}[0], '/sbin/modprobe', 'what the kernel asks for goes to modprobe again');
	is($seen{devtmpfs}[0], $devtmpfs, 'devtmpfs');
	my ($unpacked) = $text =~ /^tarboot: unpack root: \d+\.\d+ s.*\n/m ? $+[0] : 0;
	my ($loaded)   = $text =~ /^tarboot: module usbhid loaded/m       ? $+[0] : 1e9;
	cmp_ok($loaded, '<', $unpacked, 'what was plugged in got its module while the root unpacked');
	unlike($text, qr/tarboot: module \S+: |were lost|died|not waiting/, 'without a warning');
	diag(join "\n", grep { /tarboot|SEEN/ } split /\n/, $text) unless Test::More->builder->is_passing;
	return;
}

need_programs(qw(qemu-system-x86_64 busybox modprobe depmod));

subtest 'Linux 6.1' => sub { check(boot('old', 'bookworm'), 'bookworm', 1) };
subtest 'a kernel without devtmpfs' => sub {
	check(boot('nodes', 'bookworm', sub { $_[0] =~ s/\0devtmpfs\0/\0Xevtmpfs\0/r }), 'bookworm', 0);
};
subtest 'the newest Linux, with modules as .ko.xz' => sub {
	plan skip_all => 'no kernel of Debian sid can be had here' unless newest_kernel();
	check(boot('new', 'sid'), 'sid', 1);
};
done_testing();
