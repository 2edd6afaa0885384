#!/usr/bin/perl
# Too little room: in RAM, in rootfs, in the tmpfs, in its inodes; and the unpack child killed. What is needed
# and what there is stands in the message, and nothing is started.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Test::More;
use Fault;

my $MIB = qr/\d+(?:\.\d)? (?:[KM]i)?B/;    # at the end there may be none at all

# One that says that the tree needs next to nothing.
sub lying_manifest { return change_manifest(sub { s/^unpacked-bytes=\d+/unpacked-bytes=4096/mr })->(@_) }

# 30,000 files of 100 bytes, of which each takes a page: 29 MiB of tar, 117 MiB of tree.
sub small_files {
	my $root = tiny_root('small', sub {
		my ($dir) = @_;
		run('mkdir', map { "$dir/$_" } 'a' .. 'z', 'aa' .. 'ad');
		for my $sub ('a' .. 'z', 'aa' .. 'ad') { spew("$dir/$sub/$_", 'x' x 100) for 1 .. 1000 }
	});
	my $payload = payload_is(pack_payload($root));
	run('rm', '-rf', $root);
	return (\&no_manifest, $payload);
}

sub long_window {
	my $root = tiny_root('long');
	run("tar -C '$root' -cf - . | zstd -q -1 --long=31 -c >'$root.zst'");
	run('rm', '-rf', $root);
	return slurp("$root.zst");
}

need_programs(qw(qemu-system-x86_64 busybox tar xz zstd));

# The kernel says "write error" and starts /init all the same; the file has its full size by then, only its
# blocks tell. How that comes from too little RAM is in the sweep below: there a kernel may also run out of
# memory for itself, before /init.
my @small_rootfs = (mem => 384, append => 'initramfs_options=size=64m', step => 'find payload');
fails('the kernel cut the payload', @small_rootfs, change => big_root(96, 'cat /dev/urandom'),
	about => [ qr/no room to unpack it: $MIB of $MIB are here/, qr/initramfs_options=size=90%/ ]);
fails('the kernel cut a payload without manifest', @small_rootfs, change => [ big_root(96, 'cat /dev/urandom'), \&no_manifest ],
	about => [qr/no room to unpack it: $MIB of $MIB are here/]);
# A layer that the kernel cut, which has its full size, and zeros where its end was.
sub big_layer {
	my (@members) = @_;
	my $tar = scratch('layer.tar');
	run("head -c 96M /dev/urandom >'$tar.data' && tar -cf '$tar' --transform 's,.*,data,' -P '$tar.data' && rm '$tar.data'");
	my $data = slurp($tar);
	unlink $tar;
	return (@members, { name => 'tarboot/layers', mode => 040755, nlink => 2, data => '' },
		{ name => 'tarboot/layers/big.tar', mode => 0100644, nlink => 1, data => $data });
}
fails('the kernel cut a layer', @small_rootfs, change => \&big_layer, step => 'find layers',
	about => [ qr{what: +/tarboot/layers/big\.tar$}m, qr/no room to unpack it: $MIB of 96\.0 MiB are here/, qr/initramfs_options=size=90%/ ]);
# One behind the place where the kernel stopped leaves no trace.
sub behind_big_file {
	my (@members) = @_;
	return (@members, { name => 'big', mode => 0100644, nlink => 1, data => "\1" x (96 << 20) },
		{ name => 'behind.tar', mode => 0100644, nlink => 1, data => "\0" x 1024 });
}
fails('the kernel cut what stands before a layer that may be missing', mem => 384, change => \&behind_big_file, step => 'find layers',
	append => 'initramfs_options=size=64m tarboot.layer=/behind.tar?',
	about => [ qr{what: +the initramfs$}m, qr/why: +the kernel had no room to unpack all of it: layers may be missing$/m, qr/initramfs_options=size=90%/ ]);
