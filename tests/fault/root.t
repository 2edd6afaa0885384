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

# An image of a root that the callback has changed, packed with these options.
sub packed_with {
	my ($options, $change) = @_;
	return sub {
		my $image = scratch('packed.img');
		tarboot('pack', '--kernel', 'none', @$options, tiny_root('packed', $change), '-o', $image);
		run('rm', '-rf', scratch('packed'));
		return newc_read($image);
	};
}

# A static program of 32 bits that says that it ran and powers off: write(1, text, length), reboot(…, POWER_OFF).
sub i386_program {
	my $text = "TINY-INIT-RAN pid=1\n";
	my $base = 0x08048000;
	my $code = pack('C V', 0xb8, 4) . pack('C V', 0xbb, 1) . pack('C V', 0xba, length $text) . pack('C V', 0xb9, $base + 52 + 32 + 49) . "\xcd\x80"
		. pack('C V', 0xb8, 88) . pack('C V', 0xbb, 0xfee1dead) . pack('C V', 0xb9, 672274793) . pack('C V', 0xba, 0x4321fedc) . "\xcd\x80" . "\xeb\xfe" . "\x90" x 3;
	length $code == 49 or die length $code;
	my $size = 52 + 32 + length($code) + length $text;
	return pack('a4 C3 x9 v2 V5 v6', "\x7fELF", 1, 1, 1, 2, 3, 1, $base + 84, 52, 0, 0, 52, 32, 1, 0, 0, 0)
		. pack('V8', 1, 0, $base, $base, $size, $size, 5, 4096) . $code . $text;
}

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
boots('an init that only the manifest names', like => [ qr{^tarboot: check new init: \S+ s, /opt/own, from the manifest$}m ],
	change => packed_with([ '--init', '/opt/own' ], sub { mkdir "$_[0]/opt"; rename "$_[0]/sbin/init", "$_[0]/opt/own" }));
boots('an init that the root has lost', like => [ qr{^tarboot: /opt/own, the init that the manifest names, cannot start \(it is not in the root\): /sbin/init does$}m,
		qr{^tarboot: check new init: \S+ s, /sbin/init, found in the root$}m ],
	change => change_manifest(sub { s{^init=.*}{init=/opt/own}mr }));
boots('/init by the kernel command line', append => 'init=/init', like => [ qr{^tarboot: check new init: \S+ s, /init, from the kernel command line$}m ],
	change => set_init(sub { my ($init, $root) = @_; spew("$root/init", "#!/bin/sh\necho \"TINY-INIT-RAN pid=\$\$\" >/dev/console\nexec /bin/busybox poweroff -f\n", 0755) }));
boots('a root with only /usr', change => root_is(sub {
	my ($root) = @_;
	mkdir "$root/usr";
	rename "$root/$_", "$root/usr/$_" for qw(bin sbin);
	rmdir "$root/$_" for qw(etc proc sys dev run tmp);
}), like => [ qr{^tarboot: the root has only /usr: made /bin -> usr/bin$}m, qr{made /sbin -> usr/sbin$}m, qr{made /etc$}m ]);
boots('an init for i386', change => set_init(sub { spew($_[0], i386_program(), 0755) }));
subtest 'an init for i386, and a kernel that runs no such programs' => sub {
	plan skip_all => 'no kernel of Debian sid can be had here, which can be told not to' unless newest_kernel();
	my $guest = start(name => 'no-i386', change => set_init(sub { spew($_[0], i386_program(), 0755) }), booting('sid'), append => 'ia32_emulation=0');
	ok($guest->wait_end($BOOT), 'it ends') or $guest->show_end;
	like($guest->text, qr{^tarboot: FAILED: check new init\n  what: +/sbin/init\n  why: +it is a 32-bit program, which this kernel cannot run\n}m, 'and says why');
};
boots('an init that is not systemd', change => root_is(sub {
	my ($root) = @_;    # busybox init, by its inittab
	unlink "$root/sbin/init";
	symlink '../bin/busybox', "$root/sbin/init";
	spew("$root/etc/inittab", "::sysinit:/bin/sh -c 'echo TINY-INIT-RAN pid=1 >/dev/console'\n::wait:/bin/busybox poweroff -f\n");
}));
done_testing();
