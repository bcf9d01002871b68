"""Where things lie and how they get there whole: the only room that touches the file system."""
