#!/usr/bin/perl
# The man pages: mandoc finds nothing wrong, there is one for each command, and each has the options of its --help, no
# more and no less. What a page refers to is there.
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

sub sorted { my %seen; return join ' ', sort grep { !$seen{$_}++ } @_ }

for my $command (@commands) {
	my $help = run($TARBOOT, $command, '--help');
	my $page = $page{"tarboot-$command.1"} // '';
	ok($page, "$command has a page") or next;
	my ($synopsis) = $page =~ /^\.Sh SYNOPSIS\n(.*?)^\.Sh /ms;
	my @in_page = map { /(?:Fl |, )-([a-z-]+)/g } $page =~ /^\.It (Fl .*)$/mg;
	my @in_help = $help =~ /(?<![\w-])--([a-z-]+)/g;
	is(sorted(@in_page), sorted(@in_help), "$command: the options of its page are those of its help");
	my %letter = $help =~ /^ +-(\w), --([a-z-]+)/mg;
	like($page, qr/^\.It Fl $_ , -$letter{$_}\b/m, "$command: -$_ is --$letter{$_}") for sort keys %letter;
	ok($synopsis =~ /tarboot $command$/m, "$command: the synopsis is about it");
}
done_testing();
