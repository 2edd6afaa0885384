#!/usr/bin/perl
# kernel-check: configurations wherever they are kept, in each compression; what is missing, as text, as JSON and as an
# exit code; what pack says of the root's kernel; the real configuration of Debian's kernel, and the fragments as the
# kernel's own merge_config.sh reads them.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../engine";
use Engine;
use JSON::PP;
use Test::More;

need_programs(qw(busybox gzip xz bzip2 zstd lz4 lzop));
my $TARBOOT = build_path('tarboot');
my @FRAGMENTS = sort map { m{([^/]+)\.config\z} } glob repo_path('kconfig/*.config');

sub symbols { return slurp(repo_path("kconfig/$_[0].config")) =~ /^(CONFIG_\w+)=/mg }

# A configuration of all that the fragments ask for, with changes.
sub config {
	my (%change) = @_;
	my %all = map { $_ => 'y' } map { symbols($_) } @FRAGMENTS;
	$all{CONFIG_X86_64} = 'y';
	$all{$_} = $change{$_} for keys %change;
	return "# Linux/x86 6.1.192 Kernel Configuration\n#\n"
		. join '', map { $all{$_} eq 'n' ? "# $_ is not set\n" : "$_=$all{$_}\n" } sort keys %all;
}

sub check { return try($TARBOOT, 'kernel-check', @_) }

sub finds {
	my ($name, @arguments) = @_;
	my $r = check(@arguments);
	is($r->{exit}, 0, "$name: all that is required is there") or diag($r->{err});
	like($r->{out}, qr/: Linux 6\.1\.192, x86_64$/m, "$name: the version");
	like($r->{out}, qr/^  built in    CONFIG_TMPFS +The file system that the root lives in\.$/m, "$name: a symbol");
	is($r->{err}, '', "$name: nothing else is said");
	return;
}

sub fails {
	my ($name, $exit, $like, @arguments) = @_;
	my $r = check(@arguments);
	is($r->{exit}, $exit, "$name: exit code");
	like($r->{err}, $like, "$name: says why");
	is($r->{out}, '', "$name: nothing else");
	return;
}

# ---- where it is kept ----

my $config = spew(scratch('config-6.1.0-7-test'), config());
finds('a file', $config);
for my $program (qw(gzip bzip2 xz zstd), 'lz4 -l', 'lzop') {
	my $packed = scratch('packed');
	run("$program -c '$config' >'$packed'");
	finds("a file by $program", $packed);
}

# A kernel of which one part is compressed, with the configuration in it as kernel/configs.c puts it.
my $gz = scratch('config.gz');
run("gzip -9nc '$config' >'$gz'");
my $noise = join '', map { chr int rand 256 } 1 .. 200_000;
my $vmlinux = spew(scratch('vmlinux'), "\x7fELF IKCFG_ST $noise IKCFG_ST" . slurp($gz) . "IKCFG_ED$noise");
finds('an unpacked kernel', $vmlinux);
for my $program (qw(gzip bzip2 xz lzma zstd), 'lz4 -l', 'lzop') {
	my ($packed, $kernel) = (scratch('vmlinux.packed'), scratch('bzImage'));
	run("$program -9c '$vmlinux' >'$packed'");
	finds("a kernel file by $program", $packed);

	# For all but gzip the build appends the size.
	my $part = slurp($packed) . ($program eq 'gzip' ? '' : pack 'V', -s $vmlinux);
	my $head = "\0" x 0x1f1 . "\3" . "\0" x 0x10 . 'HdrS' . "\0" x 0x42 . pack('VV', 64, length $part) . "\0" x 0x5b0;
	$head .= "\0" x (4 * 512 + 64 - length $head);
	spew($kernel, $head . $part . 'x' x 100);
	finds("a bzImage by $program", $kernel);
	spew($kernel, "MZ\0\0zimg" . pack('VV', 64, -s $packed) . "\0" x 48 . slurp($packed) . 'x' x 100);
	finds("a UEFI program by $program", $kernel);
}

