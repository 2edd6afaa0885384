#!/usr/bin/perl
# Shells: when they come, what they can do, and that nobody gets one who was not given one. And PID 1 under
# signals, orphans and a bomb of forks.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Test::More;
use Time::HiRes qw(sleep);
use Fault;
use Modules qw(booting module_members);

my $STAYS = 4;     # seconds in which a machine that shall stay must not end

need_programs(qw(qemu-system-x86_64 busybox tar xz));

subtest 'panic=0: it stays, without a shell' => sub {
	my $guest = start(name => 'stay', change => \&no_payload, panic => 0);
	ok($guest->wait_for(qr/^  then: staying like this \(panic=0\)$/m, $BOOT), 'the failure is shown');
	$guest->type("\n\necho answer=\$((6*7))\n\cC\cD\e");
	ok(!$guest->wait_for(qr/answer=42|BusyBox v/, $STAYS), 'but typing gives no shell');
	ok($guest->running, 'and the machine stays');
	$guest->stop;
};

subtest 'panic=11: a countdown' => sub {
	my $guest = start(name => 'count', change => \&no_payload, panic => 11);
	ok($guest->wait_for(qr/^  then: rebooting in 11 s \(panic=11\)$/m, $BOOT), 'the failure is shown');
	my ($from, $from_unstalled) = ($guest->elapsed, $guest->elapsed_unstalled);
	ok($guest->wait_end(30), 'and it reboots');
	cmp_ok($guest->elapsed - $from, '>', 9, 'not too early');
	cmp_ok($guest->elapsed_unstalled - $from_unstalled, '<', 18, 'in time');
	like($guest->text, qr/^  rebooting in 10 s$/m, 'counted down on the way');
};

for my $onfail (qw(reboot poweroff halt)) {
	subtest "tarboot.onfail=$onfail" => sub {
		my %word = (reboot => 'rebooting', poweroff => 'powering off', halt => 'halting');
		my $guest = start(name => $onfail, change => \&no_payload, panic => 0,
			append => "tarboot.onfail=$onfail tarboot.failwait=1");
		ok($guest->wait_for(qr/^  then: $word{$onfail} in 1 s \(tarboot\.onfail=\)$/m, $BOOT), 'it says so');
		if ($onfail eq 'halt') {
			ok($guest->wait_for(qr/reboot: System halted/, 20), 'and halts');
			$guest->stop;
		} else {
			ok($guest->wait_end(20), 'and does it') or $guest->show_end;
		}
	};
}

subtest 'tarboot.onfail=shell alone gives none' => sub {
	my $guest = start(name => 'onfail', change => \&no_payload, append => 'tarboot.onfail=shell tarboot.failwait=1');
	ok($guest->wait_end($BOOT), 'no shell, a reboot') or $guest->show_end;
	unlike($guest->text, qr/BusyBox v/, 'no shell started');
};

subtest 'an image without a shell' => sub {
	my $guest = start(name => 'no-shell', append => 'tarboot.shell=start,fail',
		change => sub { grep { $_->{name} ne 'bin/busybox' } no_payload(@_) });
	ok($guest->wait_end($BOOT), 'it goes on') or $guest->show_end;
	like($guest->text, qr/this image has no \/bin\/busybox: pack it with --shell/, 'and says why there is none');
};

subtest 'an image with a busybox for DHCP alone' => sub {
	my $guest = start(name => 'dhcp-only', append => 'tarboot.shell=start,fail',
		change => sub { ((map { $_->{name} eq 'init' ? ({ name => 'tarboot/no-shell', mode => 0100644, nlink => 1, data => '' }, $_) : $_ } no_payload(@_))) });
	ok($guest->wait_end($BOOT), 'it goes on') or $guest->show_end;
	like($guest->text, qr/this image gives no shell: pack it without --no-shell/, 'and says why there is none');
	unlike($guest->text, qr/BusyBox v|Enter/, 'it gives none');
};

