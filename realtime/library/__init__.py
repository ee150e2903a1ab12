"""Whole archives of sound files into one table, and questions to it."""
