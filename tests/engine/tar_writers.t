#!/usr/bin/perl
# One tree, archived by every program that writes tars, in each of their formats: our reader makes of it what
# GNU tar makes of it, and as far as the format holds it, the tree itself. With TARBOOT_TEST_ALL also the
# roots of the demo and the benchmark, and images of skopeo, umoci, buildah, podman where they are installed.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use RawTar;
use Test::More;

need_programs(qw(tar bsdtar busybox python3 git xz setfattr setfacl));

# ---- the tree ----

# What every format holds; then what some do not.
my @PLAIN = (
	'mkdir d d/empty; echo hello >d/f; chmod 4755 d/f; chown 1000:1001 d/f; : >empty; head -c 512 /dev/zero >block; head -c 70000 /dev/urandom >big',
	'ln d/f hard; ln -s d/f soft; ln -s nowhere dangling; mkdir closed; chmod 0 closed; echo x >"with space"; echo x >"$(printf "new\nline")"',
	'mkdir sticky; chmod 1777 sticky; for i in 1 2 3 4 5 6 7 8 9; do echo $i >n$i; done; echo x >no-mode; chmod 0 no-mode',
	'echo x >"$(printf "utf8-\303\251")"; echo x >"$(printf "nfd-e\314\201")"; echo x >"$(printf "latin-\351\377")"; ln -s "$(printf "e\314\201\377")" bytes',
);
my @SPECIAL = ('mkfifo fifo; mknod null c 1 3; chmod 666 null; mknod disk b 8 1; mknod major c 511 3');
my @LONG    = ('mkdir -p $(printf %060d 0)/$(printf %060d 1); echo x >$(printf %060d 0)/$(printf %060d 1)/file; echo x >$(printf %0200d 2)',
	'ln $(printf %0200d 2) $(printf %0150d 3); ln -s $(printf %0300d 0) target; echo x >$(printf %0255d 4); d=.; for i in 1 2 3 4; do d=$d/$(printf %0200d $i); mkdir $d; done; echo x >$d/f');
my @PREFIX  = ('mkdir -p $(printf %060d 0)/$(printf %060d 1); echo x >$(printf %060d 0)/$(printf %060d 1)/file; echo x >$(printf %0100d 2)');
my @NUMBERS = ('echo x >owner; chown 4294967294:3000000 owner; echo x >future; touch -d "2300-01-01 UTC" future');
my @TIMES   = ('echo x >nano; touch -d "2020-01-01 00:00:00.123456789 UTC" nano; echo x >old; touch -d "1960-01-01 00:00:00.5 UTC" old; echo x >less; touch -d @-0.5 less');
my @SPARSE  = ('truncate -s 3M sparse; printf x | dd of=sparse bs=1 seek=1500000 conv=notrunc status=none; truncate -s 1M hole; '
		. 'truncate -s 400k many; for i in 1 2 3 4 5 6 7 8 9; do printf data$i | dd of=many bs=1 seek=${i}0000 conv=notrunc status=none; done; truncate -s 400k many; '
		. 'for i in $(seq 1 60); do printf data$i | dd of=more bs=1 seek=${i}0000 conv=notrunc status=none; done');
my @XATTRS  = ('echo x >xattr; setfattr -n user.a -v value xattr; setfattr -n "user.%=" -v 0x000aff3d xattr; setfattr -n user.empty xattr',
	'cp /bin/true cap; setcap cap_net_raw+ep cap; mkdir xdir; setfattr -n trusted.t -v 0x00 xdir',
	'echo x >acl; setfacl -m u:1000:rw,g:33:r,m::rwx acl; mkdir acls; setfacl -m u:1000:rwx,d:u:1001:r acls');

my %made;

# A tree of these cases, made once; all times whole seconds, but for those that say otherwise.
sub tree {
	my (@cases) = @_;
	return $made{"@cases"} //= do {
		my $dir = new_dir();
		run('sh', '-ec', "umask 022; cd '$dir'; " . join('; ', map { "(\n$_\n)" } @cases));
		run('sh', '-c', "cd '$dir' && find . -depth ! -newermt 2299-01-01 ! -name nano ! -name old ! -name less -exec touch -h -d \@1500000000 {} +");
		$dir;
	};
}

