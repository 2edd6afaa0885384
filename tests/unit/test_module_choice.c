/* Which modules a list of words stands for. */
#include "kernel/module_choice.h"

#include <stdio.h>

#include "tap.h"

static const char dep[] =
	"kernel/drivers/net/ethernet/intel/e1000e/e1000e.ko: kernel/drivers/ptp/ptp.ko "
	"kernel/drivers/pps/pps_core.ko\n"
	"kernel/drivers/ptp/ptp.ko: kernel/drivers/pps/pps_core.ko\n"
	"kernel/drivers/pps/pps_core.ko:\n"
	"kernel/drivers/hid/usbhid/usbhid.ko.xz: kernel/drivers/hid/hid.ko.xz\n"
	"kernel/drivers/hid/hid.ko.xz:\n"
	"kernel/drivers/hid/hid-generic.ko.xz: kernel/drivers/hid/hid.ko.xz\n"
	"kernel/drivers/hid/hid-lenovo.ko.xz: kernel/drivers/hid/hid.ko.xz\n"
	"kernel/drivers/hid/hid-roccat-isku.ko.xz: kernel/drivers/hid/hid-roccat.ko.xz "
	"kernel/drivers/hid/hid.ko.xz\n"
	"kernel/drivers/hid/hid-roccat.ko.xz: kernel/drivers/hid/hid.ko.xz\n"
	"kernel/drivers/hid/hid-sony.ko.xz: kernel/drivers/hid/hid.ko.xz\n"
	"kernel/fs/ext4/ext4.ko: kernel/lib/crc16.ko\n"
	"kernel/lib/crc16.ko:\n"
	"kernel/arch/x86/crypto/crc32c-intel.ko:\n"
	"updates/dkms/r8125.ko:\n"
	"kernel/drivers/net/usb/lan78xx.ko:\n"
	"kernel/drivers/net/phy/microchip.ko: kernel/drivers/net/phy/libphy.ko\n"
	"kernel/drivers/net/phy/libphy.ko:\n"
	"kernel/drivers/net/phy/fixed.ko:\n"
	"kernel/fs/btrfs/btrfs.ko:\n"
	"kernel/drivers/usb/host/xhci-pci.ko: kernel/drivers/usb/core/usbcore.ko\n"
	"kernel/drivers/usb/host/ehci-pci.ko: kernel/drivers/usb/core/usbcore.ko\n"
	"kernel/drivers/usb/core/usbcore.ko:\n"
	"kernel/drivers/usb/host/xhci-plat-hcd.ko: kernel/drivers/usb/core/usbcore.ko\n"
	"kernel/drivers/usb/dwc3/dwc3.ko: kernel/drivers/usb/gadget/udc/udc-core.ko\n"
	"kernel/drivers/usb/gadget/udc/udc-core.ko:\n"
	"kernel/drivers/usb/gadget/legacy/g_ether.ko: kernel/drivers/usb/gadget/udc/udc-core.ko\n"
	"kernel/drivers/usb/phy/phy-generic.ko:\n"
	"kernel/drivers/phy/rockchip/phy-rockchip-inno-usb2.ko:\n"
	"kernel/drivers/virtio/virtio_pci.ko:\n"
	"kernel/drivers/virtio/virtio_mmio.ko:\n"
	"kernel/drivers/virtio/virtio_balloon.ko:\n"
	"updates/drivers/net/ethernet/intel/ice/ice.ko:\n"
	"weak-updates/mlnx-ofa_kernel/drivers/net/ethernet/mlx5_core.ko.xz: "
	"extra/mlx_compat.ko.xz\n"
	"extra/mlx_compat.ko.xz:\n"
	"extra/drivers/net/wireless/wl.ko:\n"
	"updates/drivers/scsi/mpt3sas.ko:\n"
	"a line that is none";
