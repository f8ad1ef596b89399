"""Import of other people's files: read, map, identify, send the commands that say the same. Never writes a row of the trade itself."""
