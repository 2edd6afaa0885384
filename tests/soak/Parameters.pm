# Kernel parameters that an operator may have got wrong, and what must come of each: a sentence, or nothing.
package Parameters;

use strict;
use warnings;

use Exporter qw(import);

our @EXPORT = qw(draw_parameter pick);

sub pick { return $_[ int rand @_ ] }

# Values that are wrong whatever the parameter; the words are what must be said then.
my %EXPECTS = (
	'tarboot.size'         => 'a size like 1500m, 2g, 75% or auto',
	'tarboot.zram'         => 'auto, off, or a size of at least 1m',
	'tarboot.rootfs'       => 'an absolute path, or a URL',
	'tarboot.machine-id'   => 'firmware',
	'tarboot.init'         => 'an absolute path',
	'init'                 => 'an absolute path',
	'tarboot.shell'        => 'fail, start, unpacked or end',
	'tarboot.onfail'       => 'reboot, poweroff, halt or shell',
	'tarboot.failwait'     => 'a number of seconds',
	'tarboot.threads'      => 'a number from 1 to 4096',
	'tarboot.hotplug'      => 'on or off',
	'tarboot.proxy'        => 'a URL like http://proxy:3128',
	'tarboot.log'          => 'HOST or HOST:PORT',
	'tarboot.verify'       => 'yes, no or root',
	'tarboot.manifest-min' => 'a date like 2026-11-29',
	'tarboot.netwait'      => 'a number of seconds',
	'tarboot.net'          => 'down or keep',
	'tarboot.quiet'        => 'on or off',
	'tarboot.debug'        => 'on or off');

# An empty one means "none" for these.
my %MAY_BE_EMPTY = map { $_ => 1 } qw(tarboot.proxy tarboot.log);

my $CHECK = 'check parameters';

# Parameters that are drawn as they stand: the text, and step, object and reason of the sentence that must come. way: only for images that are
# booted like that.
my @REFUSED = (
	{ text => 'tarboot.rootfs=https://192.168.77.1/root.tar.xz', step => $CHECK, what => qr/^kernel parameter tarboot\.rootfs=https:/,
		why => qr/^https: is not supported$/ },
	{ text => 'tarboot.rootfs=ftp://192.168.77.1/root.tar.xz', step => $CHECK, what => qr/^kernel parameter tarboot\.rootfs=ftp:/,
		why => qr/^only http:\/\/ is supported$/ },
	{ text => 'tarboot.rootfs=http://192.168.77.1:99999/x', step => $CHECK, what => qr/^kernel parameter tarboot\.rootfs=http:/,
		why => qr/is not a port/ },
	{ text => 'tarboot.layer=relative.tar', step => $CHECK, what => qr/^kernel parameter tarboot\.layer=relative\.tar$/,
		why => qr/^it is neither an absolute path nor a URL$/ },
	{ text => 'tarboot.layer=/a.tar#12', step => $CHECK, what => qr/^kernel parameter tarboot\.layer=/,
		why => qr/^behind "#" there are no 64 hexadecimal digits$/ },
	{ text => 'tarboot.mount=' . 'x' x 300, step => $CHECK, what => qr/^kernel parameter tarboot\.mount=xxx/,
		why => qr/^it must be (?:tmpfs mount options, less than 256 bytes)$/ },
	{ text => 'tarboot.rootfs=/none.tar.xz', step => 'find payload', what => qr{^/none\.tar\.xz$}, why => qr/^it is not in the initramfs$/ },
	{ text => 'tarboot.layer=/none.tar.xz', step => 'find layers', what => qr{^/none\.tar\.xz$}, why => qr/^this layer is not in the initramfs$/ },
	{ text => 'tarboot.size=64k', step => 'check memory', what => qr/^kernel parameter tarboot\.size$/,
		why => qr/^the root needs \S+ MiB, tarboot\.size allows \S+ KiB$/ },
	{ text => 'tarboot.mount=nr_inodes=5', step => 'check memory', what => qr/^kernel parameter tarboot\.mount$/,
		why => qr/^the root needs \d+ inodes, but nr_inodes=5 allows fewer$/ },
	{ text => 'tarboot.mount=colour=red', step => 'mount root', what => qr{^/newroot$},
		why => qr/^cannot mount a tmpfs \(.*colour=red.*\): Invalid argument$/ },
	{ text => 'tarboot.init=/none', step => 'check new init', what => qr{^/none$}, why => qr/^it is not in the root$/ },
	{ text => 'init=/etc', step => 'check new init', what => qr{^/etc$}, why => qr/^it is (?:a directory), not a program$/ },
	{ text => 'ip=nonsense', way => 'stream', step => 'start network', what => qr/^kernel parameter ip=nonsense$/,
		why => qr/^"(?:nonsense)" is no way to get an address that tarboot knows$/ },
	{ text => 'ip=192.168.77.9::192.168.77.999:255.255.255.0:::none', way => 'stream', step => 'start network',
		what => qr/^kernel parameter ip=192\./, why => qr/^"(?:192\.168\.77\.999)" cannot be the address of (?:a gateway)$/ },
	{ text => 'BOOTIF=here', way => 'stream', step => 'start network', what => qr/^kernel parameter BOOTIF=here$/,
		why => qr/^it must be the MAC address of an Ethernet card$/ },
	{ text => 'nameserver=dns', way => 'stream', step => 'start network', what => qr/^kernel parameter nameserver=dns$/,
		why => qr/^it must be the IP address of a DNS server$/ },
	{ text => 'vlan=5', way => 'stream', step => 'start network', what => qr/^kernel parameter vlan=5$/,
		why => qr/^it must be NAME:DEVICE$/ });

