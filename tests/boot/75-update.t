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
my $URL  = "http://10.0.2.2:$PORT/site/http/images/new/current";
my $site = scratch('site');
my $tar  = do { local @ENV{qw(SUITE WITH)} = ('trixie', 'kexec-tools,curl'); made_once('update-root.tar', 'make-demo-root') };

enter_loopback();
serve_loopback($PORT, scratch(''));

my $root = unpack_root($tar, scratch('root'));
make_path("$root/usr/local/lib/tarboot");
run('setcap', 'cap_net_raw=ep', "$root/usr/bin/ping");
run('cp', build_path('tarboot'), "$root/usr/local/bin/tarboot");
run('cp', build_path('fetch'), "$root/usr/local/lib/tarboot/fetch");
spew("$root/etc/version", "first\n");
tarboot('pack', qw(--level fast), $root, '-o', scratch('old.img'));
spew("$root/etc/version", "second\n");
tarboot('pack', qw(--level fast --stream --modules virtio_net), $root, '-o', scratch('new.img'));
tarboot('netboot', scratch('new.img'), '-o', $site, qw(--stream --server 10.0.2.2 --subnet 10.0.2.0/24));

sub start {
	my ($name) = @_;
	my $guest = Guest->start(dir => scratch(), name => $name, kernel => scratch('old.img.vmlinuz'), initrd => scratch('old.img'), mem => 2048,
		append => 'net.ifnames=0', args => [ -nic => 'user,model=virtio-net-pci' ]);

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

sub memory_of { return $_[0]->says('grep -e MemAvailable -e Shmem: /proc/meminfo') =~ /MemAvailable: +(\d+).*Shmem: +(\d+)/s ? ($1 >> 10, $2 >> 10) : (0, 0) }

subtest 'systemctl soft-reboot' => sub {
	my $guest = start('soft');
	my ($available, $shmem) = memory_of($guest);
	note("before: $available MiB available, $shmem MiB in tmpfs");
	$guest->says('mkdir /run/nextroot && mount -t tmpfs -o size=60%,mode=755 nextroot /run/nextroot');
	my $began = time;
	my $said  = $guest->says("tarboot unpack $URL/root.tar.xz /run/nextroot && echo UNPACKED", 300);
	like($said, qr/^UNPACKED$/m, 'the root is fetched and unpacked') or diag($said);
	note($said, sprintf 'unpacked in %.1f s', time - $began);
	$began = time;
	$guest->type("systemctl soft-reboot\r");
	check_second($guest, $began);
	like($guest->says('cat /run/tarboot/log | wc -l'), qr/^[1-9]/, 'the log of the boot is still there');
	($available, my $now) = memory_of($guest);
	note("after: $available MiB available, $now MiB in tmpfs");
	cmp_ok($now, '<', $shmem * 1.3, 'the memory of the first root is free again');
	$guest->stop;
};

subtest 'kexec' => sub {
	my $guest = start('kexec');
	my $said = $guest->says("cd /run && curl -sSO $URL/vmlinuz && curl -sSO $URL/boot.img && "
		. "kexec -l vmlinuz --initrd=boot.img --append='console=ttyS0 panic=-1 tarboot.rootfs=$URL/root.tar.xz' && echo LOADED", 120);
	like($said, qr/^LOADED$/m, 'kernel and boot part are loaded') or diag($said);
	my $began = time;
	$guest->type("systemctl kexec\r");
	check_second($guest, $began);
	like($guest->says('cat /proc/cmdline'), qr{tarboot\.rootfs=\Q$URL\E}, 'by the new kernel');
	$guest->stop;
};
done_testing();
