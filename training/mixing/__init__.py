"""Training sound: which notes and stems sound together, how, and what it is called.

``palette`` holds a bank in memory, ``arrangement`` decides what plays, ``place`` turns
that into audio, ``effects`` makes it sound recorded, ``labels`` says what can be
heard, and ``mixer`` joins them. Everything is batched torch, CPU or GPU alike.
"""
