"""The images that containers run: found, made and removed."""
