# What the engine would do on so many cores, played with times that one thread measures: what it does in parallel (decode each
# Block, write) and what one thread does alone (list, parse, make names, finish the tree). Blocks are taken in order, parsed in
# order, and wait in a pool that is as large as the plan's. Left out: cores share memory bandwidth and caches.
package Schedule;

use strict;
use warnings;

use Bench;
use Exporter qw(import);
use List::Util qw(max min sum0);
use Payloads;

our @EXPORT = qw(measure_parts predict pool alone);

# Medians of the parts of one payload, in seconds: { list, decode => [..], parse, names, finish, write }.
sub measure_parts {
	my ($file) = @_;
	my %all;

	for (1 .. rounds()) {
		empty_out();
		run(build_path('tests/tools/touch_memory'), int(mib(3 * (-s root_tar()))));
		for (split /\n/, run(build_path('tests/tools/serial_parts'), $file, work('out'))) {
			my ($key, @values) = split;
			push @{ $all{$key}[$_] }, $values[$_] for 0 .. $#values;
		}
	}
	my %parts = map { $_ => [map { median(@$_) } @{ $all{$_} }] } keys %all;
	$parts{$_} = $parts{$_}[0] for grep { $_ ne 'decode' } keys %parts;
	return \%parts;
}

# As common/engine/plan.c: Blocks that so many decoders have room for, and bytes of the pool.
sub ahead { my ($n) = @_; return $n > 1 ? $n + int($n / 3) : 0 }
sub pool { my ($n, $block) = @_; return (4 << 20) + ahead($n) * $block }

# Seconds of the one thread that parses.
sub alone { my ($p) = @_; return $p->{parse} + $p->{names} }

# Seconds from start to end on so many cores. A Block's data are written by the worker that decodes it; the one
# thread that parses takes its share of the cores' time.
sub predict {
	my ($p, $cores) = @_;
	my @decode = @{ $p->{decode} };
	my $serial = alone($p) / @decode;
	my $write  = $p->{write} / @decode;
	my $share  = 1 + alone($p) / (sum0(@decode) + $p->{write});
	my $ahead  = ahead(min($cores, scalar @decode)) + 1;    # and the one that the parser follows
	my @free   = (0) x $cores;
	my @parsed;

	for my $i (0 .. $#decode) {
		@free = sort { $a <=> $b } @free;
		my $start = max($free[0], $i >= $ahead ? $parsed[$i - $ahead] : 0);
		$free[0] = $start + ($decode[$i] + $write) * $share;
		$parsed[$i] = max($free[0], ($i ? $parsed[$i - 1] : 0) + $serial);
	}
	return $p->{list} + $parsed[-1] + $p->{finish};
}

1;
