#!/usr/bin/perl
# Roots in cpio, as Warewulf and xCAT make them: what GNU cpio, bsdtar and busybox write in each format becomes the tree
# that it was, by unpack and by pack; what is damaged is refused with a sentence.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Engine;
use Test::More;

need_programs(qw(cpio xz gzip));

my $TARBOOT = build_path('tarboot');
my $CUT     = 'It was cut short: copy it again, or make it again.';
my $REMAKE  = 'Make the archive again with cpio -o -H newc, or pack the root with `tarboot pack`.';

# ---- trees ----

# All that cpio can hold: no attributes, times in seconds.
my $tree = scratch('tree');
run('sh', '-ec', 'umask 022; mkdir -p "$0" && cd "$0"; mkdir -p sub/deep closed sgid
	echo same >linked; ln linked linked-2; ln linked sub/linked-3; : >none; ln none sub/none-2
	echo x >suid; chown 7:8 suid; chmod 6711 suid; chgrp 9 sgid; chmod 3777 sgid; echo x >owner; chown 1000:1001 owner
	echo x >closed/file; chmod 0 closed; echo x >no-mode; chmod 0 no-mode
	ln -s nowhere link; chown -h 1234:5432 link; ln -s "$(printf %01000d 0)" sub/long-target
	mkfifo fifo; ln fifo fifo-2; mknod null c 1 3; mknod disk b 8 1; chown 0:6 disk; ln disk sub/disk-2
	printf x >one; printf xyz >three; head -c 700000 /dev/urandom >random; ln random sub/deep/random-2
	echo x >"$(printf "latin-\351\377")"; echo x >"$(printf "nfd-e\314\201")"; echo x >"$(printf "new\nline")"
	echo x >"$(printf %0255d 0)"; i=0; while [ $i -lt 300 ]; do echo $i >sub/many-$i; i=$((i+1)); done
	echo x >future; touch -d @4294967295 future; touch -d @0 one
	find . -print0 | xargs -0 -n 100 touch -h -d @1234567890 --; touch -d @4294967295 future; touch -d @0 one', $tree);
my $want = treelist($tree);
my $list = "cd '$tree' && find . -print0";

sub unpacks {
	my ($name, $file, $tree, @options) = @_;
	for my $variant ($name =~ /^GNU/ ? variants() : (variants())[0]) {
		my $dir = new_dir();
		is_quiet(try($variant->[1], 'unpack', $file, $dir, @options), "$name: unpacked, $variant->[0]");
		same_tree(treelist($dir), $tree, "$name: the same tree, $variant->[0]");
		run('rm', '-rf', $dir);
	}
	return;
}

sub packs {
	my ($name, $tree, @command) = @_;
	my $image = scratch('packed.img');
	my $r = try(@command, '-o', $image, qw(--force --no-shell --kernel=none --level=fast --no-scrub));

	is($r->{exit}, 0, "$name: packed") or return diag($r->{err});
	unpacks("$name, packed", $image, $tree);
	return;
}

my %WRITERS = (
	'GNU cpio, newc' => "$list | cpio -0 -o -H newc --quiet",
	'GNU cpio, crc'  => "$list | cpio -0 -o -H crc --quiet",
	'GNU cpio, odc'  => "$list | cpio -0 -o -H odc --quiet",
	'bsdtar, newc'   => "cd '$tree' && LC_ALL=C.UTF-8 bsdtar --format=newc -cf - .",
	'bsdtar, odc'    => "cd '$tree' && LC_ALL=C.UTF-8 bsdtar --format=odc -cf - .",
	'busybox, newc'  => "$list | busybox cpio -0 -o -H newc");
my $cpio = scratch('root.cpio');
my @made;
for my $name (sort keys %WRITERS) {
	SKIP: {
		need(6, 'bsdtar')  if $name =~ /^bsdtar/;
		need(6, 'busybox') if $name =~ /^busybox/;
		my $file = scratch('root-' . @made . '.cpio');
		run("{ $WRITERS{$name}; } >'$file' 2>/dev/null");
		run('xz', '-1', '-k', '--block-size=100KiB', $file);
		unpacks($name, "$file.xz", $want);
		push @made, $file;
	}
}

# Of the first: all ways in.
my ($file) = @made;
unpacks("$_ threads", "$file.xz", $want, "--threads=$_") for 1, 3, 8;
my ($members) = scalar(() = $want =~ /\n/g);
my $r = try($TARBOOT, 'verify', "$file.xz");
is($r->{exit}, 0, 'verify');
like($r->{out}, qr/^whole: \d+ KiB, $members members, 8 blocks, /, 'tells of all members');
$r = try($TARBOOT, 'inspect', "$file.xz");
is($r->{exit}, 0, 'inspect');
like($r->{out}, qr{^biggest files\n +684 KiB +\d+ KiB  /\S*random\S*$}m, 'knows the largest file');
run("gzip -k '$file'");
packs('cpio.gz', $want, $TARBOOT, 'pack', "$file.gz");
packs('cpio on stdin', $want, 'sh', '-c', "exec \"\$0\" pack - \"\$@\" <'$file'", $TARBOOT);
packs('less a directory', join('', grep { !/^closed\b/ } split /^/, $want), $TARBOOT, 'pack', $file, '--exclude=/closed');

# ---- made by hand ----

sub unpacked {
	my ($bytes) = @_;
	my $dir = new_dir();
	my $r   = try($TARBOOT, 'unpack', xz_of($bytes), $dir);
	return ($r, $dir);
}

# The same sentence from unpack, verify and pack.
sub refused {
	my ($name, $bytes, $what, $why, $todo, $where) = @_;
	my $file = xz_of($bytes);
	my $of   = $what // $file;
	my $dir  = new_dir();
	for (['unpack', $dir], ['verify']) {
		my ($command, @to) = @$_;
		my $r = try($TARBOOT, $command, $file, @to);
		is($r->{exit}, 1, "$name: $command fails");
		like($r->{err}, qr/^tarboot: \Q$of: $why\E(?: \(last member .*\))?\n  \Q$todo\E$/m, "$name: $command says why");
	}
	my $r = try($TARBOOT, 'pack', $file, '-o', scratch('no.img'), qw(--kernel=none --no-shell));
	is($r->{exit}, 1, "$name: pack fails");
	like($r->{err}, qr/^tarboot: \Q$of: $why\E\n  \Q$todo\E$/m, "$name: pack says why");
	ok(!-e scratch('no.img'), "$name: and leaves nothing");
	return;
}

my @file  = (name => 'a/file', data => 'data');
my $whole = cpio_of('newc', { name => 'a', mode => 040755 }, {@file});
refused('cut', substr($whole, 0, -20), undef, 'it ends in the middle of the header that follows a/file', $CUT);
refused('without end', substr($whole, 0, -124), undef, 'it has no end marker (members read: 2)', $CUT);
refused('two archives', $whole . $whole, undef, 'more data follows its end marker', 'Two archives were concatenated: make a single one instead.');
refused('junk', cpio_of('newc', {@file}) =~ s/^(.{22}).{8}/$1 . 'root    '/er, 'a/file',
	q(the uid in its cpio header is not a number: 'root    '), $REMAKE);
refused('wrong sum', cpio_of('crc', { @file, check => 1 }), 'a/file', 'its data has the checksum 0000019a, but its cpio header says 00000001', $REMAKE);
refused('a directory with data', cpio_of('odc', { @file, mode => 040755 }), 'a/file',
	'its cpio header says that it is not a regular file, but has 4 bytes of data', $REMAKE);
{
	my $file = xz_of(run("$list | cpio -0 -o -H bin --quiet 2>/dev/null"));
	my $r = try($TARBOOT, 'unpack', $file, new_dir());
	is($r->{exit}, 1, 'the old format is refused');
	is($r->{err}, "tarboot: $file: it is a cpio archive in the old binary format\n  Make it again with cpio -o -H newc.\n", 'with a sentence');
	$r = try($TARBOOT, 'pack', $file, '-o', scratch('no.img'));
	is($r->{exit}, 1, 'by pack, too');
	is($r->{err}, "tarboot: $file: it is a cpio archive in the old binary format\n"
		. "  Make it again with cpio -o -H newc, or unpack it with cpio -id and pack the directory.\n", 'with another');
}

# Names that lead out, and links to what came before.
{
	my ($r, $dir) = unpacked(cpio_of('newc', { name => 'l', mode => 0120777, data => '../../outside' }, { name => 'l/x', data => 'in' }));
	is($r->{exit}, 0, 'a link that leads out');
	is(slurp("$dir/outside/x"), 'in', 'leads to the root');
	($r) = unpacked(cpio_of('newc', { name => '../x', data => 'out' }));
	is($r->{exit}, 1, 'a name that leads out');
	like($r->{err}, qr/^tarboot: \.\.\/x: its path leads out of the root by '\.\.' \(last member .*\)\n  Do not trust this archive\.\n\z/, 'is refused');
	my @linked = (nlink => 2, ino => 7, mode => 0100640);
	($r, $dir) = unpacked(cpio_of('newc', { name => 'd', mode => 040755, mtime => 5 }, { name => 'd/a', @linked }, { name => 'b', @linked, data => 'data' }));
	is(slurp("$dir/d/a"), 'data', 'a name whose data came later');
	is((stat "$dir/d/a")[1], (stat "$dir/b")[1], 'is the same file');
	is((stat "$dir/d")[9], 5, 'and its directory keeps its time');
}

# A tar whose first member has the name of a magic is a tar.
{
	my ($r, $dir) = unpacked(tar_member(name => '070701', data => 'x') . tar_end());
	is($r->{exit}, 0, 'a tar that begins with 070701');
	is(slurp("$dir/070701"), 'x', 'is a tar');
	($r, $dir) = unpacked(cpio_of('odc'));
	is($r->{exit}, 0, 'an archive smaller than a block of tar');
	($r, $dir) = unpacked("070701\0");
	like($r->{err}, qr/: it ends in the middle of its first header\n  \Q$CUT\E$/m, 'or than a header');
}

done_testing();