my $root = tiny_root('root', sub {
	my ($root) = @_;
	run('mkdir', '-p', "$root/boot", "$root/usr/lib/modules/6.1.0-7-test/kernel", "$root/usr/lib/modules/6.1.0-6-old");
	symlink 'usr/lib', "$root/lib" or die;
	spew("$root/boot/vmlinuz-6.1.0-7-test", bzimage('6.1.0-7-test'));
	spew("$root/boot/config-6.1.0-7-test", config(CONFIG_USB_HID => 'm', CONFIG_E1000 => 'm'));
	spew("$root/boot/config-6.1.0-6-old", config(CONFIG_TMPFS => 'n'));
	spew("$root/usr/lib/modules/6.1.0-7-test/kernel/usbhid.ko", 'module');
	spew("$root/usr/lib/modules/6.1.0-7-test/modules.dep", "kernel/usbhid.ko:\n");
});
subtest 'a root: its newest kernel, and its modules' => sub {
	my $r = check($root);
	is($r->{exit}, 0, 'nothing that is required is missing');
	like($r->{out}, qr{^boot/config-6\.1\.0-7-test: }, 'the newest');
	like($r->{out}, qr/^  module      CONFIG_USB_HID .*\(usbhid: in the root\)$/m, 'a module that is there');
	like($r->{out}, qr/^  MISSING     CONFIG_E1000 .*\(e1000: not in the root\)\n +without: \w/m, 'one that is not');
};
finds('a /boot', "$root/boot");
mkdir scratch('tree') or die;
rename $config, scratch('tree/.config') or die;
finds('a build tree', scratch('tree'));
spew(scratch('tree/vmlinuz-6.1.0'), bzimage('6.1.0', 'without'));
spew(scratch('tree/config-6.1.0'), config());
finds('beside a kernel', scratch('tree/vmlinuz-6.1.0'));
finds("beside a kernel, by its release ($_)", spew(scratch("tree/$_"), bzimage('6.1.0')))
	for qw(vmlinuz-lts bzImage image.vmlinuz);
finds('beside a kernel that cannot be unpacked', spew(scratch('tree/vmlinuz-6.1.0.zst'), "MZ\0\0zimg" . "\x28\xb5\x2f\xfd" x 99))
	if rename scratch('tree/config-6.1.0'), scratch('tree/config-6.1.0.zst');
rename scratch('tree/config-6.1.0.zst'), scratch('tree/config-6.1.0') or die;
mkdir scratch('modules') or die;
spew(scratch('modules/config'), config());
finds('beside a kernel among its modules', spew(scratch('modules/vmlinuz'), bzimage('6.2')));
for my $name (qw(vmlinuz Image)) {
	my $directory = scratch("with-$name");
	run('mkdir', '-p', "$directory/usr/lib/modules/6.1.0");
	symlink 'usr/lib', "$directory/lib" or die;
	run('cp', $vmlinux, "$directory/usr/lib/modules/6.1.0/$name");
	finds("a root whose only kernel is lib/modules/RELEASE/$name", $directory);
}
like(check('auto')->{out} . check('auto')->{err},
	qr/^\S+: Linux \d|^tarboot: the configuration of the kernel: neither/, 'the running kernel, or that it hides it');

# ---- what it says ----

my @required = symbols('tarboot');
ok(@required > 15, 'there are required symbols');
for my $symbol (@required) {
	my $r = check(spew(scratch('broken'), config($symbol => 'n')));
	is($r->{exit}, 1, "without $symbol");
	like($r->{out}, qr/^  MISSING     $symbol  .*\n              without: \w/m, 'and it says so');
}
subtest 'others may be missing' => sub {
	my $r = check('--missing', spew(scratch('less'), config(CONFIG_SMP => 'n', CONFIG_E1000 => 'n')));
	is($r->{exit}, 0, 'the exit code');
	is(join(' ', $r->{out} =~ /^  (?:MISSING|module|built in) +(CONFIG_\w+)/mg), 'CONFIG_SMP CONFIG_E1000',
		'--missing shows no others');
	like($r->{out}, qr/^recommended: (\d+) of (??{$1 + 1})$/m, 'they are counted');
};
subtest 'JSON' => sub {
	my $r = check('--json', '--only=tarboot,vm', scratch('less'));
	my $json = decode_json($r->{out});
	my %by = map { $_->{symbol} => $_ } @{ $json->{symbols} };
	is_deeply([@$json{qw(linux architecture missing_required missing_others)}], ['6.1.192', 'x86_64', 0, 1], 'head');
	is_deeply([@{ $by{CONFIG_E1000} }{qw(fragment state modules)}], [qw(vm missing e1000)], 'a missing one');
	ok($by{CONFIG_TMPFS}{required} && !$by{CONFIG_E1000}{required}, 'what is required');
	is($by{CONFIG_TMPFS}{state}, 'built-in', 'one that is there');
	ok(!$by{CONFIG_SMP}, 'no other fragment');
};

