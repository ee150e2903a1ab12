"""Hear: audio in, 1-second windows, onnxruntime, smoothed tags out.

Imports neither torch nor Qt, nor any other room of this project.
"""
