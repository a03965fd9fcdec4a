"""Where results go, and whether there is enough space for them."""
