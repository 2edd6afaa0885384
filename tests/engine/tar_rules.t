#!/usr/bin/perl
# The rules of the tar formats, one archive for each. A good archive has the same tree as one of plain
# members that GNU tar extracts; a wrong one is refused with a sentence that names member and field. Each
# archive goes through GNU tar, too: where it does something else, the case says what and why we do not.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use RawTar;
use Test::More;

need_programs(qw(tar setfattr));

# Compares what GNU tar made of it with what the case says: 'same' (exit 0 and the right tree), 2 (exit code,
# the default of wrong archives), or a text: it goes another way, and why that is not ours.
sub check_gnu {
	my ($r, $name, $gnu, $right) = @_;

	if ($gnu eq 'same' || $gnu =~ /^\d+\z/) {
		my $exit = $gnu eq 'same' ? 0 : $gnu;
		is($r->{gnu}, $exit, "$name: GNU tar's exit code") or diag($r->{messages});
		return $exit == 0 ? same_tree($r->{gnu_tree}, $right, "$name: GNU tar's tree") : 1;
	}
	return ok($r->{gnu} != ($right eq 'refused' ? 2 : 0) || $r->{gnu_tree} ne $right, "$name: not as GNU tar: $gnu");
}

# The members have the tree of the plain ones.
sub good {
	my ($name, $members, $plain, $gnu) = @_;
	my $r     = both(join('', @$members) . tar_end());
	my $right = tree_of(@$plain);

	is($r->{why}, '', "$name: unpacked");
	is($r->{why_verified}, '', "$name: verified");
	same_tree($r->{tree}, $right, "$name: the tree");
	return check_gnu($r, $name, $gnu // 'same', $right);
}

# They are refused, when unpacked and when verified, with this sentence.
sub bad {
	my ($name, $members, $why, $gnu) = @_;
	my $r = both(join('', @$members) . ($name =~ /\(no end\)/ ? '' : tar_end()));

	like($r->{why}, $why, "$name: refused");
	is($r->{why_verified}, $r->{why}, "$name: by verify, too");
	return check_gnu($r, $name, $gnu // 2, 'refused');
}

my $NFC = "\xc3\xa9";
my $NFD = "e\xcc\x81";
my $z   = file('z', 'z');    # a member behind, which must not vanish

# What is said of a field of a header, of a record of pax, of a map.
sub field  { my ($member, $field, $text) = @_; return qr/^\Q$member: the $field in its tar header is not a number: '@{[ seen($text) ]}'\E\n/ }
sub range  { my ($member, $field) = @_; return qr/^\Q$member: the $field in its tar header is out of range\E\n/ }
sub value  { my ($member, $key, $text) = @_; return qr/^\Q$member: $key in its extended header has an invalid value: '$text'\E\n/ }
sub beyond { my ($member, $key, $text) = @_; return qr/^\Q$member: $key in its extended header is out of range: '$text'\E\n/ }
sub no_map { my ($why) = @_; return qr/^\Qs: its map of holes $why\E\n/ }
sub owner  { my ($owner) = @_; return qr/^\Qf: its owner $owner is out of range for Linux\E\n/ }

# A field as a message shows it.
sub seen { my ($text) = @_; return $text =~ s/\0.*//sr =~ s/([^ -\x7e])/sprintf '\\%03o', ord $1/ger }

# ---- names are bytes ----

good('names that differ in normalisation only', [tar_pax(path => "$NFC.txt"), file('a', 'composed'),
		tar_pax(path => "$NFD.txt"), file('a', 'decomposed')],
	[file("$NFC.txt", 'composed'), file("$NFD.txt", 'decomposed')]);
good('targets that are decomposed', [tar_pax(linkpath => "$NFD/\xff"), symlink_to('s', 'x')], [symlink_to('s', "$NFD/\xff")]);
good('a hard link to a decomposed name', [file("$NFC", 'c'), file("$NFD", 'd'), tar_pax(linkpath => $NFD), hardlink('h', 'x')],
	[file("$NFC", 'c'), file("$NFD", 'd'), hardlink('h', $NFD)]);
good("all kinds of bytes in a pax $_->[0]", [tar_pax($_->[0] => $_->[1]), symlink_to('a', 'b')],
	[symlink_to($_->[0] eq 'path' ? ($_->[1], 'b') : ('a', $_->[1]))])
	for map { my $key = $_; map { [$key, $_] } join('', map { chr } 1 .. 46, 48 .. 99), join('', map { chr } 100 .. 199),
		join('', map { chr } 200 .. 255), "a=b\nc=d\n", '12 path=x', ' ', "\xc0\x80", "\xed\xa0\x80", "\xf5\x80" } qw(path linkpath);
good('Hangul, ligatures, Greek: what NFC and NFKC change', [map { tar_pax(path => $_), file('x', $_) }
		"\xe1\x84\x80\xe1\x85\xa1", "\xef\xac\x81", "\xe2\x84\xa6", "\xcc\x81", "\xe2\x84\xab", "A\xcc\x8a"],
	[map { file($_, $_) } "\xe1\x84\x80\xe1\x85\xa1", "\xef\xac\x81", "\xe2\x84\xa6", "\xcc\x81", "\xe2\x84\xab", "A\xcc\x8a"]);
good('no normalisation in headers and long names', [file($NFD, '1'), gnu_long(L => "$NFD.2"), gnu(name => 'x', data => '2'),
		gnu_long(K => "$NFD.3"), gnu(name => '3', type => '2', link => 'x')],
	[file($NFD, '1'), file("$NFD.2", '2'), symlink_to('3', "$NFD.3")]);
good('a symlink whose target stands only in linkpath', [tar_pax(linkpath => 't'), symlink_to('l', ''), $z], [symlink_to('l', 't'), $z]);
good('a hard link with a size that means nothing, behind x', [$z, tar_pax(mtime => 5), hardlink('l', 'z', size => 512), file('next', ''), file('last', 'x')],
	[$z, hardlink('l', 'z'), file('next', ''), file('last', 'x')]);
good('a hard link with its data once more, as POSIX lets pax have it', [$z, tar_pax(mtime => 5), hardlink('l', 'z', size => 600) . ('w' x 600) . ("\0" x 424), file('last', 'x')],
	[$z, hardlink('l', 'z'), file('last', 'x')], 2);
good('data of a hard link that begins with a NUL, as that of a font does', [$z, tar_pax(mtime => 5), hardlink('l', 'z', size => 600) . "\0" . ('w' x 599) . ("\0" x 424), file('last', 'x')],
	[$z, hardlink('l', 'z'), file('last', 'x')], 2);
bad('data of a hard link that begins with a block of zeros', [$z, tar_pax(mtime => 5), hardlink('l', 'z', size => 600) . ("\0" x 512) . ('w' x 88) . ("\0" x 424), file('last', 'x')],
	qr/: more data follows its end marker\n/, 'GNU tar takes it for the end');
bad('a damaged header behind x, behind a hard link with a size', [$z, tar_pax(mtime => 5), hardlink('l', 'z', size => 512), tar_pax(mtime => 6), do { my $m = file('next', ''); substr $m, 148, 7, '0000001'; $m }, file('last', 'x')],
	qr/the tar header at byte \d+, after l, is damaged: its checksum does not match/);
good('x belongs to the label behind it', [tar_pax(path => 'other'), gnu(name => 'label', type => 'V'), file('f', 'x')], [file('f', 'x')]);
good('L belongs to the label behind it', [gnu_long(L => 'other'), gnu(name => 'label', type => 'V'), gnu(name => 'f', data => 'x')], [file('f', 'x')]);
bad('an L without a name', [gnu(name => '././@LongLink', type => 'L', data => ''), gnu(name => 'f', data => 'x')], qr{^\././\@LongLink: its long name is empty\n});
good('a hard link whose target stands only in linkpath', [file('f', 'x'), tar_pax(linkpath => 'f'), hardlink('l', ''), $z],
	[file('f', 'x'), hardlink('l', 'f'), $z]);
good('a link whose target stands only in K', [gnu_long(K => 't'), gnu(name => 'l', type => '2'), $z], [symlink_to('l', 't'), $z]);
good('a member whose name stands only in path', [tar_pax(path => 'f'), file('', 'x'), $z], [file('f', 'x'), $z]);
good('a member whose name stands only in L', [gnu_long(L => 'f'), gnu(name => '', data => 'x'), $z], [file('f', 'x'), $z]);
good('hdrcharset', [tar_pax(hdrcharset => 'BINARY', path => "\xff"), file('x', 'x'),
		tar_pax(hdrcharset => 'ISO-IR 10646 2000 UTF-8', path => $NFD), file('x', 'y')], [file("\xff", 'x'), file($NFD, 'y')]);

# Fields that are full have no NUL.
good('a name of 100 bytes', [file('n' x 100, 'x', mode => 0600)], [gnu_long(L => 'n' x 100), gnu(name => 'x', data => 'x', mode => 0600)]);
good('a target of 100 bytes', [symlink_to('l', 't' x 100)], [gnu_long(K => 't' x 100), gnu(name => 'l', type => '2')]);
good('a prefix of 155 bytes', [file('n', 'x', prefix => 'p' x 155)], [gnu_long(L => 'p' x 155 . '/n'), gnu(name => 'x', data => 'x')]);
good('what stands behind the NUL of a name', [file("n\0junk", 'x', link => "l\0junk"), symlink_to('s', "t\0junk")],
	[file('n', 'x'), symlink_to('s', 't')]);
good('GNU headers have no prefix', [set_bytes(gnu(name => 'f', data => 'x'), 345, "14524770000\0")], [file('f', 'x')]);
good('V7 headers have no prefix', [set_bytes(v7(name => 'f', data => 'x'), 345, 'dir')], [file('f', 'x')]);
good('a prefix that ends with a slash', [file('f', 'x', prefix => 'd/')], [dir('d/', mtime => $^T), file('d/f', 'x')]);
good("star's prefix is short, behind it are times", [star(name => 'f', data => 'x', prefix => 'p' x 130)],
	[gnu_long(L => 'p' x 130 . '/f'), gnu(name => 'x', data => 'x')]);

# ---- GNU's long names and pax's, one after the other ----

good('two L: the last', [gnu_long(L => 'one'), gnu_long(L => 'two'), gnu(name => 'x', data => 'x')], [file('two', 'x')]);
good('two K: the last', [gnu_long(K => 'one'), gnu_long(K => 'two'), gnu(name => 'x', type => '2')], [symlink_to('x', 'two')]);
good('K before L', [gnu_long(K => 't'), gnu_long(L => 'n'), gnu(name => 'x', type => '2', link => 'y')], [symlink_to('n', 't')]);
good('L and x: pax wins', [gnu_long(L => 'long'), tar_pax(path => 'pax'), file('x', 'x')], [file('pax', 'x')]);
good('x and L: pax wins', [tar_pax(path => 'pax'), gnu_long(L => 'long'), file('x', 'x')], [file('pax', 'x')]);
good('L, K, x of other things', [gnu_long(L => 'n'), tar_pax(uid => 7), gnu_long(K => 't'), symlink_to('x', 'y'), $z],
	[symlink_to('n', 't', uid => 7), $z]);
good('L without its NUL', [gnu(name => 'L', type => 'L', data => 'long'), gnu(name => 'x', data => 'x')], [file('long', 'x')]);
good('L with more NULs', [gnu(name => 'L', type => 'L', data => "long\0\0\0junk"), gnu(name => 'x', data => 'x')], [file('long', 'x')]);
good('L of whole blocks', [gnu(name => 'L', type => 'L', data => 'a/' x 255 . "b\0"), gnu(name => 'x', data => 'x')],
	[tar_pax(path => 'a/' x 255 . 'b'), file('x', 'x')]);
good('L is for one member only', [gnu_long(L => 'n'), gnu(name => 'x', data => 'x'), gnu(name => 'y', data => 'y')],
	[file('n', 'x'), file('y', 'y')]);
good('K is for one member only', [gnu_long(K => 't'), gnu(name => 'x', type => '2', link => 'u'), gnu(name => 'y', type => '2', link => 'v')],
	[symlink_to('x', 't'), symlink_to('y', 'v')]);
good('K before a file is nothing', [gnu_long(K => 't'), gnu(name => 'x', data => 'x'), gnu(name => 'y', type => '2', link => 'v')],
	[file('x', 'x'), symlink_to('y', 'v')]);
good('L with a slash at its end', [gnu_long(L => 'd/'), gnu(name => 'x', mode => 0755)], [dir('d/')]);

# ---- records of pax ----

good('the last of equal keys', [tar_pax(path => 'one', path => 'two', uid => 1, uid => 2), file('x', 'x')], [file('two', 'x', uid => 2)]);
good('several x before a member', [tar_pax(path => 'one', uid => 1), tar_pax(uid => 2, gid => 3), file('x', 'x')],
	[file('one', 'x', uid => 2, gid => 3)],
	'GNU tar keeps the last one alone');
good('x is for one member only', [tar_pax(path => 'one', uid => 1, mtime => 5), file('x', 'x'), file('y', 'y')],
	[file('one', 'x', uid => 1, mtime => 5), file('y', 'y')]);
good('keys that nobody knows', [tar_pax('VENDOR.key' => "\0\n=", comment => 'c', charset => 'x', 'realtime.x' => 1), file('x', 'x'), $z], [file('x', 'x'), $z]);
good('names of owners count for nothing', [tar_pax(uname => 'daemon', gname => 'daemon'), file('x', 'x', uid => 7, gid => 8)],
	[file('x', 'x', uid => 7, gid => 8)]);
good('an x without records', [pax_text(''), file('x', 'x')], [file('x', 'x')]);
good('pax before V7 and GNU members', [tar_pax(uid => 7), v7(name => 'v', data => 'v'), tar_pax(uid => 8), gnu(name => 'g', data => 'g')],
	[file('v', 'v', uid => 7), file('g', 'g', uid => 8)]);
good('atime, ctime', [tar_pax(atime => '1.5', ctime => '-2.5', mtime => 3), file('x', 'x')], [file('x', 'x', mtime => 3)]);
good('a record that is longer than a block', [tar_pax(comment => 'c' x 5000, path => 'p'), file('x', 'x'), $z], [file('p', 'x'), $z]);
good('a Solaris extended header is one of pax', [tar_member(type => 'X', name => 'X', data => record(path => 'sun')), file('x', 'x')], [file('sun', 'x')]);

for (['no length', 'path=x'], ['a length of 0', "0 path=x\n"], ['a length that is too long', "30 path=x\n"],
	['a length that is too short', "5 path=x\n"], ['a length that is no number', "1x path=xx\n"], ['a negative length', "-10 path=x\n"],
	['no =', "9 pathxx\n"], ['no newline', "10 path=xy"],
	['a length beyond 2^64', "18446744073709551626 path=x\n"], ['the rest of a record', record(path => 'y') . '1']) {
	my ($name, $text) = @$_;
	bad("a pax record with $name", [pax_text($text), file('x', 'x'), $z], qr/x: .*(?:pax|extended) header/);
	bad("a global record with $name", [pax_text($text, type => 'g'), file('x', 'x'), $z], qr/(?:pax|extended|global) header/);
}

bad('a pax record with a tab after its length', [pax_text("9\tpath=x\n"), file('x', 'x'), $z], qr/(?:pax|extended) header/, 'GNU tar takes any blank');

# ---- numbers ----

# What is written in a field, and what it means.
sub number {
	my ($field, $text, $value, @gnu) = @_;
	return good("$field '" . quoted($text) . "'", [set_field(file('f', ''), $field, $text), $z], [file('f', '', $field => $value), $z], @gnu);
}
for my $id (qw(uid gid)) {
	number($id, @$_) for ["  7 \0", 7], ["7\0junk!!", 7], ["7 junk!!", 7], ["\0" x 8, 0], ["\0000007\0", 7], ["0000007 ", 7], ["00000017", 15],
		["77777777", base256(16777215, 8)], [base256(16777216, 8), base256(16777216, 8)];
	bad("$id '" . quoted($_) . "'", [set_field(file('f', ''), $id, $_), $z], field('f', $id, $_)) for 'abc', ' ' x 8, '  8', '12x', '1.5', '08', '7' x 7 . 'x';
	bad("$id '\\0abc'", [set_field(file('f', ''), $id, "\0abc"), $z], qr/^f: the $id in its tar header is not a number: /);
	bad("$id '" . quoted($_) . "'", [set_field(file('f', ''), $id, $_), $z], owner($id eq 'uid' ? unpack('q>', "\0" . substr $_, 1) . ':0' : '0:' . unpack 'q>', "\0" . substr $_, 1))
		for "\x80" . "\x7f" x 7, "\x80\x80" . "\0" x 6;
	bad("$id $_ in base 256", [set_field(file('f', ''), $id, base256($_, 8)), $z], owner($id eq 'uid' ? "$_:0" : "0:$_"),
		$_ == 4294967295 ? 'GNU tar leaves the owner as it is' : 2) for 4294967295, 4294967296, -1, -2;
}
# star's, with its magic and without: what starts with a digit and ends with a blank are times.
for my $star (star(name => 'f'), set_bytes(star(name => 'f'), 508, "\0" x 4)) {
	bad("star's atime '$_'", [set_bytes($star, 476, $_), $z], field('f', 'atime', $_)) for '1452477000x ', '1a524770000 ';
	bad("star's ctime '$_'", [set_bytes($star, 488, $_), $z], field('f', 'ctime', $_)) for '1452477000x ', '19524770000 ';
	good("no time of star's: '$_'", [set_bytes($star, 476, $_), $z], [file('f', ''), $z]) for 'x4524770000 ', '1452477000xx', "\0" x 12;
}
number(mtime => @$_) for ['14524770400 ', 1700000000], [base256(-1, 12), base256(-1, 12)], [' ' x 3 . '77 ', 63], ["\0" x 12, 0];
bad("mtime '" . quoted($_) . "'", [set_field(file('f', ''), 'mtime', $_), $z], field('f', 'mtime', $_)) for 'abc', ' ' x 12, '1452477000x', '9', "\x81" . "\0" x 11;
bad("mtime '" . quoted($_) . "'", [set_field(file('f', ''), 'mtime', $_), $z], range('f', 'mtime')) for "\x80" . "\x7f" x 11, "\x80\0\0\0\x80" . "\0" x 7, "\xff" . "\x80" x 11;
bad("mode '" . quoted($_) . "'", [set_field(file('f', ''), 'mode', $_), $z], field('f', 'mode', $_)) for 'abc', ' ' x 8, '8', '644x';
good('a mode with the type in it', [set_field(file('f', ''), 'mode', '0100644'), set_field(dir('d/'), 'mode', '0040755')], [file('f', '', mode => 0644), dir('d/')]);
bad("size '" . quoted($_) . "'", [set_field(file('f', 'hello'), 'size', $_), $z], field('f', 'size', $_))
	for '000000zz', 'abc', ' ' x 12, '5x', '9';
bad("the size '" . quoted($_) . "'", [set_field(file('f', 'hello'), 'size', $_), $z], range('f', 'size')) for base256(-1, 12), "\x80" . "\xff" x 11;
bad("the size '" . quoted($_->[1]) . "' of $_->[0]", [$_->[2], $z], field('f', 'size', 'abc'))
	for map { my ($what, $type) = @$_; ([$what, 'abc', tar_member(name => 'f', type => $type, link => 'z', size => 'abc')]) }
	['a directory', '5'], ['a symlink', '2'], ['a fifo', '6'], ['a device', '3'];
bad('the size of a hard link that is junk', [$z, hardlink('f', 'z', size => 'abc')], field('f', 'size', 'abc'), 'GNU tar does not read it; in pax it counts');
for my $type (['3', 'a character device'], ['4', 'a block device']) {
	bad("$_ of $type->[1]", [tar_member(name => 'f', type => $type->[0], $_ => 'abc'), $z], field('f', "$_ device number", 'abc')) for qw(major minor);
	good("base-256 numbers of $type->[1]", [tar_member(name => 'f', type => $type->[0], major => base256(511, 8), minor => base256(1048575, 8))],
		[tar_member(name => 'f', type => $type->[0], major => 511, minor => 1048575)]);
	bad("a $_ of $type->[1] that Linux has not", [tar_member(name => 'f', type => $type->[0], $_ => base256(1 << 33, 8)), $z],
		$_ eq 'major' ? qr/^f: its device number 8589934592:0 is out of range for Linux\n/ : qr/^f: its device number 0:8589934592 is out of range for Linux\n/) for qw(major minor);
}
good('device numbers of what is no device', [map({ tar_member(name => "f$_", type => $_, link => 'z', major => 'abc', minor => 'xyz') } qw(0 2 5 6 7))],
	[map({ tar_member(name => "f$_", type => $_, link => 'z') } qw(0 2 5 6 7))]);
good('owners and times of GNU members', [gnu(name => 'f', uid => base256(5000000, 8), gid => base256(6000000, 8), mtime => base256(1 << 34, 12))],
	[tar_pax(uid => 5000000, gid => 6000000, mtime => 1 << 34), file('f', '')]);

for my $key (qw(uid gid)) {
	good("pax $key $_", [tar_pax($key => $_), file('f', '', $key => 3), $z], [file('f', '', $key => $_ =~ /^\d{8,}/ ? base256($_, 8) : $_ + 0), $z]) for qw(0 7 0007 4294967294);
	bad("pax $key '$_'", [tar_pax($key => $_), file('f', ''), $z], value('f', $key, $_)) for 'abc', '12abc', '1.5', '0x10', '-1', '1 ', ' 1', '+1';
	bad("pax $key '$_'", [tar_pax($key => $_), file('f', ''), $z], beyond('f', $key, $_)) for '99999999999999999999999999', '9223372036854775808';
	bad("pax $key $_", [tar_pax($key => $_), file('f', ''), $z], owner($key eq 'uid' ? "$_:0" : "0:$_"), $_ == 4294967295 ? 'GNU tar leaves the owner as it is' : 2)
		for 4294967295, 4294967296;
}
for (['-0.5', -1, 500000000], ['-1.25', -2, 750000000], ['1.5', 1, 500000000], ['0.000000001', 0, 1], ['-0.000000001', -1, 999999999],
	['1.123456789999', 1, 123456789], ['5', 5, 0], ['5.', 5, 0], ['1700000000.25', 1700000000, 250000000], ['-2.0', -2, 0], ['-0', 0, 0],
	['-1.0000000001', -2, 999999999], ['99999999999', 99999999999, 0]) {
	my ($text, $s, $ns) = @$_;
	my $r = both(tar_pax(mtime => $text) . file('f', '') . tar_end());
	my $want = sprintf 'f f 0644 0 0 %d.%09d nlink=1 size=0 crc64=%s', $s, $ns, '0' x 16;
	same_tree($r->{tree}, "$want\n", "pax mtime $text");
	same_tree($r->{gnu_tree}, "$want\n", "pax mtime $text: GNU tar's");
}
my $JUNK = 'GNU tar leaves out what stands behind the number';
for my $key (qw(mtime atime ctime)) {
	bad("pax $key '$_'", [tar_pax($key => $_), file('f', ''), $z], value('f', $key, $_)) for 'abc', '.5', '-', '99999999999999999999999x', '99999999999999999999999.x';
	bad("pax $key '$_'", [tar_pax($key => $_), file('f', ''), $z], value('f', $key, $_), $JUNK) for '1x', '1-', '1.5x', '1.5.5', '0x10', '1e5', '1 ';
	bad("pax $key '$_'", [tar_pax($key => $_), file('f', ''), $z], beyond('f', $key, $_)) for '99999999999999999999999';
}
bad("pax size '$_'", [tar_pax(size => $_), file('f', 'hello'), $z], value('f', 'size', $_)) for 'abc', '5x', '-5', '5.0', '99999999999999999999x';
bad("pax size '$_'", [tar_pax(size => $_), file('f', 'hello'), $z], beyond('f', 'size', $_)) for '99999999999999999999', '9223372036854775808';
good('pax size rules a file', [tar_pax(size => 600), tar_member(name => 'f', size => 5) . blocks('x' x 600), $z], [file('f', 'x' x 600), $z]);
good('pax size 0 rules a file', [tar_pax(size => 0), tar_member(name => 'f', size => 600), $z], [file('f', ''), $z]);
good('pax size rules where the field is junk', [tar_pax(size => 5), set_field(file('f', 'hello'), 'size', '77777777777'), $z], [file('f', 'hello'), $z]);

# ---- checksums ----

sub checksum { my ($text) = @_; my $m = file('f', "hello", uname => "\xff"); substr $m, 148, 8, pack 'a8', $text->(unpack '%32C*', substr(mended($m), 0, 148) . ' ' x 8 . substr(mended($m), 156, 356)); return $m }
good("a checksum as '$_->[0]'", [checksum($_->[1])], [file('f', 'hello')]) for ['%06o NUL blank', sub { sprintf "%06o\0 ", @_ }],
	['%07o NUL', sub { sprintf "%07o\0", @_ }], ['%8o', sub { sprintf '%8o', @_ }], ['blanks, %o', sub { sprintf "  %o ", @_ }], ['%o NUL', sub { sprintf "%o\0", @_ }];
{
	my $m = set_bytes(file("\xe9", 'latin'), 148, ' ' x 8);
	substr $m, 148, 8, ' ' x 8;
	my $sum = 0;
	$sum += $_ for unpack 'c*', substr $m, 0, 512;
	substr $m, 148, 8, sprintf "%06o\0 ", $sum;
	good('a checksum of signed bytes, as old programs made it', [$m], [file("\xe9", 'latin')]);
}

# ---- type decides ----

my $odd = sub { my ($m) = @_; return set_bytes($m, 386, pack 'a96 a1 a12', join('', map { sprintf "%011o\0", $_ } 0, 2, 4096, 0), "\0", sprintf "%011o\0", 4096) };
good('GNU sparse fields of a plain file', [$odd->(gnu(name => 'f', data => 'hello')), $z], [file('f', 'hello'), $z]);
good('GNU sparse fields of a contiguous file', [$odd->(gnu(name => 'f', type => '7', data => 'hello')), $z], [file('f', 'hello'), $z]);
good('isextended of a plain file', [set_bytes(gnu(name => 'f', data => 'hello'), 482, "\1"), $z], [file('f', 'hello'), $z]);
good('realsize of a plain file', [set_bytes(gnu(name => 'f', data => 'hello'), 483, sprintf "%011o\0", 9999), $z], [file('f', 'hello'), $z]);
good('sparse fields of directories, links, fifos', [map { $odd->(gnu(name => "f$_", type => $_, link => 'z', mode => 0755)) } qw(2 5 6)],
	[map { gnu(name => "f$_", type => $_, link => 'z', mode => 0755) } qw(2 5 6)]);
good("SCHILY.realsize $_ of a plain file", [tar_pax('SCHILY.realsize' => $_), file('f', 'hello'), $z], [file('f', 'hello'), $z]) for 2, 5, 9999;
good('SUN.holesdata is nothing', [tar_pax('SUN.holesdata' => ' 0 1 1024 '), file('f', 'hello'), $z], [file('f', 'hello'), $z]);
good("a type '" . quoted($_) . "' is a file", [tar_member(name => 'f', type => $_, data => 'hello'), $z], [file('f', 'hello'), $z]) for "\0", '7', 'Z', '8', 'A', 'a', "\xff";
good('the slash of a directory, type ' . quoted($_), [tar_member(name => 'd/', type => $_, mode => 0755), file('d/f', 'x')], [dir('d/'), file('d/f', 'x')]) for "\0", '0', '7';
good('but an unknown type is a file, whatever its name', [tar_member(name => 'd/', type => 'Z', data => 'x'), $z], [file('d', 'x'), $z]);
good('a V7 directory is one with a slash', [v7(name => 'd/', mode => 0755), v7(name => 'd/f', data => 'x')], [dir('d/'), file('d/f', 'x')]);
good('V7 links', [v7(name => 'f', data => 'x'), v7(name => 'h', type => '1', link => 'f'), v7(name => 's', type => '2', link => 'f')],
	[file('f', 'x'), hardlink('h', 'f'), symlink_to('s', 'f')]);
good("what stands in the field of the link, type $_", [tar_member(name => 'f', type => $_, link => 'junk', mode => 0755), $z], [tar_member(name => 'f', type => $_, mode => 0755), $z]) for qw(0 5 6);
good('a linkpath for what is no link', [tar_pax(linkpath => 'junk'), file('f', 'x'), tar_pax(linkpath => 'junk'), dir('d/'), $z], [file('f', 'x'), dir('d/'), $z]);
good("pax size of type $_->[0]", [file('t', ''), tar_pax(size => 5), tar_member(name => 'f', type => $_->[0], link => 't', mode => 0755), $z],
	[file('t', ''), tar_member(name => 'f', type => $_->[0], link => 't', mode => 0755), $z]) for ['5'], ['2'], ['1'], ['6'], ['3'];
good("size in the header of type $_->[0]", [file('t', ''), tar_member(name => 'f', type => $_->[0], link => 't', mode => 0755, size => 5), $z],
	[file('t', ''), tar_member(name => 'f', type => $_->[0], link => 't', mode => 0755), $z]) for ['5'], ['2'], ['1'], ['6'], ['3'];

# ---- global headers ----

good('global uid, gid, mtime', [pax_global(uid => 7, gid => 8, mtime => '9.5'), file('a', ''), dir('d/'), symlink_to('l', 'a')],
	[tar_pax(mtime => '9.5'), file('a', '', uid => 7, gid => 8), tar_pax(mtime => '9.5'), dir('d/', uid => 7, gid => 8),
		tar_pax(mtime => '9.5'), symlink_to('l', 'a', uid => 7, gid => 8)]);
good('global path', [pax_global(path => 'p'), file('x', '1'), file('y', '2')], [file('p', '2')]);
good('global linkpath', [pax_global(linkpath => 't'), symlink_to('x', 'y'), file('f', '')], [symlink_to('x', 't'), file('f', '')]);
good('global size', [pax_global(size => 5), tar_member(name => 'f', size => 0) . blocks('hello'), tar_member(name => 'g', size => 0) . blocks('HELLO')],
	[file('f', 'hello'), file('g', 'HELLO')]);
good('local before global', [pax_global(uid => 7), tar_pax(uid => 9), file('a', ''), file('b', '')], [file('a', '', uid => 9), file('b', '', uid => 7)]);
good('several global headers', [pax_global(uid => 7, gid => 1), pax_global(uid => 8), file('a', ''), pax_global(gid => 2), file('b', '')],
	[file('a', '', uid => 8, gid => 1), file('b', '', uid => 8, gid => 2)],
	'GNU tar forgets the first at the second; POSIX: until another one of the same keyword');
good('a global key deleted by an empty value', [pax_global(uid => 7, gid => 8), file('a', ''), pax_global(uid => ''), file('b', '', uid => 3)],
	[file('a', '', uid => 7, gid => 8), file('b', '', uid => 3, gid => 8)],
	'GNU tar takes it for an invalid uid; POSIX: deleted');
good('a global key deleted for one member', [pax_global(uid => 7), tar_pax(uid => ''), file('a', '', uid => 3), file('b', '')],
	[file('a', '', uid => 3), file('b', '', uid => 7)], 'GNU tar takes it for an invalid uid; POSIX: deleted');
good('a global header between x and its member', [tar_pax(uid => 7), pax_global(gid => 8), file('a', '')], [file('a', '', uid => 7, gid => 8)]);
good('global ACL', [pax_global('SCHILY.acl.access' => 'user::rw-,user:7:r--,group::r--,mask::r--,other::---'), file('a', '', mode => 0640), file('b', '', mode => 0640)],
	[map { tar_pax('SCHILY.acl.access' => 'user::rw-,user:7:r--,group::r--,mask::r--,other::---'), file($_, '', mode => 0640) } qw(a b)]);
good('global attribute', [pax_global('SCHILY.xattr.user.g' => 'v'), file('a', ''), tar_pax('SCHILY.xattr.user.l' => 'w'), file('b', '')],
	[tar_pax('SCHILY.xattr.user.g' => 'v'), file('a', ''), tar_pax('SCHILY.xattr.user.g' => 'v', 'SCHILY.xattr.user.l' => 'w'), file('b', '')],
	'GNU tar looks for attributes in local headers only');
good('global comment, as git makes it', [pax_global(comment => 'c' x 40), file('a', '')], [file('a', '')]);
good('global header at the end', [file('a', ''), pax_global(uid => 7)], [file('a', '')]);

# ---- attributes and ACLs ----

sub attribute { my ($key, $value, $plain) = @_; return [tar_pax(@$plain), file('f', '')] }
good('names of attributes are bytes', [tar_pax("SCHILY.xattr.user.$NFD" => 'd', "SCHILY.xattr.user.$NFC" => 'c', "SCHILY.xattr.user.\xff" => "\0\n="), file('f', '')],
	[tar_pax("SCHILY.xattr.user.\xff" => "\0\n=", "SCHILY.xattr.user.$NFC" => 'c', "SCHILY.xattr.user.$NFD" => 'd'), file('f', '')]);
{
	# setfattr says what is right, not tar.
	my $of = sub { my ($r) = @_; return join ' ', sort $r->{tree} =~ /(user\.\S+)/g };
	is($of->(both(tar_pax('SCHILY.xattr.user.a%3Db%25c' => 'x') . file('f', '') . tar_end())), 'user.a=b%c=78', 'GNU tar encodes % and =');
	is($of->(both(tar_pax('SCHILY.xattr.user.a%41%zz%3' => 'x') . file('f', '') . tar_end())), 'user.a%41%zz%3=78', 'and nothing else');
	is($of->(both(tar_pax('LIBARCHIVE.xattr.user.a%20%C3%A9%3D' => 'eHl6') . file('f', '') . tar_end())), "user.a\\x20\\xc3\\xa9==78797a", 'libarchive encodes all that is not plain');
	is($of->(both(tar_pax('LIBARCHIVE.xattr.user.a' => '') . file('f', '') . tar_end())), 'user.a=', 'an empty value');
	is($of->(both(tar_pax('LIBARCHIVE.xattr.user.a' => 'AP8') . file('f', '') . tar_end())), 'user.a=00ff', 'base64 without its end');
}
good('attributes of directory and file', [tar_pax('SCHILY.xattr.user.d' => 'd'), dir('d/'), tar_pax('SCHILY.xattr.user.f' => "\0"), file('d/f', 'x')],
	[tar_pax('SCHILY.xattr.user.f' => "\0"), file('d/f', 'x'), tar_pax('SCHILY.xattr.user.d' => 'd'), dir('d/')]);
good('a directory met twice keeps the attributes of both', [tar_pax('SCHILY.xattr.user.one' => '1'), dir('d/'), file('d/f', 'x'), tar_pax('SCHILY.xattr.user.two' => '2'), dir('d/', mode => 0700)],
	[tar_pax('SCHILY.xattr.user.one' => '1', 'SCHILY.xattr.user.two' => '2'), dir('d/', mode => 0700), file('d/f', 'x'),
		tar_pax('SCHILY.xattr.user.one' => '1', 'SCHILY.xattr.user.two' => '2'), dir('d/', mode => 0700)]);
good('the second value of an attribute of a directory met twice', [tar_pax('SCHILY.xattr.user.one' => '1'), dir('d/'), tar_pax('SCHILY.xattr.user.one' => '2'), dir('d/')],
	[tar_pax('SCHILY.xattr.user.one' => '2'), dir('d/')]);
good('a file met twice has those of the last', [tar_pax('SCHILY.xattr.user.one' => '1'), file('f', '1'), tar_pax('SCHILY.xattr.user.two' => '2'), file('f', '2')],
	[tar_pax('SCHILY.xattr.user.two' => '2'), file('f', '2')]);
good('an empty attribute', [tar_pax('SCHILY.xattr.user.e' => ''), file('f', '')], [tar_pax('SCHILY.xattr.user.e' => ''), file('f', '')]);
my $acl = 'user::rw-,user:7:r--,group::r--,mask::r--,other::---';
my @acl = (tar_pax('SCHILY.acl.access' => $acl), file('f', '', mode => 0640));
good("an ACL with $_->[0]", [tar_pax('SCHILY.acl.access' => $_->[1]), file('f', '', mode => 0640)], \@acl)
	for ['newlines', $acl =~ tr/,/\n/r], ['blanks and newlines', join ",\n", split /,/, $acl], ['a comma at its end', "$acl,"],
	['short tags', 'u::rw-,u:7:r--,g::r--,m::r--,o::---'], ['another order', join ',', reverse split /,/, $acl];
good("star's ACL with names and numbers", [tar_pax('SCHILY.acl.access' => 'user::rw-,user:nobody-of-this-name:r--:7,group::r--,mask::r--,other::---'),
		file('f', '', mode => 0640)], \@acl, 'GNU tar asks for the name, not for the number behind it, and keeps no ACL then');
good('ACLs of a directory', [tar_pax('SCHILY.acl.access' => $acl, 'SCHILY.acl.default' => $acl), dir('d/', mode => 0640)],
	[tar_pax('SCHILY.acl.default' => $acl, 'SCHILY.acl.access' => $acl), dir('d/', mode => 0640)]);

# ---- sparse files ----

my @map  = ([0, 512], [8192, 5], [20000, 0]);
my $data = 'h' x 512 . 'world';
my $plain = file('s', 'h' x 512 . "\0" x 7680 . 'world' . "\0" x (20000 - 8197));
good('a sparse file of the old GNU form', [sparse_gnu('s', 20000, \@map, $data), $z], [$plain, $z]);
good("one of pax $_", [sparse_pax($_, 's', 20000, \@map, $data), $z], [$plain, $z]) for qw(0.0 0.1 1.0);
my $n_more = 60;
my @many = ((map { [$_ * 4096, 512] } 0 .. $n_more - 1), [$n_more * 4096, 0]);
my $many = file('s', join '', ('a' x 512 . "\0" x 3584) x $n_more);
good('one with extension blocks', [sparse_gnu('s', $n_more * 4096, \@many, 'a' x 512 x $n_more), $z], [$many, $z]);
good("one with many extents, pax $_", [sparse_pax($_, 's', $n_more * 4096, \@many, 'a' x 512 x $n_more), $z], [$many, $z]) for qw(0.0 0.1 1.0);
for my $n (4, 5, 25, 26, 46, 47) {
	my @exact = map { [$_ * 4096, 512] } 0 .. $n - 1;
	good("$n extents of the old GNU form, without one for the end", [sparse_gnu('s', $n * 4096 - 3584, \@exact, 'a' x 512 x $n), $z],
		[file('s', join('', ('a' x 512 . "\0" x 3584) x ($n - 1)) . 'a' x 512), $z]);
}
good('nothing but a hole, old', [sparse_gnu('s', 8192, [[8192, 0]], ''), $z], [file('s', "\0" x 8192), $z]);
good("nothing but a hole, $_", [sparse_pax($_, 's', 8192, [[8192, 0]], ''), $z], [file('s', "\0" x 8192), $z]) for qw(0.0 0.1 1.0);
my $ENDS = 'GNU tar makes the file only as long as its map, which its own maps say to the end';
good('a map that ends before the file, old', [sparse_gnu('s', 20000, [@map[0, 1]], $data), $z], [$plain, $z], $ENDS);
good("a map that ends before the file, $_", [sparse_pax($_, 's', 20000, [@map[0, 1]], $data), $z], [$plain, $z], $ENDS) for qw(0.0 0.1 1.0);

# A whole member of harm in the data that no map mentions.
my $evil = file('evil', '#!', mode => 06755) ;
my $short = blocks($data) . $evil;
good('data behind the map, old', [sparse_gnu('s', 20000, \@map, $short), $z], [$plain, $z]);
good("data behind the map, $_", [sparse_pax($_, 's', 20000, \@map, $short), $z], [$plain, $z]) for qw(0.0 0.1);
good('data behind the map, 1.0', [sparse_pax('1.0', 's', 20000, \@map, $short), $z], [$plain, $z]);
bad("a map of more data than there are, $_->[0]", [$_->[1], $z], no_map('lists more data than the archive has'))
	for ['old', sparse_gnu('s', 20000, [[0, 512], [8192, 600], [20000, 0]], $data)], map { [$_, sparse_pax($_, 's', 20000, [[0, 512], [8192, 600], [20000, 0]], $data)] } qw(0.0 0.1 1.0);

# Without an entry it would make zeros of them.
bad("a map of no data, $_->[0]", [$_->[1], $z], no_map('lists none of its data'), $_->[2])
	for ['old', sparse_gnu('s', 5, [], 'hello'), 'GNU tar makes an empty file'], ['1.0', sparse_pax('1.0', 's', 5, [], 'hello'), 'GNU tar makes an empty file'],
	['0.0', sparse_pax('0.0', 's', 5, [], 'hello'), 'GNU tar takes it for a plain file'], ['0.1', sparse_pax('0.1', 's', 5, [[5, 0]], 'hello'), 'GNU tar makes a hole'];

# Maps that are none.
my $TAKES = 'GNU tar writes as it is told, where it is told';
my $LOOKS = 'GNU tar does not compare the map with the size';
for (['unordered', [[8192, 512], [0, 5], [20000, 0]], 'has entries that overlap or are not sorted', $TAKES, $TAKES],
	['overlapping', [[0, 512], [500, 5], [20000, 0]], 'has entries that overlap or are not sorted', $TAKES, $TAKES],
	['beyond the size', [[0, 512], [19998, 5]], 'extends beyond the end of the file', 2, $LOOKS],
	['beyond the size with nothing', [[0, 517], [20001, 0]], 'extends beyond the end of the file', 2, $LOOKS],
	['beyond the size by 2^62', [[0, 512], ['4611686018427387904', 5]], 'extends beyond the end of the file', 2, 2]) {
	my ($what, $map, $why, $gnu, $gnu_pax) = @$_;
	my @gnu_map = map { [map { $_ > 8589934591 ? base256($_, 12) : $_ } @$_] } @$map;
	bad("a map that is $what, old", [sparse_gnu('s', 20000, \@gnu_map, $data), $z], no_map($why), $gnu);
	bad("a map that is $what, $_", [sparse_pax($_, 's', 20000, $map, $data), $z], no_map($why), $gnu_pax) for qw(0.0 0.1 1.0);
}
my @s = ('GNU.sparse.size' => 20000);
my $f = file('s', $data);
bad("a map with $_->[0]", [tar_pax(@{ $_->[1] }), $f, $z], no_map($_->[2]), $_->[3] // 2)
	for ['an odd count', [@s, 'GNU.sparse.numblocks' => 2, 'GNU.sparse.map' => '0,512,8192'], 'is not a list of offsets and sizes'],
	['fewer extents than it says', [@s, 'GNU.sparse.numblocks' => 3, 'GNU.sparse.map' => '0,512,8192,5'], 'does not have as many entries as it says', 'GNU tar does not count them'],
	['more extents than it says', [@s, 'GNU.sparse.numblocks' => 1, 'GNU.sparse.map' => '0,512,8192,5'], 'does not have as many entries as it says'],
	['junk', [@s, 'GNU.sparse.numblocks' => 2, 'GNU.sparse.map' => '0,512,x,5'], 'is not a list of offsets and sizes'],
	['a number below 0', [@s, 'GNU.sparse.numblocks' => 2, 'GNU.sparse.map' => '0,512,-1,5'], 'is not a list of offsets and sizes'],
	['a comma at its end', [@s, 'GNU.sparse.numblocks' => 1, 'GNU.sparse.map' => '0,517,'], 'is not a list of offsets and sizes'],
	['two commas', [@s, 'GNU.sparse.numblocks' => 2, 'GNU.sparse.map' => '0,512,,5'], 'is not a list of offsets and sizes'],
	['an offset without a size', [@s, 'GNU.sparse.numblocks' => 2, 'GNU.sparse.offset' => 0, 'GNU.sparse.numbytes' => 512, 'GNU.sparse.offset' => 8192], 'is cut short',
		'GNU tar does not miss it'],
	['a size without an offset', [@s, 'GNU.sparse.numblocks' => 1, 'GNU.sparse.numbytes' => 517], 'is not a list of offsets and sizes', 'GNU tar does not miss it'];
bad("a map without its number of extents, $_->[0]", [tar_pax('GNU.sparse.size' => 20000, @{ $_->[1] }), $f, $z], qr/^s: its map of holes /)
	for ['0.0', ['GNU.sparse.offset' => 0, 'GNU.sparse.numbytes' => 517]], ['0.1', ['GNU.sparse.map' => '0,517']];
bad("$_->[0] without a map", [tar_pax(@{ $_->[1] }), file('s', blocks("1\n0\n5\n") . 'hello'), $z], qr/^s: it is a sparse file |^s: its map of holes /, $_->[2])
	for ['GNU.sparse.realsize', ['GNU.sparse.realsize' => 20000], 2], ['GNU.sparse.name', ['GNU.sparse.name' => 's', 'GNU.sparse.realsize' => 20000, 'GNU.sparse.minor' => 0], 2],
	['GNU.sparse.minor', ['GNU.sparse.minor' => 0, 'GNU.sparse.realsize' => 20000], 2];
bad('a sparse size that is junk', [tar_pax('GNU.sparse.size' => 'abc', 'GNU.sparse.numblocks' => 1, 'GNU.sparse.map' => '0,517'), $f, $z], value('s', 'GNU.sparse.size', 'abc'));
bad("a map of 1.0 with $_->[0]", [sparse_pax('1.0', 's', 20000, $_->[1], $data), $z], no_map('is not a list of numbers'))
	for ['junk', "2\n0\nx\n8192\n5\n"], ['a number below 0', "2\n0\n512\n-1\n5\n"], ['no newline', "2\n0\n512\n8192\n5"], ['fewer numbers than it says', "3\n0\n512\n8192\n5\n"],
	['an endless number', '1' x 600], ['nothing', ''], ['a count beyond 2^64', "99999999999999999999\n"], ['comments', "# one\n2\n0\n512\n8192\n5\n"];
bad("a sparse header with $_->[0]", [sparse_gnu('s', $_->[1], $_->[2], $data), $z], $_->[3])
	for ['a real size that is junk', 'abc', \@map, qr/^s: the real ?size .*in its tar header is not a number: 'abc'\n/],
	['an offset that is junk', 20000, [[0, 512], ['abc', 5], [20000, 0]], field('s', 'offset in the map of holes', 'abc')],
	['a size that is junk', 20000, [[0, 512], [8192, 'abc'], [20000, 0]], field('s', 'size in the map of holes', 'abc')],
	['a negative offset', 20000, [[0, 512], [base256(-5, 12), 5], [20000, 0]], range('s', 'offset in the map of holes')];
bad('extension blocks that do not end (no end)', [sparse_gnu('s', 200000, [map { [$_ * 4096, 3] } 0 .. 29], '', extended => "\1")], qr/^s: |^the archive: /);
good('extents that do not fill blocks', [sparse_pax('1.0', 's', 8192, [[0, 5], [4096, 5], [8192, 0]], 'helloworld'), $z], [file('s', 'hello' . "\0" x 4091 . 'world' . "\0" x 4091), $z],
	'GNU tar begins each extent at a block, as its own maps do; the size field says that this is not so');

# ---- members that no root file system has ----

good('a volume header', [gnu(name => 'label', type => 'V'), $z], [$z]);
good('a dump directory', [gnu(name => 'd/', type => 'D', mode => 0755, data => "Yx\0\0"), file('d/x', 'x')], [dir('d/'), file('d/x', 'x')]);
bad('a member that another volume began', [gnu(name => 'f', type => 'M', data => 'x'), $z], qr/^f: .*volume/);
good('a list of names of tar 1.11', [gnu(name => 'n', type => 'N', data => 'x'), $z], [file('n', 'x'), $z]);

# ---- the end ----

my $ENDLESS = 'GNU tar takes the end of the file for that of the archive';
bad('no end marker (no end)', [file('f', 'x')], qr/^the archive: it has no end marker \(members read: 1\)/, $ENDLESS);
bad('one block of zeros at the end (no end)', [file('f', 'x'), "\0" x 512], qr/^the archive: it has no end marker \(members read: 1\)/, 'GNU tar warns of a lone zero block');
bad('a lone block of zeros in the middle', [file('f', 'x'), "\0" x 512, $z], qr/^the archive: .*(?:end marker|zero)/, 'GNU tar warns of a lone zero block and leaves out what follows');
bad('a member behind the end', [file('f', 'x'), tar_end(), $z], qr/^the archive: more data follows its end marker/, 'GNU tar does not look there');
bad('nothing at all (no end)', [], qr/^the archive: /);
good('an empty archive', [], []);
good('zeros that fill the last record', [file('f', 'x'), "\0" x 9000], [file('f', 'x')]);
bad("a name for no member, by $_->[0] (no end)", [file('f', 'x'), $_->[1], tar_end()], qr/^the archive: /, 'GNU tar forgets it')
	for ['L', gnu_long(L => 'n')], ['K', gnu_long(K => 'n')], ['x', tar_pax(path => 'n')];

done_testing();
