#!/usr/bin/perl
# Machines and kernels that lack something: file systems, consoles, threads, ways to move a mount.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use IO::Socket::UNIX;
use Test::More;
use Fault;

# The image's own init with a name in it that no kernel knows.
sub init_with {
	my ($from, $to) = @_;
	return sub {
		my ($init) = grep { $_->{name} eq 'init' } @_;
		$init->{data} =~ s/\0\Q$from\E\0/\0$to\0/ or die "$from: not in init\n";
		return @_;
	};
}

# Behind a program of tests/tools.
sub in_front {
	my ($program, @members) = @_;
	return sub {
		my ($init) = grep { $_->{name} eq 'init' } @_;
		my $real = { %$init, name => 'init.real' };
		$init->{data} = slurp(build_path('tests/tools', $program));
		return with_members($real, @members)->(@_);
	};
}

sub refusing {
	my ($names) = @_;
	return in_front('refuse', file_member('refuse', $names));
}

need_programs(qw(qemu-system-x86_64 busybox tar xz));

fails('no sysfs', change => init_with('sysfs', 'Xysfs'), step => 'mount kernel file systems',
	about => [ qr{what: +/sys}, qr/CONFIG_SYSFS=y/ ]);
fails('no devpts', change => init_with('devpts', 'Xevpts'), step => 'mount kernel file systems',
	about => [ qr{what: +/dev/pts}, qr/CONFIG_UNIX98_PTYS=y/ ]);
boots('no devtmpfs', change => init_with('devtmpfs', 'Xevtmpfs'), like => [qr/has no devtmpfs \(CONFIG_DEVTMPFS\)/]);

# Everything under /dev is init's own work then, and where the kernel has no console either, its descriptors, too. What
# the new init finds comes over the second serial line.
subtest 'no devtmpfs, no hotplug, and no console that the kernel could open' => sub {
	my $look = root_is(sub { spew("$_[0]/sbin/init", <<'END', 0755) });
#!/bin/sh
b=/bin/busybox
$b mknod /dev/ttyS1 c 4 65
fds="fds $($b readlink /proc/1/fd/0) $($b readlink /proc/1/fd/1) $($b readlink /proc/1/fd/2)"
{
	echo "$fds"
	$b stat -c '%n %a %F' /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty /dev/ptmx \
		/dev/console /dev/kmsg /run/udev /run/tarboot /run/tarboot/log /run/tarboot/report.json
	echo "umask $(umask)"
} >/dev/ttyS1 2>&1
exec $b poweroff -f
END
	my $guest = start(name => 'bare', console => 'console=hvc0', append => 'tarboot.hotplug=off',
		change => [ $look, init_with('devtmpfs', 'Xevtmpfs') ]);
	ok($guest->wait_end($BOOT), 'it boots, and the root ends it') or $guest->show_end;
	is($guest->results, <<'END', 'modes are the kernel\'s, whatever umask; 0 to 2 are open; the umask is the kernel\'s');
fds /dev/null /dev/null /dev/null
/dev/null 666 character special file
/dev/zero 666 character special file
/dev/full 666 character special file
/dev/random 666 character special file
/dev/urandom 666 character special file
/dev/tty 666 character special file
/dev/ptmx 666 character special file
/dev/console 600 character special file
/dev/kmsg 644 character special file
/run/udev 755 directory
/run/tarboot 755 directory
/run/tarboot/log 644 regular file
/run/tarboot/report.json 644 regular file
umask 0022
END
};

fails('mounts that cannot be moved', change => refusing('move'), step => 'move mounts', about => [qr/cannot move the mount/]);
fails('no threads', change => refusing('thread'), step => 'unpack root', about => [qr/threads/]);
boots('no holes in files', change => refusing('punch'));
# What is there is seen all the same, and its process ends when it shall.
boots('no sockets', change => refusing('socket'), append => 'tarboot.debug', like => [
	qr/the kernel sends no uevents \(CONFIG_NET is missing\): devices plugged in later are not noticed/, qr/^tarboot: plug in devices: all seen after/m,
	qr/^tarboot: stop plugging in: [01]\.\d+ s$/m ]);
boots('modules refused', change => refusing('module'));

boots('one CPU', smp => 1, like => [qr/unpack root: .* [12] threads/]);

# ---- consoles ----

