"""How good a model is: on recordings, mixtures and real clips; tables and pictures of it."""
