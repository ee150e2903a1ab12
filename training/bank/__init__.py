"""The note bank: clips of 16 kHz sound, what is known of each, and the files that hold them."""
