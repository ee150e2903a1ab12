"""Teachers: networks that say what sounds in a window of real music nobody labelled.

A file of another tagger (``outside``), a head on the features of several (``head``), an earlier
checkpoint of our own (``own``), and what they say together (``panel``).
"""
