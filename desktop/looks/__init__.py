"""What the monitor looks like: theme, style and icons; knows no widget."""
