"""Operations on a lake: accept captures, repair files, trace papers, import data."""
