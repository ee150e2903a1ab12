"""Whole windows and dialogs, and those parts of one that hold a session."""
