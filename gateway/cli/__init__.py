"""The commands, one file each; main.py has the table."""
