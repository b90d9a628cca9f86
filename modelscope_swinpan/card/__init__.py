"""Model cards: the README.md that the hub shows, written from a model directory, and a check of what is published."""
