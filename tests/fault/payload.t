#!/usr/bin/perl
# Payloads: absent, cut, damaged in every part of an .xz, in a .zst, neither of them, no archive; and all the ways in
# which a good one may arrive.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Test::More;
use Fault;

# Where the parts of an .xz with one stream and CRC64 are, counted from its start.
sub parts_of {
	my ($xz) = @_;
	my $index = length($xz) - 12 - 4 * (1 + unpack 'V', substr $xz, -8, 4);
	return (
		'the magic bytes' => 1, 'the stream flags' => 7, 'a Block header' => 14,
		'the data of a Block' => int($index / 2), 'the check of a Block' => $index - 3,
		'the Index' => $index + 2, 'the footer' => length($xz) - 6, 'the last magic byte' => length($xz) - 1);
}

sub flip {
	my ($at) = @_;
	return change_payload(sub { my ($xz) = @_; substr($xz, $at, 1) ^= "\x10"; return $xz });
}

sub half { return change_payload(sub { substr $_[0], 0, length($_[0]) / 2 }) }

sub tar_of {
	my ($command) = @_;
	my $root = tiny_root('tarred');
	run("cd '$root' && $command >'$root.xz'");
	my $xz = slurp("$root.xz");
	run('rm', '-rf', $root, "$root.xz");
	return $xz;
}

# The tiny image with its payload in zstd.
sub in_zstd {
	my $image = scratch('zstd.img');
	tarboot('pack', '--kernel', 'none', '--compress', 'zstd', tiny_root('zstd'), '-o', $image);
	my @members = newc_read($image);
	run('rm', '-rf', scratch('zstd'), $image);
	return @members;
}

# The payload in so many parts.
sub in_parts {
	my ($n) = @_;
	return sub {
		my $payload = pop @_;
		my ($name, $size) = ($payload->{name}, int(length($payload->{data}) / $n) + 1);
		return (@_, map { { %$payload, name => "$name.00$_", data => substr $payload->{data}, $size * $_, $size } } 0 .. $n - 1);
	};
}

sub named {
	my ($name) = @_;
	return sub { $_[-1]{name} = $name; return @_ };
}

need_programs(qw(qemu-system-x86_64 busybox cpio tar xz zstd));

# ---- what fails ----

my $where = [qr/what: +\S*\/rootfs\.tar\.xz/];

fails('no payload', change => \&no_payload, step => 'find payload',
	about => [ @$where, qr/second initrd|tarboot\.rootfs=/ ]);
fails('a payload cut short', change => half(), step => 'find payload', about => [ @$where, qr/cut short: .* of .* are here/ ]);
fails('a cut payload without a manifest', change => [ \&no_manifest, half() ], step => qr/find payload|unpack root/,
	about => $where);
my %part = parts_of((grep { is_payload($_) } newc_read(image('good')))[0]{data});
for my $part (sort keys %part) {
	fails("damage in $part", change => flip($part{$part}), step => qr/find payload|unpack root/, about => $where);
}
fails('garbage behind the payload', change => [ \&no_manifest, change_payload(sub { "$_[0]garbage\n" }) ],
	step => qr/find payload|unpack root/, about => $where);
fails('an empty payload', change => [ \&no_manifest, payload_is('') ], step => 'find payload', about => $where);
fails('a payload that is text', change => [ \&no_manifest, payload_is("no archive\n" x 1000) ], step => 'find payload',
	about => [ @$where, qr/\.xz/ ]);
fails('a gzip payload', change => [ \&no_manifest, payload_is(tar_of('tar -cf - . | gzip')) ], step => 'find payload',
	about => [ @$where, qr/\.xz/ ]);
fails('an .xz that is no tar', change => [ \&no_manifest, payload_is(tar_of('yes text | head -n 9999 | xz')) ],
	step => 'unpack root', about => [ @$where, qr/tar/ ]);
