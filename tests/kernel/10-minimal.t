#!/usr/bin/perl
# The kernel that `make kernel` builds from the fragments: it has all that they ask for, it is small, and it boots the
# demo root to a login with systemd running, on a machine with serial line, VGA, virtio, e1000 and USB, by BIOS and UEFI.
use strict;
use warnings;
no warnings 'qw';    # QEMU's options have commas
use FindBin;
use lib "$FindBin::RealBin/../boot";
use JSON::PP;
use Test::More;
use Guest;
use Image;

plan skip_all => 'it builds Linux, which takes minutes: run make test-all' unless $ENV{TARBOOT_TEST_ALL};
need_programs(qw(qemu-system-x86_64 flex bison bc));

my $SMALL = 3 << 20;
my $image  = scratch('demo.img');
my $kernel = made_once('kernel/vmlinuz', 'make-kernel');

my $check = decode_json(run(build_path('tarboot'), 'kernel-check', '--json', '--only=tarboot,recommended,x86_64,vm', $kernel));
is($check->{missing_required}, 0, 'it has all that is required');
is($check->{missing_others},   0, 'and all that is recommended, and the devices of virtual machines');
cmp_ok(-s $kernel, '<', $SMALL, 'it is small: ' . -s $kernel);

note(tarboot('pack', '--level', 'fast', '--kernel', $kernel, demo_root(), '-o', $image));
run('truncate', '-s', '1M', scratch('disk'));
my @machine = (
	dir => scratch(), initrd => $image, kernel => "$image.vmlinuz", mem => 1024, monitor => 1,
	console => 'console=tty0 console=ttyS0');
my @devices = (
	qw(-vga std -usb -device piix3-usb-uhci -device nec-usb-xhci,id=xhci -device usb-kbd,bus=xhci.0 -nic none
		-device virtio-net-pci -device e1000 -device virtio-rng-pci -device virtio-balloon-pci -device virtio-serial-pci
		-chardev null,id=hvc -device virtconsole,chardev=hvc -device virtio-blk-pci,drive=disk),
	-drive => 'if=none,id=disk,format=raw,file=' . scratch('disk'));

# How many of a screen's dots are lit, of a thousand.
sub lit {
	my ($guest, $name) = @_;
	my $file = scratch("$name.ppm");
	$guest->monitor("screendump $file");
	my ($dots) = slurp($file) =~ /\AP6\s+\d+ \d+\s+255\n(.*)\z/s or return 0;
	return 1000 * ($dots =~ tr/\x60-\xff//) / length $dots;
}

for my $firmware (['bios'], ['uefi', -bios => '/usr/share/ovmf/OVMF.fd']) {
	my ($name, @firmware) = @$firmware;
	subtest "by $name" => sub {
		my $guest = Guest->start(@machine, name => $name, args => [@devices, @firmware]);
		ok($guest->wait_for(qr/\w login:/, 200), 'it boots to a login prompt') or return $guest->show_end;
		ok($guest->log_in, 'somebody can log in');
		like($guest->says('timeout 60 systemctl is-system-running --wait', 90), qr/^running$/m, 'systemd is content')
			or diag($guest->says('systemctl --failed'));
		like($guest->text, qr/unpack root: .* 2 threads/, 'both processors unpack');
		my $drivers = $guest->says('cd /sys/class/net; for i in *; do basename $(readlink $i/device/driver); done; cd');
		like($drivers, qr/^e1000$/m,      'e1000');
		like($drivers, qr/^virtio_net$/m, 'the network of virtio');
		like($guest->says('ls -1 /dev'), qr/\bhvc0\b.*\bhwrng\b.*\brtc0\b.*\bttyS0\b.*\bvda\b/s, 'its other devices');
		like($guest->says('cat /proc/bus/input/devices'), qr/QEMU USB Keyboard/, 'a USB keyboard');
		like($guest->says('getcap /usr/bin/ping'), qr/cap_net_raw/, 'capabilities of files');
		is($guest->says('zgrep -c "^CONFIG_TMPFS=y" /proc/config.gz'), "1\n", 'its configuration');
		cmp_ok(lit($guest, $name), '>', 1, 'the screen shows text');
		$guest->stop;
	};
}
done_testing();
