#!/usr/bin/perl
# Roots as the distributions lay them out: where the init, its interpreter, the kernel and its modules are. Small trees made by
# hand after the real ones; of each are found the init, the kernel with its release, and the modules of that kernel.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../engine";
use Engine;
use File::Basename qw(basename dirname);
use File::Path qw(make_path);
use Test::More;

need_programs(qw(tar xz gzip zstd));
my $TARBOOT = build_path('tarboot');
my $image   = scratch('image');
my $GLIBC   = '/lib64/ld-linux-x86-64.so.2';
my %THROUGH = ('.ko' => 'cat', '.ko.xz' => 'xz --check=crc32', '.ko.gz' => 'gzip -n', '.ko.zst' => 'zstd -q');

# ---- trees ----

# Writes a tree: a path ends in a slash for a directory; { link => target }; or a text, mode 0755.
sub tree {
	my ($name, @parts) = @_;
	my $root = scratch($name);
	my @paths = (map { ($_, {}) } map { "$_/" } qw(dev etc proc run sys tmp var));

	make_path($root);
	for my $parts ([@paths], @parts) {
		my @list = @$parts;
		while (my ($path, $what) = splice @list, 0, 2) {
			make_path($path =~ m{/\z} ? "$root/$path" : dirname("$root/$path"));
			if (ref $what) { symlink $what->{link}, "$root/$path" or die "$path: $!" if $what->{link} }
			else           { spew("$root/$path", $what, 0755) }
		}
	}
	return $root;
}

# Links, as name => target.
sub links {
	my %target = @_;
	return map { $_ => { link => $target{$_} } } sort keys %target;
}

sub systemd_of { return ("usr/lib/systemd/systemd" => elf_program($_[0])) }

# A keyboard's and a network card's modules with their index, below $directory, by this suffix.
sub modules {
	my ($directory, $suffix) = @_;
	my %path = map { $_ => "kernel/drivers/$_" } qw(hid/hid hid/usbhid/usbhid net/ethernet/fast);
	my $raw  = spew(scratch('module'), "\x7fELF" . 'm' x 3000);
	my $data = run('sh', '-c', "$THROUGH{$suffix} <'$raw'");

	return ((map { ("$directory/$path{$_}$suffix" => $data) } keys %path),
		"$directory/modules.dep" => "$path{'hid/hid'}$suffix:\n$path{'hid/usbhid/usbhid'}$suffix: $path{'hid/hid'}$suffix\n$path{'net/ethernet/fast'}$suffix:\n",
		"$directory/modules.alias" => "alias usb:* usbhid\n", "$directory/modules.builtin" => "kernel/drivers/ata/ahci.ko\n");
}

my @MERGED = links(bin => 'usr/bin', sbin => 'usr/sbin', lib => 'usr/lib', lib64 => 'usr/lib64');
my @GLIBC  = ('usr/lib64/ld-linux-x86-64.so.2' => elf_program(), 'usr/bin/sh' => elf_program($GLIBC));

# ---- layouts: init, release, kernel (what its file ends in), modules in the image ----

my @LAYOUTS;

sub layout {
	my ($name, $init, $release, $suffix, $parts, @options) = @_;
	push @LAYOUTS, { name => $name, init => $init, release => $release, suffix => $suffix, parts => $parts, options => [@options] };
	return;
}

