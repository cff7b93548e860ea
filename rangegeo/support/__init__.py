"""What every package may need: optional imports, text, disks, unfinished files, the Earth's radius."""
