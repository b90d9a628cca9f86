"""What ``swinpan bench`` measures: time and memory of the model, of many images, and of a server."""
