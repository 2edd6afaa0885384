#!/usr/bin/perl
# Damaged tars of every format: a wrong byte in each field of each header and in the records and maps behind
# them, with the checksum mended and not, and cuts at each place where something begins. Our reader never
# takes what GNU tar refuses, never makes another tree than GNU tar, and refuses nothing that GNU tar takes,
# but for what stands in the tables here, each with its reason.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use RawTar;
use Test::More;

need_programs(qw(tar setfattr));
my $ALL   = $ENV{TARBOOT_TEST_ALL};
my @BYTES = map { chr } 0, 0x20, ord '9', ord 'a', 0x80, 0xff, ord '-';

# ---- archives: lists of members, each with what is damaged ----

my @POSIX   = qw(name mode uid gid size mtime chksum typeflag linkname magic version uname gname devmajor devminor prefix pad);
my @GNU     = ((grep { !/prefix|pad/ } @POSIX), qw(gnu_atime gnu_ctime gnu_offset gnu_longnames gnu_sparse gnu_isextended gnu_realsize));
my @STAR    = (@POSIX, qw(star_atime star_ctime));
my $acl     = 'user::rw-,user:7:r--,group::r--,mask::r--,other::---';
my @sparse  = ((map { [$_ * 4096, 512] } 0 .. 29), [122880, 0]);
my @map     = ([0, 512], [8192, 5], [20000, 0]);
my $data    = 'h' x 512 . 'world';
my @numbers = (uid => base256(3000000, 8), gid => base256(4000000, 8), mtime => base256(9000000000, 12));

# name => [fields that are damaged, member...]. A member that has more than one header is damaged in all of them.
my @ARCHIVES = (
	['V7', \@POSIX, v7(name => 'd/', mode => 0755), v7(name => 'd/f', data => 'hello', uid => 7), v7(name => 's', type => '2', link => 'd/f'),
		v7(name => 'h', type => '1', link => 'd/f')],
	['ustar', \@POSIX, dir('d/'), file('f', 'hello' x 200, prefix => 'd', uname => 'root', gname => 'root'), symlink_to('s', 'd/f'), hardlink('h', 'd/f'), fifo('p'),
		tar_member(name => 'c', type => '3', major => 1, minor => 3), tar_member(name => 'b', type => '4', major => 8, minor => 1), file('c7', 'x', type => '7')],
	['GNU', \@GNU, gnu_long(L => 'l' x 120) . gnu(name => 'l' x 100, data => 'hello', @numbers), gnu_long(K => 't' x 120) . gnu(name => 's', type => '2', link => 't' x 100),
		gnu(name => 'd/', type => '5', mode => 0755), gnu(name => 'c', type => '3', major => 1, minor => 3), sparse_gnu('sparse', 122880, \@sparse, 'a' x (30 * 512))],
	['pax', \@POSIX, pax_global(comment => 'global', uid => 9), tar_pax(path => 'long', mtime => '1.5', uid => 7, 'SCHILY.xattr.user.a' => 'v') . file('f', 'hello'),
		tar_pax(linkpath => 'target', size => 0) . symlink_to('s', 't'), tar_pax('SCHILY.acl.access' => $acl) . file('acl', '', mode => 0640),
		tar_pax(size => 5, gid => 8) . file('g', 'hello', size => 5)],
	['pax sparse 0.0', \@POSIX, sparse_pax('0.0', 's', 20000, \@map, $data)],
	['pax sparse 0.1', \@POSIX, sparse_pax('0.1', 's', 20000, \@map, $data)],
	['pax sparse 1.0', \@POSIX, sparse_pax('1.0', 's', 20000, \@map, $data)],
	['star', \@STAR, star(name => 'd/', type => '5', mode => 0755), star(name => 'f', data => 'hello', prefix => 'd')],
);

# ---- what differs from GNU tar, and why ----

# Each entry: [name, reason, test of ($r, $damage)], which holds for nothing but what its reason says. damage: { archive, at,
# field, byte, mended; header: where it starts in member_bytes, which have the damage; whole: the archive without it }.
my %used;
sub said   { my ($pattern) = @_; return sub { $_[0]{why} =~ $pattern } }
sub gnu_is { my ($pattern) = @_; return sub { $_[0]{messages} =~ $pattern } }

