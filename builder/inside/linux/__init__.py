"""What the kernel knows of files and mounts, and how it is asked."""
