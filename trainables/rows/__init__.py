"""The row of a measuring trial: its columns, its flags, its file, its check."""