# With these it boots; says: what must be on the console.
my @IGNORED = (
	{ text => 'tarboot.siez=1g', says => qr/^tarboot: tarboot\.siez: unknown parameter; did you mean tarboot\.size\?$/m },
	{ text => "tarboot.\xff\xfe=1", says => qr/^tarboot: tarboot\.\S+: unknown parameter; did you mean tarboot\.\S+\?$/m },
	{ text => 'tarboot.' . 'k' x 300 . '=1', says => qr/^tarboot: tarboot\.k+.*: unknown parameter; did you mean tarboot\.\S+\?$/m },
	{ text => 'tarboot.layer=/none.tar.xz?' },
	{ text => 'tarboot.threads=4096' },
	{ text => 'tarboot.size=2g tarboot.size=auto' },
	{ text => 'tarboot.zram=off' },
	{ text => '"tarboot.threads=1"' },
	{ text => 'tarboot.debug' },
	{ text => 'tarboot.log=192.168.77.77' },
	{ text => 'tarboot.mount=mode=0700,mode=0755' },
	{ text => 'panic=never' },
	{ text => 'quiet=perhaps' },
	{ text => '= == =x ""' },
	{ text => "z=\x80\xff\xfe \x{c3}\x{a4}" },
	{ text => 'x=' . 'y' x 900 },
	{ text => '"a b"=c d="e f" g"h i"j' },
	{ text => 'tarboot.hotplug=off', way => 'embedded' },
	{ text => 'ip=nonsense BOOTIF=here nameserver=dns vlan=5', way => 'embedded' });

sub _letters { return join '', map { pick('a' .. 'z', 0 .. 9, qw(. - _ : ; % $ & !)) } 1 .. $_[0] }

# No parameter has a value that begins like these.
sub _garbage {
	my ($key) = @_;
	my @kinds = (
		sub { '~' . _letters(1 + int rand 12) },
		sub { join '', map { chr 128 + int rand 128 } 1 .. 1 + int rand 40 },
		sub { '~' . _letters(300 + int rand 400) },
		sub { '"~with blanks"' },
		sub { '-3' x ($key !~ /^(?:tarboot\.log)$/) || '~' },
		$MAY_BE_EMPTY{$key} ? () : sub { '' });
	return pick(@kinds)->();
}

# What must be told of a wrong value.
sub _wrong_value {
	my $key   = pick(sort keys %EXPECTS);
	my $value = _garbage($key);
	return { text => "$key=$value", step => $CHECK, what => qr/^kernel parameter \Q$key\E=/, why => qr/^it must be \Q$EXPECTS{$key}\E/ };
}

# A row: text, and either step, what and why of the sentence that must come, or perhaps says.
sub draw_parameter {
	my ($way) = @_;
	my $fits = sub { grep { !$_->{way} || $_->{way} eq $way } @_ };

	return pick(\&_wrong_value, sub { pick($fits->(@REFUSED)) }, sub { pick($fits->(@IGNORED)) })->();
}

# All that are drawn as they stand, and what is said of wrong values, for the tests of this.
sub fixed_parameters { return (@REFUSED, @IGNORED) }
sub expected_values  { return values %EXPECTS }

1;
