/*
 * Members of the boot part that pack writes and init looks for, beside the manifest (manifest.h): paths in the initramfs.
 */
#pragma once

#define MEMBER_FETCHER "tarboot/fetch" /* a program of an image that can fetch its root */
#define MEMBER_SIGNATURE \
	"tarboot/signature" /* a program of an image that has keys: is a manifest signed? */
#define MEMBER_LAYERS "tarboot/layers"     /* a directory; in payload= of a layer's manifest, too */
#define MEMBER_BUSYBOX "bin/busybox"       /* shell, and DHCP client */
#define MEMBER_NO_SHELL "tarboot/no-shell" /* if it is there, busybox is not for shells */
