"""`darkroom images import`: a folder is walked, its files are sent some at a time, and it may be watched from then on."""
