# Programs that unpack one root, in turn: measured, compared, shown. A contestant has
#
#	form     what it unpacks, as Payloads names it; "own": a format of its own
#	against  the form whose tarboot and decoder it is compared with; the same unless said
#	key      how targets find it: id is "form key"
#	kind     ours, decode, same, debian, busybox: its colour
#	name, command
#	loses    what of the tree it is known to lose (see Payloads); none: it makes no tree
package Contest;

use strict;
use warnings;

use Bench;
use Exporter qw(import);
use Payloads;
use Plot qw(bars_svg);

our @EXPORT = qw(contestant measure wall cpu show_results draw_results any_wrong faster);

my %COLOUR = (
	ours => '#0072b2', decode => '#999999', same => '#e69f00', debian => '#d55e00',
	busybox => '#882255');

sub contestant {
	my (%c) = @_;
	$c{id} = "$c{form} $c{key}";
	$c{against} //= $c{form};
	return \%c;
}

my (%wall, %cpu, $wrong);

# Each once in every round; bytes: see timed_run.
sub measure {
	my ($contestants, $touch) = @_;
	my $reference = reference_tree();

	for my $round (1 .. rounds()) {
		for my $c (@$contestants) {
			my ($wall, $cpu) = timed_run($c->{command}, $touch);
			push @{ $wall{ $c->{id} } }, $wall;
			push @{ $cpu{ $c->{id} } },  $cpu;
			next unless $round == 1 && $c->{loses};
			my $difference = tree_differs($reference, work('out'), @{ $c->{loses} });
			next unless $difference;
			print "WRONG TREE: $c->{command}\n$difference";
			$wrong = 1;
		}
	}
	return;
}

sub any_wrong { return $wrong }

# Medians of seconds, by id.
sub wall { my ($id) = @_; return median(@{ $wall{$id} }) }
sub cpu { my ($id) = @_; return median(@{ $cpu{$id} }) }

# What a contestant is compared with: tarboot and the decoder on the same file; for other formats, on what tarboot packs.
sub ratios {
	my ($c) = @_;
	return map { wall($c->{id}) / wall("$c->{against} $_") } qw(ours decode);
}

# The table; title: of each form. Returns the bars for draw_results.
sub show_results {
	my ($contestants, %title) = @_;
	my ($form, @rows, @bars) = ('');

	for my $c (@$contestants) {
		if ($c->{form} ne $form) {
			$form = $c->{form};
			push @rows, [ $title{$form} ];
			push @bars, [ $title{$form} ];
		}
		my @wall = sort { $a <=> $b } @{ $wall{ $c->{id} } };
		push @rows, [ "  $c->{name}", (map { sprintf '%.2f', $_ } wall($c->{id}), @wall[0, -1], cpu($c->{id})),
			map { sprintf '%.3f', $_ } ratios($c)];
		push @bars, [ $c->{name}, wall($c->{id}), $COLOUR{ $c->{kind} } ];
		my $what = ($form eq 'own' ? 'other formats' : payload_label($form)) . ": $c->{name}";
		record($what, 'wall', 's', @wall);
		record($what, 'cpu',  's', @{ $cpu{ $c->{id} } });
		record($what, 'wall to tarboot', '1', (ratios($c))[0]);
	}
	table([ '', 'wall s', 'least', 'most', 'cpu s', 'to tarboot', 'to decode' ], @rows);
	return @bars;
}

# Writes build/bench-NAME.svg. legend: [kind, text]...
sub draw_results {
	my ($name, $subject, $bars, @legend) = @_;
	spew(build_path("bench-$name.svg"), bars_svg(
		title => 'Unpacking a root: wall time, seconds', subtitle => $subject, rows => $bars,
		legend => [map { [ $COLOUR{ $_->[0] }, $_->[1] ] } @legend]));
	return;
}

# The target that a rival takes so many times as long as tarboot on that form.
sub faster {
	my ($form, $rival, $what, $relation, $limit) = @_;
	target(payload_label($form) . ": $what", $relation, $limit, wall($rival) / wall("$form ours"),
		'%.2f');
	return;
}

1;
