"""The command line: thin files whose commands parse options, make one call, print."""
