# LTSP, Debian's package, as ltsp-image(8) and its ltsp.ipxe have it: a squashfs by mksquashfs' defaults (gzip) on an NFS server, an
# initramfs by initramfs-tools and `ltsp initrd`'s before it; with IMAGE_TO_RAM=1 of ltsp.conf(5), so that the root is in RAM as with
# all others. The NFS server is nfs-ganesha, not the kernel's, which belongs to the whole machine.
package Ltsp;

use strict;
use warnings;

use Line;
use Make;
use Net;

my @servers;

sub peers {
	return {
		name    => 'ltsp',
		label   => 'LTSP, NFS, IMAGE_TO_RAM, gzip',
		make    => sub { kernel(); _initrds(); squashfs('gzip'); _server() },
		publish => \&_publish,
		stop    => sub { $_->stop for reverse @servers; @servers = () },
		start   => \&_serve,
	};
}

sub _server { return tools('nfs-server', with => 'nfs-ganesha,nfs-ganesha-vfs,rpcbind') }

sub _initrds {
	my $tools = tools('ltsp', with => 'ltsp,initramfs-tools,busybox,zstd');
	return (
		initrd('ltsp-own', $tools, 'mkdir -p /etc/ltsp; printf "[server]\n\n[clients]\nIMAGE_TO_RAM=1\n" >/etc/ltsp/ltsp.conf
			chmod 660 /etc/ltsp/ltsp.conf; ssh-keygen -A; ltsp initrd; mv /srv/tftp/ltsp/ltsp.img /boot/initrd.img'),
		initrd('ltsp', $tools, 'update-initramfs -c -k $release && mv /boot/initrd.img-$release /boot/initrd.img'));
}

sub _publish {
	my ($peer) = @_;
	my $export = public('ltsp');

	run('mkdir', '-p', "$export/images");
	run('cp', squashfs('gzip'), "$export/images/x86_64.img");
	$peer->{payload} = "$export/images/x86_64.img";
	boot_script($peer, kernel => kernel(), initrds => [_initrds()],
		append => "root=/dev/nfs nfsroot=$SERVER:/srv/ltsp ltsp.image=images/x86_64.img loop.max_part=9 BOOTIF=01-\${netX/mac:hexhyp}");
	_mount($export);
	_serve();
	return;
}

my %CONFIG = ('etc/ganesha/ganesha.conf' => <<'END');
NFS_CORE_PARAM { Protocols = 3, 4; Enable_NLM = false; Enable_RQUOTA = false; }
EXPORT { Export_Id = 1; Path = /srv/ltsp; Pseudo = /srv/ltsp; Access_Type = RO; Squash = No_Root_Squash; SecType = sys, none;
	Protocols = 3, 4; Transports = UDP, TCP; FSAL { Name = VFS; } }
LOG { Default_Log_Level = WARN; }
END

# In the test's own mounts.
sub _mount {
	my ($export) = @_;
	my $dir = _server();

	spew("$dir/$_", $CONFIG{$_}) for keys %CONFIG;
	run('mkdir', '-p', "$dir/srv/ltsp");
	run(qw(mount --bind), $export, "$dir/srv/ltsp");
	run(qw(mount -t proc proc), "$dir/proc");
	run(qw(mount --bind /dev), "$dir/dev");
	run(qw(mount -t tmpfs run), "$dir/run");
	run('mkdir', '-p', map { "$dir/$_" } qw(run/rpcbind run/ganesha var/lib/nfs/ganesha));
	return;
}

sub _serve {
	my $dir = _server();
	@servers = (serve('rpcbind', 'chroot', $dir, qw(/sbin/rpcbind -f -w -i)));
	sleep 1;
	push @servers, serve('ganesha', 'chroot', $dir, qw(/usr/bin/ganesha.nfsd -F -L STDOUT -p /run/ganesha.pid));
	sleep 3;
	for (@servers) { die 'nfs server: ' . $_->text if $_->ended }
	return;
}

1;
