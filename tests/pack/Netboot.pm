# Runs of `tarboot netboot`, and what a test expects of one.
package Netboot;

use strict;
use warnings;

use Engine;
use Exporter qw(import);
use Test::More;

our @EXPORT  = qw(netboot works works_quietly refuses);
our $TARBOOT = build_path('tarboot');

# How it went: see try().
sub netboot {
	my ($site, @arguments) = @_;
	return try($TARBOOT, 'netboot', '-o', $site, @arguments);
}

# It works; what it prints.
sub works {
	my ($site, $name, @arguments) = @_;
	my $r = netboot($site, @arguments);
	is($r->{exit}, 0, $name) or diag($r->{err});
	return $r->{out};
}

# The same, and it warns of nothing.
sub works_quietly {
	my ($site, $name, @arguments) = @_;
	my $r = netboot($site, @arguments);
	is($r->{exit}, 0, $name) or diag($r->{err});
	is($r->{err}, '', "$name: without a warning");
	return $r->{out};
}

# It ends with this exit code, and says this: the whole text, or a pattern.
sub refuses {
	my ($site, $name, $exit, $says, @arguments) = @_;
	my $r = netboot($site, @arguments);
	is($r->{exit}, $exit, "$name: refused");
	if (ref $says) { like($r->{err}, $says, "$name: says why") }
	else           { is($r->{err}, $says, "$name: says why") }
	return;
}

1;
