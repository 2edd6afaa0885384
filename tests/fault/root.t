#!/usr/bin/perl
# Roots that cannot become the system: no init that could run, no place for the kernel's file systems.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Test::More;
use Fault;

# Behind set_init() /sbin/init is what the callback makes of it.
sub set_init {
	my ($change) = @_;
	return root_is(sub { my $init = "$_[0]/sbin/init"; unlink $init; $change->($init, $_[0]) });
}

sub elf {
	my ($class, $machine) = @_;
	return "\x7fELF" . pack('C3', $class, 1, 1) . "\0" x 9 . pack('vv', 2, $machine) . "\0" x 128;
}

# A dynamic program of this machine, without its libraries.
sub dynamic { my ($init) = @_; run('cp', '-L', '/bin/ls', $init); return }

sub init_fails {
	my ($what, $change, @about) = @_;
	fails($what, change => set_init($change), append => 'init=/sbin/init', step => 'check new init',
		about => [ qr{/sbin/init}, @about ]);
	return;
}

need_programs(qw(qemu-system-x86_64 busybox tar xz));

fails('no init in the root', change => set_init(sub { }), step => 'check new init', about => [qr{/sbin/init}, qr/tarboot\.init=/]);
init_fails('init is missing', sub { }, qr/not in the root/);
init_fails('init is not executable', sub { spew($_[0], "#!/bin/sh\n", 0644) }, qr/executable/);
init_fails('init dangles', sub { symlink '/lib/nothing', $_[0] }, qr/not in the root/);
init_fails('init is a link to itself', sub { symlink 'init', $_[0] }, qr/loop/);
init_fails('init is a directory', sub { mkdir $_[0] }, qr/directory/);
init_fails('init is empty', sub { spew($_[0], '', 0755) }, qr/neither/);
init_fails('init has no interpreter', sub { spew($_[0], "#!/bin/none -x\n", 0755) }, qr{/bin/none});
init_fails('init is its own interpreter', sub { spew($_[0], "#!/sbin/init\n", 0755) }, qr/interpreter/);
init_fails('init is for ARM', sub { spew($_[0], elf(2, 183), 0755) }, qr/this machine/);
init_fails('init is for a 32-bit ARM', sub { spew($_[0], elf(1, 40), 0755) }, qr/this machine/);
init_fails('init has no ld.so', \&dynamic, qr/interpreter .*ld/);
fails('tarboot.init= names nothing', append => 'tarboot.init=/opt/none', step => 'check new init', about => [qr{/opt/none}]);

for my $name (qw(proc sys dev run)) {
	fails("/$name is a file", change => root_is(sub { rmdir "$_[0]/$name"; spew("$_[0]/$name", '') }), step => 'move mounts',
		about => [ qr/what: +\/?$name/, qr/not a directory/ ]);
	fails("/$name is a link", change => root_is(sub { rmdir "$_[0]/$name"; symlink 'tmp', "$_[0]/$name" }), step => 'move mounts',
		about => [ qr/what: +\/?$name/, qr/not a directory/ ]);
}
boots('/proc, /sys, /dev and /run are missing', change => root_is(sub { rmdir "$_[0]/$_" for qw(proc sys dev run) }));
boots('an init that is not systemd', change => root_is(sub {
	my ($root) = @_;    # busybox init, by its inittab
	unlink "$root/sbin/init";
	symlink '../bin/busybox', "$root/sbin/init";
	spew("$root/etc/inittab", "::sysinit:/bin/sh -c 'echo TINY-INIT-RAN pid=1 >/dev/console'\n::wait:/bin/busybox poweroff -f\n");
}));
done_testing();