my @REFUSED = (    # by us, not by GNU tar
	['base 64', 'numbers in base 64, which GNU tar 1.13 wrote for a month, are none to us', gnu_is(qr/obsolescent base-64/)],
		['no name', 'a member without a name, which GNU tar takes for the root', said(qr/a member has no name/)],
	['special headers', 'GNU tar reads only size and checksum of L, K, x and g; junk in one of their other fields says that the archive is damaged',
		sub { $_[1]{field} =~ /^[LKxg] (?:mode|uid|gid|mtime)/ && $_[0]{why} =~ /: the \w+ in its tar header/ }],
	['hard links', 'GNU tar does not read the size of a hard link; in pax it counts',
		sub { $_[1]{field} =~ /^1 size/ && $_[0]{why} =~ /: the size in its tar header/ }],
	['maps', 'a map that is out of order or does not fit its file, which GNU tar writes where it says', said(qr/: its map of holes (?:has entries that overlap|extends beyond the end|lists more data than)/)],
	['lists', 'a map that lacks something, which GNU tar does not miss', said(qr/: its map of holes (?:is not a list|is cut short|does not have as many|does not say)/)],
	['versions', 'a sparse file of a version that is not known, which GNU tar takes for no sparse file', said(qr/: it is a sparse file/)],
	['NULs', 'GNU tar ends a record at its first NUL, and a number at what is no digit', said(qr/in its extended header has an invalid value/)],
	['records', 'a record without a key or with a NUL in it', said(qr/its extended header has no (?:valid record|key)/)],
	['attributes', 'GNU tar warns and goes on without the attribute', sub { $_[0]{messages} =~ /annot set|acl_from_text/ }],
	['ACLs', 'an ACL of a form that only libacl knows', said(qr/has an invalid ACL/)],
);
my @TAKEN = (      # by us, not by GNU tar
	['overruled', 'a record of pax rules; the number in the header, which nobody asks for, is beyond what Linux has',
		sub { $_[1]{field} =~ /^0 [ug]id/ && $_[0]{messages} =~ /out of [ug]id_t range/ && is_undamaged(@_) }],
	['V7 and pax', 'records of pax count for us whatever magic the header behind them has', sub { !has_magic($_[1]) && is_undamaged(@_) }],
);
my @OTHER = (      # trees
	['V7 devices', 'GNU tar gives a device without a magic the number 0',
		sub { !has_magic($_[1]) && $_[0]{tree} =~ s/ rdev=\d+:\d+/ rdev=0:0/r eq $_[0]{gnu_tree} }],
	['real size', 'GNU tar makes a sparse file as long as its map, not as long as it says', \&has_zeros_behind_map],
	['long names', 'GNU tar reads a long name or target to its NUL, also behind its size',
		sub { $_[1]{field} =~ /^[LK] size/ && sorted($_[0]{gnu_tree} =~ s/([lt])\1{119}/$1 x size_said($_[1])/er) eq sorted($_[0]{tree}) }],
	['half an ACL', 'GNU tar warns and goes on without the ACL',
		sub { $_[0]{messages} =~ /acl_from_text/ && $_[0]{gnu_tree} !~ /posix_acl/ && without_acl($_[0]{tree}) eq without_acl($_[0]{gnu_tree}) }],
);

# The mode of a file with an ACL is part of it.
sub without_acl { my ($tree) = @_; return $tree =~ s/^(acl f) \d+(.*?)(?: system\.posix_acl_access=\w+)?$/$1$2/mr }

