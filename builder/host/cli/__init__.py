"""The command line: one thin file for each command, options in, one call, words out."""
