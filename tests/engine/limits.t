#!/usr/bin/perl
# Where the machine says no: a full target, too few inodes, memory, threads or descriptors, an ordinary
# user. Unpacking fails with a reason, or does what it can, and never hangs or crashes.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Engine;
use Test::More;

need_programs(qw(tar xz unshare mount setpriv prlimit));
my $TARBOOT = build_path('tarboot');

my $tree = new_dir();
for my $i (1 .. 400) {
	mkdir "$tree/d" . $i % 7;
	spew("$tree/d" . $i % 7 . "/file-$i", "$i " x ($i * 10));
}
my $tar = scratch('tree.tar');
run('tar', '--format=pax', '--owner=0', '--group=0', '--sort=name', '-C', $tree, '-cf', $tar, '.');
my $bytes   = slurp($tar);
my $payload = xz_of($bytes, qw(-1 -T2 --block-size=100000));
my $want    = treelist($tree);

# ---- room ----

# Unpacks into a tmpfs with these options.
sub unpack_into {
	my ($options) = @_;
	return try('unshare', '-m', 'sh', '-c', <<'END', $TARBOOT, $payload, new_dir(), $options);
mount --make-rprivate / && mount -t tmpfs -o "$3" none "$2" || exit 77
exec "$0" unpack "$1" "$2" --threads=3
END
}

for (['size=300k', 'bytes'], ['nr_inodes=50', 'inodes'], ['size=4k', 'anything']) {
	my ($options, $what) = @$_;
	my $r = unpack_into($options);
SKIP: {
		skip 'cannot mount a tmpfs here', 3 if $r->{exit} == 77 || $r->{err} =~ /^unshare/;
		fails_well($r, 1, qr/No space left/, "a tmpfs without room for more $what");
		like($r->{err}, qr/^tarboot: \S*(file-\d+|d\d+)/, 'it is told at which member');
		like($r->{err}, qr/^  .*room/m, 'and what to do');
	}
}

# Holes take none, also where the kernel gives a huge page to each byte of a region that lies in the file, or to any byte.
for (['a file with holes', 'within_size', 64 * 8, sub {
		my ($out) = @_;
		for my $i (0 .. 63) {
			seek $out, ($i << 21) + ($i % 2 ? 0 : (2 << 20) - 4096), 0;
			print $out "piece $i";
		}
		truncate $out, 256 << 20;
	}],
	['a file of a single page', 'always', 8, sub {
		my ($out) = @_;
		seek $out, (2 << 20) - 4096, 0;
		print $out 'x';
		truncate $out, 4 << 20;
	}]) {
	my ($name, $huge, $blocks, $fill) = @$_;
	my $disk = new_dir() . '/disk';
	open my $out, '>', $disk or die "$disk: $!";
	$fill->($out);
	close $out;
	run('sh', '-c', 'tar -C "${0%/*}" --sparse -cf - disk | xz -1 --block-size=100KiB >"$0.tar.xz"', $disk);
	my $r = try('unshare', '-m', 'sh', '-c', <<'END', $TARBOOT, "$disk.tar.xz", new_dir(), $disk, $huge);
mount --make-rprivate / && mount -t tmpfs -o "huge=$4" none "$2" || exit 77
truncate -s 4M "$2/probe" && echo x | dd of="$2/probe" conv=notrunc status=none && [ $(stat -c %b "$2/probe") = 4096 ] && rm "$2/probe" || exit 78
"$0" unpack -q "$1" "$2" --threads=4 && stat -c '%s %b' "$2/disk" && cmp "$2/disk" "$3"
END
SKIP: {
		skip "this kernel gives no huge pages with huge=$huge", 2 if $r->{exit} == 78;
		skip 'cannot mount a tmpfs with huge pages here', 2 if $r->{exit} == 77 || $r->{err} =~ /^unshare/;
		is($r->{err}, '', "$name where there are huge pages ($huge)");
		is($r->{out}, (-s $disk) . " $blocks\n", 'takes memory for its pieces alone');
	}
}