sub field_of  { my ($d, $field) = @_; return substr $d->{member_bytes}, $d->{header} + $FIELDS{$field}[0], $FIELDS{$field}[1] }
sub has_magic { my ($d) = @_; return $d->{field} !~ / (?:magic|version)/ || (field_of($d, 'magic') . field_of($d, 'version')) =~ /\Austar(?:\0|  \0\z)/ }
sub size_said { my ($d) = @_; return oct(field_of($d, 'size') =~ s/[\0 ].*//sr) }
sub sorted    { my ($tree) = @_; return join '', sort split /^/m, $tree }

# Our tree is that of the archive before the damage.
sub is_undamaged { my ($r, $d) = @_; return $r->{tree} eq ($d->{undamaged} //= both($d->{whole}, '=')->{tree}) }

# CRC-64 (as xz has it) of bytes with this one, and zeros behind them.
sub crc64_with_zeros {
	my ($crc, $n) = @_;
	no warnings qw(portable);
	my $sum = ~hex $crc;
	for (1 .. 8 * $n) { $sum = $sum & 1 ? $sum >> 1 ^ 0xc96c5795d7870f42 : $sum >> 1 }
	return sprintf '%016x', ~$sum;
}

# The sparse file is GNU tar's, and zeros up to the size that is said; all else is the same.
sub has_zeros_behind_map {
	my ($r, $d) = @_;
	my $line = qr/^(s(?:parse)? f .*) size=(\d+) crc64=(\w+)$/m;
	my @ours = $r->{tree}     =~ $line or return 0;
	my @gnu  = $r->{gnu_tree} =~ $line or return 0;
	my $said = $d->{member_bytes} =~ /GNU\.sparse\.(?:real)?size=(\d+)\n/ ? $1 : oct(field_of($d, 'gnu_realsize') =~ s/\0.*//sr);

	return $ours[0] eq $gnu[0] && $ours[1] == $said && $ours[1] > $gnu[1] && $ours[2] eq crc64_with_zeros($gnu[2], $ours[1] - $gnu[1])
		&& $r->{tree} =~ s/$line//r eq $r->{gnu_tree} =~ s/$line//r;
}

sub explained {
	my ($table, @about) = @_;
	for (@$table) {
		my ($name, $why, $test) = @$_;
		return ++$used{$name} if $test->(@about);
	}
	return 0;
}

# What is wrong with a result, in a word; '' when nothing.
my %count;

sub verdict {
	my ($r, $damage) = @_;
	my $kind = ($r->{ours} ? 'refused' : 'taken') . ($r->{gnu} ? ' refused' : ' taken');

	$count{$kind}++;
	return 'verify and unpack differ' if !$r->{verified} != !$r->{ours} && !explained([['the tree', '', sub { $r->{why} =~ $main::TREE }]]);
	return '' if $kind eq 'refused refused';
	return explained(\@REFUSED, $r, $damage) ? '' : 'refused by us alone' if $r->{ours};
	return explained(\@TAKEN, $r, $damage) ? '' : 'taken by us alone' if $r->{gnu};
	return '' if $r->{tree} eq $r->{gnu_tree};
	return explained(\@OTHER, $r, $damage) ? '' : 'another tree';
}

# What only the tree can refuse.
our $TREE = qr/cannot create|hard link|cannot reach|File too large|attributes|already/;

my $shown = 0;
our $log;
open $log, '>', $ENV{DAMAGE_LOG} if $ENV{DAMAGE_LOG};

sub show {
	my ($verdict, $r, $d) = @_;
	print {$main::log} join("\t", $verdict, (map { quoted($d->{$_} // '-') } qw(archive member field at byte mended)), map { quoted($_) } $r->{why}, $r->{tree}, $r->{messages}, $r->{gnu_tree}), "\n" if $main::log;
	return if $shown++ > 150;
	my $where = join ', ', map { "$_ " . quoted($d->{$_} // '-') } qw(archive member field at byte mended);
	my ($why) = split /\n/, $r->{why};
	my ($gnu) = split /\n/, $r->{messages};
	diag("$verdict: $where\n  ours: ", $why // "\n$r->{tree}", "\n  GNU: ", $gnu // "\n$r->{gnu_tree}");
	return;
}

# ---- bytes ----

# Where headers stand in a member, and which of the rest is text that counts.
sub headers {
	my ($bytes) = @_;
	my (@at, $at);
	for ($at = 0; $at < length $bytes;) {
		my ($size, $type) = unpack 'x124 a12 x20 a1', substr $bytes, $at, 512;
		push @at, $at;
		return (\@at, $at + 512) if $type !~ /[xgLK]/;
		$at += 512 + (oct($size =~ s/\0//gr) + 511) % (1 << 40) & ~511;
	}
	return (\@at, $at);
}

my $stride = $ALL ? 1 : 9;
my $turn   = 0;

sub try_damage {
	my ($before, $member, $behind, $at, $header, $byte, %d) = @_;
	return 0 if substr($member, $at, 1) eq $byte;
	%d = (%d, at => $at, byte => $byte, header => $header, whole => $before . $member . $behind);
	substr $member, $at, 1, $byte;
	substr $member, $header, 512, mended(substr $member, $header, 512) if $d{mended};
	my $r       = both($before . $member . $behind);
	$d{member_bytes} = $member;
	my $verdict = verdict($r, \%d);
	show($verdict, $r, \%d) if $verdict;
	return $verdict ne '';
}

# First, last and last used byte of a field; when there is time all of them, of long texts each fifth.
sub places {
	my ($bytes, $at, $size) = @_;
	my $text = substr $bytes, $at, $size;
	my %places = map { $_ => 1 } $ALL ? grep({ $size <= 12 || $_ % 5 == 0 } 0 .. $size - 1) : (0, $size - 1, grep { $_ >= 0 && $_ < $size } map { $_ - 1, $_ } length $text =~ s/\0.*//sr);
	return map { $at + $_ } sort { $a <=> $b } keys %places;
}

for (@ARCHIVES) {
	my ($archive, $fields, @members) = @$_;
	for my $i (0 .. $#members) {
		my $before = file('d/f', '1') x ($members[$i] =~ m{1d/f\0} || $archive eq 'pax');
		my $behind = file('last', '2') . tar_end();
		my ($headers, $rest) = headers($members[$i]);
		for my $header (@$headers) {
			my $type = substr $members[$i], $header + 156, 1;
			my $wrong = 0;
			for my $field (@$fields) {
				my ($at, $size) = @{ $FIELDS{$field} };
				for my $place (places($members[$i], $header + $at, $size)) {
					for my $byte (@BYTES) {
						for my $mended (1, 0) {
							next if $turn++ % $stride && !($mended && $place == $header + $at && $byte =~ /[9a-]/ && $field =~ /uid|size|mtime|mode|dev|typeflag|isext/);
							next if !$mended && ($ALL ? $byte !~ /[\0a]/ : $turn % 7);
							$wrong += try_damage($before, $members[$i], $behind, $place, $header, $byte,
								archive => $archive, member => $i, field => "$type $field", mended => $mended);
						}
					}
				}
			}
			is($wrong, 0, "$archive, member $i, header " . $header / 512 . ", type " . quoted($type) . ': a wrong byte');
		}
		my @texts = grep { my $at = $_; !grep { $_ <= $at && $at < $_ + 512 } @$headers } 0 .. length($members[$i]) - 1;
		@texts = grep { substr($members[$i], $_, 1) ne "\0" } @texts;
		@texts = grep { $_ < $rest + ($archive =~ /1\.0/ ? 512 : $archive eq 'GNU' ? 1024 : 0) } @texts;
		my $wrong = 0;
		for my $place (@texts) {
			for my $byte (@BYTES, "\n", '=', ',', '7') {
				next if $turn++ % ($ALL ? 1 : 17);
				$wrong += try_damage($before, $members[$i], $behind, $place, 0, $byte, archive => $archive, member => $i, field => 'text', mended => 0);
			}
		}
		is($wrong, 0, "$archive, member $i: a wrong byte in what stands behind its headers") if @texts;
	}
}

# ---- cuts ----

# Every place where a header, a record, a map or data begins or ends is a whole number of blocks, and beside it.
for (@ARCHIVES) {
	my ($archive, undef, @members) = @$_;
	my $whole = join('', @members) . tar_end();
	my ($wrong, $gnu) = (0, 0);
	my @cuts = grep { $_ >= 0 && $_ < length $whole } map { my $at = $_ * 512; map { $at + $_ } $ALL ? (-1, 0, 1, 100, 124, 156, 257, 345, 500) : (-1, 0, 1) }
		grep { $ALL || $_ < 12 || $_ > length($whole) / 512 - 8 || $_ % 4 == 0 } 0 .. length($whole) / 512;

	for my $cut (@cuts) {
		my $r = both(substr($whole, 0, $cut), $ALL ? '' : '=');
		$gnu += $r->{gnu} == 0;
		next if $r->{ours} && $r->{verified} && $r->{why} =~ /\A(?:the archive|[\w\/]+): .*(?:cut short|ends in the middle of|no end marker|not a tar archive)/s;
		$wrong++;
		diag("cut at $cut of ", length $whole, ": $r->{why}");
	}
	is($wrong, 0, "$archive: " . @cuts . ' cuts' . ($ALL ? ", $gnu of them taken by GNU tar" : ''));
}

note(join ', ', map { "$count{$_} $_" } sort keys %count);
for my $entry (@REFUSED, @TAKEN, @OTHER) {
	my ($name, $why) = @$entry;
	next unless $used{$name} || $ALL;    # fewer bytes do not meet them all
	ok($used{$name}, "$name: $why" . ($used{$name} ? ", $used{$name} times" : ''));
}

done_testing();
