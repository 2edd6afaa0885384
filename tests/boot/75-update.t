#!/usr/bin/perl
# A running machine gets a new root without its firmware, as docs/updates.md says: by systemd's soft-reboot, the kernel going on;
# and by kexec, with the boot part, which fetches the root.
use strict;
use warnings;
use File::Path qw(make_path);
use FindBin;
use lib $FindBin::RealBin;
use Test::More;
use Time::HiRes qw(time);
use Guest;
use Image;
use Loopback;
use Whole;

plan skip_all => 'it builds a root of Debian 13 for this alone: run make test-all' unless $ENV{TARBOOT_TEST_ALL};
need_programs(qw(qemu-system-x86_64 busybox ip mmdebstrap));

my $PORT = 8000;
my $URL  = "http://10.0.2.2:$PORT/site/http/images/lab/current";
my $MACHINE = 'net.ifnames=0 ip=10.0.2.15/24:10.0.2.2';
my $tar  = do { local @ENV{qw(SUITE WITH)} = ('trixie', 'kexec-tools,curl'); made_once('update-root.tar', 'make-demo-root') };

enter_loopback();
serve_loopback($PORT, scratch(''));

my $site = scratch('site');
my $root = unpack_root($tar, scratch('root'));
make_path("$root/usr/local/lib/tarboot");
run('setcap', 'cap_net_raw=ep', "$root/usr/bin/ping");
run('cp', build_path('tarboot'), "$root/usr/local/bin/tarboot");
run('cp', build_path('fetch'), "$root/usr/local/lib/tarboot/fetch");
for my $version (qw(first second)) {
	spew("$root/etc/version", "$version\n");
	tarboot('pack', qw(--level fast --stream --modules virtio_net), $root, '-o', scratch("$version.img"));
}

sub publish {
	my ($version) = @_;
	tarboot('netboot', scratch("$version.img"), '-o', $site, qw(--name lab --stream --server 10.0.2.2 --subnet 10.0.2.0/24));
	return;
}

sub start {
	my ($name, $initrd, $append) = @_;
	my $guest = Guest->start(dir => scratch(), name => $name, kernel => scratch('first.img.vmlinuz'), initrd => $initrd, mem => 2048,
		append => $append, args => [ -nic => 'user,model=virtio-net-pci' ]);

	ok($guest->wait_for(qr/\w login:/, 300), 'the first root comes to a login') or return $guest;
	ok($guest->log_in, 'somebody can log in');
	is($guest->says('cat /etc/version'), "first\n", 'it is the first');
	$guest->says('ip link set eth0 up; ip address add 10.0.2.15/24 dev eth0');
	return $guest;
}

# What a root must be, however it came.
sub check_second {
	my ($guest, $began) = @_;
	ok($guest->wait_for(qr/\w login:/, 300), 'the second root comes to a login') or return $guest->show_end(60);
	note(sprintf 'from the command to the login: %.1f s', time - $began);
	ok($guest->log_in, 'somebody can log in');
	is($guest->says('cat /etc/version'), "second\n", 'it is the second');
	like($guest->says('timeout 100 systemctl is-system-running --wait', 120), qr/^running$/m, 'systemd is content');
	is($guest->says('systemctl --failed --plain --no-legend'), '', 'no unit failed');
	like($guest->says('findmnt -n -o FSTYPE /'), qr/^tmpfs$/m, 'the root is a tmpfs');
	like($guest->says('getcap /usr/bin/ping'), qr/cap_net_raw/, 'file capabilities are there');
	return;
}

# MiB available, and in tmpfs.
sub memory_of {
	my ($guest) = @_;
	my %kib = $guest->says('cat /proc/meminfo') =~ /^(\w+): +(\d+)/mg;
	return map { ($kib{$_} || die "no $_\n") / 1024 } qw(MemAvailable Shmem);
}

# The command of docs/updates.md, in one line, with this test's URL.
sub command_of {
	my ($heading) = @_;
	my ($command) = slurp(repo_path('docs/updates.md')) =~ /^## \Q$heading\E\n\n {4}((?:.*&&\n +)*.*)\n\n/m or die "docs/updates.md: no command for $heading\n";
	return $command =~ s/&&\n +/&& /gr =~ s{http://192\.168\.7\.1/images/lab/current}{$URL}gr;
}

subtest 'kexec' => sub {
	publish('first');
	my $version = readlink "$site/http/images/lab/current";
	my $guest = start('kexec', "$site/http/images/lab/current/boot.img", "$MACHINE tarboot.rootfs=" . $URL =~ s/current$/$version/r . '/root.tar.xz');
	publish('second');
	my $command = command_of('kexec');
	my $began = time;
	$guest->type("$command\r");
	check_second($guest, $began);
	like($guest->says('cat /proc/cmdline'), qr{tarboot\.rootfs=\Q$URL\E}, 'by the new kernel');
	$guest->stop;
};

subtest 'systemctl soft-reboot' => sub {
	my $guest = start('soft', scratch('first.img'), 'net.ifnames=0');
	my ($available, $shmem) = memory_of($guest);
	note(sprintf 'before: %.0f MiB available, %.0f MiB in tmpfs', $available, $shmem);
	my $command = command_of('soft-reboot');

	my $whole = slurp("$site/http/images/lab/current/root.tar.xz");
	spew(scratch('damaged.tar.xz'), substr $whole, 0, length($whole) / 2);
	my $damaged = $command =~ s/\Q$URL\E\S+/http:\/\/10.0.2.2:$PORT\/damaged.tar.xz/r;
	like($guest->says("$damaged; echo ENDED \$?", 300), qr/^ENDED [1-9]/m, 'half a root is refused');
	like($guest->says('mountpoint /run/nextroot'), qr/is not a mountpoint/, 'and is nothing that a reboot would take');
	$guest->says('umount /run/newroot');

	my $began = time;
	$guest->type("$command\r");
	check_second($guest, $began);
	like($guest->says('cat /run/tarboot/log | wc -l'), qr/^[1-9]/, 'the log of the boot is still there');
	($available, my $now) = memory_of($guest);
	note(sprintf 'after: %.0f MiB available, %.0f MiB in tmpfs', $available, $now);
	cmp_ok($now, '<', $shmem * 1.3, 'the memory of the first root is free again');
	$guest->stop;
};
done_testing();
