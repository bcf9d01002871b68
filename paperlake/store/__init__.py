"""Files of the lake and how they are written atomically. Only this package accesses the lake's folder."""
