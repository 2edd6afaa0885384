#!/usr/bin/perl
# The same for another machine: Debian for arm64, packed here, boots in QEMU to a login with systemd running, and the
# image says what is wrong with it like any other.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Test::More;
use Guest;
use Image;

need_programs(qw(qemu-system-aarch64 arch-test));
{
	local $ENV{BUILD} = build_path();
	plan skip_all => 'programs for arm64 cannot be run here to make a root: that takes Linux 6.7, or qemu-user-static'
		. ' and binfmt-support: ' . $@
		if !-e build_path('demo-root-aarch64.tar')
		&& !eval { run(repo_path('scripts/with-emulation'), 'aarch64', 'true') };
}
my $image = scratch('demo.img');

note(tarboot('pack', '--level', 'fast', demo_root_of('aarch64'), '-o', $image));
my @arm = (dir => scratch(), arch => 'aarch64', kernel => "$image.vmlinuz");
my $guest = Guest->start(@arm, name => 'arm', initrd => $image, mem => 1024);

ok($guest->wait_for(qr/\w login:/, 300), 'it boots to a login prompt') or $guest->show_end;
like($guest->text, qr/tarboot: unpack root: .* 2 threads/, 'both processors unpack');
ok($guest->log_in, 'somebody can log in');
is($guest->says('uname -m'), "aarch64\n", 'the machine');
like($guest->says('timeout 60 systemctl is-system-running --wait'), qr/^running$/m, 'systemd is content');
is($guest->says('systemctl --failed --plain --no-legend'), '', 'no unit failed');
like($guest->says('findmnt -n -o FSTYPE,SOURCE /'), qr/^tmpfs +tarboot$/m, 'the root is the tmpfs');
like($guest->says('getcap /usr/bin/ping'), qr/cap_net_raw/, 'file capabilities are there');
like($guest->says('cat /run/tarboot/report.json'), qr/"switch root"/, 'there is a report');
$guest->stop;

# A damaged payload, by a byte in its middle.
my $bytes = slurp($image);
substr($bytes, length($bytes) / 2, 1) ^= "\x55";
$guest = Guest->start(@arm, name => 'damaged', initrd => spew(scratch('damaged.img'), $bytes), mem => 1024);
ok($guest->wait_end(200), 'a damaged image ends the boot') or $guest->show_end;
like($guest->text, qr/FAILED: unpack root\n  what: .*\n  why:  Block \d+/, 'which says where it is damaged');
done_testing();
