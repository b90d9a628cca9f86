"""Model cards: write the README.md that the hub shows, and check a model directory before it is published."""
