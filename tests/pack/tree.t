#!/usr/bin/perl
# One tree of the root, wherever it comes from: a directory, archives and layers of the same root give the same bytes; what lies
# over it, and what is left out of it, meets names and inodes, not text.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../engine", "$FindBin::RealBin/../boot";
use Digest::SHA qw(sha256_hex);
use Engine;
use Image;
use POSIX ();
use RawTar qw(dir tar_end tar_pax);
use Test::More;

need_programs(qw(tar gzip mknod setfattr setpriv));
my $TARBOOT = build_path('tarboot');
my @NO      = qw(--kernel=none --no-shell --level=fast);
my $image   = scratch('image');

sub payload { my ($from, @options) = @_;
	my $r = try($TARBOOT, 'pack', $from, '-o', $image, @NO, '--no-scrub', '--force', @options);
	is($r->{exit}, 0, "packs $from") or diag($r->{err});
	return payload_of($image);
}

# Names that sort otherwise than a locale or a path's text would, links to and fro, holes, every type.
my $root = scratch('root');
run('mkdir', '-p', map { "$root/$_" } qw(sbin a a.b usr/lib z));
spew("$root/sbin/init", "#!/bin/sh\n", 0755);
spew("$root/$_", $_) for qw(a/x a-b a.b/x z/first B);
spew("$root/usr/lib/\xc3\xa9", 'bytes');
spew("$root/usr/lib/e\xcc\x81", 'others');
symlink 'usr/lib', "$root/lib" or die;
link "$root/z/first", "$root/a/second" or die;
link "$root/lib", "$root/z/lib" or die;
run('truncate', '-s', '3M', "$root/holes");
open my $holes, '+<', "$root/holes" or die;
seek $holes, 1 << 20, 0;
print $holes 'in the midst';
close $holes;
run('mkfifo', "$root/fifo");
run('setfattr', '-n', 'user.note', '-v', 'x', "$root/a/x");
run('find', $root, '-depth', '-exec', 'touch', '-h', '-d', '2024-05-06T07:08:09.123456789Z', '{}', '+');
chmod 0755, $root;

run('tar', '-C', $root, '--format=posix', '--sparse', '--xattrs', '--xattrs-include=*', '--sort=name', '-cf', "$root.tar", '.');
run('sh', '-c', "cd $root && find . | sort -r | tar --format=posix --sparse --xattrs --xattrs-include='*' --no-recursion -T - -cf $root.back.tar");
run('gzip', '-kf', "$root.tar");
my $want = slurp(payload($root));
for my $from ("$root.tar", "$root.back.tar", "$root.tar.gz") {
	ok(slurp(payload($from)) eq $want, "$from: the same bytes");
}
my $piped = scratch('piped');
is(try('sh', '-c', "cat $root.tar | $TARBOOT pack - -o $piped @NO --no-scrub --force")->{exit}, 0, 'from a pipe');
ok(slurp(payload_of($piped)) eq $want, 'the same bytes');