# ---- comparing ----

my @TAR = qw(tar --sort=name --numeric-owner);

# The archive that a command (with $dir and $tar in its environment) makes of a tree: ours, GNU tar's, and the
# tree. changes: what the format loses, as an expression on a line of the listing in $_.
sub written {
	my ($name, $dir, $command, %o) = @_;
	my $tar = scratch('written.tar');
	local @ENV{qw(dir tar)} = ($dir, $tar);

	unlink $tar, "$tar.snar";
	run('sh', '-ec', $command);
	my $r     = both(slurp($tar));
	my $lines = sub { join '', grep { length } map { $o{changes} ? $o{changes}->() : $_ } split /^/m, $_[0] };

	is($r->{why},          '', "$name: unpacked");
	is($r->{why_verified}, '', "$name: verified");
	is($r->{gnu}, 0, "$name: GNU tar extracts it") or diag($r->{messages});
	same_tree(gnu_loses($r->{tree}, $r->{gnu_tree}), $r->{gnu_tree}, "$name: as GNU tar");
	same_tree($lines->($r->{tree}), $lines->(tidy(treelist('-x', '.', $dir))), "$name: the tree");
	return;
}

# GNU tar forgets the times of a directory to which members come after it has gone on to others.
sub gnu_loses {
	my ($tree, $gnu) = @_;
	my %lost = map { /^(\S+ d \S+ \S+ \S+) now/ ? ($1 => 1) : () } split /^/m, $gnu;
	return join '', map { /^(\S+ d \S+ \S+ \S+) \S+(.*)/s && $lost{$1} ? "$1 now$2" : $_ } split /^/m, $tree;
}

# ---- GNU tar ----

my $ALL_XATTRS = "--xattrs --xattrs-include='*' --acls";

sub gnu_tar { my ($name, $dir, $options) = @_; return written("GNU tar $name", $dir, "@TAR $options -C \"\$dir\" -cf \"\$tar\" .") }

gnu_tar('v7',           tree(@PLAIN),                     '--format=v7');
gnu_tar('ustar',        tree(@PLAIN, @SPECIAL, @PREFIX),  '--format=ustar');
gnu_tar('oldgnu',       tree(@PLAIN, @SPECIAL, @LONG, @NUMBERS), '--format=oldgnu');
gnu_tar('gnu',          tree(@PLAIN, @SPECIAL, @LONG, @NUMBERS), '--format=gnu');
gnu_tar("$_ --sparse",  tree(@PLAIN, @SPARSE, @LONG),     "--format=$_ --sparse") for qw(oldgnu gnu);
gnu_tar("$_, attributes", tree(@PLAIN, @SPECIAL, @LONG, @NUMBERS, @TIMES, @XATTRS), "--format=$_ $ALL_XATTRS") for qw(pax posix);
gnu_tar("posix --sparse $_", tree(@PLAIN, @SPARSE, @LONG, @TIMES, @XATTRS), "--format=posix --sparse --sparse-version=$_ $ALL_XATTRS") for qw(0.0 0.1 1.0);
gnu_tar('posix, global records', tree(@PLAIN), "--format=posix --pax-option='globexthdr.name=/g,comment=everybody,delete=atime,delete=ctime'");
gnu_tar('posix, incremental', tree(@PLAIN, @SPECIAL), '--format=posix --listed-incremental="$tar.snar"');
gnu_tar('gnu, incremental, with a label', tree(@PLAIN, @SPECIAL), '--format=gnu --label=name --listed-incremental="$tar.snar"');

# ---- libarchive ----

my $BSDTAR = 'env LC_ALL=C.UTF-8 bsdtar --numeric-owner -C "$dir" -cf "$tar"';
written('bsdtar ustar', tree(@PLAIN, @SPECIAL, @PREFIX), "$BSDTAR --format=ustar .");
written('bsdtar gnutar', tree(@PLAIN, @SPECIAL, @LONG), "$BSDTAR --format=gnutar .");
written('bsdtar pax', tree(@PLAIN, @SPECIAL, @LONG, @NUMBERS, @XATTRS), "$BSDTAR --format=pax --xattrs --acls .");
written('bsdtar pax, sparse', tree(@PLAIN, @SPARSE), "$BSDTAR --format=pax --read-sparse .");
written('bsdtar restricted pax', tree(@PLAIN, @SPECIAL, @LONG, @NUMBERS), "$BSDTAR --format=paxr .");

