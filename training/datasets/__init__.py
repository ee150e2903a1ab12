"""Labelled real music to test with: one module a data set, each with ``load(folder)``."""

from training.datasets import irmas, medley_solos, openmic, recordings

DATASETS = {
    "recordings": recordings.load,
    "openmic": openmic.load,
    "irmas": irmas.load,
    "medley-solos": medley_solos.load,
}
"""Name of a data set to the function that lists its test clips."""
