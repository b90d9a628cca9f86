"""Reading files of weights safely: nothing in them is executed."""
