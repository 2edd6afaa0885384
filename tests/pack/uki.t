#!/usr/bin/perl
# Unified kernel images: what `pack --uki` writes, as objdump, sbverify and systemd-measure read it, what `inspect`, `verify` and
# `unpack` say of it, and what is refused. tests/boot/70-uki.t boots it.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../engine";
use Engine;
use File::Path qw(make_path);
use JSON::PP;
use Test::More;

need_programs(qw(busybox minisign objdump objcopy sbsign sbverify openssl));
my $TARBOOT = build_path('tarboot');
my $STUB    = '/usr/lib/systemd/boot/efi/linuxx64.efi.stub';
my ($image, $uki) = (scratch('lab.img'), scratch('lab.efi'));

sub key_pair {
	my ($name) = @_;
	run('openssl', 'req', qw(-x509 -newkey rsa:2048 -nodes -days 9 -subj), "/CN=$name", '-keyout', scratch("$name.key"), '-out', scratch("$name.pem"));
	return ('--secureboot-key', scratch("$name.key"), '--secureboot-cert', scratch("$name.pem"));
}

my %modules = map { $_ => "\x7fELF$_" . 'x' x 3000 . "~Module signature appended~\n" } qw(atkbd fast);
my $root = tiny_root('root', sub {
	my ($dir) = @_;
	my $m = "$dir/lib/modules/6.1.0-7-test";
	make_path("$dir/boot", "$m/kernel/drivers/input/keyboard", "$m/kernel/drivers/net");
	spew("$dir/boot/vmlinuz-6.1.0-7-test", efi_kernel('6.1.0-7-test'));
	spew("$dir/etc/os-release", qq(NAME="Tiny"\nPRETTY_NAME="Tiny Linux 1"\nID=tiny\n));
	spew("$m/kernel/drivers/input/keyboard/atkbd.ko", $modules{atkbd});
	spew("$m/kernel/drivers/net/fast.ko", $modules{fast});
	spew("$m/modules.dep", "kernel/drivers/input/keyboard/atkbd.ko:\nkernel/drivers/net/fast.ko:\n");
	spew("$m/modules.alias", '');
	spew("$m/modules.softdep", '');
});

sub pack_it { return try($TARBOOT, 'pack', $root, '-o', $image, '--level=fast', '--uki', $uki, @_) }

