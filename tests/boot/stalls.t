#!/usr/bin/perl
# Guests whose processors come no further have more time, and only those: by what kernels say of it, and with a program that says the
# same in the place of QEMU.
use strict;
use warnings;
BEGIN { $ENV{TARBOOT_SLOW} = 1 }
use File::Temp qw(tempdir);
use FindBin;
use lib $FindBin::RealBin;
use Test::More;
use Time::HiRes qw(time);
use Guest;
use Stalls;

# ---- what kernels say ----

my $LOCKUP = "[   48.1] watchdog: BUG: soft lockup - CPU#%d stuck for %ds! [swapper/0:1]\n";
my $RCU    = "[   40.0] rcu: INFO: rcu_sched %s\n";

sub lockups {
	my $text = '';
	while (my ($cpu, $seconds) = splice @_, 0, 2) { $text .= sprintf $LOCKUP, $cpu, $seconds }
	return $text;
}

sub rcu { return sprintf $RCU, $_[0] }

my @said = (
	[ 0,  'nothing', "[    1.0] Run /init as init process\n" ],
	[ 0,  'what init says of it', "tarboot: watchdog: a soft lockup was detected: stalls on CPUs\n" ],
	[ 0,  'a stall of a process', "INFO: task kworker/0:1:9 blocked for more than 120 seconds.\n" ],
	[ 22, 'a soft lockup', lockups(0, 22) ],
	[ 22, 'of an old kernel', "BUG: soft lockup - CPU#0 stuck for 22s! [init:1]\n" ],
	[ 74, 'one that goes on', lockups(1, 22, 1, 48, 1, 74) ],
	[ 48, 'two, one after the other', lockups(0, 26, 0, 22) ],
	[ 26, 'two at the same time', lockups(0, 22, 1, 26) ],
	[ 21, 'of RCU', rcu('self-detected stall on CPU') ],
	[ 21, 'of RCU, by another processor', rcu('detected stalls on CPUs/tasks:') ],
	[ 21, 'of RCU, expedited', rcu('detected expedited stalls on CPUs/tasks: { 0-... } 5439 jiffies s: 57 root: 0x1/.') ],
	[ 21, 'of an old kernel\'s RCU', "INFO: rcu_preempt self-detected stall on CPU { 0}\n" ],
	[ 42, 'of RCU, twice', rcu('self-detected stall on CPU') x 2 ],
	[ 26, 'the same by both', rcu('self-detected stall on CPU') . lockups(0, 26) ]);
is(seconds_stalled($_->[2]), $_->[0], $_->[1]) for @said;

my $KERNEL = "[    0.000000] Linux version 6.1.0\n[    1.049805] IP idents hash table entries: 8192\n";
ok(is_before_init($KERNEL), 'a kernel that has begun');
ok(!is_before_init($_->[0]), $_->[1]) for ['', 'nothing'], ["Booting from ROM..\n", 'firmware'], ["${KERNEL}[    2.1] Run /init as init process\n", 'one that has ended'],
	["${KERNEL}tarboot: read parameters\n", 'init'], ["${KERNEL}[    2.1] Kernel panic - not syncing\n", 'a panic'];

# ---- guests ----

my $dir = tempdir(CLEANUP => 1);
open my $f, '>', "$dir/qemu-system-x86_64" or die "qemu: $!";
print {$f} "#!/bin/sh\neval \"\$SAYS\"\n";
close $f or die "qemu: $!";
chmod 0755, "$dir/qemu-system-x86_64" or die "qemu: $!";
$ENV{PATH} = "$dir:$ENV{PATH}";

# What a guest that runs these commands gives for the call, and whether it took so many seconds.
sub gives {
	my ($what, $commands, $call, $want, $least, $most) = @_;
	local $ENV{SAYS} = $commands;
	my $guest = Guest->start(dir => $dir, name => 'guest', kernel => 'none', initrd => 'none');
	my $from  = time;

	is($call->($guest) ? 1 : 0, $want, $what);
	my $took = time - $from;
	ok($took >= $least && $took <= $most, sprintf 'after %.1f s', $took);
	$guest->stop;
	return $guest;
}

# After a second, when the call waits: what was printed before that does not count for it.
my $stall = sprintf "sleep 1; printf '$LOCKUP';", 0, 22;
my $login = sub { $_[0]->wait_for(qr/login:/, 5) };
my $end   = sub { $_[0]->wait_end(5) };

gives('a guest in time', 'sleep 1; echo login:; sleep 40', $login, 1, 0.9, 15);
gives('a slow guest', 'sleep 20; echo login:; sleep 40', $login, 0, 5, 15);
gives('a stalled guest', "$stall sleep 6; echo login:; sleep 40", $login, 1, 6.9, 20);
gives('one that stays stalled, twice', "$stall sleep 40", $login, 0, 20, 45);
gives('one that stays stalled, once', "[ ! -e $dir/once ] || { echo login:; sleep 40; }; >$dir/once; $stall sleep 40", $login, 1, 10, 25);
gives('one that ends meanwhile', "$stall sleep 6", $login, 0, 6.9, 20);
gives('one that stalled before', "$stall sleep 40", sub { $_[0]->wait_for(qr/lockup/, 10); $login->($_[0]) }, 0, 5, 25);
gives('a slow kernel', 'echo "[    0.1] Linux"; sleep 7; echo "[    0.2] Run /init as init process"; echo login:; sleep 40', $login, 1, 6.9, 20);
gives('a kernel that stands still, twice', 'echo "[    0.1] Linux"; sleep 40', $login, 0, 20, 45);
gives('a slow end', 'exec sleep 20', $end, 0, 5, 15);
my $guest = gives('a stalled end', "$stall sleep 6", $end, 1, 6.9, 20);
cmp_ok($guest->elapsed_unstalled, '<', 0, 'the time that it took is without the stall');
done_testing();
