#!/usr/bin/perl
# The man pages: mandoc finds nothing wrong, there is one for each command, and each has the options of the table that the
# command parses by: names, letters, values, order and defaults. What a page refers to is there.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../boot";
use Test::More;
use Image;

need_programs('mandoc');
my $TARBOOT  = build_path('tarboot');
my %page     = map { m{([^/]+)\z} ? ($1 => slurp($_)) : () } glob repo_path('docs/*.[1578]');
my @commands = run($TARBOOT, '--help') =~ /^  ([a-z-]+)  /mg;

ok(@commands > 5, 'there are commands');
for my $name (sort keys %page) {
	my @found = grep { !/outdated mandoc\.db|cross reference to self/ } split /\n/,
		qx{mandoc -Tlint -Wwarning '@{[repo_path("docs/$name")]}' 2>/dev/null};
	is(join("\n", @found), '', "$name: mandoc finds nothing");
	for my $xr ($page{$name} =~ /^\.Xr (tarboot\S* \d)/mg) {
		ok($page{ $xr =~ s/ /./r }, "$name: $xr is there");
	}
}
is($page{'tarboot-pack.1'} =~ /^\.\\" scripts.scrub-table [^\n]*\n(.*?)^\.\\" end of the list$/ms ? $1 : '',
	run(repo_path('scripts/scrub-table')), 'tarboot-pack.1 has what scripts/scrub-table prints');
like($page{'tarboot.1'}, qr/^\.It Cm $_$/m, "tarboot.1 names $_") for @commands;

# ---- the options: those of the table that the command itself parses by ----

# As a page says it: ".It Fl o , -output Ar IMAGE".
sub heading {
	my ($name, $letter, $value) = @_;
	return '.It Fl ' . ($letter ? substr($letter, 1) . ' , ' : '') . substr($name, 1) . ($value ? " Ar $value" : '');
}

# The text of an mdoc entry without its macros.
sub plain {
	my ($mdoc) = @_;
	$mdoc =~ s/^\.\w\w (.*)$/join ' ', grep { !m{^(?:Ar|Pa|Ql|Fl|Cm|Xr)$} } split ' ', $1/mge;
	$mdoc =~ s/\s+/ /g;
	$mdoc =~ s/ Ns //g;
	return $mdoc =~ s/ ([.,;:])(?= |\z)/$1/gr;
}

for my $command (@commands) {
	my $help = run($TARBOOT, $command, '--help');
	my $page = $page{"tarboot-$command.1"} // '';
	ok($page, "$command has a page") or next;
	my ($synopsis) = $page =~ /^\.Sh SYNOPSIS\n(.*?)^\.Sh /ms;
	ok($synopsis =~ /tarboot $command$/m, "$command: the synopsis is about it");

	my @options = grep { $_->[0] } map { [ split /\t/, $_, -1 ] } split /\n/, run($TARBOOT, $command, '--list-options');
	is(join("\n", $page =~ /^(\.It Fl .*)$/mg), join("\n", map { heading(@$_) } @options),
		"$command: its page has the options of its table, in that order, with letters and values");
	for my $option (@options) {
		my ($name, $letter, $value) = @$option;
		my $head = '  ' . ($letter ? "$letter, " : '    ') . $name . ($value ? " $value" : '');
		like($help, qr/^\Q$head\E(?:  |$)/m, "$command: its help has $name");

		# What is the default, both say in the same words.
		my ($about)   = $help =~ /^\Q$head\E((?:  .*)?\n(?: {8,}.*\n)*)/m;
		my ($entry)   = $page =~ /^\Q@{[ heading(@$option) ]}\E\n(.*?)(?=^\.It |^\.El)/ms;
		my ($default) = ($about // '') =~ s/\s+/ /gr =~ /\(default: ([^;)]+)/ or next;
		like(plain($entry // ''), qr/[Dd]efault: \Q$default\E/, "$command: its page has the default of $name");
	}
}
done_testing();