sub refuses {
	my ($name, $exit, $message, @arguments) = @_;
	my $r = try(@arguments);
	is($r->{exit}, $exit, "$name: exit") or diag($r->{out});
	is($r->{err} =~ s/^tarboot: warning: .*\n//mgr, $message, "$name: message");
	return;
}

# The bytes of a section, by binutils.
sub section {
	my ($name, $file) = @_;
	my $to = scratch('section');
	run('objcopy', '--dump-section', "$name=$to", $file // $uki, scratch('section.efi'));
	return slurp($to);
}

# ---- the whole image ----

my $r = pack_it('--cmdline', 'console=ttyS0 quiet');
is($r->{exit}, 0, 'a unified kernel image is packed') or diag($r->{err});
like($r->{out}, qr/^uki      \Q$uki\E: \d+\.\d MiB, kernel and image, not signed: Secure Boot refuses it$/m, 'and said');
is((stat $uki)[2] & 07777, 0600, 'only its owner can read it, as the image');
ok(section('.initrd') eq slurp($image), 'binutils find the image in it');
ok(section('.linux') eq slurp("$image.vmlinuz"), 'the kernel');
is(section('.cmdline'), 'console=ttyS0 quiet', 'the kernel command line');
is(section('.osrel'), slurp("$root/etc/os-release"), 'the os-release of the root');
is(section('.uname'), '6.1.0-7-test', 'the release of the kernel');
ok(section('.text') eq section('.text', $STUB), 'and the stub');

# Their places and sizes as objdump reads them: name, size, address, offset.
my %section = map { /^ +\d+ (\S+) +(\w+) +(\w+) +\w+ +(\w+) / ? ($1 => [ map { hex } $2, $3, $4 ]) : () } split /\n/, run('objdump', '-h', $uki);
my $json = decode_json(tarboot('inspect', '--json', $uki));
is_deeply({ map { $_->{name} => [ @$_{qw(bytes offset)} ] } @{ $json->{uki}{sections} } },
	{ map { $_ => [ @{ $section{$_} }[ 0, 2 ] ] } keys %section }, 'inspect and objdump agree on all sections');
my @by_address = sort { $section{$a}[1] <=> $section{$b}[1] } keys %section;
is_deeply([ @by_address[ -5 .. -1 ] ], [qw(.osrel .uname .cmdline .initrd .linux)], 'the kernel is the last, where it may be unpacked');
is((grep { $section{$_}[1] % 4096 } @by_address[ -5 .. -1 ])[0], undef, 'each begins on a page of its own');
my ($image_size) = run('objdump', '-p', $uki) =~ /^SizeOfImage\s+(\w+)/m;
ok(hex $image_size >= $section{'.linux'}[0] + $section{'.linux'}[1], 'SizeOfImage covers them');

# The checksum in the headers, computed in another way.
my $bytes = slurp($uki);
my $sum_at = unpack('V', substr $bytes, 0x3c, 4) + 24 + 64;
my $sum = unpack 'V', substr $bytes, $sum_at, 4, "\0" x 4;
my $is = 0;
$is += $_ for unpack 'v*', $bytes;
$is = ($is & 0xffff) + ($is >> 16) while $is >> 16;
is($sum, $is + length $bytes, 'the checksum is right');

is_deeply([ @{ $json->{uki} }{qw(machine signed os_name kernel cmdline)} ],
	[ 'x86-64', JSON::PP::false, 'Tiny Linux 1', '6.1.0-7-test', 'console=ttyS0 quiet' ], 'inspect --json: what it says');
like($json->{uki}{stub}, qr/^systemd-stub \d+/, 'and whose stub it is');
is($json->{bytes}, -s $image, 'the image in it has the size of the image');
is_deeply($json->{image_members}, decode_json(tarboot('inspect', '--json', $image))->{image_members}, 'and its members');
my $text = tarboot('inspect', $uki);
like($text, qr/^unified kernel image for x86-64, not signed\n  system   Tiny Linux 1\n  kernel   6\.1\.0-7-test\n  cmdline  console=ttyS0 quiet\n  stub     systemd-stub /m, 'inspect: in words');
like($text, qr/^initrd\n  040755 /m, 'and the members of the image');

$r = try($TARBOOT, 'verify', $uki);
is($r->{err}, '', 'verify finds nothing wrong');
like($r->{out}, qr/^digests: right: manifest, boot part, each Block and the whole payload\nkernel: right: the one of the manifest\nnot checked: stub, kernel command line and os-release: it is not signed\n\z/m,
	'and says what it has checked');
tarboot('unpack', $uki, scratch('unpacked'));
is(slurp(scratch('unpacked/sbin/init')), slurp("$root/sbin/init"), 'unpack takes the root out of it');
is(slurp(scratch('unpacked/lib/modules/6.1.0-7-test/kernel/drivers/net/fast.ko')), $modules{fast}, 'modules keep their signatures in the root');
my ($module) = grep { $_->{name} =~ /atkbd\.ko$/ } newc_read($image);
is($module->{data}, $modules{atkbd}, 'and in the boot part');
run('sh', '-c', '"$0" inspect - <"$1" >/dev/null', $TARBOOT, $uki);
pass('it can come from standard input');

# ---- the same bytes ----

my $before = slurp($uki);
{
	local $ENV{SOURCE_DATE_EPOCH} = 1767225600;
	pack_it('--cmdline', 'a b');
	my $first = slurp($uki);
	run('touch', "$root/sbin/init");
	pack_it('--cmdline', 'a b', '--threads=1');
	ok(slurp($uki) eq $first, 'the same root gives the same bytes');
	ok($first ne $before, 'another command line gives others');
}
pack_it();
unlike(run('objdump', '-h', $uki), qr/\.cmdline/, 'without --cmdline there is none');
like(tarboot('inspect', $uki), qr/^  cmdline  not in it: whoever starts it says$/m, 'which inspect says');
pack_it('--cmdline', 'tarboot.layer=/l/${mac}.tar?');
is(section('.cmdline'), 'tarboot.layer=/l/${mac}.tar?', 'variables of layers, which init fills in');
pack_it('--cmdline', '');
is(section('.cmdline'), ' ', 'an empty one is not empty, so that nobody can give another');
{
	my $project = spew(scratch('project'), "root = root\noutput = lab.img\nuki = project.efi\ncmdline = \"quiet ro\"\nlevel = fast\n");
	tarboot('pack', '--project', $project);
	is(section('.cmdline', scratch('project.efi')), 'quiet ro', 'all of that can stand in a project file');
}

# ---- the boot part ----

my $BOOT_LINE = 'tarboot.rootfs=http://10.0.0.1/root.tar.xz';
$r = pack_it(qw(--stream --no-shell --modules fast --cmdline), $BOOT_LINE);
is($r->{exit}, 0, '--stream: packed') or diag($r->{err});
like($r->{out}, qr/^uki      \S+: \d+\.\d MiB, kernel and boot part, not signed/m, 'with the boot part alone');
is((stat $uki)[2] & 07777, 0600, 'who could read the file before can read it now');
unlink $uki;
for my $line ([], ['--cmdline', 'tarboot.rootfs=/root.tar.xz'], ['--cmdline', "$BOOT_LINE tarboot.rootfs=/x.tar.xz"], ['--cmdline', "x.$BOOT_LINE"], ['--cmdline', "quiet -- $BOOT_LINE"]) {
	$r = pack_it(qw(--stream --no-shell --modules fast), @$line);
	like($r->{err}, qr/^tarboot: warning: there is no tarboot\.rootfs=URL in --cmdline/m, "without a URL it warns: @$line");
	unlink $uki;
}
$r = pack_it(qw(--stream --no-shell --modules fast));
like($r->{err}, qr/^tarboot: warning: there is no tarboot\.rootfs=URL in --cmdline: the unified kernel image has only the boot part, which then looks for the root in vain$/m, 'without a URL it warns');
unlink $uki;
$r = pack_it(qw(--stream --no-shell --modules fast --cmdline), $BOOT_LINE);
is((stat $uki)[2] & 07777, 0666 & ~umask, 'a new one others can read: there is no secret in it');
my ($payload) = grep { $_->{name} eq 'rootfs.tar.xz' } newc_read($image);
ok(section('.initrd') eq substr(slurp($image), 0, $payload->{head}), 'it holds what comes before the payload');
$text = tarboot('inspect', $uki);
like($text, qr/^payload\n  \d\S* \w+, which the machine fetches, \d\S* \w+ uncompressed\n/m, 'inspect says so');
like($text, qr/^manifest\n.*^payload=rootfs\.tar\.xz$/ms, 'and knows the root by its manifest');
unlike($text, qr/biggest/, 'but not its files');
$json = decode_json(tarboot('inspect', '--json', $uki));
is_deeply($json->{files}, [], 'nor does the JSON');
is($json->{uki}{cmdline}, $BOOT_LINE, 'which has the command line');
is(tarboot('verify', $uki), "digests: right: manifest, boot part\nnot checked: the root, which is not in it: the machine fetches it, and checks each Block\n"
	. "kernel: right: the one of the manifest\nnot checked: stub, kernel command line and os-release: it is not signed\n", 'verify checks the boot part');
my $NO_ROOT = "tarboot: $uki: it is the boot part of an image whose root is fetched: there is no /rootfs.tar.xz in it\n  Give its root, which lies beside it, or the URL of that.\n";
refuses('unpack of a boot part', 1, $NO_ROOT, $TARBOOT, 'unpack', $uki, scratch('nothing'));
refuses('its files', 1, $NO_ROOT, $TARBOOT, 'inspect', '--report', scratch('report.json'), $uki);
refuses('their differences', 1, $NO_ROOT, $TARBOOT, 'inspect', '--diff', $uki, $uki);
my $boot_uki = scratch('boot.efi');
rename $uki, $boot_uki or die;
spew($uki, slurp($boot_uki), 0644);
pack_it();
is((stat $uki)[2] & 07777, 0600, 'a whole image in the place of a boot part that all could read is its owner\'s alone');
unlink $uki;

# ---- signed ----

my @key = key_pair('mine');
my @other = key_pair('other');
$r = pack_it('--cmdline', 'quiet', @key);
is($r->{exit}, 0, 'signed') or diag($r->{err});
is($r->{err}, '', 'without a word');
like($r->{out}, qr/^uki .*, signed$/m, 'it says so');
like(run('sbverify', '--cert', $key[3], $uki), qr/Signature verification OK/, 'sbverify agrees');
ok(section('.initrd') eq slurp($image), 'it holds the same');
like(tarboot('inspect', $uki), qr/^unified kernel image for x86-64, signed /m, 'inspect sees it');
like(tarboot('verify', $uki), qr/^signature: of every byte; --secureboot-cert tells whether it is yours$/m, 'verify checks what it is of');
like(tarboot('verify', $uki, @key[ 2, 3 ]), qr/^signature: right: of every byte, with the key of that certificate$/m, 'and whose it is');
refuses('the certificate of another key', 1, "tarboot: $uki: the program sbverify failed: Signature verification failed\n  Do not boot it, unless it was signed with another key that you trust.\n",
	$TARBOOT, 'verify', $uki, @other[ 2, 3 ]);
refuses('a certificate for what is not signed', 1, "tarboot: $boot_uki: it is not signed\n  Sign it: `tarboot pack --uki` with --secureboot-key.\n",
	$TARBOOT, 'verify', $boot_uki, @key[ 2, 3 ]);
refuses('a certificate for an image', 1, "tarboot: $image: it is no unified kernel image, and only these are signed\n  Leave out --secureboot-cert.\n",
	$TARBOOT, 'verify', $image, @key[ 2, 3 ]);
like(pack_it(@key)->{err}, qr/^tarboot: warning: without --cmdline whoever starts the unified kernel image chooses the kernel command line, with Secure Boot, too$/m,
	'signed without a command line: it warns');
pack_it('--cmdline', 'quiet', @key);
my $signed = slurp($uki);
my $EXISTING = $signed;
refuses('a key that is not the certificate\'s', 1, "tarboot: $key[1]: the program sbsign failed: error in key/certificate chain\n"
	. "  Give a private key and the certificate of that key, both in PEM: docs/security.md says how to make them.\n",
	$TARBOOT, 'pack', $root, @$_, '--level=fast', '--uki', $uki, @key[ 0, 1 ], @other[ 2, 3 ]) for ['-n'], ['-o', $image];
ok(slurp($uki) eq $EXISTING, 'the old file stays');
is(join(' ', grep { !/^(?:try|section)/ } map { s{.*/}{}r } glob scratch('*.efi*')), 'boot.efi lab.efi project.efi', 'and nothing else is left');
refuses('no such key', 1, "tarboot: /no/key: cannot read this key: No such file or directory\n"
	. "  Give the private key of --secureboot-cert: docs/security.md says how to make both.\n",
	$TARBOOT, 'pack', $root, '-o', $image, '--uki', $uki, '--secureboot-key', '/no/key', @key[ 2, 3 ]);
run('openssl', 'rsa', '-aes128', '-passout', 'pass:secret', '-in', $key[1], '-out', scratch('locked.key'));
run('openssl', 'pkcs8', '-topk8', '-passout', 'pass:secret', '-in', $key[1], '-out', scratch('locked.p8'));
refuses("a key with a passphrase ($_)", 1, "tarboot: @{[scratch($_)]}: this key has a passphrase, and must have none\n"
	. "  Give a key without one: `openssl pkey -in KEY -out NEW` writes it.\n",
	$TARBOOT, 'pack', $root, '-o', $image, '--uki', $uki, '--secureboot-key', scratch($_), @key[ 2, 3 ]) for qw(locked.key locked.p8);
refuses('a certificate for a key', 1, "tarboot: $key[3]: it is no private key in PEM\n"
	. "  Give the private key of --secureboot-cert: docs/security.md says how to make both.\n",
	$TARBOOT, 'pack', $root, '-n', '--uki', $uki, '--secureboot-key', $key[3], @key[ 2, 3 ]);
my $todo_pair = "  Give a private key and the certificate of that key, both in PEM: docs/security.md says how to make them.\n";
my $todo_der  = "  Give the certificate in PEM: of one in DER `openssl x509 -inform DER -in CERT -out NEW.pem` makes it.\n";
run('openssl', 'x509', '-in', $key[3], '-outform', 'DER', '-out', scratch('cert.der'));
for my $command (['verify', $uki], ['pack', $root, '-n', '--uki', $uki, @key[ 0, 1 ]]) {
	refuses("$command->[0]: no such certificate", 1, "tarboot: /no/cert: cannot read this certificate: No such file or directory\n$todo_pair",
		$TARBOOT, @$command, '--secureboot-cert', '/no/cert');
	refuses("$command->[0]: one in DER", 1, "tarboot: @{[scratch('cert.der')]}: it is no certificate in PEM\n$todo_der",
		$TARBOOT, @$command, '--secureboot-cert', scratch('cert.der'));
}
run('minisign', '-G', '-W', '-f', '-p', scratch('root.pub'), '-s', scratch('root.key'));
refuses('a kernel line that its keys refuse', 1, "tarboot: --cmdline: the boot part has keys, so machines refuse to start with tarboot.verify=no\n  Leave tarboot.verify=no out.\n",
	$TARBOOT, 'pack', $root, '-n', '--uki', $uki, '--trust', scratch('root.pub'), '--cmdline', 'tarboot.verify=no');
{
	my $bin = new_dir();    # an sbsign that signs the stub, and then cannot write
	spew("$bin/sbsign", "#!/bin/sh\n[ -e $bin/once ] || { >$bin/once; exit 0; }\necho 'warning: data remaining'\necho 'Signing Unsigned original image'\nexit 1\n", 0755);
	refuses('no room for the signed one', 1, "tarboot: $uki: the program sbsign failed\n  The disk may be full: for a moment this takes twice the size of the unified kernel image.\n",
		{ env => { PATH => "$bin:$ENV{PATH}" } }, $TARBOOT, 'pack', $root, '-o', $image, '--level=fast', '--uki', $uki, @key);
}
{
	my $bin = new_dir();    # a PATH without sbsign
	symlink "/usr/bin/$_", "$bin/$_" for qw(timeout);
	refuses('no sbsign', 1, "tarboot: --secureboot-key: this takes the program sbsign, which is not here\n  Install it (Debian: sbsigntool).\n",
		{ env => { PATH => $bin } }, $TARBOOT, 'pack', $root, '-o', $image, '--uki', $uki, @key);
	refuses('no sbverify', 1, "tarboot: $uki: this takes the program sbverify, which is not here\n  Install it (Debian: sbsigntool).\n",
		{ env => { PATH => $bin } }, $TARBOOT, 'verify', $uki, @key[ 2, 3 ]);
}

# ---- damage ----

my $AGAIN = '  Copy it again, or make it again with `tarboot pack --uki`.';
my %at = map { /^ +\d+ (\S+) +\w+ +\w+ +\w+ +(\w+) / ? ($1 => hex $2) : () } split /\n/, run('objdump', '-h', $uki);

# A copy with a change; its path.
sub changed {
	my ($change, $from) = @_;
	my $copy = $from // $signed;
	$change->(\$copy);
	return spew(scratch('changed.efi'), $copy);
}
sub flipped { my ($at, $from) = @_; return changed(sub { substr(${ $_[0] }, $at, 1) ^= "\1" }, $from) }

for (['the stub' => $at{'.text'} + 99], ['the kernel line' => $at{'.cmdline'}], ['os-release' => $at{'.osrel'} + 8], ['the image' => $at{'.initrd'} + 200_000],
	['the kernel' => $at{'.linux'} + 2000], ['padding' => $at{'.cmdline'} + 400])
{
	my ($what, $where) = @$_;
	refuses("signed, $what changed", 1, "tarboot: @{[scratch('changed.efi')]}: its signature is of other bytes: it was damaged or changed after it was signed\n$AGAIN\n",
		$TARBOOT, 'verify', flipped($where));
	ok(!eval { run('sbverify', '--cert', $key[3], scratch('changed.efi')) }, "and sbverify agrees ($what)");
}
refuses('signed, something added', 1, "tarboot: @{[scratch('changed.efi')]}: it has bytes that its signature is not of, between its sections or at its end\n$AGAIN\n",
	$TARBOOT, 'verify', changed(sub { ${ $_[0] } .= "\0" x 8 }));
my $table = unpack 'V', substr $signed, unpack('V', substr $signed, 0x3c, 4) + 24 + 112 + 36, 4;    # its bytes
for (['more in the table of signatures' => sub {
		my ($text) = @_;
		$$text .= 'whatever';
		substr $$text, unpack('V', substr $$text, 0x3c, 4) + 24 + 112 + 36, 4, pack 'V', $table + 8;
	}], ['a larger signature' => sub {
		my ($text) = @_;
		$$text .= "\0" x 8;
		substr $$text, unpack('V', substr $$text, 0x3c, 4) + 24 + 112 + 36, 4, pack 'V', $table + 8;
		substr $$text, -$table - 8, 4, pack 'V', $table + 8;
	}], ['another kind of signature' => sub { substr ${ $_[0] }, -$table + 6, 1, "\1" }])
{
	my ($what, $change) = @$_;
	refuses("signed, $what", 1, "tarboot: @{[scratch('changed.efi')]}: its signature is damaged, or other bytes follow it\n$AGAIN\n",
		$TARBOOT, 'verify', changed($change));
}
run('sbattach', '--remove', spew(scratch('plain.efi'), $signed));
my $plain = slurp(scratch('plain.efi'));
like(tarboot('verify', scratch('plain.efi')), qr/not signed/, 'without its signature it is still whole');
refuses('not signed, the kernel changed', 1, "tarboot: @{[scratch('changed.efi')]}: the kernel in it is not the one that its image was packed with, or damaged\n$AGAIN\n",
	$TARBOOT, 'verify', flipped($at{'.linux'} + 2000, $plain));
$r = try($TARBOOT, 'verify', flipped($at{'.initrd'} + 100_000, $plain));
fails_well($r, 1, qr/the boot part \(bytes 0 to \d+\) is damaged/, 'not signed, the image changed');

my $sections_at = unpack('V', substr $signed, 0x3c, 4) + 24 + 240;
my $n = unpack 'v', substr $signed, unpack('V', substr $signed, 0x3c, 4) + 6, 2;
my $NONE = 'it is a program for UEFI or Windows, but no intact unified kernel image';
for (['cut short' => qr/^tarboot: \S+: $NONE: it is cut short: a section ends behind the end of the file\n$AGAIN$/m, sub { substr ${ $_[0] }, length($plain) - 4000, 4000, '' }],
	['cut in its headers' => qr/$NONE: it is cut short in its headers/, sub { substr ${ $_[0] }, 500, length $plain, '' }],
	['overlapping sections' => qr/$NONE: two sections have the same bytes of the file/, sub { substr ${ $_[0] }, $sections_at + 40 * ($n - 1) + 20, 4, pack 'V', $at{'.initrd'} }],
	['a section of 4 GiB' => qr/$NONE: it is cut short/, sub { substr ${ $_[0] }, $sections_at + 40 * ($n - 1) + 16, 4, pack 'V', 0xfffffe00 }],
	['65535 sections' => qr/$NONE: it has no sections, or too many/, sub { substr ${ $_[0] }, $sections_at - 240 - 24 + 6, 2, "\xff\xff" }],
	['two initrds' => qr/it has several sections \.initrd/, sub { substr ${ $_[0] }, $sections_at + 40 * ($n - 3), 8, ".initrd\0" }],
	['a name like that of the initrd' => qr/^tarboot: \S+: systemd's stub may take its section \.initrdX for \.initrd\n$AGAIN$/m, sub { substr ${ $_[0] }, $sections_at + 40 * ($n - 5), 8, '.initrdX' }],
	['a name like that of the kernel' => qr/: systemd's stub may take its section \.linux2 for \.linux\n/, sub { substr ${ $_[0] }, $sections_at + 40 * ($n - 5), 8, ".linux2\0" }],
	['a long text' => qr/: the text of one of its sections has more than 64 KiB\n$AGAIN$/m, sub {
		substr ${ $_[0] }, $sections_at + 40 * ($n - 4), 8, ".initrd\0";
		substr ${ $_[0] }, $sections_at + 40 * ($n - 2), 8, ".uname\0\0";
	}],
	['no initrd' => qr/it is a program for UEFI or Windows\n/, sub { substr ${ $_[0] }, $sections_at + 40 * ($n - 2), 8, ".nothing" }])
{
	my ($what, $like, $change) = @$_;
	my $file = changed($change, $plain);
	for my $variant (variants()) {
		fails_well(try($variant->[1], $_, $file), 1, $like, "$variant->[0] $_: $what") for qw(inspect verify);
	}
}
for my $name (qw(.ucode .dtb .dtbauto .efifw .profile)) {
	my $file = changed(sub { substr ${ $_[0] }, $sections_at + 40 * ($n - 5), 8, pack 'a8', $name }, $plain);
	refuses("a section $name", 1, "tarboot: $file: it has a section $name, which changes what boots and which tarboot cannot check\n"
		. "  Make it again with `tarboot pack --uki`, which adds no such section.\n", $TARBOOT, 'verify', $file);
	like(tarboot('inspect', $file), qr/^unified kernel image/m, 'but inspect shows it');
}
fails_well(try($TARBOOT, 'inspect', $STUB), 1, qr/it is a program for UEFI or Windows\n/, 'the stub alone');
fails_well(try($TARBOOT, 'inspect', "$image.vmlinuz"), 1, qr/it is a program for UEFI or Windows\n/, 'a kernel alone');

# ---- what cannot be packed ----

refuses('no kernel wanted', 1, "tarboot: --uki: a unified kernel image holds a kernel, and --kernel none asks for none\n  Leave out --kernel none, or --uki.\n",
	$TARBOOT, 'pack', $root, '-o', $image, '--uki', $uki, '--kernel', 'none');
refuses('no kernel there', 1, "tarboot: --uki: a unified kernel image holds a kernel, and the root has none\n  Give one with --kernel PATH.\n",
	$TARBOOT, 'pack', tiny_root('empty'), '-o', $image, '--uki', $uki);
spew(scratch('old-kernel'), bzimage('2.6.32'));
spew(scratch('arm-kernel'), efi_kernel('6.1', machine => 0xaa64));
for my $dry ([], ['-n']) {    # which comes to what is said before the root is compressed
	refuses("a kernel that firmware cannot start @$dry", 1, "tarboot: @{[scratch('old-kernel')]}: UEFI firmware cannot start this kernel: it has no headers of one\n  Give one with CONFIG_EFI_STUB=y, not compressed as a whole.\n",
		$TARBOOT, 'pack', $root, '-o', $image, '--uki', $uki, '--level=fast', '--kernel', scratch('old-kernel'), @$dry);
	refuses("one for another firmware @$dry", 1, "tarboot: @{[scratch('arm-kernel')]}: UEFI firmware of the root's machine cannot start this kernel\n  Give a kernel for the root's machine with --kernel.\n",
		$TARBOOT, 'pack', $root, '-o', $image, '--uki', $uki, '--level=fast', '--kernel', scratch('arm-kernel'), @$dry);
}
refuses('onto the image', 1, "tarboot: $image: it would overwrite another file that this command reads or writes\n  Give another name.\n",
	$TARBOOT, 'pack', $root, '-o', $image, '--uki', $image);
refuses('onto its kernel', 1, "tarboot: $image.vmlinuz: it would overwrite another file that this command reads or writes\n  Give another name.\n",
	$TARBOOT, 'pack', $root, '-o', $image, '--uki', "$image.vmlinuz");
my ($trusted, $given) = (spew(scratch('given.pub'), 'a key'), spew(scratch('given.kernel'), efi_kernel('6.1')));
for (['the key' => $key[1]], ['the certificate' => $key[3]], ['a trusted key' => $trusted], ['the kernel that is given' => $given]) {
	my ($what, $file) = @$_;
	my $old = slurp($file);
	symlink $file, scratch('link.json') or die;
	my @outputs = (['UKI', '-o', $image, '--uki', $file], ['report', '-o', $image, '--uki', $uki, '--report', scratch('link.json')], ['image', '-o', $file, '--uki', $uki]);
	if ($what ne 'the kernel that is given') {
		symlink $file, scratch('other.img.vmlinuz') or die;
		push @outputs, ['kernel', '-o', scratch('other.img'), '--uki', $uki];
	}
	for (@outputs) {
		my ($kind, @output) = @$_;
		my $name = $kind eq 'kernel' ? scratch('other.img.vmlinuz') : $kind eq 'report' ? scratch('link.json') : $file;
		refuses("$kind onto $what", 1, "tarboot: $name: it would overwrite another file that this command reads or writes\n  Give another name.\n",
			$TARBOOT, 'pack', $root, '--level=fast', @output, @key, '--kernel', $given, '--stream', '--trust', $trusted);
	}
	ok(slurp($file) eq $old, "$what stays");
	unlink map { scratch($_) } qw(other.img.vmlinuz link.json);
}
rename scratch('given.kernel'), scratch('again.img.vmlinuz') or die;
$r = try($TARBOOT, 'pack', $root, '-o', scratch('again.img'), qw(--level=fast --kernel), scratch('again.img.vmlinuz'));
is($r->{exit}, 0, 'a kernel is packed again with its own copy') or diag($r->{err});
ok(slurp($uki) eq $EXISTING, 'all of that leaves the old file alone');

# The stub of the root comes before that of this machine.
sub root_with_stub {
	my ($name, $stub) = @_;
	return tiny_root($name, sub {
		make_path("$_[0]/usr/lib/systemd/boot/efi", "$_[0]/boot");
		spew("$_[0]/usr/lib/systemd/boot/efi/linuxx64.efi.stub", $stub);
		spew("$_[0]/boot/vmlinuz-6.1", efi_kernel('6.1'));
	});
}
my $stub = slurp($STUB);
tarboot('pack', root_with_stub('with-stub', $stub =~ s/systemd-stub \d\d\d/systemd-stub 999/r), '-o', $image, '--level=fast', '--uki', $uki);
like(tarboot('inspect', $uki), qr/^  stub     systemd-stub 999/m, 'the stub of the root');
$r = try($TARBOOT, 'inspect', '--pcr', $uki);
like($r->{err}, qr/^tarboot: warning: systemd-measure is of systemd \d+, and may measure other sections than the stub, systemd-stub 999\S*: it must be of the same version$/, '--pcr says when the versions differ');
refuses('a stub that is none', 1, "tarboot: /usr/lib/systemd/boot/efi/linuxx64.efi.stub in the root: it is not systemd's stub for x86-64: it has no headers of one\n  Install its package again (Debian: systemd-boot-efi).\n",
	$TARBOOT, 'pack', root_with_stub('bad-stub', 'x' x 2000), '-o', $image, '--level=fast', '--uki', $uki);
my $crowded = $stub;
substr $crowded, unpack('V', substr $stub, 0x3c, 4) + 24 + 60, 4, pack 'V', unpack('V', substr $stub, 0x3c, 4) + 24 + 240 + 9 * 40;
refuses('a stub whose headers are full', 1, "tarboot: /usr/lib/systemd/boot/efi/linuxx64.efi.stub in the root: its headers have no room for the sections of a unified kernel image\n"
	. "  Install its package again, or a newer one (Debian: systemd-boot-efi).\n",
	$TARBOOT, 'pack', root_with_stub('full-stub', $crowded), '-o', $image, '--level=fast', '--uki', $uki);

# A machine whose stub is not here.
my $arm = tiny_root('arm', sub {
	spew("$_[0]/sbin/init", pack('a4 C3 x9 v2 V Q<3 V v6', "\x7fELF", 2, 1, 1, 2, 183, 1, 0, 64, 0, 0, 64, 56, 0, 0, 0, 0) . "\0" x 64, 0755);
});
my $arm_kernel = efi_kernel('6.1', machine => 0xaa64);
substr $arm_kernel, 0x38, 4, "ARM\x64";
substr $arm_kernel, 0x202, 4, 'none';
spew(scratch('arm-kernel'), $arm_kernel);
SKIP: {
	skip 'the stub for aarch64 is here', 2 if -e '/usr/lib/systemd/boot/efi/linuxaa64.efi.stub';
	refuses('no stub', 1, "tarboot: /usr/lib/systemd/boot/efi/linuxaa64.efi.stub: a unified kernel image begins with systemd's stub, and neither the root nor this machine has it for aarch64\n"
		. "  Install it here or in the root (Debian: systemd-boot-efi:arm64), and pack again.\n",
		$TARBOOT, 'pack', $arm, '-o', $image, '--level=fast', '--no-shell', '--kernel', scratch('arm-kernel'), '--uki', $uki);
}

# ---- usage ----

for (['--cmdline, --secureboot-key and --secureboot-cert are about --uki, which is missing', '--cmdline', 'quiet'],
	['--secureboot-key and --secureboot-cert need each other', '--uki', $uki, @key[ 0, 1 ]],
	['--cmdline: it must be one line of ASCII characters', '--uki', $uki, '--cmdline', "a\nb"],
	['--cmdline: it has 2048 characters, and a kernel reads 2047', '--uki', $uki, '--cmdline', 'x' x 2048])
{
	my ($says, @options) = @$_;
	refuses($says, 2, "tarboot: pack: $says\n  Try `tarboot pack --help`.\n", $TARBOOT, 'pack', $root, '-o', $image, @options);
}
refuses('--pcr of an image', 1, "tarboot: $image: it is no unified kernel image\n  Give one that `tarboot pack --uki` wrote.\n", $TARBOOT, 'inspect', '--pcr', $image);
refuses('--pcr with --json', 2, "tarboot: inspect: --pcr cannot be combined with --json, --report and --diff\n  Try `tarboot inspect --help`.\n",
	$TARBOOT, 'inspect', '--pcr', '--json', $image);
refuses('run', 1, "tarboot: $boot_uki: it is the boot part of an image whose root is fetched: there is no /rootfs.tar.xz in it\n  Give its root, which lies beside it, or the URL of that.\n",
	$TARBOOT, 'run', $boot_uki);
spew($uki, $plain);
refuses('run of a whole one', 1, "tarboot: $uki: it is a unified kernel image, which UEFI firmware starts by itself\n  Give the image that was packed with it; `tarboot netboot --uki` publishes this one.\n",
	$TARBOOT, 'run', $uki);

# ---- other programs ----

my ($measure) = grep { -x } '/usr/lib/systemd/systemd-measure', '/lib/systemd/systemd-measure';
SKIP: {
	skip 'no systemd-measure here', 3 unless $measure;
	my $help = run($measure, '--help');
	my @sections = grep { $help =~ /^ +--$_=/m } qw(linux osrel cmdline initrd uname sbat);
	my @files = map { my $name = $_; "--$name=" . spew(scratch("measured.$name"), section(".$name")) } @sections;
	my $is = try($TARBOOT, 'inspect', '--pcr', $uki);
	is($is->{out}, run($measure, 'calculate', '--phase=:', '--phase=sysinit', '--phase=sysinit:ready', @files), '--pcr: what systemd-measure calculates of the sections');
	like($is->{out}, qr/^11:sha256=[0-9a-f]{64}$/m, 'PCR 11');
	my $other = flipped($at{'.cmdline'}, $plain);
	isnt(tarboot('inspect', '--pcr', $other), $is->{out}, 'another command line gives another value');
}
SKIP: {
	skip 'no ukify here', 1 unless have_program('ukify');
	my $is = decode_json(run('ukify', 'inspect', $uki, '--json=short'));
	my %bytes = map { $_->{name} => $_->{bytes} } @{ decode_json(tarboot('inspect', '--json', $uki))->{uki}{sections} };
	my @names = qw(.osrel .uname .cmdline .initrd .linux);
	is_deeply([ map { $is->{$_}{size} } @names ], [ @bytes{@names} ],
		'ukify inspect finds the same sections');
}
done_testing();
