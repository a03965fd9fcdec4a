"""What is on the medium beside the system: its id, its menu, its boot images."""
