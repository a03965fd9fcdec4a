"""What starts a live system, put into a scratch root: live-boot, and what makes an initramfs."""
