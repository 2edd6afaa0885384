#!/usr/bin/perl
# Disks that name other files as parts of themselves: qemu would read whatever that is with the rights of who packs. They
# are refused before anything opens them; disks that are whole are not.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../engine";
use Engine;
use Test::More;

my $TARBOOT  = build_path('tarboot');
my $image    = scratch('image');
my $NAMELESS = '(the name is not in the header)';
my $secret   = spew(scratch('secret.raw'), 'secret' x 100_000);

sub refused {
	my ($disk, $other, $name) = @_;

	fails_well(try($TARBOOT, 'pack', scratch($disk), '-o', $image), 1,
		qr{^tarboot: \S*/\Q$disk\E: its header takes content from another file: \Q$other\E\n}, $name);
	return ok(!-e $image, 'and nothing is written');
}

# It comes as far as to guestfish, which is not there.
sub taken {
	my ($disk, $format, $name) = @_;
	return fails_well(try('env', 'PATH=/nonexistent', $TARBOOT, 'pack', scratch($disk), '-o', $image), 1,
		qr/it is a disk image \($format\), and guestfish, which reads those, is not installed/, $name);
}

sub create {
	my ($disk, @options) = @_;
	my ($format) = $disk =~ /\.(\w+)$/;
	return run('qemu-img', 'create', '-q', '-f', $format, @options, scratch($disk), '4M');
}

# ---- as qemu-img makes them ----

create('backing.qcow2', '-b', $secret, '-F', 'raw');
refused('backing.qcow2', $secret, 'a backing file of qcow2');
like(try($TARBOOT, 'pack', scratch('backing.qcow2'), '-o', $image)->{err},
	qr/\n.*If you trust this disk, .*: qemu-img convert -O qcow2 DISK NEW\.\n\z/, 'with what to do');
run('qemu-img', 'convert', '-O', 'qcow2', scratch('backing.qcow2'), scratch('whole.qcow2'));
taken('whole.qcow2', 'qcow2', 'that makes it a disk that is taken');
create('old.qcow2', '-b', $secret, '-F', 'raw', '-o', 'compat=0.10');
refused('old.qcow2', $secret, 'a backing file of version 2');
create('data.qcow2', '-o', 'data_file=' . scratch('data.raw'));
refused('data.qcow2', scratch('data.raw'), 'a data file of qcow2');
create('flat.vmdk', '-o', 'subformat=monolithicFlat');
refused('flat.vmdk', 'flat-flat.vmdk', 'a vmdk with its content beside it');
create('extents.vmdk', '-o', 'subformat=twoGbMaxExtentSparse');
refused('extents.vmdk', 'extents-s001.vmdk', 'a vmdk in several files');

create('plain.qcow2');
taken('plain.qcow2', 'qcow2', 'a plain qcow2');
run('qemu-img', 'snapshot', '-c', 'before', scratch('plain.qcow2'));
taken('plain.qcow2', 'qcow2', 'one with a snapshot in it');
create('plain-old.qcow2', '-o', 'compat=0.10');
taken('plain-old.qcow2', 'qcow2', 'a qcow2 of version 2');
create('sparse.vmdk');
taken('sparse.vmdk', 'vmdk', 'a vmdk (monolithicSparse)');
run('qemu-img', 'convert', '-O', 'vmdk', '-o', 'subformat=streamOptimized', scratch('plain.qcow2'), scratch('stream.vmdk'));
taken('stream.vmdk', 'vmdk', 'a vmdk (streamOptimized)');
create('child.vmdk', '-b', scratch('sparse.vmdk'), '-F', 'vmdk');
refused('child.vmdk', scratch('sparse.vmdk'), 'a parent of a vmdk');
for my $format (qw(vdi vhdx)) {
	create("plain.$format");
	taken("plain.$format", $format, "a plain $format");
}

run('qemu-img', 'create', '-q', '-f', 'vpc', scratch('plain.vhd'), '4M');
taken('plain.vhd', 'vpc', 'a plain vhd');
spew(scratch('child.vhd'), slurp(scratch('plain.vhd')) =~ s/\A.{63}\K./\x04/sr);
refused('child.vhd', $NAMELESS, 'a vhd with a parent');

# ---- raw ones, by what is in them, and what only looks like one ----

