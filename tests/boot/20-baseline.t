#!/usr/bin/perl
# The reference: the hand-made busybox initramfs of scripts/make-baseline, with the payload that
# tarboot packed, boots the same root to a login prompt. Keeps the comparison of the benchmark
# honest, and shows that the payload is an ordinary .tar.xz.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Test::More;
use Guest;
use Image;

plan skip_all => 'it boots the rival of the benchmarks, not tarboot: run make test-all' unless $ENV{TARBOOT_TEST_ALL};
need_programs(qw(qemu-system-x86_64 busybox cpio));
my $image    = scratch('demo.img');
my $baseline = scratch('baseline.img');

note(tarboot('pack', '--level', 'fast', demo_root(), '-o', $image));
my ($payload) = grep { $_->{name} =~ m{^/?rootfs\.tar\.xz$} } newc_read($image);
ok($payload, 'the image has one payload') or BAIL_OUT('no payload');
spew(scratch('rootfs.tar.xz'), $payload->{data});
run(repo_path('scripts/make-baseline'), scratch('rootfs.tar.xz'), $baseline);

my $guest = Guest->start(
	dir => scratch(), name => 'baseline', mem => 2048, initrd => $baseline,
	kernel => "$image.vmlinuz");
ok($guest->wait_for(qr/\w login:/, 300), 'the baseline boots to a login prompt')
	or $guest->show_end;
my $text = $guest->text;
note(grep { /^baseline: / } split /^/, $text);
my ($start, $end) = $text =~ /baseline: unpack \w+ (\S+)/g;
ok($end && $end > $start, 'it says when it unpacked');
note(sprintf 'unpack %.1f s, boot to login %.1f s', $end - $start, $guest->elapsed) if $end;
$guest->stop;
done_testing();
