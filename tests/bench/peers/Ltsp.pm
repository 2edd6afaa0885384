# LTSP, Debian's package, as ltsp-image(8) and its ltsp.ipxe have it: a squashfs by mksquashfs' defaults (gzip) on an NFS server, an
# initramfs by initramfs-tools and before it that of `ltsp initrd`, with these settings of ltsp.conf(5):
#
#     IMAGE_TO_RAM          the squashfs is copied into RAM, as with the other peers
#     OMIT_FUNCTIONS        without pam_main, which brings the users of the server: it takes root's password away, and needs python3 in
#                           the root, which the demo root has not
#     KEEP_SYSTEM_SERVICES  with sshd, which starts with the other peers, too
#
# The NFS server is nfs-ganesha, not the kernel's, which belongs to the whole machine. The initramfs mounts with version 3.
package Ltsp;

use strict;
use warnings;

use Bench;
use Line;
use Make;
use Net;
use Time::HiRes qw(sleep);

my @servers;

sub peers {
	return {
		name    => 'ltsp',
		label   => 'LTSP, NFS, IMAGE_TO_RAM, gzip',
		note    => 'the squashfs is copied into a tmpfs, which may take half of the RAM',
		make    => sub { kernel(); _initrds(); squashfs('gzip'); _server() },
		publish => \&_publish,
		stop    => sub { $_->stop for reverse @servers; @servers = () },
		start   => \&_serve,
	};
}

sub _server { return tools('nfs-server', with => 'nfs-ganesha,nfs-ganesha-vfs,rpcbind,netbase') }

my $CONFIG = <<'END';
[server]

[clients]
IMAGE_TO_RAM=1
OMIT_FUNCTIONS="pam_main"
KEEP_SYSTEM_SERVICES="ssh"
END

# `ltsp initrd` looks for the server's network, unless it is told.
sub _initrds {
	my $tools = tools('ltsp', with => 'ltsp,initramfs-tools,busybox,zstd');
	return (
		initrd('ltsp-img', $tools, "chmod 660 /etc/ltsp/ltsp.conf; ssh-keygen -A
			DEVICE=eth0 IP_ADDRESS=$SERVER MAC_ADDRESS=52:54:00:00:00:01 ltsp initrd; mv /srv/tftp/ltsp/ltsp.img /boot/initrd.img",
			'etc/ltsp/ltsp.conf' => $CONFIG),
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

# Names are not cached, because a test puts another file in the place of the squashfs.
my $GANESHA = <<'END';
NFS_CORE_PARAM { Protocols = 3; Enable_NLM = false; Enable_RQUOTA = false; }
MDCACHE { Dir_Chunk = 0; }
EXPORT { Export_Id = 1; Path = /srv/ltsp; Pseudo = /srv/ltsp; Access_Type = RO; Squash = No_Root_Squash; SecType = sys, none;
	Protocols = 3; Transports = UDP, TCP; FSAL { Name = VFS; } }
LOG { Default_Log_Level = WARN; }
END

# In the test's own mounts.
sub _mount {
	my ($export) = @_;
	my $dir = _server();

	spew("$dir/etc/ganesha/ganesha.conf", $GANESHA);
	run('mkdir', '-p', "$dir/srv/ltsp");
	run(qw(mount --bind), $export, "$dir/srv/ltsp");
	run(qw(mount -t proc proc), "$dir/proc");
	run(qw(mount --bind /dev), "$dir/dev");
	run(qw(mount -t tmpfs run), "$dir/run");
	run('mkdir', '-p', map { "$dir/$_" } qw(run/rpcbind run/ganesha var/lib/nfs/ganesha));
	return;
}

sub _serve {
	my @inside = ('chroot', _server());

	@servers = (serve('rpcbind', @inside, qw(/sbin/rpcbind -f -i)));
	sleep 1;
	push @servers, serve('ganesha', @inside, qw(/usr/bin/ganesha.nfsd -F -L STDOUT -p /run/ganesha.pid));
	for (1 .. 100) {
		return if try(@inside, qw(rpcinfo -p 127.0.0.1))->{out} =~ / nfs\n.* mountd\n/s;
		sleep 0.2;
	}
	die 'the NFS server does not start: ' . join('', map { $_->text } @servers) . "\n";
}

1;
