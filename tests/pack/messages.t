#!/usr/bin/perl
# docs/troubleshooting.md has every message that the source can print, and what to do about it: a sentence.
use strict;
use warnings;
use utf8;
use open qw(:std :utf8);
use FindBin;
use Test::More;

my $top = "$FindBin::RealBin/../..";
open my $f, '<', "$top/docs/troubleshooting.md" or BAIL_OUT("docs/troubleshooting.md: $!");
my $document = do { local $/; <$f> };
$document =~ s/\A.*^<!-- scripts.messages [^\n]*\n//ms;

ok(scalar qx('$top/scripts/messages') eq $document,
	'docs/troubleshooting.md is what scripts/messages prints')
	or diag('run scripts/messages and put that there');

# What stands for a sentence, because it is said elsewhere.
my %ELSEWHERE = map { $_ => 1 } '*it says so*', '*see [System errors](#system-errors)*', '`tarboot … --help`';

my (@rows, @broken);
for my $row (grep { /^\| / && !/^\| message \|/ } split /\n/, $document) {
	my ($message, $advice) = $row =~ /^\| (.*) \| (.*) \| `.*` \|\z/ or BAIL_OUT("no row of three: $row");
	push @rows, $row;
	push @broken, $row
		if $message !~ /\w{2}.* / || !($ELSEWHERE{$advice} || $advice =~ /^[A-Z][^ ]*[ :].+[.]\z/);
}
cmp_ok(scalar @rows, '>', 200, 'the tables were found');
is(join("\n", @broken), '', 'each advice is a sentence, and each message more than a word');
done_testing;