# The last member's name would make the rest of the screen red.
fails('a tar cut between members', change => [ \&no_manifest, payload_is(tar_of(
		q{touch "zz$(printf '\033')[31mred" && tar -b1 -cf - . zz* | head -c -1024 | xz})) ],
	step => 'unpack root', about => [ @$where, qr/end/, qr/member\s+zz\\033\[31mred,/ ]);
fails('a cpio cut between members', change => [ \&no_manifest, payload_is(tar_of(
		q{find . | LC_ALL=C sort | cpio -o -H newc --quiet | perl -0777 -pe 's/.{110}TRAILER!!!\0+\z//s' | xz})) ],
	step => 'unpack root', about => [ @$where, qr/it has no end marker \(members read: \d+\)/, qr/last\s+member/ ]);
fails('a missing part', change => [ \&no_manifest, sub {
	my $payload = pop @_;
	return (@_, map { { %$payload, name => "rootfs.tar.xz.00$_", data => substr $payload->{data}, 99 * $_, 99 } } 0, 2);
} ], step => qr/find payload|unpack root/, about => [qr/rootfs\.tar\.xz/]);

# With zstd: the same tests of whole and damaged, by other code.
my $zst = [qr{what: +/rootfs\.tar\.zst}];
fails('damage in a frame', change => [ \&in_zstd, change_payload(sub { substr($_[0], 99_999, 1) ^= "\x10"; $_[0] }) ], step => 'unpack root',
	about => [ @$zst, qr/why: +Block 1 \(byte 0\) is damaged, or was changed: it is not what its\s+digest in the manifest says/m, qr/do: +Copy the image again/ ]);
fails('damage in a frame, without a manifest', change => [ \&in_zstd, \&no_manifest, change_payload(sub { substr($_[0], 99_999, 1) ^= "\x10"; $_[0] }) ],
	step => 'unpack root', about => [ @$zst, qr/why: +Block 1 \(byte 0\) is damaged(?: \(|$)/m ]);
fails('a zstd payload cut short, without a manifest', change => [ \&in_zstd, \&no_manifest, half() ], step => 'find payload',
	about => [ @$zst, qr/why: +the frame at byte 0 is cut short$/m, qr/do: +Copy it again/ ]);

my $manifest = qr{what: +/tarboot/manifest};
fails('a damaged manifest', change => change_manifest(sub { s/^inodes=\K(\d)/9 - $1/emr }, 1), step => 'find payload',
	about => [ $manifest, qr/its manifest is damaged: it does not match its own text-digest/, qr/copy or pack it again/ ]);
fails('a manifest of a later version', change => change_manifest(sub { s/^format=2/format=3/mr }), step => 'find payload',
	about => [ $manifest, qr/a newer tarboot wrote its manifest/, qr/Use the version of tarboot/ ]);

# ---- what boots ----

fails('a manifest without its layer', step => 'find layers', about => [ qr{what: +/tarboot/layers/gone\.tar\.manifest$}m, qr/the layer that it is about is not there$/m ],
	change => with_members({ name => 'tarboot/layers', mode => 040755, nlink => 2, data => '' },
		{ name => 'tarboot/layers/gone.tar.manifest', mode => 0100644, nlink => 1, data => 'x' }));
boots('a good image', append => 'word', like => [qr/^TINY-INIT-RAN pid=1 args=word$/m]);
boots('a foreign payload without a manifest', change => [ \&no_manifest, payload_is(tar_of('tar -cf - . | xz -T1')) ]);
boots('a root in cpio, as Warewulf and xCAT make it', append => 'tarboot.rootfs=/root.cpio.xz',
	change => [ \&no_manifest, payload_is(tar_of('find . | cpio -o -H newc --quiet | xz -T1')), named('root.cpio.xz') ]);
boots('a payload in parts', change => in_parts(3));
boots('a payload by another name', change => named('other.txz'), append => 'tarboot.rootfs=/other.txz');
boots('a zstd payload in parts', change => [ \&in_zstd, in_parts(3) ], like => [qr{^tarboot: find payload: .* of /rootfs\.tar\.zst$}m],
	also => sub { unlike($_[0]->text, qr/integrity check/, 'with a checksum') });
# As `cat a.zst b.zst c.zst` and pzstd make them, all but the checksum that is missing.
boots('a foreign zstd payload in three frames, one without a checksum', append => 'tarboot.rootfs=/other.tar.zst',
	change => [ \&no_manifest, payload_is(tar_of(
		q{tar -cf - . | split -b 900K --filter='test $FILE = xab && check=--no-check; zstd -q $check -c'})), named('other.tar.zst') ],
	like => [qr{^tarboot: /other\.tar\.zst has no integrity check in 1 of 3 Blocks: damage may go unnoticed$}m]);
boots('a plain tar in parts', change => [ \&no_manifest, payload_is(tar_of('tar -cf - .')), named('rootfs.tar'), in_parts(3) ],
	like => [qr{^tarboot: /rootfs\.tar has no integrity check: damage may go unnoticed$}m]);
boots('a plain tar by another name', append => 'tarboot.rootfs=/x.tar', change => [ payload_is(tar_of('tar -cf - .')), named('x.tar') ],
	like => [qr{^tarboot: /x\.tar has no integrity check: damage may go unnoticed$}m, qr{the manifest is ignored: it describes another payload}]);

# The manifest of the image is about its own payload: neither size nor init of another one is in it.
my $foreign = tar_of('tar -cf - . | xz -T1');
my $wrong_init = change_manifest(sub { s{^init=/sbin/init$}{init=/sbin/none}mr });
my $not_counted = qr{the manifest is ignored: it describes another payload, /rootfs\.tar\.xz of \S+ MiB};
boots('another payload beside that of the image', append => 'tarboot.rootfs=/other.txz', like => [$not_counted],
	change => [ big_root(2, 'cat /dev/urandom'), $wrong_init, sub { (@_, { name => 'other.txz', mode => 0100644, nlink => 1, data => $foreign }) } ]);
boots('another, smaller payload in its place', like => [$not_counted],
	change => [ big_root(2, 'cat /dev/urandom'), $wrong_init, payload_is($foreign) ]);

# As a boot loader does with `initrd rootfs.tar.xz /rootfs.tar.xz`: an archive of its own behind the image.
my ($payload) = grep { is_payload($_) } newc_read(image('good'));
my $first  = slurp(image('first', \&no_manifest, \&no_payload));
for my $second ($payload, { %$payload, name => 'rootfs.tar.zst', data => tar_of('tar --zstd -cf - .') }) {
	my $archive = slurp(newc_write(scratch('second.img'), $second));
	boots("$second->{name} as a second initrd", initrd => spew(scratch('both.img'), $first . "\0" x (-length($first) % 512) . $archive),
		like => [qr{^tarboot: find payload: .* of /\Q$second->{name}\E$}m]);
}

boots('root= given, which makes the initramfs a ramfs', append => 'root=/dev/nfs', also => sub {
	my ($guest) = @_;
	like($guest->text, qr/initramfs is a ramfs/, 'it says what that costs');
});
done_testing();
