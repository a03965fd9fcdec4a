"""The command line: one thin file per command that parses options, makes one call, prints."""
