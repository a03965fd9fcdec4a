"""Why two ISOs are not the same, from the outside in: region, file, path, attribute or byte."""
