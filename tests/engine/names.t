#!/usr/bin/perl
# Members that bite: names and links that lead out, that change under way, that come twice. Archives are
# made header by header. Nothing may ever happen outside the target; what is only unusual comes out as
# GNU tar extracts it.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Engine;
use Test::More;

need_programs(qw(tar xz));

# The stage: a root to unpack into, and beside it what must stay as it is.
my $stage = new_dir();
mkdir "$stage/outside";
mkdir "$stage/outside/dir";
spew("$stage/outside/secret", "secret\n");
my $outside = "$stage/outside";
my $before  = treelist($outside);

sub file       { my ($n, $data, @m) = @_; return tar_member(name => $n, data => $data, @m) }
sub dir        { my ($n, @m)        = @_; return tar_member(name => $n, type => '5', mode => 0755, @m) }
sub symlink_to { my ($n, $to, @m)   = @_; return tar_member(name => $n, type => '2', link => $to, @m) }
sub hardlink   { my ($n, $to, @m)   = @_; return tar_member(name => $n, type => '1', link => $to, @m) }

# Unpacks members into an empty root; the result and the root.
sub unpack_members {
	my ($binary, @members) = @_;
	my $root = "$stage/root";

	run('rm', '-rf', $root);
	mkdir $root or die;
	return (try({ limit => 60 }, $binary, 'unpack', xz_of(join '', @members, tar_end()), $root), $root);
}

sub nothing_outside {
	my ($name) = @_;
	my @beside = sort map { s{.*/}{}r } glob "$stage/*";

	return same_tree(treelist($outside), $before, "$name: nothing happened outside")
		&& is("@beside", 'outside root', "$name: nor beside the root");
}

# What stands at a path, in a word.
sub what_is {
	my ($path) = @_;

	return '-> ' . readlink $path if -l $path;
	return 'dir'                  if -d _;
	return 'fifo'                 if -p _;
	return slurp($path) if -f _;
	return -e _ ? 'other' : 'nothing';
}

# name, members, then either a pattern for the failure or a hash of paths and what stands there.
sub case {
	my ($name, $members, $wanted) = @_;

	for my $variant (variants()) {
		my ($build, $binary) = @$variant;
		my ($r, $root) = unpack_members($binary, @$members);
		if (ref $wanted eq 'HASH') {
			is($r->{exit}, 0, "$name ($build)") or diag($r->{err});
			is(what_is("$root/$_"), $wanted->{$_}, "$name: " . quoted($_)) for sort keys %$wanted;
		} else {
			fails_well($r, 1, $wanted, "$name ($build)");
		}
		nothing_outside($name);
		last if $build eq 'asan';
	}
	return;
}

# ---- names that steer a terminal ----

