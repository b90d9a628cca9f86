"""What becomes pixels: files, addresses, PIL images, arrays and dataset rows."""
