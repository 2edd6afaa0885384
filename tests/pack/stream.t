#!/usr/bin/perl
# Images that fetch their root: what `pack --stream` puts into the boot part, and what it cannot do without.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../engine";
use Engine;
use File::Path qw(make_path);
use Test::More;

need_programs(qw(busybox xz b2sum));
my $M  = 'lib/modules/6.1.0-7-test';
my $image = scratch('lab.img');
my ($busybox) = grep { -x } map { "$_/busybox" } split /:/, $ENV{PATH};

# The command as installed in one directory, with a program that stands for the fetcher.
my $bin = new_dir();
run('cp', build_path('tarboot'), build_path('init'), $bin);
my $TARBOOT = "$bin/tarboot";

sub write_file {
	my ($path, $data) = @_;
	make_path($path =~ s{/[^/]*\z}{}r);
	return spew($path, $data);
}

sub module { return "\x7fELF$_[0]\0license=GPL\0" . join('', map { "firmware=$_\0" } @_[1 .. $#_]) . 'x' x 5000 }

my %modules = (
	'drivers/net/ethernet/fast.ko' => module('fast', 'fast.fw'), 'drivers/net/ethernet/slow.ko.xz' => module('slow'),
	'drivers/net/ethernet/old.ko.gz' => module('old'), 'drivers/input/keyboard/atkbd.ko' => module('atkbd'),
	'net/8021q/8021q.ko' => module('8021q'), 'net/packet/af_packet.ko' => module('af_packet'),
	'net/ipv6/ipv6.ko' => module('ipv6'), 'drivers/ata/ahci.ko' => module('ahci'));
my $root = tiny_root('root', sub {
	my ($dir) = @_;
	for my $path (keys %modules) {
		my $file = write_file("$dir/$M/kernel/$path", $modules{$path});
		run('xz', '--check=crc32', $file =~ s/\.xz\z//r) if $path =~ /\.xz\z/ && rename $file, $file =~ s/\.xz\z//r;
		run('gzip', '-n', $file =~ s/\.gz\z//r) if $path =~ /\.gz\z/ && rename $file, $file =~ s/\.gz\z//r;
	}
	write_file("$dir/$M/modules.dep", join '', map { "kernel/$_:" . (/fast/ ? " kernel/net/packet/af_packet.ko" : '') . "\n" } sort keys %modules);
	write_file("$dir/$M/modules.alias",   "alias pci:1* fast\nalias pci:2* ahci\n");
	write_file("$dir/$M/modules.softdep", '');
	write_file("$dir/lib/firmware/fast.fw", 'FIRMWARE');
	write_file("$dir/boot/vmlinuz-6.1.0-7-test", bzimage('6.1.0-7-test'));
});

sub pack_it { return try($TARBOOT, 'pack', $root, '-o', $image, '--level=fast', @_) }

sub boot_part {
	my ($name, @options) = @_;
	my $r = pack_it(@options);
	is($r->{exit}, 0, $name) or diag($r->{err});
	my @members = newc_read($image);
	return ($r, map { $_->{name} => $_ } @members);
}

sub modules_of { my (%have) = @_; return join ' ', sort map { m{([^/]+\.ko(?:\.\w+)?)\z} } keys %have }

# ---- what is missing ----

my $machine = run('uname', '-m') =~ s/\n//r;
{
	my $r = pack_it('--stream');
	is($r->{exit}, 1, 'without a fetcher: refused');
	is($r->{err}, "tarboot: the fetcher for @{[ $machine =~ s/_/-/r ]}: --stream needs it, but it is not installed\n"
		. "  In tarboot's source: make ARCH=$machine install; or pack without --stream.\n", 'and what to do');
	ok(!-e $image, 'nothing is written');
	is(pack_it()->{exit}, 0, 'without --stream it is not needed');
}
run('cp', build_path('init'), "$bin/fetch");
{
	my $r = pack_it('--stream', '--shell', build_path('init'));
	is($r->{exit}, 1, 'a busybox that is none: refused');
	is($r->{err}, "tarboot: @{[ build_path('init') ]}: this busybox has no udhcpc, with which a machine that fetches its root gets an address\n"
		. "  Give another with --shell=PATH (Debian: busybox-static).\n", 'and what to do');
}

# ---- what is in it ----

subtest 'all network drivers' => sub {
	my ($r, %have) = boot_part('packed', '--stream', '--shell', $busybox);
	is($have{'tarboot/fetch'}{data}, slurp("$bin/fetch"), 'the fetcher');
	is(sprintf('%o', $have{'tarboot/fetch'}{mode}), '100755', 'with its mode');
	is($have{'bin/busybox'}{data}, slurp($busybox), 'busybox');
	is($have{'tarboot/no-shell'}, undef, 'which is for shells, too');
	is(modules_of(%have), '8021q.ko.xz af_packet.ko.xz atkbd.ko.xz fast.ko.xz ipv6.ko.xz old.ko.xz slow.ko.xz', 'the modules');
	for my $path (grep { !/ahci/ } keys %modules) {
		my $name = $path =~ s/\.ko\K.*/.xz/r;
		is(run('xz', '-dc', spew(scratch('module.xz'), $have{"$M/kernel/$name"}{data})), $modules{$path}, "$path, by xz");
	}
	is($have{"$M/kernel/drivers/net/ethernet/slow.ko.xz"}{data}, slurp("$root/$M/kernel/drivers/net/ethernet/slow.ko.xz"), 'what was compressed stays');
	is($have{'lib/firmware/fast.fw'}{data}, 'FIRMWARE', 'firmware');
	is($have{"$M/modules.dep"}{data}, join('', map { "kernel/$_:" . (/fast/ ? " kernel/net/packet/af_packet.ko.xz" : '') . "\n" }
		map { s/\.ko\K.*/.xz/r } grep { !/ahci/ } sort keys %modules), 'the index has their names');
	is($have{'rootfs.tar.xz'}{data} ne '', 1, 'the payload is there, too');
	like($r->{out}, qr/^modules  7, \d+ KiB, and 1 file of firmware, 8 B$/m, 'pack tells the sizes');
	like($r->{out}, qr/^machine  needs about \S+ MiB of RAM to boot; the rest is free\n         about \S+ MiB where it loads the boot part of \S+ MiB and fetches the root$/m,
		'and the memory');
	is($r->{err}, '', 'no warning');
	like(run($TARBOOT, 'verify', $image), qr/^digests: right: manifest, boot part, each Block and the whole payload$/m, 'its digests are right');
};
subtest 'without a shell' => sub {
	my ($r, %have) = boot_part('packed', '--stream', '--no-shell');
	ok($have{'bin/busybox'}, 'there is a busybox for DHCP');
	is($have{'tarboot/no-shell'}{data}, '', 'which init does not use as a shell');
};
subtest 'drivers by name' => sub {
	my ($r, %have) = boot_part('packed', '--stream', '--modules=slow');
	is(modules_of(%have), '8021q.ko.xz af_packet.ko.xz atkbd.ko.xz ipv6.ko.xz slow.ko.xz', 'these and no others');
	is($r->{err}, '', 'no warning');
};
subtest 'a kernel with all drivers built in' => sub {
	my ($r, %have) = boot_part('packed', '--stream', '--modules=none');
	is(modules_of(%have), '', 'no modules');
	is($r->{err}, "tarboot: warning: there is no network driver in the boot part: a machine can fetch its root only with what the kernel has built in\n", 'a warning');
};
subtest 'by a project file' => sub {
	spew(scratch('tarboot.conf'), "root = root\noutput = lab.img\nlevel = fast\nstream = yes\nno-shell\n");
	my $r = try($TARBOOT, 'pack', '--project', scratch('tarboot.conf'));
	is($r->{exit}, 0, 'packed') or diag($r->{err});
	ok((grep { $_->{name} eq 'tarboot/fetch' } newc_read($image)), 'with a fetcher');
};
subtest 'without --stream' => sub {
	my ($r, %have) = boot_part('packed', '--no-shell', '--modules=net');
	is(join(' ', grep { $have{$_} } qw(tarboot/fetch tarboot/no-shell bin/busybox)), '', 'nothing of that');
	is(modules_of(%have), 'af_packet.ko atkbd.ko fast.ko old.ko slow.ko.xz', 'modules are not compressed');
	unlike($r->{out}, qr/fetches the root/, 'nothing about fetching');
};
done_testing();
