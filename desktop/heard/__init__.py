"""What was heard, as the numbers that the window pulls; no Qt."""