# What the user sees of a failure, to the letter; text stays text.
sub says {
	my ($name, $want, @members) = @_;

	for my $variant (variants()) {
		my ($r) = unpack_members($variant->[1], @members);
		is($r->{err} =~ s/ \(last member [^\n]*//r =~ s/^tarboot: warning: [^\n]* keeps what was unpacked before the error: delete it\n//mr, $want, "$name ($variant->[0])");
		unlike($r->{err}, qr/[^\n -\x7e\xc3\xa9]/, "$name: nothing else");
		last if $variant->[0] eq 'asan';
	}
	return;
}

my $TODO = '  A link or file in the archive stands where a directory is needed: look at the path in the root that was packed.';
says('a member', "tarboot: f/\\033]0;title\\007\\012\303\251\\302\\233\\377\\: cannot reach its directory: Not a directory\n$TODO\n",
	file('f', ''), file("f/\e]0;title\a\n\303\251\302\233\377\\", ''));
says('a hard link', "tarboot: h: cannot create the hard link to \\033[31mt: No such file or directory\n"
		. "  The archive is incomplete: pack the root again.\n",
	hardlink('h', "\e[31mt"));
says('a link that leads out', "tarboot: ../\\033c: its path leads out of the root by '..'\n  Do not trust this archive.\n",
	symlink_to("../\ec", 'x'));
says('a name of 255 bytes', 'tarboot: f/' . '\\033' x 46 . "...: cannot reach its directory: Not a directory\n$TODO\n",
	file('f', ''), tar_pax(path => "f/" . "\e" x 255), file('x', ''));

# ---- the table ----

case('a file through lib -> usr/lib',
	[dir('usr/lib/'), symlink_to('lib', 'usr/lib'), file('lib/foo', 'foo')],
	{ 'usr/lib/foo' => 'foo', lib => '-> usr/lib' });
case('the same, the link first',
	[symlink_to('lib', 'usr/lib'), file('lib/foo', 'foo'), dir('usr/lib/')],
	{ 'usr/lib/foo' => 'foo', lib => '-> usr/lib' });
case('an absolute link out, then through it',
	[symlink_to('abs', $outside), file('abs/x', 'x')],
	{ abs => "-> $outside", "$outside/x" => 'x' });
case('an absolute link to a directory that the root has',
	[dir('data/'), symlink_to('abs', '/data'), file('abs/x', 'x'), dir('abs/d/')],
	{ 'data/x' => 'x', 'data/d' => 'dir', abs => '-> /data' });
case('a relative link out, then through it',
	[symlink_to('rel', '../outside'), file('rel/x', 'x')],
	{ rel => '-> ../outside', 'outside/x' => 'x' });
case('a link to a link out',
	[symlink_to('a', '../outside'), symlink_to('b', 'a/../../outside'), file('b/secret', 'x')],
	{ 'outside/secret' => 'x' });
case('a file written over a link out',
	[symlink_to('x', '../outside/secret'), file('x', 'mine')], { x => 'mine' });
case('a file written over an absolute link out',
	[symlink_to('x', "$outside/secret"), file('x', 'mine')], { x => 'mine' });
case('a directory over a link out',
	[symlink_to('d', '../outside'), dir('d/', mode => 0700), file('d/x', 'x')],
	{ d => 'dir', 'd/x' => 'x' });
case('a directory whose place a link out takes: no modes or times through it',
	[dir('d/', mode => 0700, mtime => 5), symlink_to('d', '../outside')], { d => '-> ../outside' });
case('a directory made through a link out',
	[symlink_to('d', '../outside'), dir('d/dir/', mode => 0700, mtime => 5)],
	{ 'outside/dir' => 'dir' });

for my $type (['a file', file('../x', 'x')], ['a directory', dir('../x/')],
	['a symlink', symlink_to('../x', 'y')], ['a fifo', tar_member(name => '../x', type => '6')]) {
	case("$type that goes up and out", [$type->[1]], qr/leads out of the root/);
}
case('a file that goes down, then up and out', [dir('a/'), file('a/../../x', 'x')], qr/leads out/);
case('a file that goes up to the outside by name', [file('../outside/secret', 'x')], qr/leads out/);
case('a file that goes up and stays', [dir('a/'), file('a/../x', 'x')], { x => 'x' });
case('an absolute file', [file('/tmp/x', 'x')], { 'tmp/x' => 'x' });
case('an absolute file of the outside', [file("$outside/secret", 'x')], { "$outside/secret" => 'x' });
case('an absolute file that goes up', [file("/../$outside/secret", 'x')], qr/leads out/);
case('pax names that go up and out',
	[tar_pax(path => '../x'), file('harmless', 'x')], qr/leads out/);

case('a hard link to an absolute path outside', [hardlink('x', "$outside/secret")], qr/hard link/);
case('a hard link up and out', [hardlink('x', '../outside/secret')], qr/hard link/);
case('a hard link through a link out',
	[symlink_to('d', '../outside'), hardlink('x', 'd/secret')], qr/hard link/);
case('a hard link through an absolute link out',
	[symlink_to('d', $outside), hardlink('x', 'd/secret')], qr/hard link/);
case('a hard link to an absolute path inside', [file('a', 'a'), hardlink('x', '/a')], { x => 'a' });
case('a hard link to nothing', [file('a', 'a'), hardlink('x', 'b')], qr/hard link to b/);
case('a hard link to what comes later', [hardlink('x', 'a'), file('a', 'a')], qr/hard link/);
case('a hard link to a link out, then a file over it',
	[symlink_to('l', '../outside/secret'), hardlink('x', 'l'), file('x', 'mine')],
	{ x => 'mine', l => '-> ../outside/secret' });
case('pax link names that go up and out',
	[tar_pax(linkpath => '../outside/secret'), hardlink('x', 'a')], qr/hard link/);

case('a file twice', [file('a', 'one'), file('a', 'two')], { a => 'two' });
case('a hard-linked file again',
	[file('a', 'one'), hardlink('b', 'a'), file('a', 'two')], { a => 'two', b => 'one' });
case('a hard link to itself', [file('a', 'one'), hardlink('a', 'a')], { a => 'one' });
case('a file over a full directory', [dir('d/'), file('d/x', 'x'), file('d', 'y')], qr/tarboot: d:/);
case('a file below a file', [file('a', 'a'), file('a/b', 'b')], qr/tarboot: a\/b:/);
case('a loop', [symlink_to('a', 'b'), symlink_to('b', 'a'), file('a/x', 'x')], qr/tarboot: a\/x:/);
case('a name of 256 bytes', [tar_pax(path => 'n' x 256), file('x', 'x')], qr/tarboot: n+/);
case('an attribute that is called as tarboot calls its own',
	[tar_pax('SCHILY.xattr.tarboot.named.system.posix_acl_access' => 'x'), file('x', 'x')],
	{ x => 'x' });
case('a fifo where names of users are looked up',
	[tar_pax('SCHILY.acl.access' => 'user::rw-,user:joe:r--,group::r--,mask::r--,other::---'),
		file('x', 'x'), dir('etc/'), tar_member(name => 'etc/passwd', type => '6')],
	{ x => 'x', 'etc/passwd' => 'fifo' });
case('no name', [file('', 'x')], qr/tarboot/);
case('a file called .', [file('.', 'x')], qr/tarboot/);
case('a file called /', [symlink_to('/', 'x')], qr/tarboot/);

# A target that is itself a link is the user's own choice; what is in it is not.
{
	my ($r, $root) = unpack_members(build_path('tarboot'), file('x', 'old'));
	symlink '../outside', "$root/planted";
	my $xz = xz_of(join '', file('planted/x', 'x'), file('x', 'new'), tar_end());
	$r = try(build_path('tarboot'), 'unpack', $xz, $root);
	is($r->{exit}, 0, 'unpacked over an older tree') or diag($r->{err});
	is(what_is("$root/x"),         'new', 'the new file is there');
	is(what_is("$root/outside/x"), 'x',   'links that lay there lead nowhere else either');
	nothing_outside('an older tree with a link out');
}

# ---- only unusual: as GNU tar ----

sub gnu_long {
	my ($type, $text) = @_;
	return tar_member(
		name => '././@LongLink', type => $type, data => "$text\0", magic => "ustar  \0");
}

# A number as GNU tar writes those that have no room as octal digits.
sub base256 {
	my ($n, $bytes) = @_;
	my $text = substr(($n < 0 ? "\xff" : "\0") x $bytes . pack('q>', $n), -$bytes);
	return $text | "\x80" . "\0" x ($bytes - 1);
}

my @UNUSUAL = (
	['a prefix', file('name', 'x', prefix => 'some/prefix')],
	['a prefix and a name that are full',
		file('n' x 100, 'x', prefix => join('/', 'p' x 50, 'q' x 50, 'r' x 53))],
	['v7 headers', file('x', 'x', magic => "\0" x 8), file('d/', '', magic => "\0" x 8),
		file('d/y', 'y', type => "\0", magic => "\0" x 8)],
	['a file with the slash of a directory', file('d/', '')],
	['types 7 and NUL are files', file('x', 'x', type => '7'), file('y', 'y', type => "\0")],
	['an unknown type', file('x', 'x', type => 'Z')],
	['long GNU names', gnu_long('L', 'l' x 150 . '/' . 'm' x 200), file('short', 'x'),
		gnu_long('K', 't' x 300), symlink_to('link', 'short')],
	['long pax names', tar_pax(path => 'a/' . 'b' x 200, mtime => '1700000000.123456789'),
		file('short', 'x'), tar_pax(linkpath => 't' x 300), symlink_to('link', 'short')],
	['pax owners and sizes', tar_pax(uid => 3000000, gid => 4000000, size => 5),
		file('x', 'hello', size => 0)],
	['pax times before 1970', tar_pax(mtime => '-100'), file('x', 'x')],
	['numbers in base 256', file('x', 'hello', uid => base256(3000000, 8), gid => base256(4000000, 8),
			size => base256(5, 12), mtime => base256(9000000000, 12))],
	['times before 1970 in base 256', file('x', 'x', mtime => base256(-86400, 12), magic => "ustar  \0")],
	['numbers with blanks', file('x', 'x', mode => '   644 ', uid => '     7 ', mtime => ' 1234567012 ')],
	['a global header', tar_member(name => 'pax_global_header', type => 'g',
			data => "20 comment=abcdefgh\n"), file('x', 'x')],
	['a volume header', tar_member(name => 'volume', type => 'V', magic => "ustar  \0"), file('x', 'x')],
	['a directory of an incremental archive', tar_member(name => 'd/', type => 'D', mode => 0755,
			data => "Yx\0\0", magic => "ustar  \0"), file('d/x', 'x')],
	['odd spellings', dir('./'), dir('.//a/./'), file('./a//b', 'b'), file('a/./c', 'c')],
	['directories after their content', file('d/e/x', 'x'), dir('d/e/', mode => 0555, mtime => 5),
		dir('d/', mode => 0700, mtime => 6)],
	['a directory twice', dir('d/', mode => 0700), file('d/x', 'x'), dir('d/', mode => 0750, mtime => 7)],
	['all that can come twice', file('a', 'file'), symlink_to('a', 'link'), tar_member(name => 'a', type => '6'),
		dir('a/'), symlink_to('a', 'again'), file('a', 'the last')],
	['a hard link with a size', file('x', 'hello'), hardlink('y', 'x', size => 5, magic => "ustar  \0")],
	['hard links to links', symlink_to('l', 'nowhere'), hardlink('m', 'l')],
	['a file of zeros only', file('x', "\0" x 100000)],
	['names of bytes', file("\xff\xfe", 'x'), file("\x01\n\t\\", 'y'), symlink_to("\xe9", "\xff")],
	['names that are UTF-8', tar_pax(path => "gr\xc3\xbc\xc3\x9fe"), file('x', 'x')],
	['names that are not, in pax', tar_pax(path => "gr\xfc\xdfe"), file('x', 'x')],
	['names that say they are not', tar_pax(hdrcharset => 'BINARY', path => "gr\xfc\xdfe"), file('x', 'x')],
	['modes', map { file("m$_", 'x', mode => oct $_) } qw(0 4755 2755 1777 7777 111)],
	['devices', tar_member(name => 'null', type => '3', major => 1, minor => 3, mode => 0666),
		tar_member(name => 'disk', type => '4', major => 8, minor => 1, uid => 0, gid => 6)],
	['attributes', tar_pax('SCHILY.xattr.user.one' => "\0\n=\xff", 'SCHILY.xattr.trusted.two' => ''),
		file('x', 'x')],
	['ACLs', tar_pax('SCHILY.acl.access' => 'user::rw-,user:1000:r--,group::r--,mask::r--,other::---'),
		file('x', 'x', mode => 0640),
		tar_pax('SCHILY.acl.default' => "user::rwx\ngroup::r-x\nother::---\n"), dir('d/')],
);

# The times of directories that no member is about are those of the extraction: cut them out.
sub tidier {
	my %said = map { s{/+\z}{}r =~ s{\A(?:\./+)+}{}r => 1 }
		map { substr($_, 0, 100) =~ s/\0.*//sr } @_;
	my $cut = sub {
		my ($line) = @_;
		my ($path, $type) = split / /, $line;
		return $type eq 'd' && !$said{$path} ? $line =~ s/^(\S+ d \S+ \S+ \S+) \S+/$1/r : $line;
	};
	return sub { join '', map { $cut->($_) } split /^/, shift };
}

my @TAR = qw(tar --xattrs --xattrs-include=* --acls --numeric-owner -xpf);
for (@UNUSUAL) {
	my ($name, @members) = @$_;
	my $dir = new_dir();
	my $tar = spew(scratch('unusual.tar'), join '', @members, tar_end());
	my $gnu = try(@TAR, $tar, '-C', $dir);

	if ($gnu->{exit} != 0) {
		fail("GNU tar extracts: $name") or diag($gnu->{err});
		next;
	}
	my $tidy = tidier(@members);
	my ($r, $root) = unpack_members(build_path('tarboot'), @members);
	is_quiet($r, "unusual: $name");
	same_tree($tidy->(treelist('-x', '.', $root)), $tidy->(treelist('-x', '.', $dir)), "$name: as GNU tar");
	run('rm', '-rf', $dir);
}

# Sparse files in all of GNU tar's ways.
my $sparse = new_dir();
run('sh', '-ec', 'cd "$0"; truncate -s 3M a; printf x | dd of=a bs=1 seek=1500000 conv=notrunc status=none; '
		. 'truncate -s 2M hole; for i in 1 2 3 4 5 6 7 8 9 10 11 12; do '
		. 'printf data$i | dd of=many bs=1 seek=${i}00000 conv=notrunc status=none; done; '
		. 'mv many "$(printf %0150d 0)"; touch -d @1000000000 *', $sparse);
my $want = treelist('-x', '.', $sparse);
for my $options (
	['--format=gnu'], ['--format=oldgnu'], ['--format=pax', '--sparse-version=0.0'],
	['--format=pax', '--sparse-version=0.1'], ['--format=pax', '--sparse-version=1.0']) {
	my $tar = scratch('sparse.tar');
	run('tar', '--sparse', @$options, '-C', $sparse, '-cf', $tar, '.');
	my $root = new_dir();
	my $xz   = xz_of(slurp($tar), qw(-1 -T1 --block-size=3000));
	is_quiet(try(build_path('tarboot'), 'unpack', $xz, $root), "sparse files, @$options");
	same_tree(treelist('-x', '.', $root), $want, "@$options: the same tree");
}

done_testing();
