#!/usr/bin/perl
# Kernels that lack something: each boots, or stops with a sentence that names the symbol, which is what the fragments in
# kconfig/ say of it. Each is built for this.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../boot";
use Test::More;
use Guest;
use Image;

plan skip_all => 'it builds Linux many times, which takes an hour: run make test-all' unless $ENV{TARBOOT_TEST_ALL};
need_programs(qw(qemu-system-x86_64 flex bison bc setfacl));

made_once('kernel/vmlinuz', 'make-kernel');
my %image = (demo => scratch('demo.img'), tiny => scratch('tiny.img'));
note(tarboot('pack', qw(--level fast --kernel none), demo_root(), '-o', $image{demo}));
tarboot('pack', qw(--level fast --kernel none), tiny_root('tiny', sub {
	spew("$_[0]/file", 'with an access list');
	run('setfacl', '-m', 'u:1000:r', "$_[0]/file");
	run('setfattr', '-n', 'trusted.test', '-v', 'a value', "$_[0]/sbin/init");
}), '-o', $image{tiny});

# Builds a kernel without these symbols and starts it. Returns the guest.
sub start {
	my ($root, @without) = @_;
	my $name = join '-', sort map { s/CONFIG_//r } @without;
	my $kernel = scratch($name);
	local $ENV{BUILD} = build_path();
	run(repo_path('scripts/make-kernel'), $kernel, map { "$_=n" } @without) unless -e $kernel;
	my $check = qx{'@{[build_path('tarboot')]}' kernel-check --missing '$kernel'};
	like($check, qr/^  MISSING     $_ /m, "kernel-check sees that $_ is missing") for @without;
	return Guest->start(dir => scratch(), name => "$root-$name", initrd => $image{$root}, kernel => $kernel, mem => 1024);
}

sub refuses {
	my ($root, $step, $like, @without) = @_;
	subtest "without @without" => sub {
		my $guest = start($root, @without);
		ok($guest->wait_for(qr/^  then: /m, 120), 'it stops') or $guest->show_end;
		like($guest->text, qr/^tarboot: FAILED: $step\n/m, "at $step");
		my ($block) = $guest->text =~ /^tarboot: FAILED: (.*?)^  then: /ms;
		like(($block // '') =~ s/\n\s+/ /gr, $like, 'and says what is missing');
		$guest->stop;
	};
	return;
}

sub boots {
	my ($root, $sign, $like, @without) = @_;
	subtest "without @without" => sub {
		my $guest = start($root, @without);
		ok($guest->wait_for($sign, 200), 'it boots') or $guest->show_end;
		like($guest->text, $like, 'and says what is missing') if $like;
		if ($root eq 'demo' && ok($guest->log_in, 'somebody can log in')) {
			like($guest->says('timeout 60 systemctl is-system-running --wait', 90), qr/^running$/m, 'systemd is content');
		}
		$guest->stop;
	};
	return;
}

my $MOUNTS = 'mount kernel file systems';
refuses('tiny', $MOUNTS, qr{what: /proc .*Boot a kernel that has CONFIG_PROC_FS=y}, 'CONFIG_PROC_FS');
refuses('tiny', $MOUNTS, qr{what: /sys .*Boot a kernel that has CONFIG_SYSFS=y},    'CONFIG_SYSFS');
refuses('tiny', $MOUNTS, qr{what: /dev/shm .*Boot a kernel that has CONFIG_TMPFS=y}, 'CONFIG_TMPFS');
refuses('tiny', $MOUNTS, qr{what: /dev/pts .*Boot a kernel that has CONFIG_UNIX98_PTYS=y}, 'CONFIG_UNIX98_PTYS');
refuses('tiny', 'mount root', qr/tmpfs is a ramfs.*CONFIG_SHMEM=y and CONFIG_TMPFS=y/, 'CONFIG_SHMEM');
refuses('demo', 'check new init', qr/systemd cannot run on this kernel, which lacks CONFIG_EPOLL, CONFIG_SIGNALFD /,
	'CONFIG_EPOLL', 'CONFIG_SIGNALFD');
refuses('demo', 'check new init', qr/which lacks CONFIG_CGROUPS, CONFIG_TIMERFD, CONFIG_FHANDLE /,
	'CONFIG_CGROUPS', 'CONFIG_TIMERFD', 'CONFIG_FHANDLE');
refuses('demo', 'unpack root', qr/what: \S+ping .*CONFIG_TMPFS_XATTR=y/, 'CONFIG_TMPFS_XATTR', 'CONFIG_TMPFS_POSIX_ACL');
boots('tiny', qr/TINY-INIT-RAN/, qr/could not store 2 extended attributes.*CONFIG_TMPFS_XATTR, CONFIG_TMPFS_POSIX_ACL/,
	'CONFIG_TMPFS_POSIX_ACL', 'CONFIG_TMPFS_XATTR');
boots('demo', qr/\w login:/, qr/no devtmpfs \(CONFIG_DEVTMPFS\)/, 'CONFIG_DEVTMPFS');
boots('demo', qr/\w login:/, undef, 'CONFIG_SMP');
done_testing();