# Linux registers one console of a kind: a serial line, a screen and a virtio console, which is a module
# and comes late. The screen is in text mode, so its characters are in the machine's memory.
subtest 'a failure is on all of three consoles' => sub {
	my $screen  = scratch('three.screen');
	my @modules = module_members('bookworm', scratch('three-modules'), qw(virtio_pci virtio_console));
	my $guest   = start(
		name => 'three', booting('bookworm'), panic => 5, monitor => 1,
		change => [ with_members(@modules), \&no_payload ],
		append => 'console=hvc0 console=tty0',
		args => [ qw(-vga std -device virtio-serial -device), 'virtconsole,chardev=hvc',
			-chardev => 'file,id=hvc,path=' . scratch('three.hvc') ]);

	ok($guest->wait_for(qr/^  then: .*\n/m, $BOOT), 'it is on the serial line') or $guest->show_end;
	select undef, undef, undef, 1;
	$guest->monitor("pmemsave 0xb8000 32768 \"$screen\"");
	ok($guest->wait_end(30), 'it reboots');
	my $chars = join "\n", map { s/(.)./$1/gsr } slurp($screen) =~ /(.{160})/gs;
	like($chars, qr/^tarboot: FAILED: find payload *\n  what: /m, 'on the screen');
	like(slurp(scratch('three.hvc')), qr/^\r?tarboot: FAILED: find payload\r?$/m, 'on the virtio console');
	note($chars =~ s/ +$//gmr);
};
# It is there before the root is.
subtest 'a console that a module brings' => sub {
	my @modules = module_members('bookworm', scratch('late-modules'), qw(virtio_pci virtio_console));
	my $guest   = start(
		name => 'late', booting('bookworm'), change => [ big_root(64, 'seq 1 99999999'), with_members(@modules) ], append => 'console=hvc0',
		args => [ qw(-device virtio-serial -device), 'virtconsole,chardev=hvc', -chardev => 'file,id=hvc,path=' . scratch('late.hvc') ]);

	ok($guest->wait_end($BOOT), 'it boots and powers off') or $guest->show_end;
	like(slurp(scratch('late.hvc')), qr/^\r?tarboot: unpack root: \d+\.\d+ s/m, 'and the console has lines of a boot that does not fail');
	note(slurp(scratch('late.hvc')));
};
subtest 'no console at all' => sub {
	my $guest = start(name => 'no-console', console => '', append => 'word');
	ok($guest->wait_end($BOOT), 'it boots all the same, and the root ends it') or $guest->show_end;
};

# A socket that somebody is connected to and does not read: QEMU takes no more bytes when its buffer is full. The
# kernel, which would wait for each of them, prints nothing there (loglevel=0). What came of it is on another line.
subtest 'a console that nobody reads' => sub {
	my $path = scratch('stuck.socket');
	my $root = root_is(sub {
		spew("$_[0]/sbin/init", <<'END', 0755);
#!/bin/sh
b=/bin/busybox
{ echo "TINY-INIT-RAN $($b cut -d ' ' -f 1 /proc/uptime)"; $b cat /run/tarboot/report.json /run/tarboot/log /proc/consoles; } >/dev/ttyS1
exec $b poweroff -f
END
	});
	my $guest = start(name => 'stuck', console => 'console=ttyS2,115200 console=tty0', append => 'loglevel=0 tarboot.debug',
		change => [ $root, in_front('fill_line') ],
		args => [ -chardev => "socket,id=stuck,path=$path,server=on,wait=off", -device => 'isa-serial,index=2,chardev=stuck' ]);
	my $peer;
	for (1 .. 100) {
		last if $peer = IO::Socket::UNIX->new(Peer => $path);
		select undef, undef, undef, 0.05;
	}
	ok($peer, 'somebody is connected');
	ok($guest->wait_end($BOOT), 'it boots all the same, and the root ends it');
	my $said = $guest->results;
	my ($end) = $said =~ /^TINY-INIT-RAN ([\d.]+)$/m;
	my ($start) = $said =~ /"mount kernel file systems", "start_s": ([\d.]+)/;
	my @lines = $said =~ /^(tarboot: .*)$/mg;
	like($said, qr/^ttyS2 /m, 'the line is a console');
	cmp_ok(scalar @lines, '>', 12, 'which lost many lines');
	# waiting for each of them took 4 s, and closing the line 30 s
	cmp_ok(($end // 99) - ($start // 0), '<', 20, 'and was not waited for');
	local $/;
	$peer->blocking(0);
	like(<$peer> // '', qr/full/, 'it was full');
	note($said);
};

subtest 'a power-off that does nothing' => sub {
	my $guest = start(name => 'no-power-off', change => [ refusing('reboot'), \&no_payload ],
		append => 'tarboot.onfail=poweroff tarboot.failwait=1');
	ok($guest->wait_for(qr/^tarboot: powering off failed: .*\n/m, $BOOT), 'it says so') or $guest->show_end;
	like($guest->text, qr/^tarboot: powering off failed: the kernel returned; reset the machine or switch it off by hand$/m,
		'and what to do');
	ok(!$guest->wait_for(qr/Kernel panic|FAILED.*FAILED/s, 3), 'PID 1 goes on living');
	ok($guest->running, 'and the machine stays');
	$guest->stop;
};
done_testing();
