"""Where results go, and whether there is room for them."""
