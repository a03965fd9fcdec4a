"""What makes drives, in containers of the builder image and of the boot test's."""