# ---- busybox ----

written('busybox tar', tree(@PLAIN, @SPECIAL, @LONG), 'busybox tar -C "$dir" -cf "$tar" .');

# ---- Python ----

my $PYTHON = <<'END';
import os, sys, tarfile
t = tarfile.open(os.environ["tar"], "w", format=getattr(tarfile, sys.argv[1] + "_FORMAT"), encoding="utf-8", errors="surrogateescape")
os.chdir(os.environ["dir"])
def number(i):
    i.uname = i.gname = ""
    return i
t.add(".", filter=number)
t.close()
END
my $python = spew(scratch('write.py'), $PYTHON);
written('Python USTAR', tree(@PLAIN, @SPECIAL, @PREFIX), "python3 '$python' USTAR");
written('Python GNU',   tree(@PLAIN, @SPECIAL, @LONG, @NUMBERS), "python3 '$python' GNU");
written('Python PAX',   tree(@PLAIN, @SPECIAL, @LONG, @NUMBERS), "python3 '$python' PAX");

# ---- git ----

# It keeps names, contents, links and one bit of the mode.
my $git = 'cd "$dir" && export GIT_DIR="$tar.git" GIT_WORK_TREE="$dir" GIT_CONFIG_GLOBAL=/dev/null && rm -rf "$GIT_DIR" && git init -q && git add -Af . && '
	. 'git -c user.name=n -c user.email=e commit -q -m x && git archive --format=tar -o "$tar" HEAD; rm -rf "$GIT_DIR"';