# Bytes at their places, zeros elsewhere.
sub raw {
	my ($disk, @parts) = @_;
	my $bytes = "\0" x 100_000;
	while (my ($at, $part) = splice @parts, 0, 2) {
		substr($bytes, $at, length $part) = $part;
	}
	return spew(scratch($disk), $bytes);
}
my @TABLE = (446, "\0" x 4 . "\xee", 510, "\x55\xaa");
raw('table.raw', @TABLE);
taken('table.raw', 'raw', 'a partition table');
raw('lvm.raw', 512, 'LABELONE');
taken('lvm.raw', 'raw', 'LVM without partitions');
{
	my $tar = spew(scratch('lvm.tar'), tar_member(name => 'dump', data => 'LABELONE' . "\0" x 504) . tar_end());
	fails_well(try($TARBOOT, 'pack', $tar, '-o', $image), 1, qr/\Atarboot: the new init: none of /, 'a tar whose first member begins like LVM');
}
raw('btrfs.raw', 0x10040, '_BHRfS_M');
taken('btrfs.raw', 'raw', 'btrfs without partitions');
{
	my $bin = new_dir();
	spew("$bin/guestfish", qq{#!/bin/sh\necho "\$*" >'$bin/asked'\nexit 1\n}, 0755);
	for my $case ([ 512, 'raw', '--ro --ro --format=raw' ], [ 4096, 'raw', '--ro --blocksize=4096 --format=raw' ]) {
		my ($sector, $format, $options) = @$case;
		my $disk = raw("gpt-$sector.raw", @TABLE, $sector, 'EFI PART');
		try({ env => { PATH => "$bin:$ENV{PATH}" } }, $TARBOOT, 'pack', $disk, '-o', $image);
		like(slurp("$bin/asked"), qr/\A\Q$options\E -a /, "guestfish's options for sectors of $sector bytes");
	}
}
raw('live.iso', @TABLE, 0x8001, 'CD001');
fails_well(try($TARBOOT, 'pack', scratch('live.iso'), '-o', $image), 1, qr/live\.iso: it is an ISO image\n  Mount it/, 'an ISO image with partitions');
# A boot record's entry: type, first sector, sectors. Sectors of GPT's entries: type, first sector.
sub partition { my ($type, $first, $sectors) = @_; return pack 'x4 C x3 V V', $type, $first, $sectors }
sub gpt { my ($first) = @_; return (446, partition(0xee, 1, 1e6), 510, "\x55\xaa", 512, 'EFI PART', 512 + 72, "\2", 1024, pack 'a16 x16 Q<', 'a type', $first) }
my @ISO = (0x8001, 'CD001');
raw('empty-first.iso', @ISO, 446, partition(0, 0, 9e5), 462, partition(0xef, 5000, 5000), 510, "\x55\xaa");
raw('gpt.iso', @ISO, gpt(64));
raw('efi-first.iso', @ISO, 446, partition(0xef, 3796, 30000), 462, partition(0x17, 40000, 9e5), 510, "\x55\xaa");
fails_well(try($TARBOOT, 'pack', scratch($_), '-o', $image), 1, qr/\Q$_\E: it is an ISO image\n/, "a hybrid one, $_") for qw(empty-first.iso gpt.iso efi-first.iso);
raw('was-iso.raw', @ISO, 446, partition(0x83, 2048, 9e5), 510, "\x55\xaa");
raw('was-iso-gpt.raw', @ISO, gpt(2048));
raw('was-iso-4k.raw', @ISO, 446, partition(0xee, 1, 1e6), 510, "\x55\xaa", 4096, 'EFI PART', 4096 + 72, "\2", 8192, pack 'a16 x16 Q<', 'a type', 256);
taken($_, 'raw', "a disk that was an ISO image before, $_") for qw(was-iso.raw was-iso-gpt.raw was-iso-4k.raw);
for my $disk (qw(table.raw lvm.raw plain.qcow2 plain.vhd)) {
	my $todo = qr/it is the disk of a virtual machine\n  Give it as a file, not on standard input, and decompress it first\.\n/;
	fails_well(try({ stdin => scratch($disk) }, $TARBOOT, 'pack', '-', '-o', $image), 1, $todo, "$disk on standard input");
	run('gzip', '-kf', scratch($disk));
	fails_well(try($TARBOOT, 'pack', scratch("$disk.gz"), '-o', $image), 1, $todo, "$disk by gzip");
}

# ---- by hand ----

sub qcow2 {
	my ($version, $backing, $size, $incompatible) = @_;
	return pack 'a4 N Q> N x52 Q>', "QFI\xfb", $version, $backing, $size, $incompatible;
}

sub made {
	my ($disk, $bytes) = @_;
	return spew(scratch($disk), $bytes . "\0" x 100_000);
}

made('far.qcow2', qcow2(3, 60_000, 5, 0));
refused('far.qcow2', $NAMELESS, 'a name that is far behind the header');
made('long.qcow2', qcow2(3, 80, 0xffffffff, 0) . 'n' x 1000);
refused('long.qcow2', 'n' x 199, 'of a long name the start');
made('control.qcow2', qcow2(2, 80, 9, 0) . "a\e]0;x\ab\xff");
refused('control.qcow2', 'a\033]0;x\007b\377', 'a name is escaped');
made('old-data.qcow2', qcow2(2, 0, 0, 4));
taken('old-data.qcow2', 'qcow2', 'version 2 has no data file');
made('dirty.qcow2', qcow2(3, 0, 0, 1));
taken('dirty.qcow2', 'qcow2', 'other features are no data file');
made('nameless.qcow2', qcow2(3, 0, 0, 4) . "\0" x 20 . pack 'N3', 104, 0xffffffff, 0xffffffff);
refused('nameless.qcow2', $NAMELESS, 'a data file whose name is missing');

my $text = qq{# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\ncreateType="monolithicFlat"\n};
made('shadow.vmdk', qq{${text}RW 8 FLAT "/etc/shadow" 0\n});
refused('shadow.vmdk', '/etc/shadow', 'a vmdk that is a text');
made('parent.vmdk', qq{${text}parentFileNameHint="/etc/shadow"\n});
refused('parent.vmdk', '/etc/shadow', 'one with a parent');
made('nothing.vmdk', $text);
refused('nothing.vmdk', $NAMELESS, 'one that lists nothing');
made('unended.vmdk', qq{${text}RW 8 FLAT "} . 'n' x 20_000);
refused('unended.vmdk', 'n' x 199, 'one with a name that does not end');

sub sparse {
	my ($capacity, $extents) = @_;
	return pack('a4 V2 Q<4 x468', 'KDMV', 1, 3, $capacity, 128, 1, 20) . $text . $extents;
}
made('outside.vmdk', sparse(0, qq{RW 8 FLAT "/etc/shadow" 0\n}));
refused('outside.vmdk', '/etc/shadow', 'a header without a capacity, and a text that counts');
made('inside.vmdk', sparse(8192, qq{RW 8 SPARSE "inside.vmdk" 0\n}));
taken('inside.vmdk', 'vmdk', 'a text that does not count');
made('child-text.vmdk', sparse(8192, qq{parentFileNameHint="/etc/shadow"\n}));
refused('child-text.vmdk', '/etc/shadow', 'but for a parent');
done_testing();
