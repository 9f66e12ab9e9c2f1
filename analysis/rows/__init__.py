"""Run folders and tables in, one DataFrame of rows out."""