SKIP: {
	my $r = try('unshare', '-m', 'sh', '-c', <<'END', $TARBOOT, $payload, new_dir());
mount --make-rprivate / && mount --bind "$2" "$2" && mount -o remount,bind,ro "$2" || exit 77
exec "$0" unpack "$1" "$2"
END
	skip 'cannot bind-mount here', 1 if $r->{exit} == 77 || $r->{err} =~ /^unshare/;
	fails_well($r, 1, qr/Read-only/, 'a target that is read-only');
}

# ---- memory ----

# Each decoder of this one wants a dictionary of 256 MiB.
my $hungry = xz_of($bytes, '-T1', '--block-size=100000', '--lzma2=preset=1,dict=256MiB');
{
	my $dir = new_dir();
	my $r   = try('prlimit', '--as=100000000', $TARBOOT, 'unpack', $hungry, $dir, '--threads=2');
	fails_well($r, 1, qr/memory/i, 'a dictionary larger than the memory');
	my $r2 = try('prlimit', '--as=400000000', $TARBOOT, 'unpack', $hungry, $dir, '--threads=1');
	is($r2->{exit}, 0, 'with enough of it for one thread, one thread can') or diag($r2->{err});
}

# ---- threads and descriptors, as somebody who has no processes yet ----

my @USER = qw(setpriv --reuid=61234 --regid=61234 --clear-groups);

sub as_user {
	my ($limits, @options) = @_;
	my $dir = public('dir');
	mkdir $dir or die "$dir: $!";
	chown 61234, 61234, $dir;
	run('cp', $payload, public('payload'));
	my $r = try(@USER, 'prlimit', @$limits, public_tarboot(), 'unpack', public('payload'), $dir, @options);
	$r->{tree} = treelist($dir);
	run('rm', '-rf', $dir);
	return $r;
}

# All but the owners.
sub without_owners { return join '', map { s/^(\S+ \S \d+) \d+ \d+/$1/r } split /^/, shift }

# 400 files, 7 directories and the root of them are root's in the archive.
sub is_said {
	my ($r, $name) = @_;
	is("$r->{exit} $r->{err}", "0 tarboot: warning: owner and group of 408 files were not kept: run it as root to keep them\n", $name);
}

{
	my $r = as_user(['--nproc=100']);
	is_said($r, 'an ordinary user unpacks');
	same_tree(without_owners($r->{tree}), without_owners($want), 'all but the owners');

	$r = as_user(['--nproc=2'], '--threads=8');
	is_said($r, 'only one thread may be started');
	same_tree(without_owners($r->{tree}), without_owners($want), 'it is enough');
	fails_well(as_user(['--nproc=1']), 1, qr/thread/, 'no thread may be started');

	$r = as_user(['--nofile=40:40'], '--threads=8');
	if ($r->{exit} == 0) {
		same_tree(without_owners($r->{tree}), without_owners($want), 'with 40 descriptors');
	} else {
		fails_well($r, 1, qr/Too many open files|descriptors/, 'with 40 descriptors');
	}
}

# Who is not root keeps setuid and setgid bits where the archive means him and his group, and nowhere else.
{
	my @files = map { my ($name, $mode, $uid, $gid) = @$_; tar_member(name => $name, mode => $mode, uid => $uid, gid => $gid) }
		[ 'of-root', 06755, 0, 0 ], [ 'of-its-group', 02755, 0, 61234 ], [ 'of-another', 04755, 61234, 0 ], [ 'own', 06755, 61234, 61234 ];

	$payload = xz_of(join '', tar_member(name => 'd/', type => 5, mode => 03775, uid => 61234, gid => 50),
		tar_member(name => 'l', type => 2, link => 'own'), @files, tar_end());
	my $r = as_user(['--nproc=100']);
	is("$r->{exit} $r->{err}", '0 tarboot: warning: owner and group of 5 files were not kept, nor the setuid and setgid bits of 4 of them: '
		. "run it as root to keep them\n", 'set-id bits of others');
	my %mode = $r->{tree} =~ /^(\S+) \S (\d+) /mg;
	is_deeply([ map { $mode{$_} } qw(of-root of-its-group of-another own d) ], [ qw(0755 0755 0755 6755 1775) ], 'are not there; his own are') or diag($r->{tree});
}

done_testing();