boots('the kernel cut what is no layer', mem => 384, change => \&behind_big_file, append => 'initramfs_options=size=64m', like => [qr/the kernel had no room to unpack all of the initramfs/]);
subtest 'the way out of a cut initramfs' => sub {
	my $guest = shell_at(name => 'cut', mem => 384, change => \&behind_big_file,
		append => 'initramfs_options=size=64m tarboot.layer=/behind.tar? tarboot.shell=start');
	$guest->type("dmesg -c >/dev/null; exit\n");
	ok($guest->wait_for(qr/TINY-INIT-RAN/, $BOOT), 'forgotten, it boots') or $guest->show_end;
	$guest->stop;
};
subtest 'after a failure: each has its own reason, and the way out is the same' => sub {
	my $guest = start(name => 'reasons', mem => 384, change => \&behind_big_file,
		append => 'initramfs_options=size=64m tarboot.layer=/behind.tar tarboot.shell');
	for my $case (
		[ qr{/behind\.tar\n  why: +the kernel had no room to unpack all of the initramfs: this file is missing}, 'rm /big; echo junk >/behind.tar' ],
		[ qr{/behind\.tar\n  why: +it is neither a tar archive nor an xz or zstd file}, 'cd /; echo x >x; tar -cf behind.tar x' ],
		[ qr{the initramfs\n  why: +the kernel had no room to unpack all of it: layers may be missing}, 'dmesg -c >/dev/null' ]) {
		my ($why, $mend) = @$case;
		ok($guest->wait_for(qr/^  then: .*\n/m, $BOOT), 'it fails') or $guest->show_end;
		like($guest->answer =~ s/\n {8}/ /gr, qr/^  what: +$why$/m, 'and says why');
		$guest->type("\n");
		ok($guest->wait_for(qr/^tarboot:\S*# $/m, $BOOT), 'there is a shell') or $guest->show_end;
		$guest->type("$mend; exit\n");
	}
	ok($guest->wait_end($BOOT), 'it ends') or $guest->show_end;
	like($guest->text, qr/TINY-INIT-RAN/, 'forgotten, it boots');
};
fails('RAM too small', mem => 256, change => big_root(400, 'yes'), step => 'check memory',
	about => [ qr/needs 4\d\d(\.\d)? MiB and \d+ inodes, this machine has $MIB free/, qr/Add memory/ ]);
fails('RAM too small for a payload without manifest', mem => 256, change => [ big_root(400, 'yes'), \&no_manifest ],
	step => 'check memory', about => [qr/needs at least 4\d\d(\.\d)? MiB, this machine has $MIB free/]);
fails('tarboot.size= too small', append => 'tarboot.size=1m', step => 'check memory',
	about => [ qr/tarboot\.size/, qr/needs $MIB, tarboot\.size allows 1\.0 MiB/ ]);
fails('too few inodes', append => 'tarboot.mount=nr_inodes=5', step => 'check memory',
	about => [ qr/tarboot\.mount/, qr/needs \d+ inodes, but nr_inodes=5 allows fewer/ ]);
fails('too few inodes without a manifest', change => \&no_manifest, append => 'tarboot.mount=nr_inodes=5', step => 'unpack root',
	about => [qr/inodes/]);
# A window of 2 GiB, whatever is in it.
fails('a zstd window that this machine cannot hold', step => 'check memory', about => [
	qr/why: +the root needs at least 2\.\d+ GiB, of which decoding takes 2\.\d+ GiB, this machine has $MIB free$/m,
	qr/do: +Add memory, or compress with a smaller dictionary \(xz -6\) or window \(zstd -19\)\.$/m ], change => [ \&no_manifest, payload_is(long_window()) ]);
fails('a manifest that lies', change => [ big_root(64, 'cat /dev/urandom'), \&lying_manifest ], append => 'tarboot.size=16m', step => 'unpack root', about => [qr/No space left|full/]);

# Nobody can know it before: the tree that turns out to be larger than the memory is given up before the kernel
# kills, or stops for ever as 6.1 does; the tree that fits is not refused, nor is its tmpfs too small for it.
my $USED_UP = qr/it is used up: $MIB are free after $MIB of the archive's/;
fails('memory used up in spite of the manifest', mem => 256, change => [ big_root(400, 'yes'), \&lying_manifest ],
	append => 'tarboot.size=100%', step => 'unpack root', about => [ qr/what: memory/, $USED_UP, qr/Add memory/ ]);
my @small = small_files();
fails('many small files in a foreign payload and little memory', mem => 192, change => [@small], step => 'unpack root',
	about => [ qr/what: memory/, $USED_UP ]);
boots('many small files in a foreign payload and just enough memory', mem => 256, change => [@small],
	like => [ qr/check memory: .* root of at most /, qr/the root takes 1[12]\d\.\d MiB and 30\d\d\d inodes, and may grow to 1[2-5]\d\.\d MiB$/m ]);

subtest 'the unpack child is killed' => sub {
	my $guest = shell_at(name => 'killed', change => big_root(300, 'seq 1 99999999'), mem => 1024,
		append => 'tarboot.shell=start');
	type_and_see($guest, q{setsid sh -c 'until grep -q "unpack\|[%]" /run/tarboot/log && test $(pidof init | wc -w) -gt 1; }
		. q{do sleep 0.1; done; until grep -q " /newroot " /proc/mounts; do sleep 0.1; done; sleep 1; }
		. q{for p in $(pidof init); do test $p = 1 || kill -9 $p; done' </dev/null >/dev/null 2>&1 & echo started}, qr/^started/m);
	$guest->type("exit\n");
	ok($guest->wait_for(qr/^  then: .*/m, $BOOT), 'it fails');
	like($guest->text, qr/FAILED: unpack root\n  what: the unpack child\n  why:  it was killed/, 'and says why');
	ok($guest->wait_end(20), 'and reboots') or $guest->show_end;
	unlike($guest->text, qr/Kernel panic|TINY-INIT-RAN/, 'without a panic or half a root');
};

# Downwards in RAM: it boots, or it refuses with its sentence; from some size on the kernel itself does not
# come to /init any more.
my $step = $ENV{TARBOOT_TEST_ALL} ? 16 : 96;
for my $kind ('text', 'random') {
	subtest "less and less RAM, a root of $kind" => sub {
		my %ended;
		my $command = $kind eq 'text' ? 'yes' : 'cat /dev/urandom';
		my $image = image("sweep-$kind", big_root(96, $command));
		for (my $mem = 384; $mem >= 96; $mem -= $step) {
			my $guest = start(name => "sweep-$kind", initrd => $image, mem => $mem);
			my $ended = $guest->wait_end($BOOT);
			my $text  = $guest->text;
			my $came  = $text =~ m{Run /init as init};
			my $how   = $text =~ /TINY-INIT-RAN/ ? 'boots' : $text =~ /^tarboot: FAILED: (find payload|check memory)/m
				? "refuses: $1" : $came ? 'else' : 'the kernel does not come to /init';
			$ended{$mem} = $how;
			isnt($how, 'else', "$mem MiB: $how") or $guest->show_end(40);
			last if !$came;
		}
		my @order = map { $ended{$_} =~ /^boots/ ? 0 : $ended{$_} =~ /^refuses/ ? 1 : 2 } sort { $b <=> $a } keys %ended;
		is_deeply(\@order, [ sort @order ], 'with less it never becomes better');
		ok((grep { $_ == 0 } @order) && (grep { $_ == 1 } @order), 'it boots with much and refuses with little');
	};
}
done_testing();
