"""Formats that one run of the program writes, and another run or another program reads."""
