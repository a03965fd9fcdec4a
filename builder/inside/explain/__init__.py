"""Why two ISOs differ, from the outside in: region, file, path, attribute or byte."""