subtest 'the kernel asks for a module by its name' => sub {
	my @modules = module_members('bookworm', scratch('asked'), qw(squashfs nls_iso8859_1));
	my $guest   = shell_at(name => 'asks', booting('bookworm'), change => sub { (@modules, @_) }, append => 'tarboot.shell=start');
	my $seen  = type_and_see($guest, 'cat /proc/sys/kernel/modprobe; mount -t squashfs none /tmp 2>/dev/null; cut -d " " -f 1 /proc/modules; echo e""nd', qr/^end$/m);
	like($seen, qr{^/init$}m, 'init is who loads it');
	like($seen, qr/^squashfs$/m, 'and does');
	$seen = type_and_see($guest, 'for i in 1 2; do /init -q -- nls_iso8859-1; echo "status $?"; done; /init -q -- none; echo "status $?"; cut -d " " -f 1 /proc/modules; echo e""nd', qr/^end$/m);
	like($seen, qr/^status 0\nstatus 0\nstatus 1\n/m, 'one that is there is no failure, one that is not in the image is');
	like($seen, qr/^nls_iso8859_1$/m, 'a name with -');
	$guest->stop;
};

subtest 'after a failure' => sub {
	my $guest = shell_at(name => 'fail', change => \&no_payload, append => 'tarboot.shell', enter => 1);
	like($guest->text, qr/Failed step: find payload/, 'the banner says what failed');
	like($guest->text, qr{log: +/run/tarboot/log}, 'and where the log is');
	like($guest->text, qr/exit: +try to boot again/, 'and how to go on');
	like(type_and_see($guest, 'echo answer=$((6*7))', qr/answer=\d/), qr/answer=42/, 'commands work');
	like(type_and_see($guest, 'echo "<$TARBOOT_FAILED>"', qr/^<.*>/m), qr/^<find payload>$/m, 'TARBOOT_FAILED');
	like(type_and_see($guest, 'dmesg | sed -n "s/.*tarboot: /said /p"; echo e""nd', qr/^end$/m),
		qr/^said find payload failed: \/rootfs\.tar\.xz: it is not in the initramfs\nsaid to do: Pack the image again, .*\n/m,
		'the kernel log has the failure and the advice');
	like(type_and_see($guest, 'grep _id /run/tarboot/report.json', qr/build_id.*,/), qr/^ +"build_id": "[0-9a-f]{8,}",$/m,
		'the report names the image');
	like(type_and_see($guest, 'echo pid=$$', qr/pid=\d+/), qr/pid=(?!1\b)\d+/, 'it is not PID 1');
	like(type_and_see($guest, 'cat /run/tarboot/log | wc -l | sed s/^/lines=/', qr/lines=\d/), qr/lines=[1-9]/, 'applets and log');
	unlike($guest->text, qr/can't access tty|job control turned off/, 'it has a terminal');
	$guest->type("sleep 1000\n");
	sleep 1;
	$guest->type("\cC");
	like(type_and_see($guest, 'echo after=$?', qr/after=\d/), qr/after=130/, '^C ends a command');
	$guest->type("sleep 1000\n");
	sleep 1;
	$guest->type("\cZ");
	like(type_and_see($guest, 'jobs', qr/sleep/), qr/Stopped +sleep/, '^Z stops one');
	$guest->type("\cD\cD\n");
	ok($guest->wait_for(qr/tarboot: FAILED/, 15), '^D tries again');
	$guest->type("\n");
	ok($guest->wait_for(qr/^tarboot:\S*# $/m, 15), 'and there is a shell again');
	$guest->type("exit\n");
	ok($guest->wait_for(qr/tarboot: FAILED/, 15), 'exit tries again');
	unlike($guest->text, qr/Kernel panic/, 'the kernel did not panic');
	$guest->show_end unless Test::More->builder->is_passing;
	$guest->stop;
};

# It fails only when all is unpacked.
subtest 'Enter before the failure' => sub {
	my $guest = start(name => 'early', change => big_root(64, 'seq 1 99999999'), panic => 11, append => 'tarboot.shell tarboot.init=/none');
	ok($guest->wait_for(qr/^tarboot: mount root: /m, $BOOT), 'it unpacks') or $guest->show_end;
	$guest->type("\n\n");
	ok($guest->wait_for(qr/^  then: rebooting in 11 s \(panic=11\); press Enter for a shell$/m, $BOOT), 'it fails') or $guest->show_end;
	ok($guest->wait_end(30), 'and reboots') or $guest->show_end;
	like($guest->text, qr/^  rebooting in 10 s$/m, 'after its time');
	unlike($guest->text, qr/BusyBox v|^tarboot:\S*# /m, 'without a shell');
};

# The screen is /dev/console, but Enter comes from the serial line.
subtest 'Enter on another console than the last one' => sub {
	my $guest = shell_at(name => 'where', change => \&no_payload, append => 'tarboot.shell console=tty0', args => [qw(-vga std)], enter => 1);
	like(type_and_see($guest, 'echo answer=$((6*7)) on $(readlink /proc/self/fd/0)', qr/answer=\d/), qr{^answer=42 on /dev/ttyS0$}m, 'the shell is there');
	unlike($guest->text, qr/can't access tty|job control turned off/, 'with a terminal of its own');
	$guest->stop;
};

subtest 'a second try that works' => sub {
	my $guest = shell_at(name => 'again', append => 'tarboot.shell', enter => 1,
		change => sub { $_[-1]{name} = 'elsewhere.tar.xz'; return @_ });
	like($guest->text, qr{/rootfs\.tar\.xz: it is not in the initramfs$}m, 'the one that the manifest names is missing');
	$guest->type("setsid sleep 1000 & mv /elsewhere.tar.xz /rootfs.tar.zst; exit\n");
	ok($guest->wait_end($BOOT), 'it boots after all, from another name') or $guest->show_end;
	like($guest->text, qr/TINY-INIT-RAN/, 'to the end');
	unlike($guest->text, qr/TINY-INIT-BESIDE/, 'where nothing runs that ran before');
};

# The last mount cannot be moved when it is none any more. What was moved before that must come back.
subtest 'start, unpacked, end, and a failure behind that' => sub {
	my $guest = shell_at(name => 'when', append => 'tarboot.shell=start,unpacked,end,fail', panic => 300);
	my %there = (start => 'none', unpacked => '/newroot/sbin/init', end => '/newroot/sbin/init', again => '/newroot/sbin/init');
	for my $when (qw(start unpacked end fail again again)) {
		like(type_and_see($guest, 'echo "<$(ls /newroot/sbin/init 2>/dev/null || echo none)>"', qr/^<.*>$/m),
			qr/^<$there{$when}>$/m, $when) if $there{$when};
		$guest->type('umount -l /run; ') if $when eq 'end';
		if ($when eq 'fail') {
			like(type_and_see($guest, 'echo "<$(ls /newroot | wc -l) $(grep -c newroot /proc/mounts)>"', qr/^<.*>$/m),
				qr/^<0 0>$/m, 'the root is dropped');
			like(type_and_see($guest, 'echo "<$(cut -d " " -f 2 /proc/mounts | sort | xargs)>"', qr/^<.*>$/m),
				qr{^</ /dev /dev/pts /dev/shm /proc /sys>$}m, 'the mounts are where they were');
			$guest->type('mount -t tmpfs run /run; ');
		}
		$guest->type("exit\n");
		if ($when eq 'end') {
			ok($guest->wait_for(qr/^tarboot: FAILED: move mounts\n  what: \/run\n  why:  cannot move the mount to the new root: .*^  then: /ms, $BOOT),
				'a mount that cannot be moved is a failure') or $guest->show_end;
			$guest->type("\n");
		}
		last if $guest->wait_for(qr/^tarboot:\S*# $|TINY-INIT-RAN/m, $BOOT) && $guest->answer =~ /TINY/;
	}
	ok($guest->wait_end($BOOT), 'it goes on to its end') or $guest->show_end;
	like($guest->text, qr/TINY-INIT-RAN/, 'with the root running');
};

sub busybox_is {
	my ($data) = @_;
	return sub {
		my ($busybox) = grep { $_->{name} eq 'bin/busybox' } @_;
		my ($init)    = grep { $_->{name} eq 'init' } @_;
		$busybox->{data} = $data // $init->{data};
		return @_;
	};
}

# Init itself, which is not PID 1 then, ends at once.
subtest 'tarboot.onfail=shell with one that ends at once' => sub {
	my $guest = start(name => 'ends', change => [ busybox_is(), \&no_payload ], panic => 3, append => 'tarboot.shell tarboot.onfail=shell');
	ok($guest->wait_end($BOOT), 'it reboots') or $guest->show_end;
	my ($block, @said) = $guest->text =~ /^(?:  then: .*|tarboot: the shell .*)$/mg;
	is($block, '  then: a shell now (tarboot.onfail=)', 'the shell is tried');
	is_deeply(\@said, [ 'tarboot: the shell ended at once', '  then: rebooting in 3 s (panic=3); press Enter for a shell' ],
		'once, then panic= counts');
	my @failures = $guest->text =~ /FAILED/g;
	is(scalar @failures, 1, 'and the step is not tried again');
};

subtest 'a shell that cannot be started' => sub {
	my $guest = start(name => 'garbage', change => [ busybox_is('no program'), \&no_payload ], panic => 0,
		append => 'tarboot.shell=start,fail tarboot.onfail=poweroff tarboot.failwait=5');
	ok($guest->wait_for(qr/^  then: powering off in 5 s \(tarboot\.onfail=\); press Enter for a shell$/m, $BOOT), 'a shell is offered');
	like($guest->text, qr/^tarboot: cannot start the shell: Exec format error\n.*FAILED/ms, 'one that was asked for at the start stops nothing');
	$guest->type("\n");
	ok($guest->wait_end(30), 'it powers off') or $guest->show_end;
	like($guest->answer, qr/^tarboot: cannot start the shell: Exec format error\n  then: powering off in 5 s/m, 'after saying why there is none');
	unlike($guest->text, qr/FAILED.*FAILED/s, 'and the step is not tried again');
};

subtest 'PID 1 under fire' => sub {
	my $guest = shell_at(name => 'fire', append => 'tarboot.shell=start', mem => 384);
	like(type_and_see($guest, 'for s in $(seq 1 64); do kill -$s 1 2>/dev/null; done; echo shot', qr/^shot/m), qr/^shot/m, 'all signals');
	like(type_and_see($guest, 'kill -9 1; echo killed', qr/^killed/m), qr/^killed/m, 'kill -9 1');
	like(type_and_see($guest, 'for i in $(seq 1 50); do (sleep 0.2 &) ; done; sleep 2; echo zombies=$(ps | grep -c "\[sleep\]")', qr/zombies=\d/, 30),
		qr/zombies=[01]\b/, 'orphans are reaped');    # grep itself may be one
	# 4,000 processes are more than this machine has memory for. When the kernel kills the shell among them,
	# PID 1 goes on while the bomb still has the memory, and may have to refuse.
	type_and_see($guest, 'bomb() { [ $1 = 0 ] || { bomb $(($1 - 1)) & bomb $(($1 - 1)) & }; sleep 3; }; '
		. 'bomb 11 2>/dev/null; sleep 8; echo over', qr/^over|^tarboot:.*# $/m, 60);
	$guest->type("\n");
	$guest->type("exit\n");
	ok($guest->wait_end($BOOT), 'a bomb of forks over, it goes on') or $guest->show_end;
	unlike($guest->text, qr/Kernel panic/, 'without a panic');
	like($guest->text, qr/TINY-INIT-RAN|FAILED: (?:check memory|unpack root)/, 'to the end, or it says why not');
};
done_testing();