{
	my $r = '6.12.5-200.fc41.x86_64';
	layout('fedora', '/sbin/init', $r, '.ko.xz', [
		'usr/bin/init' => { link => '../lib/systemd/systemd' }, systemd_of($GLIBC), @GLIBC, @MERGED, links('usr/sbin' => 'bin'),
		"boot/vmlinuz-$r" => bzimage($r), "usr/lib/modules/$r/vmlinuz" => bzimage($r), modules("usr/lib/modules/$r", '.ko.xz'),
		'boot/vmlinuz-0-rescue-6f1e' => bzimage('6.13.0-1.fc42.x86_64'), "boot/.vmlinuz-$r.hmac" => 'x', "boot/config-$r" => 'x' ]);
}
{
	my $r = '5.14.0-503.el9.x86_64';
	layout('rhel', '/sbin/init', $r, '.ko.xz', [
		'usr/sbin/init' => { link => '../lib/systemd/systemd' }, systemd_of($GLIBC), @GLIBC, @MERGED,
		"boot/vmlinuz-$r" => bzimage($r), modules("usr/lib/modules/$r", '.ko.xz'),
		"usr/lib/modules/$r+debug/vmlinuz" => bzimage("$r+debug"), modules("usr/lib/modules/$r+debug", '.ko.xz') ]);
}
{
	my $r = '6.12.1-arch1-1';
	my @base = (systemd_of($GLIBC), 'usr/bin/init' => { link => '../lib/systemd/systemd' }, 'usr/lib/ld-linux-x86-64.so.2' => elf_program(),
		links(bin => 'usr/bin', sbin => 'usr/bin', lib => 'usr/lib', lib64 => 'usr/lib', 'usr/sbin' => 'bin', 'usr/lib64' => 'lib'),
		modules("usr/lib/modules/$r", '.ko.zst'), 'boot/initramfs-linux.img' => 'x', 'boot/initramfs-linux-fallback.img' => 'x');
	layout('arch', '/sbin/init', $r, '.ko.zst', [
		@base, "usr/lib/modules/$r/vmlinuz" => bzimage($r), "usr/lib/modules/$r/pkgbase" => "linux\n", 'boot/vmlinuz-linux' => bzimage($r) ]);
	layout('arch whose kernel does not say its release', '/sbin/init', '', '.ko.zst', [ @base, 'boot/vmlinuz-linux' => bzimage('') ]);
}
{
	my $r = '6.6.7-0-lts';
	layout('alpine', '/sbin/init', $r, '.ko.gz', [
		'bin/busybox' => elf_program('/lib/ld-musl-x86_64.so.1'), links('bin/sh' => '/bin/busybox', 'sbin/init' => '/bin/busybox', 'boot/boot' => '.'),
		'lib/ld-musl-x86_64.so.1' => elf_program(), 'usr/bin/' => {}, 'usr/sbin/' => {}, 'usr/lib/' => {},
		'boot/vmlinuz-lts' => bzimage($r), 'boot/vmlinuz-virt' => bzimage('6.6.6-0-virt'), modules("lib/modules/$r", '.ko.gz'),
		modules('lib/modules/6.6.6-0-virt', '.ko.gz') ]);
}
{
	my $r = '6.4.0-150600.23.25-default';
	my @base = ('usr/sbin/init' => { link => '../lib/systemd/systemd' }, systemd_of($GLIBC), @GLIBC, @MERGED, modules("usr/lib/modules/$r", '.ko.zst'));
	layout('leap', '/sbin/init', $r, '.ko.zst',
		[ @base, "boot/vmlinuz-$r" => bzimage($r), links('boot/vmlinuz' => "vmlinuz-$r", 'boot/initrd' => "initrd-$r") ]);
	layout('tumbleweed', '/sbin/init', $r, '.ko.zst', [
		@base, "usr/lib/modules/$r/vmlinuz" => bzimage($r), "usr/lib/modules/$r/vmlinux.xz" => 'x', "usr/lib/modules/$r/.vmlinuz.hmac" => 'x',
		links("boot/vmlinuz-$r" => "../usr/lib/modules/$r/vmlinuz", 'boot/vmlinuz' => "vmlinuz-$r") ]);
	layout('tumbleweed for aarch64', '/sbin/init', $r, '.ko.zst', [
		@base, "usr/lib/modules/$r/Image" => bzimage($r), "usr/lib/modules/$r/.Image.hmac" => 'x',
		links("boot/Image-$r" => "../usr/lib/modules/$r/Image", 'boot/Image' => "Image-$r") ]);
	layout('suse with an Image', '/sbin/init', $r, '.ko.zst', [ @base, "boot/Image-$r" => bzimage($r), links('boot/Image' => "Image-$r") ]);
}
{
	my $r = '6.6.21-gentoo-dist';
	layout('gentoo', '/sbin/init', $r, '.ko', [
		'sbin/init' => elf_program($GLIBC), 'lib64/ld-linux-x86-64.so.2' => elf_program(), 'bin/sh' => elf_program($GLIBC), 'lib/' => {},
		'usr/bin/' => {}, 'usr/lib/' => {}, 'usr/lib64/' => {}, 'usr/sbin/' => {}, "boot/kernel-$r" => bzimage($r),
		"boot/kernel-$r.old" => bzimage('6.7.0-gentoo-dist'), 'boot/kernel-6.6.13-gentoo-dist' => bzimage('6.6.13-gentoo-dist'), modules("lib/modules/$r", '.ko') ]);
	layout('gentoo, dist-kernel', '/sbin/init', $r, '.ko', [
		'sbin/init' => elf_program($GLIBC), 'lib64/ld-linux-x86-64.so.2' => elf_program(), 'bin/sh' => elf_program($GLIBC),
		'usr/bin/' => {}, 'usr/lib/' => {}, 'usr/lib64/' => {}, 'usr/sbin/' => {}, modules("lib/modules/$r", '.ko'),
		"usr/src/linux-$r/arch/x86/boot/bzImage" => bzimage($r), 'opt/kernels/old' => bzimage('6.7.0-gentoo-dist'),
		'lib/modules/6.7.0-gentoo-dist/kernel/' => {},
		links("lib/modules/$r/vmlinuz" => "/usr/src/linux-$r/arch/x86/boot/bzImage", 'lib/modules/6.6.13-gentoo-dist/vmlinuz' => '/usr/src/gone',
			"lib/modules/$r/vmlinuz.old" => '/opt/kernels/old', "lib/modules/$r/build" => "/usr/src/linux-$r") ]);
}
{
	my $r = '6.11.2-generic';
	my @base = (systemd_of($GLIBC), @GLIBC, modules("usr/lib/modules/$r", '.ko.zst'), "usr/lib/modules/$r/vmlinuz" => bzimage($r), 'usr/sbin/' => {});
	layout('no boot', '/sbin/init', $r, '.ko.zst', [ @base, 'usr/sbin/init' => { link => '../lib/systemd/systemd' }, @MERGED ]);
	layout('only usr', '/usr/lib/systemd/systemd', $r, '.ko.zst', [@base]);
	layout('only usr, sbin in bin', '/sbin/init', $r, '.ko.zst', [
		@base[0 .. $#base - 2], 'usr/bin/init' => { link => '../lib/systemd/systemd' }, 'usr/sbin' => { link => 'bin' } ]);
	layout('only usr, by lib', '/usr/lib/systemd/systemd', $r, '.ko.zst', [
		systemd_of($GLIBC), 'usr/lib/ld-linux-x86-64.so.2' => { link => '/lib/x86_64-linux-gnu/ld.so' }, 'usr/lib/x86_64-linux-gnu/ld.so' => elf_program(),
		modules("usr/lib/modules/$r", '.ko.zst'), "usr/lib/modules/$r/vmlinuz" => bzimage($r) ]);
	layout('a boot loader specification', '/sbin/init', $r, '.ko.zst', [
		@base, 'usr/sbin/init' => { link => '../lib/systemd/systemd' }, @MERGED, "boot/0123456789abcdef0123456789abcdef/$r/linux" => bzimage($r) ]);
}
{
	my ($r, $ld) = ('6.6.63', '/nix/store/2b-glibc/lib/ld-linux-x86-64.so.2');
	my $kernel = spew(scratch('nix-kernel'), bzimage($r));
	layout('nixos', '/nix/var/nix/profiles/system/init', $r, undef, [
		'nix/store/1a-systemd/lib/systemd/systemd' => elf_program($ld), substr($ld, 1) => elf_program(), 'nix/store/4d-bash/bin/sh' => elf_program($ld),
		'nix/store/3c-nixos-system/init' => "#!/nix/store/4d-bash/bin/sh\n", 'bin/sh' => { link => '/nix/store/4d-bash/bin/sh' },
		links('nix/var/nix/profiles/system' => 'system-7-link', 'nix/var/nix/profiles/system-7-link' => '/nix/store/3c-nixos-system') ],
		'--init=/nix/var/nix/profiles/system/init', "--kernel=$kernel", '--modules=none');
}

# ---- what pack finds ----

sub manifest {
	my (%member) = @_;
	my %m;
	push @{ $m{$1} }, $2 while $member{'tarboot/manifest'} =~ /^([^#=\n]+)=(.*)$/mg;
	return %m;
}

sub check_modules {
	my ($layout, %member) = @_;
	my $suffix = $layout->{suffix} eq '.ko.gz' ? '.ko' : $layout->{suffix};
	my %found  = map { basename($_) => 1 } grep { m{^lib/modules/[^/]+/kernel/} && $member{$_} ne '' } keys %member;

	is(join(' ', sort keys %found), "fast$suffix hid$suffix usbhid$suffix", 'its modules are in the boot part');
	is_deeply([ map { $_ =~ m{/(.*?)/modules\.dep\z} } grep { /modules\.dep\z/ } keys %member ],
		[ 'modules/' . ($layout->{release} || '6.12.1-arch1-1') ], 'of that release');
	return;
}

sub check_layout {
	my ($layout, $root, $from) = @_;
	unlink $image, "$image.vmlinuz";
	my $r = try($TARBOOT, 'pack', $from, '-o', $image, '--level=fast', '--no-shell', @{ $layout->{options} }, $layout->{suffix} ? '--modules=net,ahci' : ());

	is($r->{exit}, 0, 'it is packed') or return diag($r->{err});
	# NixOS' modules are in its store, where no kernel release tells.
	my $warning = $layout->{suffix} ? '' : "tarboot: warning: the root has no modules for its kernel $layout->{release}\n";
	is($r->{err}, $warning, 'with no other warning');
	my %member   = map { $_->{name} => $_->{data} } newc_read($image);
	my %manifest = manifest(%member);
	is_deeply($manifest{init}, [ $layout->{init} ], 'its init');
	is(slurp("$image.vmlinuz"), bzimage($layout->{release}), 'its kernel');
	check_modules($layout, %member) if $layout->{suffix};
	my @packed = split /\n/, run('tar', '-tf', payload_of($image));
	is_deeply([ grep { !m{\.hmac$|initr|/$} && m{/(?:vmlinuz|kernel-|(?:bz)?Image|linux$)} && !-l "$root/$_" } @packed ], [], 'no kernel stays in it');
	return;
}

for my $layout (@LAYOUTS) {
	my $root = tree($layout->{name} =~ s/\W+/-/gr, $layout->{parts});
	my $tar  = scratch('root.tar');

	run('tar', '-C', $root, '--sort=name', '-cf', $tar, '.');
	subtest "$layout->{name}, a directory" => sub { check_layout($layout, $root, $root) };
	subtest "$layout->{name}, a tar"       => sub { check_layout($layout, $root, $tar) };
}

# ---- a root whose /lib is another directory than /usr/lib ----

subtest 'modules in /usr/lib, beside a /lib that is no link' => sub {
	my $r    = '6.11.2-generic';
	my $root = tree('two-libs', [
		'usr/sbin/init' => { link => '../lib/systemd/systemd' }, systemd_of($GLIBC), @GLIBC, links(bin => 'usr/bin', sbin => 'usr/sbin', lib64 => 'usr/lib64'),
		'lib/' => {}, "boot/vmlinuz-$r" => bzimage($r), modules("usr/lib/modules/$r", '.ko') ]);
	my @pack = ($TARBOOT, 'pack', $root, '-o', $image, '--level=fast', '--no-shell');
	my $has  = sub { return scalar grep { $_->{name} eq "lib/modules/$r/modules.dep" } newc_read($image) };
	my $packed = try(@pack);
	is($packed->{exit}, 0, 'it is packed') or diag($packed->{err});
	is($packed->{err}, "tarboot: warning: the root has the modules of its kernel $r in /usr/lib/modules, not in /lib/modules: "
		. "make that a link to ../usr/lib/modules\n", 'with a warning');
	is($has->(), 0, 'and without modules');
	symlink '../usr/lib/modules', "$root/lib/modules" or die;
	$packed = try(@pack);
	is($packed->{err}, '', 'with that link there is no warning');
	is($has->(), 1, 'and there are modules');
};

# ---- a root with only /usr ----

subtest 'the links that a root with only /usr gets' => sub {
	my $root = scratch('only-usr');
	rmdir "$root/$_" for qw(etc var);
	my $r = try($TARBOOT, 'pack', $root, '-o', $image, '--level=fast', '--no-shell');
	like($r->{out}, qr{^made     /bin, /lib, /sbin, /lib64, /etc, /var, /root: missing beside /usr, and made as systemd makes them$}m, 'pack says so');
	my $dir = new_dir();
	run($TARBOOT, 'unpack', $image, $dir);
	is(readlink "$dir/$_" // '', "usr/$_", "/$_") for qw(bin lib sbin lib64);
	is(sprintf('%04o', (stat "$dir/$_")[2] & 07777), $_ eq 'root' ? '0750' : '0755', "/$_") for qw(etc var root);
	$r = try($TARBOOT, 'pack', $root, '--explain', '/lib64');
	is($r->{out}, "/lib64: made: missing beside /usr, and made as systemd makes it\n", '--explain tells it, too');
	$r = try($TARBOOT, 'pack', $dir, '-o', $image, '--level=fast', '--no-shell');
	unlike($r->{out}, qr/^made     \/bin/m, 'a second time there is nothing to make');
};
done_testing();
