"""COCO's files: every one of them is read and written here, once."""