static const struct modindex whole = {
	dep,
	"alias crc32c crc32c-intel\nalias crypto-crc16 crc16\n"
	"alias usb:v0424p7800d* lan78xx\nalias virtio:d00000005v* virtio_balloon\n",
	"softdep ext4 pre: crc32c-intel\nsoftdep crc16 post: r8125\nsoftdep btrfs pre: crc32c "
	"none\n"
	"weakdep lan78xx microchip crypto_crc16\nweakdep libphy fixed lan78xx\n",
	""
};
static const char builtin[] = "kernel/drivers/ata/ahci.ko\nkernel/fs/fuse/fuse.ko\n";

/* Names of the wanted ones in their order, with blanks between. */
static void check(const char *words, const char *want)
{
	char got[512] = "";
	struct module_choice c;
	const char *unknown;

	is_int(module_choice_open(&c, &whole), 0, "the index is read");
	unknown = module_choice_want(&c, words, builtin);
	ok(!unknown, "%s: all words are known", words);
	module_choice_complete(&c);
	for (size_t i = 0; i < c.n; i++)
		if (c.modules[i].wanted)
			snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%s",
				 *got ? " " : "", c.modules[i].name);
	is_str(got, want, "%s", words);
	module_choice_close(&c);
}

static void check_unknown(const char *words, const char *want)
{
	struct module_choice c;

	module_choice_open(&c, &whole);
	is_str(module_choice_want(&c, words, builtin), want, "%s: a word is not known", words);
	module_choice_close(&c);
}

int main(void)
{
	struct module_choice c;

	check("", "");
	check("console", "usbhid hid hid_generic hid_lenovo hid_roccat_isku hid_roccat xhci_pci "
			 "ehci_pci usbcore virtio_pci virtio_mmio");
	check("net",
	      "e1000e ptp pps_core crc16 r8125 lan78xx microchip libphy fixed xhci_pci ehci_pci "
	      "usbcore xhci_plat_hcd dwc3 udc_core phy_generic phy_rockchip_inno_usb2 ice "
	      "mlx5_core "
	      "mlx_compat");
	check("storage", "ext4 crc16 crc32c_intel r8125 btrfs mpt3sas");
	check("btrfs", "crc32c_intel btrfs");
	check("none,lan78xx", "crc16 r8125 lan78xx microchip libphy fixed xhci_pci ehci_pci "
			      "usbcore xhci_plat_hcd dwc3 "
			      "udc_core phy_generic phy_rockchip_inno_usb2");
	check("none,virtio_balloon", "virtio_pci virtio_mmio virtio_balloon");
	check("fixed", "fixed");
	check("zram,,ptp", "ptp pps_core");
	check("hid-generic", "hid hid_generic");
	check("hid_generic", "hid hid_generic");
	check("kernel/drivers/p[tp]*/", "ptp pps_core");
	check("r[0-9]*", "r8125");
	check("crc32c-*", "crc32c_intel");
	check("ahci,fuse", "");
	check("all",
	      "e1000e ptp pps_core usbhid hid hid_generic hid_lenovo hid_roccat_isku hid_roccat "
	      "hid_sony ext4 crc16 crc32c_intel r8125 lan78xx microchip libphy fixed btrfs "
	      "xhci_pci ehci_pci usbcore xhci_plat_hcd dwc3 udc_core g_ether phy_generic "
	      "phy_rockchip_inno_usb2 virtio_pci virtio_mmio virtio_balloon ice mlx5_core "
	      "mlx_compat wl mpt3sas");
	check_unknown("net,e100,ptp", "e100,ptp");
	check("none", "");
	check("none,ptp", "ptp pps_core");
	check_unknown("console,nonesuch", "nonesuch");
	check_unknown("networks", "networks");

	module_choice_open(&c, &(struct modindex){ "", "", "", "" });
	ok(!module_choice_has(&c, "hid"), "an empty index has none");
	ok(!module_choice_want(&c, "console,net", ""), "and a group in it is no mistake");
	module_choice_close(&c);
	return done_testing();
}
