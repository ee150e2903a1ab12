"""Learn: note banks, mixing, models, fitting and evaluation (torch)."""
