"""The tables by which other packages name the weights of a Mask2Former."""