my @names = map { s{^\./}{}r =~ s{/\z}{}r } split /\n/, run('tar', '--quoting-style=literal', '-tf', payload($root));
is($names[0], '', 'the root comes first');
is_deeply([ @names[1 .. $#names] ], [ sort { $a =~ s{/}{\0}gr cmp $b =~ s{/}{\0}gr } @names[1 .. $#names] ], 'a directory before what is in it, names by their bytes');

# ---- a directory twice ----

{
	my $acl   = sub { my ($who) = @_; return "user::rwx,user:$who:rwx,group::---,mask::rwx,other::---" };
	my $twice = sub { my ($name, @second) = @_; return spew(scratch("$name.tar"), join '',
		tar_pax('SCHILY.acl.access' => $acl->('bob'), 'SCHILY.acl.default' => $acl->(7), 'SCHILY.xattr.user.one' => '1'), dir('d/', mode => 0770), @second, dir('d/', mode => 0700), tar_end()) };
	my $without = run('xz', '-dc', payload($twice->('without')));
	unlike($without, qr/SCHILY\.acl/, 'the ACL goes with the mode that it had');
	like($without, qr/SCHILY\.xattr\.user\.one=1\n/, 'other attributes stay');
	my $other = run('xz', '-dc', payload($twice->('other', tar_pax('SCHILY.acl.access' => $acl->(8)))));
	is(join(' ', $other =~ /SCHILY\.acl\.(\w+=[^\n]*)\n/g), 'access=' . $acl->(8), 'the last one is all there is');
}

# ---- names and inodes ----

sub tree { my ($from, @options) = @_;
	my %is;
	my $out = scratch('out');
	run('rm', '-rf', $out);
	run('mkdir', $out);
	run('tar', '-C', $out, '-xf', payload($from, @options));
	for my $path (split /\n/, run('sh', '-c', "cd $out && find . -printf '%P\\n'")) {
		my $at = "$out/$path";
		$is{$path} = -l $at ? '->' . readlink $at : -d _ ? '/' : -f _ ? slurp($at) : 'other' if $path ne '';
	}
	return %is;
}

sub files { my ($name, %files) = @_;
	my $dir = scratch($name);
	for my $path (sort keys %files) {
		run('mkdir', '-p', "$dir/$path" =~ s{/[^/]*\z}{}r);
		$files{$path} =~ /^->(.*)/ ? symlink($1, "$dir/$path") || die : $files{$path} eq '/' ? run('mkdir', '-p', "$dir/$path") : spew("$dir/$path", $files{$path});
	}
	return $dir;
}

my $base = files('base', 'real/file' => 'old', 'to-file' => '->real/file', 'to-dir' => '->real', 'gone/x' => 'x', 'two' => 'shared');
link "$base/two", "$base/one" or die;
for my $from ($base, "$base.tar") {
	run('tar', '-C', $base, '-cf', "$base.tar", '.') if $from ne $base;
	my %is = tree($from, '--overlay=' . files('over', 'to-file' => 'new'));
	is("$is{'to-file'} $is{'real/file'}", 'new old', "$from: a file takes the place of a link, not of the file that it leads to");
	%is = tree($from, '--overlay=' . files('over-dir', 'to-file/x' => 'x', 'to-dir/y' => 'y'));
	is("$is{'to-file'} $is{'to-file/x'} $is{'real/file'}", '/ x old', "$from: a directory takes the place of a link to a file");
	is("$is{'to-dir'} $is{'real/y'}", '->real y', "$from: and joins where a link leads to a directory");
	%is = tree($from, '--exclude=/gone', '--overlay=' . files('again', 'gone/y' => 'y'));
	is(join(' ', grep { /^gone/ } sort keys %is), 'gone gone/y', "$from: excluded, and then overlaid: only what the overlay has");
	%is = tree($from, '--exclude=/two', '--overlay=' . files('two', 'two' => 'mine'));
	is("$is{one} $is{two}", 'shared mine', "$from: the same of one name of a file");
	%is = tree($from, '--overlay=' . files('one', 'one' => 'mine'));
	is("$is{one} $is{two}", 'mine shared', "$from: a name that is replaced leaves the others alone");
}

# Overlays and names that are left out.
{
	my $merged = files('merged', 'usr/lib/a' => 'a', 'lib' => '->usr/lib', 'run/lock/old' => 'old', 'var/lock' => '->/run/lock', 'etc/foo/x' => 'x');
	my %is = tree($merged, '--exclude=/lib', '--overlay=' . files('lib', 'lib/x' => 'x'));
	is("$is{lib} $is{'lib/x'} " . join(' ', grep { m{^usr/lib/} } sort keys %is), '/ x usr/lib/a', 'a link that is left out leads nowhere');
	is(try($TARBOOT, 'pack', $merged, '--explain=/lib/a', '--exclude=/usr/lib/a')->{out}, "/usr/lib/a: left out: /usr/lib/a names it (excluded)\n", 'a path through a link is explained');

	# The inode of all deletions of an overlayfs is one.
	my $upper = files('upper', 'etc/foo/y' => 'y');
	run('mknod', "$upper/etc/foo/x", 'c', 0, 0);
	run('mkdir', "$upper/usr");
	link "$upper/etc/foo/x", "$upper/usr/lib" or die;
	%is = tree($merged, "--overlay=$upper");
	is(join(' ', grep { m{^(?:etc/foo|usr)/} } sort keys %is), 'etc/foo/y', 'hard-linked whiteouts delete');

	# The image of the pack before lies in the overlay.
	my $over = files('own', 'new' => 'new');
	run($TARBOOT, 'pack', $merged, '-o', "$over/img", @NO, '--force', "--overlay=$over") for 1 .. 2;
	run('tar', '-C', new_dir(), '-xf', payload_of("$over/img"));
	is(join(' ', grep { m{img} } split /\n/, run('tar', '-tf', payload_of("$over/img"))), '', 'an image inside an overlay is not packed');
	is(try($TARBOOT, 'pack', $merged, '-n', '--overlay=/')->{err}, "tarboot: /: this is the running system\n"
			. "  Pack a copy or a snapshot of it, for example a bind mount.\n", 'nor is the running system an overlay');
}

# A bind mount of the running system is not it: here of a small one.
SKIP: {
	my $system = files('system', 'etc/here' => 'x', 'proc' => '/', 'mnt' => '/');
	run('cp', $TARBOOT, "$system/tarboot");
	my $pack = sub { my ($path) = @_; return try('unshare', '-m', 'sh', '-c', <<'END', $system, $path) };
mount --make-rprivate / && mount --bind /proc "$0/proc" && mount --bind "$0" "$0/mnt" || exit 77
exec chroot "$0" /tarboot pack "$1" --explain=/etc/here
END
	my $r = $pack->('/mnt');
	skip 'cannot mount here', 3 if $r->{exit} == 77 || $r->{err} =~ /^unshare/;
	is($r->{out}, "/etc/here: packed, from the root: no rule names it\n", 'a bind mount of the running system') or diag($r->{err});
	for my $path ('/', '/mnt/../proc/self/root') {
		is($pack->($path)->{err}, "tarboot: $path: this is the running system\n  Pack a copy or a snapshot of it, for example a bind mount.\n", "and $path");
	}
}

# A file that somebody writes to.
{
	my $busy = files('busy', 'log' => 'x');
	my $pid = fork // die;
	if ($pid == 0) { for (my $n = 1000; getppid != 1; $n++) { utime $n, $n, "$busy/log" } POSIX::_exit(0) }
	select undef, undef, undef, 0.01 while (stat "$busy/log")[9] > 1_000_000_000;
	my $told = qr{^tarboot: warning: /log was written to while the root was packed: pack it again when nobody writes to it$}m;
	my $r;
	for (1 .. 50) {    # on a busy machine nobody may come to write while it is packed
		$r = try($TARBOOT, 'pack', $busy, '-o', $image, @NO, '--force');
		last if $r->{err} =~ $told;
	}
	kill 'KILL', $pid;
	waitpid $pid, 0;
	like($r->{err}, $told, 'a file that is written to meanwhile');
}

# A sparse file is read from its start, wherever its holes are.
{
	my $sparse = files('sparse', 'etc/selinux/config' => "SELINUX=enforcing\n");
	run('truncate', '-s', '64K', "$sparse/etc/selinux/config");
	like(try($TARBOOT, 'pack', $sparse, '-o', $image, @NO, '--force')->{err}, qr/SELinux is enforcing in the root/, 'the start of a sparse file');
}

# More extents than there may be, too far apart to be joined.
{
	my $holes = files('too-many', 'x' => '');
	open my $h, '+<', "$holes/x" or die;
	for (0 .. 131080) { sysseek $h, $_ * 8192, 0; syswrite $h, 'x' }
	sysseek $h, 4 << 30, 0;
	syswrite $h, 'x';
	close $h;
	my $r = try($TARBOOT, 'pack', $holes, '-o', "$image.no", @NO, '--force');
	is($r->{err} =~ s/^tarboot: warning: .*\n//mgr, "tarboot: x: cannot hold its map of holes: File too large\n", 'a file of too many pieces');
	unlink "$holes/x";
}

# A name that init could not unpack does no harm where it is left out, and is told.
{
	my $bad = spew(scratch('bad.tar'), tar_member(name => 'k', data => 'k') . tar_member(name => 'bad', type => '1', link => 'nowhere') . tar_end());
	my $r = try($TARBOOT, 'pack', $bad, '-n', '--force', '--kernel=none', '--exclude=/bad');
	like($r->{out}, qr{^left out +0 B  /bad: excluded$}m, 'a bad name that is left out');
	is($r->{err}, "tarboot: warning: the new init: none of /sbin/init, /usr/lib/systemd/systemd, /lib/systemd/systemd, /etc/init, /bin/init is in the root, as a file or a link to one\n", 'is one that the pattern names');
	is(try($TARBOOT, 'pack', $bad, '--explain=/bad', '--exclude=/bad')->{out}, "/bad: left out: /bad names it (excluded)\n", 'and is explained');
}

# A directory that may not be entered does no harm where it is left out.
SKIP: {
	skip 'not root: nobody else can be asked', 3 if $> != 0;
	my $closed = public('closed');
	my @as = ('setpriv', '--reuid=65534', '--clear-groups', '--', public_tarboot(), 'pack', $closed, '-n', '--force', @NO);
	run('mkdir', '-p', "$closed/sbin", "$closed/secret");
	spew("$closed/sbin/init", "#!/bin/sh\n");
	chmod 0, "$closed/secret";
	run('mkdir', '-p', public('over') . '/sbin');
	chmod 0, public('over') . '/sbin';
	my $r = try(@as);
	is("$r->{exit} $r->{err}", "1 tarboot: secret: cannot read it: Permission denied\n  Run it as root (sudo tarboot ...), or as a user who has access.\n", 'a directory that cannot be read is refused');
	is(try(@as, '--exclude=/secret')->{exit}, 0, 'unless it is left out');
	$r = try(@as, '--exclude=/secret', '--overlay=' . public('over'));
	like($r->{err}, qr/^tarboot: sbin: cannot read it: Permission denied$/m, 'so is one of an overlay, over one that is there');
}

# What is mounted there does not answer any more, since its program has ended.
SKIP: {
	skip 'no /dev/fuse', 3 unless -w '/dev/fuse';
	my $dead = files('dead', 'sbin/init' => "#!/bin/sh\n", 'mnt/dead' => '/');
	my $pack = sub { return try({ limit => 30 }, 'unshare', '-m', 'sh', '-c', <<'END', $TARBOOT, $dead, @_) };
mount --make-rprivate / && exec 3<>/dev/fuse && mount -i -t fuse -o fd=3,rootmode=40000,user_id=0,group_id=0 dead "$1/mnt/dead" || exit 77
exec 3>&-
exec "$0" pack "$@" -n --force --kernel=none --no-shell
END
	my $r = $pack->();
	skip 'cannot mount here', 3 if $r->{exit} == 77 || $r->{err} =~ /^unshare/;
	like("$r->{exit} $r->{err}", qr{^1 tarboot: mnt/dead: cannot read it: \S.*\n\z}, 'a file system that does not answer is refused');
	is($pack->("--exclude=$_")->{exit}, 0, "unless $_ is left out") for '/mnt', '/mnt/dead/';
}

# Names that vanish while the root is read.
{
	my $busy = files('vanishing', 'sbin/init' => "#!/bin/sh\n", map { ("d/$_" => '') } 1 .. 20);
	my $pid  = fork // die;
	if ($pid == 0) { for (my $n = 1; getppid != 1; $n++) { rename "$busy/d/$n", "$busy/d/" . ($n + 20) } POSIX::_exit(0) }
	my $r;
	for (1 .. 20) {
		$r = try($TARBOOT, 'pack', $busy, '-n', '--force', @NO);
		last if $r->{exit};
	}
	kill 'KILL', $pid;
	waitpid $pid, 0;
	is($r->{exit}, 0, 'names that vanish do no harm') or diag($r->{err});
}

# A directory that an overlay's file hides is hardly meant.
{
	my $over = scratch('over-file');
	mkdir $over or die;
	spew("$over/a", 'no directory');
	my $r = try($TARBOOT, 'pack', $root, '-o', $image, @NO, '--dry-run', '--force', '--overlay', $over);
	like($r->{err}, qr{^tarboot: warning: overlay \Q$over\E replaces the directory /a and everything in it with something that is not a directory$}m,
		'a file over a directory is told');
	run('mkdir', '-p', "$over-2/a");
	$r = try($TARBOOT, 'pack', $root, '-o', $image, @NO, '--dry-run', '--force', '--overlay', "$over-2");
	unlike($r->{err}, qr{replaces the directory}, 'a directory over one is not');
}

# ---- memory ----

# What tarboot pack --help says: 300 bytes for each file beside its name, which is kept twice at most.
sub peak_of { my ($n) = @_;
	my $dir = scratch("many-$n");
	run('mkdir', '-p', "$dir/sbin");
	spew("$dir/sbin/init", "#!/bin/sh\n", 0755);
	spew(sprintf('%s/%08d', $dir, $_), 'x') for 1 .. $n;
	my $r = try(build_path('tests/tools/peak_memory'), '/dev/shm', $TARBOOT, 'pack', $dir, '-o', $image, @NO, '--dry-run', '--force', '-q');
	is($r->{exit}, 0, "$n files") or diag($r->{err});
	run('rm', '-rf', $dir);
	return 1024 * ($r->{out} =~ /^(\d+) [\d ]+\n\z/m)[0];
}
my ($few, $many) = map { peak_of($_) } 1000, 21_000;
my $each = ($many - $few) / 20_000;
ok($each > 50 && $each <= 300 + 2 * 9, sprintf 'a file takes %d bytes of memory', $each);

done_testing();
