"""One file for each command; each is thin: options in, one call, words out."""
