"""Any number of images, segmented on one machine or many into files, by runs that may be killed and go on."""
