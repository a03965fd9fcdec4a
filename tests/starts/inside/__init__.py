"""What makes drives, in containers of the builder image, and takes pictures of menus."""
