"""Many images, once: inputs, a predictor, sinks, and a folder that a stopped run can go on in."""
