"""Experiments that put figures to the promises of the samplers: `python -m constrain.sampling.experiments --help`."""
