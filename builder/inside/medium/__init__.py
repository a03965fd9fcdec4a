"""What is on the medium besides the system: its id, boot menu and boot images."""
