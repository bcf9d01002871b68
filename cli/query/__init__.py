"""Commands that read the lake: tables, describe, sql, why, gaps, rejects, drift, contract."""