# ---- pack ----

my $image = scratch('image');

sub packed {
	my (@options) = @_;
	my $r = try($TARBOOT, 'pack', $root, '-o', $image, qw(--no-shell --level=fast), @options);
	is($r->{exit}, 0, 'it is packed') or diag($r->{err});
	return $r;
}
subtest 'pack checks the kernel of the root' => sub {
	my $r = packed();
	like($r->{out}, qr{^config   boot/config-6\.1\.0-7-test: (\d+) of \1 required, \d+ of \d+ recommended}m, 'good');
	unlike($r->{err}, qr/lacks/, 'no warning');
	like(check("--image=$image", "$root/boot/config-6.1.0-7-test")->{out},
		qr/CONFIG_USB_HID .*\(usbhid: in the image\)$/m, 'kernel-check finds the module in the image');
	packed('--modules=none');
	like(check("--image=$image", $root)->{out}, qr/CONFIG_USB_HID .*\(usbhid: in the root, not in the image\)$/m,
		'or tells that it is not');
};
subtest 'pack warns' => sub {
	run('cp', '--remove-destination', "$root/boot/config-6.1.0-6-old", "$root/boot/config-6.1.0-7-test");
	my $r = packed();
	like($r->{err}, qr/^tarboot: warning: the kernel lacks CONFIG_TMPFS: init stops at "mount/m, 'a required symbol');
	$r = packed('--kernel=none');
	unlike($r->{err} . $r->{out}, qr/CONFIG_|^config/m, 'no kernel: nothing is said');
	$r = packed('--kernel=' . scratch('tree/vmlinuz-6.1.0'));
	like($r->{out}, qr{^config   \S+/tree/config-6\.1\.0: (\d+) of \1 required}m, 'a kernel of the host');
	spew(scratch('kernel'), bzimage('6.1.0-8-silent'));
	$r = packed('--kernel=' . scratch('kernel'));
	like($r->{out}, qr/^config   not known: /m, 'a kernel that tells nothing');
};

# ---- what cannot be read ----

fails('nothing there', 1, qr{/nowhere: cannot open it: No such file}, '/nowhere');
fails('no configuration', 1, qr/it is not a kernel configuration, and contains none\n  Give the file/, $TARBOOT);
fails('a kernel that is cut', 1, qr/it is not a kernel configuration, and contains none\n/,
	spew(scratch('cut'), substr slurp(scratch('bzImage')), 0, 3000));
fails('an empty file', 1, qr/it is empty/, spew(scratch('empty'), ''));
mkdir scratch('nothing') or die;
fails('an empty directory', 1, qr/it is neither in boot nor in lib\/modules/, scratch('nothing'));
fails('a bad image', 1, qr/: it is a program\n  Give an image that `tarboot pack` wrote, or a \.tar, \.tar\.xz or \.tar\.zst file\.\n\z/, '--image', $TARBOOT, scratch('less'));
fails('no argument', 2, qr/expected one CONFIG, VMLINUZ, DIR or auto, got none/);
fails('an unknown group', 2, qr/--only vm,x: unknown group/, '--only=vm,x', scratch('less'));
fails('an option that is none', 2, qr/--nonsense/, '--nonsense', scratch('less'));

# ---- Debian's kernel ----

{
	my $real = scratch('debian');
	mkdir $real;
	run('tar', '-C', $real, qw(--wildcards -xf), demo_root(), './boot/*');
	my ($vmlinuz) = glob "$real/boot/vmlinuz-*";
	my $r = check($vmlinuz);
	is($r->{exit}, 0, "Debian's kernel has all that is required");
	like($r->{out}, qr/^recommended: (\d+) of (\d+)$/m, 'its configuration was found beside it');
}

# ---- the documentation ----

ok(index(slurp(repo_path('docs/kernel.md')), run(repo_path('scripts/kconfig-table'))) > 0,
	'docs/kernel.md has the tables of the fragments');
done_testing();
