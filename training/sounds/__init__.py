"""Where single sounds come from: recordings in folders, soundfonts, synthesis, sung vowels, noise.

Everything here gives ``training.bank.clips.Clip``.
"""
