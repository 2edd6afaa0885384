#!/usr/bin/perl
# A root that init could not unpack is refused before anything is written of it, with the name of the member; verify and
# inspect say of such a payload what unpack, which is the boot's engine, says of it. What init can unpack goes in, however
# odd. tests/unit/test_root_tree.c compares far more of such members with the engine.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../engine", $FindBin::RealBin;
use Containers;
use Engine;
use Test::More;

need_programs(qw(tar xz));
my $TARBOOT = build_path('tarboot');
my @PACK    = qw(--no-shell --force --kernel=none --level=fast);

sub file       { my ($n, $data) = @_; return tar_member(name => $n, data => $data // 'x') }
sub dir        { my ($n)        = @_; return tar_member(name => $n, type => '5', mode => 0755) }
sub symlink_to { my ($n, $to)   = @_; return tar_member(name => $n, type => '2', link => $to) }
sub hardlink   { my ($n, $to)   = @_; return tar_member(name => $n, type => '1', link => $to) }
sub long_name  { my ($n, $m)    = @_; return tar_pax(path => $n) . $m }

# Packs a source; the result, and what is in the directory of the image.
sub pack_into {
	my ($options, @arguments) = @_;
	my $dir = new_dir();
	my $r = try($options, $TARBOOT, 'pack', @arguments, '-o', "$dir/image", @PACK);

	return ($r, join ' ', sort map { s{.*/}{}r } glob "$dir/* $dir/.[!.]*");
}

sub refused {
	my ($name, $r, $left, $want) = @_;

	is($r->{exit}, 1,     "$name: refused");
	is($r->{err},  $want, "$name: why, and what to do");
	is($left,      '',    "$name: nothing is written");
	return;
}

# ---- what init could not unpack ----

my $LATER  = '  The name that it links to must come before it: make the archive again, or leave it out with --exclude.';
my $AGAIN  = '  The archive is incomplete: pack the root again.';
my $BELOW  = '  A file, or a link that leads nowhere, stands where a directory is needed: mend its path in the root, or leave it out with --exclude.';
my $STANDS = '  A link or file in the archive stands where a directory is needed: look at the path in the root that was packed.';
my $FULL   = '  A directory with files in it has the same path: leave one of both out with --exclude.';
my $FULL_E = '  A directory that is not empty has this name, earlier in the archive: look at the path in the root that was packed.';
my $SHORT  = '  A name may have 255 bytes, a link or the path of a directory 4095: shorten it, or leave it out with --exclude.';
my $SHORT_E = '  A name may have 255 bytes, a link or the path of a directory 4095: shorten it in the root that was packed.';
my $TRUST  = '  Do not trust this archive.';

my $long  = 'n' x 256;
my $shown = 'n' x 188 . '...';
my $deep  = join '/', ('d' x 250) x 17, 'x';

# Name, members, the member that fails, why, what the one who packs can do, what the one who has the image can do.
my @BAD = (
	['a hard link to nothing', hardlink('h', 'nothing'), 'h',
		'cannot create the hard link to nothing: No such file or directory', $LATER, $AGAIN],
	['a hard link before its first name', hardlink('h', 'a') . file('a'), 'h',
		'cannot create the hard link to a: No such file or directory', $LATER, $AGAIN],
	['a hard link to a directory', dir('d') . hardlink('h', 'd'), 'h',
		'cannot create the hard link to d: Operation not permitted',
		'  A directory has one name only: make the archive again, or leave it out with --exclude.', $AGAIN],
	['a hard link over a full directory', file('a') . dir('d') . file('d/x') . hardlink('d', 'a'), 'd',
		'cannot create the hard link to a: Directory not empty', $FULL, $AGAIN],
	['a hard link that leads out', hardlink('h', '../x'), 'h',
		'cannot create the hard link to ../x: Cross-device link', $TRUST, $AGAIN],
	['a file below a file', file('f') . file('f/x'), 'f/x', 'cannot reach its directory: Not a directory', $BELOW, $STANDS],
	['a directory below a link to a file', file('f') . symlink_to('l', 'f') . dir('l/d'), 'l/d',
		'cannot reach its directory: Not a directory', $BELOW, $STANDS],
	['a file below a loop of links', symlink_to('a', 'b') . symlink_to('b', 'a') . file('a/x'), 'a/x',
		'cannot reach its directory: Symbolic link loop', $BELOW, $STANDS],
	['a link over a full directory', dir('d') . file('d/x') . symlink_to('d', 'e'), 'd',
		'cannot create it: Directory not empty', $FULL, $FULL_E],
	['a file over a directory that no member made', file('d/x') . file('d'), 'd',
		'cannot create it: Directory not empty', $FULL, $FULL_E],
	['a name that goes up and out', file('../x'), '../x', "its path leads out of the root by '..'", $TRUST, $TRUST],
	['a name that goes up and out later', dir('a') . file('a/../../x'), 'a/../../x',
		"its path leads out of the root by '..'", $TRUST, $TRUST],
	['a name of 256 bytes', long_name($long, file('x')), $shown,
		'cannot reach its directory: Filename too long', $SHORT, $SHORT_E],
	['a directory of 256 bytes', long_name("$long/x", file('x')), $shown,
		'cannot reach its directory: Filename too long', $SHORT, $SHORT_E],
	['a path of more than 4095 bytes', long_name($deep, file('x')), substr($deep, 0, 188) . '...',
		'cannot reach its directory: Filename too long', $SHORT, $SHORT_E],
	['a file as the root', file('.'), '.', 'only a directory can be the root',
		'  Make the archive again: its root must be a directory.', undef],
);

my $n = 0;
for (@BAD) {
	my ($name, $members, $what, $why, $todo, $todo_of_engine) = @$_;
	my $tar   = spew(scratch('bad-' . ++$n . '.tar'), dir('./') . $members . file('later') . tar_end());
	my $want  = "tarboot: $what: init could not unpack it: $why\n$todo\n";
	my $image = "tarboot: $what: $why\n" . ($todo_of_engine ? "$todo_of_engine\n" : '');

	refused($name, pack_into({}, $tar), $want);
	my $r = try($TARBOOT, 'pack', $tar, '--dry-run', @PACK);
	is("$r->{exit} $r->{err}", "1 $want", "$name: a dry run says the same");
	my $xz = xz_of(slurp($tar));
	for my $command ([ 'unpack', $xz, new_dir() ], [ 'verify', $xz ], [ 'inspect', $xz ], [ 'inspect', '--diff', $xz, $xz ]) {
		$r = try($TARBOOT, @$command);
		my $said = $r->{err} =~ s/^tarboot: warning: \S+ keeps what was unpacked before the error: delete it\n//mr;
		is("$r->{exit} " . $said =~ s/ \(last member [^\n]*\)$//mr, "1 $image", "$name: $command->[0]");
	}
}

# ---- from any source ----

my $bad = dir('./') . file('a') . hardlink('h', 'nothing') . tar_end();
my $said = "tarboot: h: init could not unpack it: cannot create the hard link to nothing: No such file or directory\n$LATER\n";
refused('on stdin', pack_into({ stdin => spew(scratch('stdin.tar'), $bad) }, '-'), $said);
refused('compressed', pack_into({}, xz_of($bad)), $said);

# An OCI image: the upper layer has a file below what is a file in the lower one.
{
	my $layout = new_dir();
	oci_layout($layout, oci_image($layout, { layers => [ tar_of(dir('./'), file('lib')), tar_of(file('lib/x')) ], platform => 0 }));
	refused('layers', pack_into({}, $layout),
		"tarboot: lib/x: init could not unpack it: cannot reach its directory: Not a directory\n"
			. "  A file, or a link that leads nowhere, stands where a directory is needed: mend its path in the root, or leave it out with --exclude.\n");
}

# A directory can have paths that are too long.
{
	my $root = new_dir();
	my $home = `pwd`;
	chomp $home;
	chdir $root or die;
	for (1 .. 17) {
		mkdir 'd' x 250 or die;
		chdir 'd' x 250 or die;
	}
	spew('x', 'x');
	chdir $home or die;
	my ($r, $left) = pack_into({}, $root);
	refused('a directory', $r, $left,
		'tarboot: ' . substr($deep, 0, 188) . "...: init could not unpack it: cannot reach its directory: Filename too long\n$SHORT\n");
	($r) = pack_into({}, $root, '--exclude=/' . join '/', ('d' x 250) x 15);
	is($r->{exit}, 0, 'without it, it is packed') or diag($r->{err});
}

# ---- what init can unpack ----

my @GOOD = (
	['a file over a link to a directory', dir('d') . symlink_to('l', 'd') . file('l') . file('d/x')],
	['a directory over a full directory', dir('d') . file('d/x') . dir('d')],
	['a link over an empty directory', dir('d') . symlink_to('d', 'e')],
	['a directory over a link to one, then below it', dir('d') . symlink_to('l', 'd') . dir('l') . file('l/x')],
	['a hard link through a link', dir('d') . file('d/x') . symlink_to('l', '/d') . hardlink('h', 'l/x')],
	['a hard link twice', file('a') . hardlink('h', './a') . hardlink('h', '/a')],
	['a hard link to a link', symlink_to('l', 'nowhere') . hardlink('h', 'l')],
	['a path that goes up and stays', file('a/../b')],
	['below a link to what is missing', symlink_to('l', '/m/n') . file('l/x')],
	['a name of 255 bytes', long_name('n' x 255, file('x'))],
	['a directory with a path of 4095 bytes',
		long_name(join('/', ('d' x 255) x 15, 'd' x 253, 'd', 'x' x 255), file('x'))],
);

for (@GOOD) {
	my ($name, $members) = @$_;
	my $tar = spew(scratch('good-' . ++$n . '.tar'), dir('./') . $members . tar_end());
	my $image = scratch("good-$n.img");
	my $r = try($TARBOOT, 'pack', $tar, '-o', $image, @PACK);

	is($r->{exit}, 0, "$name: packed") or diag($r->{err});
	for my $command ([ 'verify', $image ], [ 'inspect', $image ], [ 'unpack', $image, new_dir() ]) {
		$r = try($TARBOOT, @$command);
		is($r->{exit}, 0, "$name: $command->[0]") or diag($r->{err});
	}
	unlink $tar, $image;
}

done_testing();
