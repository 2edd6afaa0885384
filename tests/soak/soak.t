#!/usr/bin/perl
# Many boots with faults drawn at random, none to three at once: too little memory, damaged payloads, wrong parameters, devices that
# come and go, a bad network, bad servers. Each must end with the new init in a root that is right, as far as busybox can tell, or in the
# sentence for what was done to it and a machine that does what it was told to do then, in its time. `make soak` boots BOOTS times (200) from
# SEED, or for MINUTES; BOOT=17 does that one again, alone, MEM=124 with so many MiB if its fault is in the memory. KERNEL is minimal (where
# `make kernel` has built one) or bookworm.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin, "$FindBin::RealBin/../netboot", "$FindBin::RealBin/../boot";
use List::Util qw(sum0);
use Test::More;
use Draw;
use Ending;
use Site;
use Stream;

plan skip_all => 'it boots many times: run make soak, or make test-all for a few' unless $ENV{TARBOOT_SOAK} || $ENV{TARBOOT_TEST_ALL};
need_programs(qw(qemu-system-x86_64 busybox dnsmasq ip));

my $BOOTS  = $ENV{BOOTS} || ($ENV{TARBOOT_SOAK} ? 200 : 12);
my $MANY   = 100;    # boots in which each kind of fault must take place
my $MISSED = 'did not take place';
my $seed   = $ENV{SEED} ||= time % 1_000_000;
kernel_file();       # may be fetched or built, which needs this machine's network
enter_network();
diag("SEED=$seed KERNEL=" . kernel_name() . " BOOTS=$BOOTS");

my (%table, %column, @slowest);
my ($again, $right, $stalls) = (0, 0, 0);

# A boot counts for each of its faults that took place. Returns those that did not.
sub count_boot {
	my ($boot, $seen, $ending) = @_;
	my %took_place = map { $_ => 1 } faults_that_took_place($boot, $seen);

	$again  += $seen->{again};
	$stalls += host_stalls($seen);
	$column{$ending}++;
	$table{$_}{$ending}++ for 'all', @{ $boot->{kinds} } ? keys %took_place : 'none';
	my @missed = grep { !$took_place{$_} } @{ $boot->{kinds} };
	$table{$_}{$MISSED}++ for @missed;
	return @missed;
}

# So that it can be done again.
sub command_of {
	my ($boot) = @_;
	my @mem = grep { $_ eq 'memory' } @{ $boot->{kinds} };
	return "SEED=$seed BOOT=$boot->{number}" . (@mem ? " MEM=$boot->{mem}" : '') . ' KERNEL=' . kernel_name() . ' make soak';
}

sub one_boot {
	my ($number) = @_;
	my $boot = draw($seed, $number, facts());
	my $seen = run_boot($boot);
	my ($ending, $wrong) = judge($boot, $seen, $SLOW);
	my @missed = count_boot($boot, $seen, $ending);
	my $line   = sprintf '%s%s -> %s, %.1f s (%.1f of them waiting for the host), limit %d', describe($boot),
		@missed ? " ($MISSED: @missed)" : '', $ending, @$seen{qw(elapsed delay)}, $boot->{limit};

	push @slowest, [ $seen->{elapsed} - $seen->{delay}, "$number: $line" ] if !$wrong;
	return $right += pass("boot $number: $line") if !$wrong;
	fail("boot $number: $line");
	diag("  $wrong\n  again: " . command_of($boot) . '; its logs: ' . keep_logs($boot));
	return;
}

sub print_table {
	my @endings = sort { ($b eq 'boots') <=> ($a eq 'boots') || $a cmp $b } keys %column;

	note(join ' | ', sprintf('%-9s', 'fault'), @endings, $MISSED);
	for my $kind ('none', @KINDS, 'all') {
		note(join ' | ', sprintf('%-9s', $kind), map { sprintf '%*d', length, $table{$kind}{$_} // 0 } @endings, $MISSED) if $table{$kind};
	}
	my ($slow) = sort { $b->[0] <=> $a->[0] } @slowest;
	note("the slowest: boot $slow->[1]")                                                if $slow;
	note("$again were started once more, since QEMU or the kernel stopped before /init") if $again;
	note("$stalls kernels stalled while the host let them wait")                         if $stalls;
	note("$right were right");
	return;
}

# Drawn is not tested.
sub check_faults {
	for my $kind (@KINDS) {
		my $happened = grep { $_ ne $MISSED } keys %{ $table{$kind} };
		ok($happened, "$kind: it took place");
	}
	return;
}

prepare();
my $end = $ENV{MINUTES} ? time + 60 * $ENV{MINUTES} : 9**99;
for my $number ($ENV{BOOT} // (1 .. $BOOTS)) {
	last if time > $end;
	one_boot($number);
}
print_table();
check_faults() if sum0(values %column) >= $MANY;
done_testing();
