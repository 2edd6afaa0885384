#!/usr/bin/perl
# Many boots with faults drawn at random, none to three at once: too little memory, damaged payloads, wrong parameters, devices that
# come and go, a bad network, bad servers. Each must end with the new init in a root that is right to the last byte, or in the sentence
# for what was done to it and a machine that does what it was told to do then, in its time. `make soak` boots BOOTS times (200) from SEED, or
# for MINUTES; BOOT=17 does that one again, alone. KERNEL is minimal (where `make kernel` has built one) or bookworm.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin, "$FindBin::RealBin/../netboot", "$FindBin::RealBin/../boot";
use Test::More;
use Draw;
use Ending;
use Site;
use Stream;

plan skip_all => 'it boots many times: run make soak, or make test-all for a few' unless $ENV{TARBOOT_SOAK} || $ENV{TARBOOT_TEST_ALL};
need_programs(qw(qemu-system-x86_64 busybox dnsmasq ip));

my $BOOTS = $ENV{BOOTS} || ($ENV{TARBOOT_SOAK} ? 200 : 12);
my $seed  = $ENV{SEED} ||= time % 1_000_000;
enter_network();
diag("SEED=$seed KERNEL=" . kernel_name() . " BOOTS=$BOOTS");

my (%table, %column, @slowest);
my ($again, $right) = (0, 0);

sub one_boot {
	my ($number) = @_;
	my $boot = draw($seed, $number, facts_of());
	my $seen = run_boot($boot);
	my ($ending, $wrong) = judge($boot, $seen, $SLOW);

	$again += $seen->{again};
	$column{$ending}++;
	$table{$_}{$ending}++ for @{ $boot->{kinds} } ? @{ $boot->{kinds} } : 'none', 'all';
	push @slowest, [ $seen->{elapsed}, $number, $boot ] if !$wrong;
	my $line = sprintf '%s -> %s, %.1f s of %d', describe($boot), $ending, $seen->{elapsed}, $boot->{limit} * $SLOW;
	note("boot $number: $seen->{done} of $seen->{events} events took place", map { "; $_" } @{ $seen->{troubles} }) if $seen->{events};
	return $right += pass("boot $number: $line") if !$wrong;
	fail("boot $number: $line");
	diag("  $wrong\n  again: SEED=$seed BOOT=$number KERNEL=" . kernel_name() . ' make soak; its logs: ' . keep_logs($boot));
	return;
}

sub print_table {
	my @endings = sort { ($b eq 'boots') <=> ($a eq 'boots') || $a cmp $b } keys %column;

	note(join ' | ', sprintf('%-9s', 'fault'), @endings);
	for my $kind ('none', @KINDS, 'all') {
		note(join ' | ', sprintf('%-9s', $kind), map { sprintf '%*d', length, $table{$kind}{$_} // 0 } @endings) if $table{$kind};
	}
	my ($slow) = sort { $b->[0] <=> $a->[0] } @slowest;
	note(sprintf 'the slowest, %.1f s: boot %d: %s', $slow->[0], $slow->[1], describe($slow->[2])) if $slow;
	note("$again were started once more, since QEMU or the kernel stopped before /init") if $again;
	note("$right were right");
	return;
}

prepare();
my $end = $ENV{MINUTES} ? time + 60 * $ENV{MINUTES} : 9**99;
for my $number ($ENV{BOOT} // (1 .. $BOOTS)) {
	last if time > $end;
	one_boot($number);
}
print_table();
done_testing();
