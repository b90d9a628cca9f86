"""COCO's file formats. Every COCO file is read and written here."""
