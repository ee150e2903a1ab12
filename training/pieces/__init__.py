"""Composed pieces: songs of several parts, who plays them, and their rendering to stems."""
