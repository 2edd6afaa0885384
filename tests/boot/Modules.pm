# Kernels with all of Debian's drivers; roots, and images that the tests make by hand, with a few of them, chosen by
# kmod and not by what is tested.
package Modules;

use strict;
use warnings;

use Exporter qw(import);
use File::Basename qw(basename dirname);
use File::Path qw(make_path);
use Image;

our @EXPORT = qw(kernel_of newest_kernel booting is_module copy_modules module_members file_member
	directory_member);

# The directory of a kernel of that suite; demo: of the demo root's.
sub kernel_of { return $_[0] eq 'demo' ? _demo() : made_once("kernel-$_[0]", 'fetch-kernel', $_[0]) }

sub _demo {
	my $dir = scratch('kernel-demo');
	return $dir if -d $dir;
	make_path($dir);
	run('tar', '-xf', demo_root(), '-C', $dir, '--wildcards', './usr/lib/modules/*', '--transform=s,^./usr/lib,./lib,');
	run('mv', demo_kernel(), "$dir/vmlinuz");
	return $dir;
}

# The newest kernel's directory, or nothing where it cannot be had; asked once.
my ($asked, $newest);
sub newest_kernel {
	$newest = eval { kernel_of('sid') } unless $asked++;
	return $newest;
}

# Arguments for a guest with that kernel. The newest patches its own code so often that QEMU 7.2 with two CPUs
# sometimes runs what stood there before: the kernel dies of an int3 before it comes to /init.
sub booting {
	my ($suite) = @_;
	return (kernel => kernel_of($suite) . '/vmlinuz', $suite eq 'sid' ? (smp => 1) : ());
}

# What modprobe would do for a module; nothing when the kernel has it built in, which newer packages do
# not tell.
sub _find {
	my ($kernel, $module) = @_;
	my $release = basename(glob "$kernel/lib/modules/*");
	return split /\n/, eval {
		run('modprobe', '-d', $kernel, '-S', $release, '--show-depends', $module)
	} // '';
}

# False when the driver is built in.
sub is_module {
	my ($suite, $module) = @_;
	return grep { /^insmod/ } _find(kernel_of($suite), $module);
}

sub file_member {
	my ($name, $data) = @_;
	return { name => $name, mode => 0100644, nlink => 1, data => $data };
}

sub directory_member {
	my ($name) = @_;
	return { name => $name, mode => 040755, nlink => 2, data => '' };
}

# Brings these modules, and all that they need, below $root, with an index of just them.
sub copy_modules {
	my ($suite, $root, @modules) = @_;
	my $kernel  = kernel_of($suite);
	my $release = basename(glob "$kernel/lib/modules/*");

	for my $module (@modules) {
		for (_find($kernel, $module)) {
			my ($path) = m{^insmod \Q$kernel\E/(\S+)} or next;
			make_path(dirname("$root/$path"));
			run('cp', "$kernel/$path", "$root/$path");
		}
	}
	run('depmod', '-b', $root, $release);
	return;
}

# The same as members for an image. $dir is made.
sub module_members {
	my ($suite, $dir, @modules) = @_;

	copy_modules($suite, $dir, @modules);
	return map {
		my ($name) = m{^\Q$dir\E/(.*)};
		-d $_ ? directory_member($name) : file_member($name, slurp($_));
	} grep { $_ ne $dir and not /\.bin$/ } split /\n/, run('find', $dir);
}

1;