sub git_keeps { my ($line) = @_; return $line =~ s/ \d{4} \d+ \d+ [\d.]+ nlink=\d+/ /r =~ s/ inode=.*//r }
written('git archive', tree(map { s/; chmod 0 (closed|no-mode)//gr } @PLAIN[0, 1, 2, 3], @LONG), $git, changes => sub {
	return '' if / d /;
	git_keeps($_);
});

# ---- whole roots ----

SKIP: {
	skip 'the roots and the images of container tools take minutes: make test-all', 1 unless $ENV{TARBOOT_TEST_ALL};
	for my $root (grep { -e } build_path('demo-root.tar'), build_path('bench-root.tar')) {
		my $theirs = new_dir();
		# Their ACLs are attributes, as mmdebstrap writes them: with --acls, GNU tar leaves those out.
		run('tar', '--xattrs', '--xattrs-include=*', '--numeric-owner', '-xpf', $root, '-C', $theirs);
		unpacks_to($root, treelist($theirs), "$root, as mmdebstrap wrote it");
		written_root($theirs) if $root =~ /demo/;
		run('rm', '-rf', $theirs);
	}
	container_images();
}

# What unpack makes of a plain tar is this tree, but for what a change of its lines leaves out.
sub unpacks_to {
	my ($tar, $tree, $name, $change) = @_;
	my ($xz, $ours) = (scratch('root.tar.xz'), new_dir());

	$change //= sub { $_ };
	run('sh', '-c', "xz -0 -T0 -c '$tar' >'$xz'");
	is_quiet(try({ limit => 900 }, build_path('tarboot'), 'unpack', $xz, $ours), "$name: unpacked");
	my ($have, $want) = map { join '', map { $change->() } split /^/m } treelist($ours), $tree;
	cmp_ok(($want =~ tr/\n//), '>', 1000, "$name: a whole root");
	same_tree($have, $want, "$name: equal trees");
	run('rm', '-rf', $xz, $ours);
	return;
}

# A real root, archived again by each program.
sub written_root {
	my ($dir) = @_;
	my $tree  = treelist($dir);
	my $tar   = scratch('written.tar');
	my $xattr = qr/ (?:security|system|trusted|user)\.\S+=\w*/;
	my $plain = sub { s/$xattr//gr =~ s/ (-?\d+)\.\d{9}(?= |$)/ $1/mr };    # no attributes, whole seconds
	my $files = sub { / [fl] / ? git_keeps(s/$xattr//gr) : '' };
	local @ENV{qw(dir tar)} = ($dir, $tar);

	for (
		['GNU tar gnu',           "@TAR --format=gnu -C \"\$dir\" -cf \"\$tar\" .", $plain],
		['GNU tar gnu --sparse',  "@TAR --format=gnu --sparse -C \"\$dir\" -cf \"\$tar\" .", $plain],
		['GNU tar pax',           "@TAR --format=pax $ALL_XATTRS -C \"\$dir\" -cf \"\$tar\" ."],
		['GNU tar posix --sparse', "@TAR --format=posix --sparse $ALL_XATTRS -C \"\$dir\" -cf \"\$tar\" ."],
		['bsdtar pax',            "$BSDTAR --format=pax --xattrs --acls ."],
		['bsdtar gnutar',         "$BSDTAR --format=gnutar .", $plain],
		['busybox tar',           'busybox tar -C "$dir" -cf "$tar" .', $plain],
		['Python USTAR',          "python3 '$python' USTAR", $plain],
		['Python GNU',            "python3 '$python' GNU", $plain],
		['Python PAX',            "python3 '$python' PAX", $plain],
		['git archive',           $git, $files],
	) {
		my ($name, $command, $change) = @$_;
		unlink $tar;
		run('sh', '-ec', $command);
		unpacks_to($tar, $tree, "the root of the demo by $name", $change);
	}
	unlink $tar;
	return;
}

# An image of one layer, saved by each of the tools that this machine has: its layer as GNU tar extracts it.
sub container_images {
	# Go's tar, which most of them have, writes no '=' in the name of an attribute.
	my $dir   = tree(@PLAIN, @SPECIAL, @LONG, map { s/ setfattr -n "user\.%=" [^;]*;//r } @XATTRS);
	my $layer = scratch('layer.tar');
	my $own   = '--root "$PWD/storage" --runroot "$PWD/run" --storage-driver vfs';    # nothing is left on the machine
	my %SAVE  = (
		umoci => 'umoci init --layout oci && umoci new --image oci:t && umoci unpack --image oci:t bundle && cp -a "$dir/." bundle/rootfs && umoci repack --image oci:t bundle',
		buildah => "b='buildah $own'" . '; c=$($b from scratch) && m=$($b mount $c) && cp -a "$dir/." "$m" && $b umount $c && $b commit -q --rm $c oci:oci:t',
		podman => "p='podman $own'" . '; tar -C "$dir" -c . | $p import -q - tarboot-test && $p save -q --format oci-dir -o oci tarboot-test',
		skopeo => 'umoci init --layout first && umoci new --image first:t && umoci unpack --image first:t bundle && cp -a "$dir/." bundle/rootfs && umoci repack --image first:t bundle && '
			. 'skopeo copy -q oci:first:t oci:oci:t',
	);
	for my $tool (sort keys %SAVE) {
	SKIP: {
			skip "$tool is not installed", 1 unless have_program($tool) && ($tool ne 'skopeo' || have_program('umoci'));
			my $at = new_dir();
			local $ENV{dir} = $dir;
			run('sh', '-ec', "cd '$at'; $SAVE{$tool}");
			my ($blob) = sort { -s $b <=> -s $a } glob "$at/oci/blobs/sha256/*";
			run('sh', '-c', "zcat '$blob' >'$layer' || cp '$blob' '$layer'");
			my $r = both(slurp($layer));
			is($r->{why}, '', "a layer of $tool: unpacked");
			my $ours = $r->{tree};
			# umoci writes ACLs as attributes, which GNU tar leaves out with --acls.
			is($ours =~ s/ system\.posix_acl_(?:access|default)=\w+//g, 3, "a layer of $tool: its ACLs") if $SAVE{$tool} =~ /umoci/;
			same_tree($ours, $r->{gnu_tree}, "a layer of $tool: as GNU tar");
			run('rm', '-rf', $at);
		}
	}
	return;
}

done_testing();
