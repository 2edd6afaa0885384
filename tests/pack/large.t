#!/usr/bin/perl
# A payload of more than 4 GiB, which no member of a newc archive can hold: it is split, and read as one. That init
# boots such parts is tested with small ones (tests/fault/payload.t).
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../engine";
use Engine;
use Test::More;

plan skip_all => 'packs 4 GiB, minutes long: make test-all runs it' unless $ENV{TARBOOT_TEST_ALL};
need_programs(qw(busybox cpio));

my $TARBOOT = build_path('tarboot');
my $image   = scratch('image');
my $root    = tiny_root('root', sub { run("head -c 4400M /dev/urandom >'$_[0]/data'") });

my %long = (limit => 3600);
my $r = try(\%long, $TARBOOT, 'pack', $root, '-o', $image, '--kernel=none', '--no-shell', '--level=fast');
is($r->{exit}, 0, 'it is packed') or diag($r->{err});
like($r->{err}, qr/warning: an image of 4\.\d+ GiB is too large for BIOS/, 'with a warning about boot loaders');
my %size = run($TARBOOT, 'inspect', $image) =~ m{^  100644 +(\S+ \S+)  /(rootfs\S*)}mg;
is_deeply([ sort values %size ], [ 'rootfs.tar.xz.000', 'rootfs.tar.xz.001' ], 'in two parts');
my $list = run("tail -c +\$((\$(grep -abom1 TRAILER '$image' | cut -d: -f1) / 512 * 512 + 513)) '$image' | cpio -tv --quiet 2>&1");
like($list, qr/ 4294963200 .* rootfs\.tar\.xz\.000\n.* \d{8,} .* rootfs\.tar\.xz\.001\n/, 'that cpio lists');
is(try(\%long, $TARBOOT, 'verify', $image)->{exit}, 0, 'which are whole');
my $dir = new_dir();
is(try(\%long, $TARBOOT, 'unpack', $image, $dir)->{exit}, 0, 'they unpack');
is(try(\%long, 'cmp', "$dir/data", "$root/data")->{exit}, 0, 'to the same file');
done_testing();
