#!/usr/bin/perl
# The whole way once: pack the demo root with every hard case that a tree can hold, boot it, and look
# at it from inside and outside; see Whole.pm. matrix.t does so with other roots.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Test::More;
use Image;
use Modules;
use Whole;

need_programs(qw(qemu-system-x86_64 tar setfattr setfacl setcap mknod));
my $root  = scratch('root');
my $image = scratch('demo.img');

prepare_root(unpack_root(demo_root(), $root), init => 'systemd');
# every file counts here, so nothing may be scrubbed, by a tarboot that does scrub
my @as_it_is = tarboot('pack', '--help') =~ /(--no-scrub)/;
note(tarboot('pack', '--level', 'fast', @as_it_is, $root, '-o', $image));
ok(-s "$image.vmlinuz", 'the kernel stands beside the image') or BAIL_OUT('no kernel');

subtest 'Linux 6.1' => sub { whole_boot(name => 'demo', initrd => $image, kernel => "$image.vmlinuz") };
subtest 'the newest Linux' => sub {
	plan skip_all => 'its drivers are tested in 40-devices.t, the whole way takes a minute more: run make test-all' unless $ENV{TARBOOT_TEST_ALL};
	plan skip_all => 'no kernel of Debian sid can be had here' unless newest_kernel();
	whole_boot(name => 'newest', initrd => $image, end => 'reboot', booting('sid'));
};
done_testing();
