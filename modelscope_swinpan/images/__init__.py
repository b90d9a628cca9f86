"""Images in and out: every kind of input becomes RGB pixels, and pixels become PNG files."""
