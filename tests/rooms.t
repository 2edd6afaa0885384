#!/usr/bin/perl
# The order of the source: common/ includes neither init/ nor packer/, and these not each other; no module includes one that
# includes it, by whatever way; an include names exactly one file. Where there are folders, README.md of common/, init/ and
# packer/ lists them in order, and a folder includes only what is in it and in those before it.
use strict;
use warnings;
use File::Basename qw(basename dirname);
use File::Find qw(find);
use FindBin;
use Test::More;

chdir "$FindBin::RealBin/.." or die "$!\n";

my @TOPS  = qw(common init packer);
my %KNOWS = (common => ['common'], init => [qw(common init)], packer => [qw(common packer)]);

my %includes;    # file => [what it includes, as the text has it]
find({ no_chdir => 1, wanted => sub {
	return unless /\.[ch]$/;
	open my $file, '<', $_ or die "$_: $!\n";
	$includes{$_} = [map { /^#include "([^"]+)"/ ? $1 : () } <$file>];
} }, @TOPS);

sub top_of { return $_[0] =~ s{/.*}{}r }
sub room_of { my ($file) = @_; return $file =~ m{^\w+/(\w+)/} ? $1 : '' }
sub module_of { return $_[0] =~ s/\.[ch]$//r }

# The files that an include of one file can mean: in its own directory, or below a directory that its compiler is told of.
sub meant {
	my ($file, $text) = @_;
	my %found = map { $_ => 1 } grep { $includes{$_} } dirname($file) . "/$text", map { "$_/$text" } @TOPS;
	return sort keys %found;
}

my (@unknown, @stranger, %edges);
for my $file (sort keys %includes) {
	for my $text (@{ $includes{$file} }) {
		my @meant = meant($file, $text);
		push @unknown, "$file: \"$text\" is " . (join(' and ', @meant) || 'no file') if @meant != 1;
		push @stranger, "$file: $_" for grep { my $top = top_of($_); !grep { $_ eq $top } @{ $KNOWS{ top_of($file) } } } @meant;
		$edges{$file}{ $meant[0] } = 1 if @meant;
	}
}
is(join("\n", @unknown), '', 'an include names exactly one file');
is(join("\n", @stranger), '', 'common includes neither init nor packer, and these not each other');

# A header without a .c of its name is no module: who includes it includes what it includes.
sub modules_of {
	my ($file, $seen) = @_;
	my %modules;
	for my $other (keys %{ $edges{$file} }) {
		next if $seen->{$other}++;
		if ($includes{ module_of($other) . '.c' }) { $modules{ module_of($other) } = 1 }
		else { %modules = (%modules, modules_of($other, $seen)) }
	}
	return %modules;
}

my %graph;
for my $file (keys %includes) {
	next unless $includes{ module_of($file) . '.c' };
	my %modules = modules_of($file, {});
	delete $modules{ module_of($file) };
	$graph{ module_of($file) }{$_} = 1 for keys %modules;
}

# What is left when modules that include none of the rest, or that none of the rest includes, are taken away again and again.
my %left = map { $_ => 1 } keys %graph;
while (1) {
	my %included = map { $_ => 1 } map { keys %{ $graph{$_} } } keys %left;
	my @free = grep { my $module = $_; !$included{$module} || !grep { $left{$_} } keys %{ $graph{$module} } } keys %left;
	last unless @free;
	delete @left{@free};
}
is(join(' ', sort keys %left), '', 'no circle of modules');

for my $top (@TOPS) {
	my @rooms = sort { $a cmp $b } map { basename($_) } grep { -d } glob "$top/*";
	next unless @rooms;
	open my $readme, '<', "$top/README.md" or die "$top/README.md: $!\n";
	my @listed = map { m{^\| `(\w+)/` \|} ? $1 : () } <$readme>;
	is(join(' ', sort @listed), join(' ', @rooms), "$top/README.md lists the folders");
	my %place = map { $listed[$_] => $_ } 0 .. $#listed;
	my @wrong;
	for my $file (grep { top_of($_) eq $top } sort keys %edges) {
		for my $other (grep { top_of($_) eq $top } sort keys %{ $edges{$file} }) {
			my ($from, $to) = map { room_of($_) } $file, $other;
			push @wrong, "$file: $other" if $from ne '' && ($to eq '' || $place{$to} > $place{$from});
		}
		push @wrong, map { "$file: \"$_\" without its folder" }
			grep { !m{/} && (meant($file, $_))[0] !~ m{^\w+/[^/]+$} } @{ $includes{$file} };
	}
	is(join("\n", @wrong), '', "in $top/ each folder includes only what is before it");
}
# What the command is built on knows files and texts; of what init and the command have in common it needs no more than that.
my @base = map { my $file = $_; map { "$file: $_" } keys %{ $edges{$file} } } grep { m{^packer/base/} } keys %edges;
is(join("\n", sort grep { !/: (?:packer\/base|common\/(?:base|codec))\// } @base), '', 'packer/base includes only common/base and common/codec');

# The fetcher is a program of its own, and knows as little of the rest as a stranger.
my @own   = grep { m{^init/fetch/} } keys %edges;
my @wrong = grep { !/: (?:init|common)\/fetch\/|: common\/base\// } map { my $file = $_; map { "$file: $_" } keys %{ $edges{$file} } } @own;
push @wrong, map { my $file = $_; map { "$file: $_" } grep { m{^init/fetch/} } keys %{ $edges{$file} } } grep { !m{^init/fetch/} } keys %edges;
ok(scalar @own, 'there is a fetcher');
is(join("\n", sort @wrong), '', 'it includes only common/base and common/fetch, and nothing includes it');
my @checker = map { my $file = $_; map { "$file: $_" } keys %{ $edges{$file} } } grep { m{^init/signature/} } keys %edges;
ok(scalar @checker, 'there is a program that checks signatures');
is(join("\n", sort grep { !/: common\/(?:base|image)\// } @checker), '', 'it includes only common/base and common/image');
done_testing;
