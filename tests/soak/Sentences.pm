# What a boot may fail with: for each kind of trouble, rows of the step, the object and the reason that the block must name.
package Sentences;

use strict;
use warnings;

use Exporter qw(import);

our @EXPORT = qw(%SENTENCES sentences_of_servers sentences_of_cut_layer);

my $SIZE  = qr/\d+(?:\.\d+)? (?:B|[KMGT]iB)/;
my $IMAGE = qr{^/rootfs\.tar\.(?:xz|zst)$};
my $URL   = qr{^http://};

# Whatever a damaged byte is taken for by the parsers of xz and zstd, and by the manifest.
my $DAMAGED = qr/
	^Block\ \d+\ \(byte\ \d+\)\ is\ damaged | ^its\ Index,\ a\ stream\ header\ or\ a\ stream\ footer\ is\ damaged
	| ^its\ end\ is\ missing\ or\ other\ data\ follows\ it | ^it\ is\ neither\ a\ tar\ archive\ nor\ an\ xz\ or\ zstd\ file
	| ^it\ is\ damaged,\ or\ was\ changed,\ outside\ of\ its\ Blocks | ^it\ uses\ a\ feature\ of\ the\ xz\ format | ^its\ integrity\ check\ \(type
	| ^it\ has\ \d+\ Blocks,\ its\ manifest | ^Block\ \d+\ is\ elsewhere | ^the\ frame\ at\ byte\ \d+ | ^other\ data\ follows\ its\ last\ frame
	| ^its\ seek\ table /x;

# Said of a server, by what is wrong with it; the type of a page stands behind the words.
my $DETAIL = qr/(?: \([^)]*\))?/;
my %SERVER = (
	flip    => qr/(?:Block \d+ \(byte \d+\) is|its bytes outside of Blocks are) not what (?:its digest|outside-digest) in the manifest says/,
	short   => qr/it is (?:shorter) than its manifest says: \d+ bytes, not \d+/,
	long    => qr/it is (?:longer) than its manifest says: \d+ bytes, not \d+/,
	page    => qr/a page came instead of the file$DETAIL/,
	missing => qr/the server does not have it \((?:404)\)/);

# The same where packets are lost.
my $NETWORK = qr/(?:the connection ended early|the server stopped sending|the server does not answer|(?:nothing|hardly anything) came for \d+ s)$DETAIL/;

sub _rows {
	my ($kind, @rows) = @_;
	return [ map { { kind => $kind, step => $_->[0], what => $_->[1], why => $_->[2] } } @rows ];
}

our %SENTENCES = (
	memory => _rows('memory',
		[ 'check memory', qr/^memory$/, qr/^the root needs (?:at least )?$SIZE.*, this machine has $SIZE free/ ],
		[ 'find payload', qr/./, qr/^the kernel had no room to unpack it: $SIZE of $SIZE are here$/ ],
		[ 'find payload', qr/./, qr/^it is not in the initramfs, which is full: this machine has too little memory for the image$/ ],
		[ 'unpack root', qr/^memory$/, qr/^it is used up: $SIZE are free after $SIZE of the archive's $SIZE$/ ],
		[ 'unpack root', qr/^the unpack child$/, qr/^it was killed, as the kernel does when memory runs out$/ ],
		[ 'unpack root', $URL, qr/^there is no room to keep what arrives, at byte \d+$/ ]),
	'image flip' => _rows('payload', [ qr/^(?:find payload|unpack root)$/, $IMAGE, $DAMAGED ]),
	'image long' => _rows('payload', [ qr/^find payload$/, $IMAGE, $DAMAGED ]),
	'image cut'  => _rows('payload', [ 'find payload', $IMAGE, qr/^it is cut short: $SIZE of $SIZE are here$/ ]),
	'image page' => _rows('payload', [ 'find payload', $IMAGE, qr/^it is cut short: $SIZE of $SIZE are here$/ ]));

# Where the kernel has no room for the initramfs, and a layer in it is named.
sub sentences_of_cut_layer {
	my ($parameter) = @_;
	my ($path, $may_be_missing) = $parameter =~ /^tarboot\.layer=(\/[^?]*)(\??)$/ or return;

	return @{ _rows('memory', $may_be_missing
			? [ 'find layers', 'the initramfs', 'the kernel had no room to unpack all of it: layers may be missing' ]
			: [ 'find layers', $path, 'the kernel had no room to unpack all of the initramfs: this file is missing' ]) };
}

# Where one or two servers, each with its fault, are all that there are. What each of two said is told, in an order that depends on the
# machine; but a wrong byte is fetched again until its tries are used up, whatever the other one says, and is told alone. is_lossy: packets
# are lost, so that each may have failed for that when time was up.
sub sentences_of_servers {
	my ($is_lossy, @faults) = @_;
	my $n        = @faults;
	my $is_wrong = grep { $_ eq 'flip' } @faults;
	my @says     = map { $is_lossy ? qr/(?:$SERVER{$_}|$NETWORK)/ : $SERVER{$_} } @faults;
	my @lines    = map { qr/[\d.]+:\d+: $_/ } @says;
	my @why;

	push @why, qr/^$SERVER{flip}$/ if $is_wrong;
	push @why, qr/^$says[0]$/      if $n == 1;
	push @why, qr/^none of 2 servers gives it: (?:$lines[0]; $lines[1]|$lines[1]; $lines[0])$/ if $n == 2 && !$is_wrong;
	# of a server that sent all it has, and was found out then, nothing was told
	push @why, qr/^none of 2 servers gives it: (?:$lines[0]|$lines[1])(?:; (?:$lines[0]|$lines[1]))?$/ if $n == 2 && $is_wrong && $is_lossy;
	return @{ _rows('payload', map { [ 'unpack root', $URL, $_ ] } @why) };
}

1;
