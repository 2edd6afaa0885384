#!/usr/bin/perl
# The same for another machine: a root for arm64, packed here, boots in QEMU, and the image says what is wrong with it like any
# other. `make test-all` makes Debian for it, whose programs an emulator must run meanwhile, and boots that to a login.
use strict;
use warnings;
use File::Path qw(make_path);
use FindBin;
use lib $FindBin::RealBin;
use Test::More;
use Guest;
use Image;

need_programs(qw(qemu-system-aarch64 mmdebstrap));

sub start {
	my ($name, $image, $initrd) = @_;
	return Guest->start(dir => scratch(), arch => 'aarch64', kernel => "$image.vmlinuz", name => $name,
		initrd => $initrd // $image, mem => 1024);
}

sub boots_bare {
	my $image = scratch('bare.img');
	my $over  = scratch('over');

	make_path("$over/bin", "$over/sbin");
	symlink 'busybox', "$over/bin/sh" or die "sh: $!";
	spew("$over/sbin/init", <<'END', 0755);
#!/bin/sh
busybox mkdir -p /proc /run
echo "INIT pid=$$ $(busybox uname -m) $(busybox stat -f -c %T /)" >/dev/console
busybox grep -c '"switch root"' /run/tarboot/report.json >/dev/console
exec busybox poweroff -f
END
	note(tarboot('pack', '--level', 'fast', bare_root_of('aarch64'), '--overlay', $over, '-o', $image));
	my $guest = start('bare', $image);
	ok($guest->wait_end(200), 'it comes to its end') or $guest->show_end;
	like($guest->text, qr/tarboot: unpack root: .* 2 threads/, 'both processors unpack');
	like($guest->text, qr/^INIT pid=1 aarch64 tmpfs\n1$/m, 'the new init runs in the tmpfs, and has a report');
	return $image;
}

sub says_damage {
	my ($image) = @_;
	my $bytes = slurp($image);

	substr($bytes, length($bytes) / 2, 1) ^= "\x55";
	my $guest = start('damaged', $image, spew(scratch('damaged.img'), $bytes));
	ok($guest->wait_end(200), 'a damaged image ends the boot') or $guest->show_end;
	like($guest->text, qr/FAILED: unpack root\n  what: .*\n  why:  Block \d+/, 'which says where it is damaged');
	return;
}

sub boots_debian {
	my $image = scratch('demo.img');

	note(tarboot('pack', '--level', 'fast', demo_root(arch => 'aarch64'), '-o', $image));
	my $guest = start('arm', $image);
	ok($guest->wait_for(qr/\w login:/, 300), 'it boots to a login prompt') or $guest->show_end;
	ok($guest->log_in, 'somebody can log in');
	is($guest->says('uname -m'), "aarch64\n", 'the machine');
	like($guest->says('timeout 60 systemctl is-system-running --wait'), qr/^running$/m, 'systemd is content');
	is($guest->says('systemctl --failed --plain --no-legend'), '', 'no unit failed');
	like($guest->says('findmnt -n -o FSTYPE,SOURCE /'), qr/^tmpfs +tarboot$/m, 'the root is the tmpfs');
	like($guest->says('getcap /usr/bin/ping'), qr/cap_net_raw/, 'file capabilities are there');
	$guest->stop;
	return;
}

says_damage(boots_bare());
SKIP: {
	skip 'Debian for arm64 is made and booted by make test-all only', 1 unless $ENV{TARBOOT_TEST_ALL};
	need_programs('arch-test');
	local $ENV{BUILD} = build_path();
	skip 'programs for arm64 cannot be run here to make a root: that takes Linux 6.7, or qemu-user-static'
		. ' and binfmt-support: ' . $@, 1
		if !-e build_path(demo_root_name(arch => 'aarch64'))
		&& !eval { run(repo_path('scripts/with-emulation'), 'aarch64', 'true') };
	boots_debian();
}
done_testing();
