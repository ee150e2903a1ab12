"""Show: the PyQt6 monitor. Imports `realtime` only."""
