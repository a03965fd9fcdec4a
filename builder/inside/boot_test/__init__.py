"""A test machine, and the output of its live system on the serial port."""
